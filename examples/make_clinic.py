"""Writes the example clinic: `python examples/make_clinic.py [FOLDER]` (default: the folder `clinic` beside this file).

Everything is made up. The tables below say what the clinic is; the bookings are drawn with a fixed seed, and each is
entered only if it fits: on the grid, in the hours, apart from everything booked before, its buffers included. The
files are the same byte for byte every time. Only the standard library is needed.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

Resource = dict[str, Any]


# --- The shapes of the tables ---


@dataclass(frozen=True)
class Hours:
    """Weekly hours; without times all day long."""

    days: str
    opens: str = ""
    closes: str = ""


@dataclass(frozen=True)
class Closure:
    """Closed from `start` to `end`, as in a FHIR Period: whole local days, or instants."""

    why: str
    start: str
    end: str


@dataclass(frozen=True)
class Service:
    """What can be booked. Times are minutes; a pool of the team is a choice, `-` in it stands for nobody."""

    id: str
    name: str
    about: str
    site: str
    zone: str
    duration: int
    grid: int
    hours: tuple[Hours, ...]
    closures: tuple[Closure, ...]
    team: tuple[str, ...]
    demand: dict[str, tuple[int, int]]
    offset: int = 0
    before: int = 0
    after: int = 0
    capacity: int = 1
    hold: int | None = None


@dataclass(frozen=True)
class Terms:
    """What a Schedule states apart from its services: for one service if it is named, else for all."""

    service: str = ""
    hours: tuple[Hours, ...] = ()
    closures: tuple[Closure, ...] = ()
    before: int | None = None
    after: int | None = None
    capacity: int | None = None
    limit: tuple[int, int, str] | None = None


@dataclass(frozen=True)
class Diary:
    """A Schedule together with the person, room or device it belongs to."""

    id: str
    actor: str
    name: str
    about: str
    services: str
    terms: tuple[Terms, ...] = ()
    horizon: tuple[str, str] = ("", "")
    site: str = "new-york"


@dataclass(frozen=True)
class Piece:
    """One Slot: a piece of time of one diary. It concerns every service unless it names one."""

    id: str
    diary: str
    status: str
    start: datetime
    end: datetime
    comment: str = ""
    service: str = ""
    capacity: int = 1


@dataclass(frozen=True)
class Block:
    """A Slot without a booking, in local time."""

    id: str
    diary: str
    status: str
    day: str
    start: str
    end: str
    comment: str
    service: str = ""


@dataclass(frozen=True)
class Wish:
    """A booking, or `seats` bookings alike, that this clinic has in any case; times are local to the service."""

    service: str
    diaries: str
    start: str
    seats: int = 1
    status: str = "booked"
    hold_expires: str = ""
    weeks: int = 1


@dataclass(frozen=True)
class Booking:
    """One Appointment. A cancelled one holds no time."""

    service: str
    diaries: tuple[str, ...]
    start: datetime
    patient: str
    status: str = "booked"
    hold_expires: datetime | None = None
    occurrence: int = 0
    occurrences: int = 0


# --- The clinic ---

NEW_YORK = "America/New_York"
LOS_ANGELES = "America/Los_Angeles"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONG_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WORKDAYS = "mon tue wed thu fri"

SEED = 20260302
FIRST_DAY = date(2026, 3, 2)
LAST_DAY = date(2026, 4, 30)
QUIET_FROM = date(2026, 4, 6)  # from here on fewer bookings have come in
AS_OF = datetime(2026, 3, 9, 16, 30, tzinfo=UTC)  # visits that end before this moment have taken place
PATIENTS = 80
CANCELLATIONS = 8

SITES = {
    "new-york": ("Riverside Clinic", NEW_YORK, "200 Riverside Avenue", "Springfield", "NY", "12999"),
    "los-angeles": ("Riverside Clinic Telehealth", LOS_ANGELES, "48 Harbor Street", "Seaview", "CA", "90999"),
}

HOLIDAYS = (
    Closure("Good Friday", "2026-04-03", "2026-04-03"),
    Closure("Memorial Day", "2026-05-25", "2026-05-25"),
)
EAST_CLOSED = (Closure("Staff training", "2026-03-20T12:00:00-04:00", "2026-03-20T21:00:00-04:00"), *HOLIDAYS)
WEST_CLOSED = (Closure("Cesar Chavez Day", "2026-03-31", "2026-03-31"), *HOLIDAYS)

SERVICES = (
    Service(
        id="bariatric-surgery",
        name="Bariatric surgery",
        about="Surgeon, operating room and anaesthetist; 45 minutes to set up, 30 to clean up.",
        site="new-york",
        zone=NEW_YORK,
        duration=120,
        before=45,
        after=30,
        grid=30,
        hours=(Hours(WORKDAYS, "07:00", "19:00"),),
        closures=EAST_CLOSED,
        team=("dr-martinez dr-lindqvist", "or-1 or-2 or-3", "dr-kim dr-osei", "- - tower-1"),
        demand={WORKDAYS: (0, 1)},
    ),
    Service(
        id="check-up",
        name="Check-up",
        about="General examination, 10 minutes for notes afterwards.",
        site="new-york",
        zone=NEW_YORK,
        duration=30,
        after=10,
        grid=20,
        hours=(Hours(WORKDAYS, "08:00", "12:00"), Hours(WORKDAYS, "13:00", "17:00")),
        closures=EAST_CLOSED,
        team=("dr-novak dr-adeyemi dr-martinez", "exam-1 exam-2"),
        demand={WORKDAYS: (0, 4)},
    ),
    Service(
        id="nutrition-class",
        name="Nutrition class",
        about="Group class with eight seats.",
        site="new-york",
        zone=NEW_YORK,
        duration=60,
        grid=60,
        offset=30,
        capacity=8,
        hours=(Hours("tue thu", "17:30", "19:30"), Hours("sat", "09:30", "11:30")),
        closures=EAST_CLOSED,
        team=("rd-nguyen", "studio"),
        demand={"tue thu sat": (0, 3)},
    ),
    Service(
        id="mri-scan",
        name="MRI scan",
        about="Scanner and radiographer; 5 minutes to position the patient, 10 for the images.",
        site="new-york",
        zone=NEW_YORK,
        duration=40,
        before=5,
        after=10,
        grid=30,
        offset=15,
        hours=(Hours(WORKDAYS, "07:00", "21:00"), Hours("sat", "08:00", "14:00")),
        closures=EAST_CLOSED,
        team=("mri-1 mri-2", "rt-brooks rt-salas"),
        demand={WORKDAYS: (0, 2), "sat": (0, 1)},
    ),
    Service(
        id="physiotherapy",
        name="Physiotherapy",
        about="Individual session; the therapist needs 15 minutes between patients.",
        site="new-york",
        zone=NEW_YORK,
        duration=45,
        after=15,
        grid=15,
        hours=(Hours(WORKDAYS, "07:30", "17:30"),),
        closures=EAST_CLOSED,
        team=("pt-garcia pt-cohen", "studio", "- - traction-1"),
        demand={WORKDAYS: (0, 2)},
    ),
    Service(
        id="tele-consultation",
        name="Tele-consultation",
        about="Video call with a doctor, mostly of the west-coast branch.",
        site="los-angeles",
        zone=LOS_ANGELES,
        duration=15,
        after=5,
        grid=20,
        offset=10,
        hold=20,
        hours=(Hours(WORKDAYS, "08:00", "18:00"),),
        closures=WEST_CLOSED,
        team=("dr-tanaka dr-tanaka dr-whitfield dr-adeyemi",),
        demand={WORKDAYS: (0, 3), "sat": (0, 2)},
    ),
)

DIARIES = (
    Diary(
        "dr-martinez",
        "Practitioner/maria-martinez",
        "Dr. Maria Martinez",
        "Bariatric surgeon",
        "bariatric-surgery check-up",
        (
            Terms("bariatric-surgery", hours=(Hours("tue thu", "08:00", "16:00"),), closures=EAST_CLOSED),
            Terms("check-up", hours=(Hours("mon wed fri", "09:00", "13:00"),), closures=EAST_CLOSED),
        ),
        horizon=("2026-01-01", "2026-06-30"),
    ),
    Diary(
        "dr-lindqvist",
        "Practitioner/ingrid-lindqvist",
        "Dr. Ingrid Lindqvist",
        "Bariatric surgeon",
        "bariatric-surgery",
        (Terms(hours=(Hours(WORKDAYS, "07:00", "17:00"),), closures=EAST_CLOSED),),
        horizon=("2026-01-01", "2026-06-30"),
    ),
    Diary(
        "dr-kim",
        "Practitioner/daniel-kim",
        "Dr. Daniel Kim",
        "Anaesthetist",
        "bariatric-surgery",
        (Terms(hours=(Hours(WORKDAYS, "07:00", "17:00"),), closures=EAST_CLOSED),),
    ),
    Diary(
        "dr-osei",
        "Practitioner/abena-osei",
        "Dr. Abena Osei",
        "Anaesthetist",
        "bariatric-surgery",
        (Terms(hours=(Hours(WORKDAYS, "07:00", "17:00"),), closures=EAST_CLOSED),),
    ),
    Diary("dr-novak", "Practitioner/petra-novak", "Dr. Petra Novak", "General practitioner", "check-up"),
    Diary(
        "dr-adeyemi",
        "Practitioner/tunde-adeyemi",
        "Dr. Tunde Adeyemi",
        "General practitioner",
        "check-up tele-consultation",
        (
            Terms(
                "check-up",
                hours=(Hours(WORKDAYS, "08:00", "12:00"), Hours("mon tue wed thu", "13:00", "17:00")),
                closures=EAST_CLOSED,
            ),
            Terms("tele-consultation", hours=(Hours("fri", "13:00", "17:00"),), closures=EAST_CLOSED),
        ),
    ),
    Diary(
        "rd-nguyen",
        "Practitioner/linh-nguyen",
        "Linh Nguyen",
        "Dietitian",
        "nutrition-class",
        horizon=("", "2026-05-31"),
    ),
    Diary(
        "pt-garcia",
        "Practitioner/elena-garcia",
        "Elena Garcia",
        "Physiotherapist",
        "physiotherapy",
        (Terms("physiotherapy", limit=(4, 1, "d")),),
    ),
    Diary(
        "pt-cohen",
        "Practitioner/noah-cohen",
        "Noah Cohen",
        "Physiotherapist",
        "physiotherapy",
        (Terms(closures=(Closure("Annual leave", "2026-03-23", "2026-03-27"),)),),
    ),
    Diary(
        "rt-brooks",
        "Practitioner/jamal-brooks",
        "Jamal Brooks",
        "Radiographer",
        "mri-scan",
        (
            Terms("mri-scan", closures=(Closure("Parental leave", "2026-04-13", "2026-04-17"),)),
            Terms(hours=(Hours(WORKDAYS, "07:00", "16:00"), Hours("sat", "08:00", "14:00")), closures=EAST_CLOSED),
        ),
    ),
    Diary(
        "rt-salas",
        "Practitioner/ines-salas",
        "Inés Salas",
        "Radiographer",
        "mri-scan",
        (Terms(hours=(Hours("tue wed", "13:00", "21:00"), Hours("fri sat", "22:00", "06:00")), closures=EAST_CLOSED),),
        horizon=("", "2026-04-11"),
    ),
    Diary(
        "dr-tanaka",
        "Practitioner/yuki-tanaka",
        "Dr. Yuki Tanaka",
        "Internist",
        "tele-consultation",
        site="los-angeles",
    ),
    Diary(
        "dr-whitfield",
        "Practitioner/rose-whitfield",
        "Dr. Rose Whitfield",
        "Internist",
        "tele-consultation",
        (Terms(hours=(Hours("tue wed thu fri sat", "11:00", "19:00"),), closures=WEST_CLOSED),),
        horizon=("2026-03-16", ""),
        site="los-angeles",
    ),
    Diary("or-1", "Location/operating-room-1", "Operating Room 1", "Operating room", "bariatric-surgery"),
    Diary("or-2", "Location/operating-room-2", "Operating Room 2", "Operating room", "bariatric-surgery"),
    Diary("or-3", "Location/operating-room-3", "Operating Room 3", "Operating room", "bariatric-surgery"),
    Diary("exam-1", "Location/exam-room-1", "Examination Room 1", "Examination room", "check-up", (Terms(after=0),)),
    Diary("exam-2", "Location/exam-room-2", "Examination Room 2", "Examination room", "check-up", (Terms(after=0),)),
    Diary(
        "studio",
        "Location/studio",
        "Training Studio",
        "Therapy and class room",
        "nutrition-class physiotherapy",
        (Terms("physiotherapy", after=0, capacity=2),),
    ),
    Diary(
        "mri-1",
        "Device/mri-scanner-1",
        "MRI Scanner 1",
        "MRI scanner",
        "mri-scan",
        (
            Terms(
                hours=(
                    Hours(WORKDAYS, "07:00", "21:00"),
                    Hours("sat", "08:00", "14:00"),
                    Hours("fri sat", "22:00", "06:00"),
                ),
                closures=EAST_CLOSED,
            ),
        ),
    ),
    Diary(
        "mri-2",
        "Device/mri-scanner-2",
        "MRI Scanner 2",
        "MRI scanner",
        "mri-scan",
        (Terms(closures=(Closure("Magnet service", "2026-03-16", "2026-03-17"),)),),
    ),
    Diary("tower-1", "Device/laparoscopy-tower-1", "Laparoscopy Tower", "Laparoscopy tower", "bariatric-surgery"),
    Diary(
        "traction-1",
        "Device/traction-table-1",
        "Traction Table",
        "Traction table",
        "physiotherapy",
        (Terms(hours=(Hours(" ".join(WEEKDAYS)),), before=5, after=10),),
    ),
)

BLOCKS = (
    Block("or-3-floor", "or-3", "busy-unavailable", "2026-03-10", "15:00", "17:00", "floor maintenance"),
    Block("dr-kim-congress", "dr-kim", "busy-unavailable", "2026-03-18", "07:00", "13:00", "congress"),
    Block(
        "dr-adeyemi-video",
        "dr-adeyemi",
        "busy-unavailable",
        "2026-03-13",
        "13:00",
        "15:00",
        "video line under repair",
        service="tele-consultation",
    ),
    Block("dr-novak-saturday", "dr-novak", "free", "2026-03-14", "09:00", "12:00", "extra check-ups"),
    Block("exam-1-saturday", "exam-1", "free", "2026-03-14", "09:00", "12:00", "extra check-ups"),
)

# The surgeries of FULL_WEEK are all listed here, none is drawn.
FULL_WEEK = (date(2026, 3, 9), date(2026, 3, 14))
WISHES = (
    Wish("physiotherapy", "pt-garcia studio", "2026-03-04 09:00", weeks=4),
    Wish("bariatric-surgery", "dr-martinez or-1 dr-kim tower-1", "2026-03-10 09:00"),
    Wish("bariatric-surgery", "dr-lindqvist or-1 dr-osei", "2026-03-10 13:30"),
    Wish("bariatric-surgery", "dr-lindqvist or-2 dr-kim tower-1", "2026-03-11 09:00"),
    Wish("bariatric-surgery", "dr-lindqvist or-2 dr-osei", "2026-03-12 08:00"),
    Wish("bariatric-surgery", "dr-lindqvist or-3 dr-kim", "2026-03-12 12:30"),
    Wish("bariatric-surgery", "dr-lindqvist or-2 dr-osei tower-1", "2026-03-13 10:00"),
    Wish("bariatric-surgery", "dr-martinez or-3 dr-kim", "2026-03-12 09:00", status="cancelled"),
    Wish(
        "bariatric-surgery",
        "dr-martinez or-2 dr-osei",
        "2026-04-21 10:00",
        status="pending",
        hold_expires="2026-04-14 12:00",
    ),
    Wish("check-up", "dr-novak exam-1", "2026-03-14 10:00"),
    Wish("nutrition-class", "rd-nguyen studio", "2026-03-12 17:30", seats=8),
    Wish("nutrition-class", "rd-nguyen studio", "2026-03-12 18:30", seats=5),
    Wish("mri-scan", "mri-1 rt-salas", "2026-03-08 00:15"),
    Wish("mri-scan", "mri-1 rt-salas", "2026-03-08 03:15"),
    Wish(
        "mri-scan",
        "mri-2 rt-brooks",
        "2026-03-12 09:15",
        status="pending",
        hold_expires="2026-03-10 17:00",
    ),
    Wish("physiotherapy", "pt-garcia studio", "2026-03-11 10:30"),
    Wish("physiotherapy", "pt-garcia studio", "2026-03-11 13:00"),
    Wish("physiotherapy", "pt-garcia studio traction-1", "2026-03-11 15:00"),
    Wish(
        "tele-consultation",
        "dr-tanaka",
        "2026-03-09 14:30",
        status="pending",
        hold_expires="2026-03-09 09:45",
    ),
    Wish(
        "tele-consultation",
        "dr-tanaka",
        "2026-03-10 14:10",
        status="pending",
        hold_expires="2026-03-09 09:48",
    ),
)

CANCEL_REASONS = ("Patient is ill", "Patient has found another date", "Cancelled by the clinic", "Referral withdrawn")
GIVEN_NAMES = {
    "female": "Aisha Beatriz Chloe Dolores Emma Fatima Grace Hannah Irene Julia Keiko Leila Mei Nora Olivia Priya",
    "male": "Adam Bruno Carlos Dmitri Elias Felix George Hassan Ivan Jerome Kenji Liam Marco Nikhil Oscar Pavel",
}
FAMILY_NAMES = (
    "Abbott Baker Castillo Dubois Eriksen Fischer Greenberg Haddad Ito Johnson Kowalski Larsen Mbeki O'Brien Park "
    "Quinn Rossi Sato Tran Ueda Vargas Walker Xu Yilmaz Zhang"
)

BASE_URL = "https://riverside.example/fhir/"
SERVICE_SYSTEM = "https://riverside.example/services"
PATIENT_SYSTEM = "https://riverside.example/patients"
SERIES_ID = "5b0c2d6e-6a3f-4a57-9c1d-2f8e7b90a4c1"
PARAMETERS_URL = "https://medplum.com/fhir/StructureDefinition/SchedulingParameters"
SERVICE_REFERENCE_URL = "https://medplum.com/fhir/service-type-reference"
CAPACITY_URL = "https://medplum.com/fhir/StructureDefinition/SchedulingSlotCapacity"
TIMEZONE_URL = "http://hl7.org/fhir/StructureDefinition/timezone"
HOLD_EXPIRES_URL = "https://slotwright.dev/fhir/StructureDefinition/hold-expires"
TEMPLATE_URL = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.recurrenceTemplate"
RECURRENCE_URL = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.recurrenceId"
SERIES_SYSTEM = "https://medplum.com/fhir/recurring-appointment-series"


# --- Time ---


def instant(day: date, clock: str, zone: str) -> datetime:
    """The instant at which the clock of `zone` shows this time."""
    return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(zone)).astimezone(UTC)


def moment(text: str, zone: str) -> datetime:
    """`2026-03-10 09:00` on the clock of `zone`."""
    day, clock = text.split()
    return instant(date.fromisoformat(day), clock, zone)


def bounds(start: str, end: str, zone: str) -> tuple[datetime, datetime]:
    """A FHIR Period: dates are whole local days, a missing bound is open."""
    first = datetime.min.replace(tzinfo=UTC)
    last = datetime.max.replace(tzinfo=UTC)
    if start:
        first = datetime.fromisoformat(start) if "T" in start else instant(date.fromisoformat(start), "00:00", zone)
    if end:
        next_day = date.fromisoformat(end[:10]) + timedelta(days=1)
        last = datetime.fromisoformat(end) if "T" in end else instant(next_day, "00:00", zone)
    return first, last


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def days() -> Iterator[date]:
    for number in range((LAST_DAY - FIRST_DAY).days + 1):
        yield FIRST_DAY + timedelta(days=number)


def weekday(day: date) -> str:
    return WEEKDAYS[day.weekday()]


# --- What fits ---


@dataclass(frozen=True)
class Rules:
    """What holds for one service in one diary."""

    zone: str
    duration: int
    before: int
    after: int
    capacity: int
    hours: tuple[Hours, ...]
    closures: tuple[Closure, ...]
    limit: tuple[int, int, str] | None


def rules(diary: Diary, service: Service) -> Rules:
    """The terms for this service go before those for all services, and these before the service."""
    layers = [one for one in diary.terms if one.service == service.id]
    layers += [one for one in diary.terms if not one.service]
    found = Rules(
        zone=SITES[diary.site][1],
        duration=service.duration,
        before=service.before,
        after=service.after,
        capacity=service.capacity,
        hours=service.hours,
        closures=service.closures,
        limit=None,
    )
    for terms in reversed(layers):
        if terms.hours:
            found = replace(found, hours=terms.hours, closures=terms.closures)
        else:  # leave: the hours stay, and these closures are added
            found = replace(found, closures=(*terms.closures, *found.closures))
        for name in ("before", "after", "capacity", "limit"):
            if getattr(terms, name) is not None:
                found = replace(found, **{name: getattr(terms, name)})
    return found


def on_grid(service: Service, start: datetime) -> bool:
    wall = start.astimezone(ZoneInfo(service.zone))
    return (wall.hour * 60 + wall.minute - service.offset) % service.grid == 0


def grid_starts(service: Service, day: date) -> Iterator[datetime]:
    """The starts that the service's grid allows on a local day."""
    at = instant(day, "00:00", service.zone)
    end = instant(day + timedelta(days=1), "00:00", service.zone)
    while at < end:
        if on_grid(service, at):
            yield at
        at += minutes(5)


def opening(hours: Iterable[Hours], zone: str, around: date) -> Iterator[tuple[datetime, datetime]]:
    """The windows that the weekly hours open on the days about `around`."""
    for number in (-2, -1, 0, 1, 2):
        day = around + timedelta(days=number)
        for entry in hours:
            if weekday(day) in entry.days.split():
                opens, closes = entry.opens or "00:00", entry.closes or "00:00"
                last = day + timedelta(days=1) if closes <= opens else day
                yield instant(day, opens, zone), instant(last, closes, zone)


def in_one_piece(start: datetime, end: datetime, windows: Iterable[tuple[datetime, datetime]]) -> bool:
    """Do windows that overlap or touch cover the time from start to end?"""
    reached = start
    for opens, closes in sorted(windows):
        if opens <= reached < closes:
            reached = closes
    return reached >= end


@dataclass
class Pages:
    """What is written in the diaries so far."""

    pieces: dict[str, list[Piece]] = field(default_factory=lambda: defaultdict(list))
    visits: dict[tuple[str, str], list[datetime]] = field(default_factory=lambda: defaultdict(list))
    patients: dict[str, list[tuple[datetime, datetime]]] = field(default_factory=lambda: defaultdict(list))

    def fits(self, diary: Diary, service: Service, start: datetime) -> bool:
        """Can a visit start now, as far as this diary is concerned?"""
        rule = rules(diary, service)
        end = start + minutes(rule.duration)
        first, last = start - minutes(rule.before), end + minutes(rule.after)
        earliest, latest = bounds(*diary.horizon, rule.zone)
        relevant = [one for one in self.pieces[diary.id] if one.service in ("", service.id)]
        local_day = start.astimezone(ZoneInfo(rule.zone)).date()
        windows = [*opening(rule.hours, rule.zone, local_day)]
        windows += [(one.start, one.end) for one in relevant if one.status == "free"]
        taken = [one for one in relevant if one.status != "free"]
        closed = [bounds(one.start, one.end, rule.zone) for one in rule.closures]
        return (
            on_grid(service, start)
            and earliest <= first
            and last <= latest
            and in_one_piece(first, last, windows)
            and not any(closes < last and first < reopens for closes, reopens in closed)
            and not crowded(taken, start, end, rule.capacity)
            and not crowded(taken, first, start, 1)
            and not crowded(taken, end, last, 1)
            and not self.limit_reached(diary, service, rule, start)
        )

    def limit_reached(self, diary: Diary, service: Service, rule: Rules, start: datetime) -> bool:
        if rule.limit is None:
            return False
        most, length, unit = rule.limit
        zone = ZoneInfo(rule.zone)
        at = start.astimezone(zone).date()
        if (length, unit) != (1, "d"):
            raise NotImplementedError("this clinic has daily limits only")
        booked = self.visits[diary.id, service.id]
        return sum(one.astimezone(zone).date() == at for one in booked) >= most

    def is_free(self, patient: str, start: datetime, end: datetime) -> bool:
        return not any(first < end and start < last for first, last in self.patients[patient])

    def enter(self, booking: Booking, service: Service, diaries: Iterable[Diary]) -> None:
        for diary in diaries:
            self.pieces[diary.id] += slots_of("", booking, service, diary)
            self.visits[diary.id, service.id].append(booking.start)
        self.patients[booking.patient].append((booking.start, booking.start + minutes(service.duration)))


def crowded(taken: Iterable[Piece], start: datetime, end: datetime, capacity: int) -> bool:
    """Is there an instant from start to end with as many pieces as it tolerates?"""
    near = [one for one in taken if one.start < end and start < one.end]
    for at in {start, *(one.start for one in near if one.start > start)}:
        there = [one for one in near if one.start <= at < one.end]
        if start < end and there and len(there) >= min(capacity, *(one.capacity for one in there)):
            return True
    return False


def slots_of(id: str, booking: Booking, service: Service, diary: Diary) -> list[Piece]:
    """The visit and its buffers in one diary."""
    rule = rules(diary, service)
    start, end = booking.start, booking.start + minutes(service.duration)
    status = "busy-tentative" if booking.status == "pending" else "busy"
    name = f"{id}-{diary.id}"
    found = [Piece(name, diary.id, status, start, end, capacity=rule.capacity)]
    if rule.before:
        first = start - minutes(rule.before)
        found.append(Piece(f"{name}-before", diary.id, "busy-unavailable", first, start, "buffer before appointment"))
    if rule.after:
        last = end + minutes(rule.after)
        found.append(Piece(f"{name}-after", diary.id, "busy-unavailable", end, last, "buffer after appointment"))
    return found


# --- The bookings ---


def services_by_id() -> dict[str, Service]:
    return {one.id: one for one in SERVICES}


def diaries_by_id() -> dict[str, Diary]:
    return {one.id: one for one in DIARIES}


def patient_ids() -> list[str]:
    return [f"patient-{number:03}" for number in range(1, PATIENTS + 1)]


def blocked_time() -> list[Piece]:
    """The Slots without bookings."""
    found: list[Piece] = []
    for block in BLOCKS:
        zone = SITES[diaries_by_id()[block.diary].site][1]
        day = date.fromisoformat(block.day)
        start, end = instant(day, block.start, zone), instant(day, block.end, zone)
        found.append(Piece(block.id, block.diary, block.status, start, end, block.comment, block.service))
    return found


def make_bookings(rng: Random) -> list[Booking]:
    pages = Pages()
    for piece in blocked_time():
        pages.pieces[piece.diary].append(piece)
    found: list[Booking] = []
    for wish in WISHES:
        found += granted(wish, pages, rng)
    for day in days():
        for service in SERVICES:
            if service.id == "bariatric-surgery" and FULL_WEEK[0] <= day <= FULL_WEEK[1]:
                continue
            for _ in range(demand(service, day, rng)):
                booking = drawn(service, day, pages, rng)
                if booking is not None:
                    found.append(enter(booking, pages))
    for _ in range(CANCELLATIONS):
        day = FIRST_DAY + timedelta(days=rng.randrange((LAST_DAY - FIRST_DAY).days))
        booking = drawn(rng.choice(SERVICES), day, pages, rng)
        if booking is not None:
            found.append(replace(booking, status="cancelled"))
    return sorted(found, key=lambda one: (one.start, one.service, one.diaries, one.patient))


def granted(wish: Wish, pages: Pages, rng: Random) -> Iterator[Booking]:
    """The bookings of a wish; those of a series are for one patient."""
    service = services_by_id()[wish.service]
    first = moment(wish.start, service.zone)
    local = first.astimezone(ZoneInfo(service.zone)).replace(tzinfo=None)
    patient = ""
    for _ in range(wish.seats):
        for week in range(wish.weeks):
            start = (local + timedelta(weeks=week)).replace(tzinfo=ZoneInfo(service.zone)).astimezone(UTC)
            if week == 0:
                patient = some_patient(service, start, pages, rng)
            booking = Booking(service.id, tuple(wish.diaries.split()), start, patient, wish.status)
            if wish.hold_expires:
                booking = replace(booking, hold_expires=moment(wish.hold_expires, service.zone))
            if wish.weeks > 1:
                booking = replace(booking, occurrence=week + 1, occurrences=wish.weeks)
            yield booking if wish.status == "cancelled" else enter(booking, pages)


def enter(booking: Booking, pages: Pages) -> Booking:
    """Write a booking into the diaries; it must fit."""
    service = services_by_id()[booking.service]
    diaries = [diaries_by_id()[one] for one in booking.diaries]
    end = booking.start + minutes(service.duration)
    for diary in diaries:
        if service.id not in diary.services.split() or not pages.fits(diary, service, booking.start):
            raise ValueError(f"{booking.service} does not fit into {diary.id} at {booking.start}")
    if not pages.is_free(booking.patient, booking.start, end):
        raise ValueError(f"{booking.patient} is elsewhere at {booking.start}")
    if booking.status == "booked" and end <= AS_OF:
        booking = replace(booking, status="fulfilled")
    pages.enter(booking, service, diaries)
    return booking


def demand(service: Service, day: date, rng: Random) -> int:
    """How many people ask for the service on this day."""
    for names, (least, most) in service.demand.items():
        if weekday(day) in names.split():
            return rng.randint(least, most) // (2 if day >= QUIET_FROM else 1)
    return 0


def drawn(service: Service, day: date, pages: Pages, rng: Random) -> Booking | None:
    """A booking that fits, with a team and a time at random; None if five teams have no time."""
    for _ in range(5):
        chosen = [rng.choice(pool.split()) for pool in service.team]
        team = [diaries_by_id()[one] for one in chosen if one != "-"]
        starts = list(grid_starts(service, day))
        rng.shuffle(starts)
        for start in starts:
            if all(pages.fits(one, service, start) for one in team):
                patient = some_patient(service, start, pages, rng)
                return Booking(service.id, tuple(one.id for one in team), start, patient)
    return None


def some_patient(service: Service, start: datetime, pages: Pages, rng: Random) -> str:
    end = start + minutes(service.duration)
    return rng.choice([one for one in patient_ids() if pages.is_free(one, start, end)])


# --- FHIR resources ---


def make_services() -> list[Resource]:
    found: list[Resource] = []
    for one in SERVICES:
        fields: list[Resource] = [
            in_minutes("duration", one.duration),
            in_minutes("bufferBefore", one.before),
            in_minutes("bufferAfter", one.after),
            in_minutes("alignmentInterval", one.grid),
            in_minutes("alignmentOffset", one.offset),
            {"url": "alignmentTimezone", "valueCode": one.zone},
        ]
        if one.capacity > 1:
            fields.append({"url": "slotCapacity", "valuePositiveInt": one.capacity})
        if one.hold is not None:
            fields.append(in_minutes("holdDuration", one.hold))
        found.append(
            {
                "resourceType": "HealthcareService",
                "id": one.id,
                "extension": [{"url": PARAMETERS_URL, "extension": fields}],
                "active": True,
                "providedBy": {"reference": "Organization/riverside-clinic", "display": "Riverside Clinic"},
                "type": [{"coding": [service_coding(one)]}],
                "location": [{"reference": f"Location/{one.site}", "display": SITES[one.site][0]}],
                "name": one.name,
                "comment": one.about,
                "availableTime": [service_hours(entry) for entry in one.hours],
                "notAvailable": [service_closure(entry) for entry in one.closures],
            }
        )
    return found


def service_hours(entry: Hours) -> Resource:
    if not entry.opens:
        return {"daysOfWeek": entry.days.split(), "allDay": True}
    return {
        "daysOfWeek": entry.days.split(),
        "availableStartTime": f"{entry.opens}:00",
        "availableEndTime": f"{entry.closes}:00",
    }


def service_closure(entry: Closure) -> Resource:
    return {"description": entry.why, "during": period(entry.start, entry.end)}


def make_staff() -> list[Resource]:
    found: list[Resource] = [
        {
            "resourceType": "Organization",
            "id": "riverside-clinic",
            "active": True,
            "type": [{"text": "Clinic"}],
            "name": "Riverside Clinic",
            "telecom": [{"system": "phone", "value": "+1 555 0100", "use": "work"}],
        }
    ]
    for diary in DIARIES:
        kind, id = diary.actor.split("/")
        if kind == "Practitioner":
            *titles, given, family = diary.name.split()
            name: Resource = {"text": diary.name, "family": family, "given": [given]}
            if titles:
                name["prefix"] = titles
            found.append(
                {
                    "resourceType": kind,
                    "id": id,
                    "extension": [timezone(diary.site)],
                    "active": True,
                    "name": [name],
                    "qualification": [{"code": {"text": diary.about}}],
                }
            )
    return found


def make_rooms_and_devices() -> list[Resource]:
    owner = {"reference": "Organization/riverside-clinic", "display": "Riverside Clinic"}
    found: list[Resource] = []
    for id, (name, _, street, city, state, code) in SITES.items():
        found.append(
            {
                "resourceType": "Location",
                "id": id,
                "extension": [timezone(id)],
                "status": "active",
                "name": name,
                "mode": "instance",
                "type": [{"text": "Site"}],
                "address": {"line": [street], "city": city, "state": state, "postalCode": code, "country": "US"},
                "managingOrganization": owner,
            }
        )
    for diary in DIARIES:
        kind, id = diary.actor.split("/")
        site = {"reference": f"Location/{diary.site}", "display": SITES[diary.site][0]}
        actor: Resource = {"resourceType": kind, "id": id, "extension": [timezone(diary.site)], "status": "active"}
        if kind == "Location":
            actor |= {"name": diary.name, "mode": "instance", "type": [{"text": diary.about}]}
            actor |= {"managingOrganization": owner, "partOf": site}
            found.append(actor)
        elif kind == "Device":
            actor |= {"deviceName": [{"name": diary.name, "type": "user-friendly-name"}]}
            actor |= {"type": {"text": diary.about}, "owner": owner, "location": site}
            found.append(actor)
    return found


def make_schedules() -> list[Resource]:
    found: list[Resource] = []
    for diary in DIARIES:
        schedule: Resource = {"resourceType": "Schedule", "id": diary.id}
        if diary.terms:
            schedule["extension"] = [parameters(terms) for terms in diary.terms]
        schedule["active"] = True
        schedule["serviceType"] = [service_type(services_by_id()[one]) for one in diary.services.split()]
        schedule["actor"] = [{"reference": diary.actor, "display": diary.name}]
        if any(diary.horizon):
            schedule["planningHorizon"] = period(*diary.horizon)
        found.append(schedule)
    return found


def parameters(terms: Terms) -> Resource:
    """A SchedulingParameters extension of a Schedule."""
    fields: list[Resource] = []
    if terms.service:
        fields.append({"url": "service", "valueReference": service_reference(services_by_id()[terms.service])})
    available = [schedule_hours(one) for one in terms.hours]
    available += [
        {
            "url": "notAvailableTime",
            "extension": [
                {"url": "description", "valueString": one.why},
                {"url": "during", "valuePeriod": period(one.start, one.end)},
            ],
        }
        for one in terms.closures
    ]
    if available:
        fields.append({"url": "availability", "extension": available})
    for name, length in (("bufferBefore", terms.before), ("bufferAfter", terms.after)):
        if length is not None:
            fields.append(in_minutes(name, length))
    if terms.capacity is not None:
        fields.append({"url": "slotCapacity", "valuePositiveInt": terms.capacity})
    if terms.limit is not None:
        frequency, length, unit = terms.limit
        repeat = {"frequency": frequency, "period": length, "periodUnit": unit}
        fields.append({"url": "bookingLimit", "valueTiming": {"repeat": repeat}})
    return {"url": PARAMETERS_URL, "extension": fields}


def schedule_hours(entry: Hours) -> Resource:
    fields: list[Resource] = [{"url": "daysOfWeek", "valueCode": day} for day in entry.days.split()]
    if entry.opens:
        fields.append({"url": "availableStartTime", "valueTime": f"{entry.opens}:00"})
        fields.append({"url": "availableEndTime", "valueTime": f"{entry.closes}:00"})
    else:
        fields.append({"url": "allDay", "valueBoolean": True})
    return {"url": "availableTime", "extension": fields}


def make_patients(rng: Random) -> list[Resource]:
    found: list[Resource] = []
    for number, id in enumerate(patient_ids(), start=1):
        gender = rng.choice(sorted(GIVEN_NAMES))
        given, family = rng.choice(GIVEN_NAMES[gender].split()), rng.choice(FAMILY_NAMES.split())
        born = date(1940, 1, 1) + timedelta(days=rng.randrange(365 * 66))
        found.append(
            {
                "resourceType": "Patient",
                "id": id,
                "identifier": [{"system": PATIENT_SYSTEM, "value": f"{number:06}"}],
                "active": True,
                "name": [{"text": f"{given} {family}", "family": family, "given": [given]}],
                "telecom": [{"system": "phone", "value": f"+1 555 01{number:02}", "use": "mobile"}],
                "gender": gender,
                "birthDate": born.isoformat(),
            }
        )
    return found


def make_slots_and_appointments(
    bookings: Iterable[Booking], patients: Iterable[Resource], rng: Random
) -> list[Resource]:
    names: dict[str, str] = {one["id"]: one["name"][0]["text"] for one in patients}
    found = [slot(piece) for piece in blocked_time()]
    for number, booking in enumerate(bookings, start=1):
        id = f"booking-{number:03}"
        service = services_by_id()[booking.service]
        diaries = [diaries_by_id()[one] for one in booking.diaries]
        pieces: list[Piece] = []
        if booking.status != "cancelled":
            pieces = [piece for diary in diaries for piece in slots_of(id, booking, service, diary)]
        appointment: Resource = {"resourceType": "Appointment", "id": id}
        extensions = appointment_extensions(booking, service)
        if extensions:
            appointment["extension"] = extensions
        if booking.occurrence:
            appointment["identifier"] = [{"system": SERIES_SYSTEM, "value": SERIES_ID}]
        appointment["status"] = booking.status
        if booking.status == "cancelled":
            appointment["cancelationReason"] = {"text": rng.choice(CANCEL_REASONS)}
        appointment["serviceType"] = [service_type(service)]
        appointment["start"] = stamp(booking.start)
        appointment["end"] = stamp(booking.start + minutes(service.duration))
        if pieces:
            appointment["slot"] = [{"reference": f"Slot/{piece.id}"} for piece in pieces]
        appointment["participant"] = [participant(f"Patient/{booking.patient}", names[booking.patient])]
        appointment["participant"] += [participant(diary.actor, diary.name) for diary in diaries]
        found.append(appointment)
        found += [slot(piece) for piece in pieces]
    return found


def appointment_extensions(booking: Booking, service: Service) -> list[Resource]:
    found: list[Resource] = []
    if booking.occurrence == 1:
        found.append({"url": TEMPLATE_URL, "extension": recurrence(booking, service)})
    if booking.occurrence:
        found.append({"url": RECURRENCE_URL, "valuePositiveInt": booking.occurrence})
    if booking.hold_expires:
        found.append({"url": HOLD_EXPIRES_URL, "valueInstant": stamp(booking.hold_expires)})
    return found


def recurrence(booking: Booking, service: Service) -> list[Resource]:
    """A weekly series on the weekday of its first visit."""
    zone = {"coding": [{"system": "https://www.iana.org/time-zones", "code": service.zone}]}
    week = {"coding": [{"system": "http://unitsofmeasure.org", "code": "wk", "display": "week"}]}
    day = LONG_WEEKDAYS[booking.start.astimezone(ZoneInfo(service.zone)).weekday()]
    weekly = [{"url": day, "valueBoolean": True}, {"url": "weekInterval", "valuePositiveInt": 1}]
    return [
        {"url": "timezone", "valueCodeableConcept": zone},
        {"url": "recurrenceType", "valueCodeableConcept": week},
        {"url": "occurrenceCount", "valuePositiveInt": booking.occurrences},
        {"url": "weeklyTemplate", "extension": weekly},
    ]


def slot(piece: Piece) -> Resource:
    found: Resource = {"resourceType": "Slot", "id": piece.id}
    if piece.capacity > 1:
        found["extension"] = [{"url": CAPACITY_URL, "valuePositiveInt": piece.capacity}]
    if piece.service:
        found["serviceType"] = [{"coding": [service_coding(services_by_id()[piece.service])]}]
    found["schedule"] = {"reference": f"Schedule/{piece.diary}"}
    found["status"] = piece.status
    found["start"] = stamp(piece.start)
    found["end"] = stamp(piece.end)
    if piece.comment:
        found["comment"] = piece.comment
    return found


def participant(reference: str, name: str) -> Resource:
    return {"actor": {"reference": reference, "display": name}, "required": "required", "status": "accepted"}


def service_coding(service: Service) -> Resource:
    return {"system": SERVICE_SYSTEM, "code": service.id, "display": service.name}


def service_reference(service: Service) -> Resource:
    return {"reference": f"HealthcareService/{service.id}", "display": service.name}


def service_type(service: Service) -> Resource:
    extension = {"url": SERVICE_REFERENCE_URL, "valueReference": service_reference(service)}
    return {"extension": [extension], "coding": [service_coding(service)]}


def timezone(site: str) -> Resource:
    return {"url": TIMEZONE_URL, "valueCode": SITES[site][1]}


def in_minutes(name: str, length: int) -> Resource:
    quantity = {"value": length, "unit": "min", "system": "http://unitsofmeasure.org", "code": "min"}
    return {"url": name, "valueDuration": quantity}


def period(start: str, end: str) -> Resource:
    return {name: bound for name, bound in (("start", start), ("end", end)) if bound}


# --- Files ---


def bundle(resources: Iterable[Resource]) -> str:
    entries = [{"fullUrl": f"{BASE_URL}{one['resourceType']}/{one['id']}", "resource": one} for one in resources]
    whole = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def lines(resources: Iterable[Resource]) -> str:
    return "".join(json.dumps(one, separators=(",", ":"), ensure_ascii=False) + "\n" for one in resources)


def main(arguments: list[str]) -> None:
    folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parent / "clinic"
    rng = Random(SEED)
    patients = make_patients(rng)
    bookings = make_bookings(rng)
    files = {
        "services.json": bundle(make_services()),
        "staff.json": bundle(make_staff()),
        "rooms-and-devices.json": bundle(make_rooms_and_devices()),
        "schedules.json": bundle(make_schedules()),
        "patients.ndjson": lines(patients),
        "bookings.ndjson": lines(make_slots_and_appointments(bookings, patients, rng)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
