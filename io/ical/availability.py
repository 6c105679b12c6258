"""VAVAILABILITY (RFC 7953) as the weekly hours of a schedule, where weeks can express it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...solver.civil import DAY_SECONDS, MINUTE_MS, iso_date, weekday
from .. import urls
from ..references import Json, child, children
from ..resources import DAYS
from .components import Component
from .events import Placed, Unread
from .recurrence import parts_of
from .values import Moment, Reader, Unreadable, length_of, moment, needed

_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class Hours(NamedTuple):
    """Open on these days (FHIR's codes), from and to a time of the day; an end not after its start is a day later."""

    days: tuple[str, ...]
    begin: str
    end: str


def hours_of(found: Sequence[Placed], window: tuple[int, int]) -> tuple[list[Hours], list[Unread]]:
    """The weekly hours that hold for the whole window, and what weeks cannot express."""
    unread: list[Unread] = []
    if len(found) > 1:
        return [], [one.unread("several VAVAILABILITY for one schedule are not read") for one in found]
    hours: list[Hours] = []
    for one in found:
        try:
            _check_bounds(one.component, one.reader, window)
        except Unreadable as error:
            unread.append(one.unread(error))
            continue
        for available in one.component.children:
            if available.name != "AVAILABLE":
                continue
            part = Placed(available, one.place, one.reader)
            try:
                hours.append(_weekly(available, one.reader, window))
            except Unreadable as error:
                unread.append(part.unread(f"AVAILABLE is no weekly hours: {error}"))
    return hours, unread


def _check_bounds(component: Component, reader: Reader, window: tuple[int, int]) -> None:
    for name in ("DTSTART", "DTEND"):
        found = component.first(name)
        if found is not None:
            at = moment(found, found.value, reader).at_ms()
            if at > window[0] if name == "DTSTART" else at < window[1]:
                raise Unreadable(f"VAVAILABILITY has a {name} inside the window; only what holds all the time is read")
    if component.first("DURATION") is not None:
        raise Unreadable("VAVAILABILITY has a DURATION; only what holds all the time is read")


def _weekly(component: Component, reader: Reader, window: tuple[int, int]) -> Hours:
    found = needed(component, "DTSTART")
    start = moment(found, found.value, reader)
    if start.is_date or start.zone.name != reader.local.name:
        raise Unreadable(
            "its DTSTART is a day" if start.is_date else f"its zone is {start.zone.name}, not {reader.local.name}"
        )
    if start.day > reader.local.local_day(window[0] // MINUTE_MS) + 6:
        raise Unreadable(f"it begins on {iso_date(start.day)}, later than the window begins")
    long = length_of(component, start, reader)
    # On the clock: what lasts exact seconds was counted over the first day.
    end = _wall_end(start, long.days, long.seconds)
    if not 0 < end - start.second <= DAY_SECONDS:
        raise Unreadable("it lasts longer than a day, or not at all")
    return Hours(_days(component, start), _clock(start.second), _clock(end))


def _wall_end(start: Moment, days: int, seconds: int) -> int:
    """The second of the first day at which it ends, on the clock."""
    at = start.plus(days, seconds) // 1000
    return at + start.zone.offset(at) - start.day * DAY_SECONDS


def _days(component: Component, start: Moment) -> tuple[str, ...]:
    for name in ("EXDATE", "RDATE", "EXRULE", "RECURRENCE-ID"):
        if component.first(name) is not None:
            raise Unreadable(f"it has {name}")
    rules = list(component.all("RRULE"))
    if len(rules) != 1:
        raise Unreadable("it has no RRULE" if not rules else "it has several RRULE")
    parts = parts_of(rules[0])
    parts.pop("WKST", None)
    frequency, days = parts.pop("FREQ", ""), parts.pop("BYDAY", "")
    if frequency not in ("WEEKLY", "DAILY") or parts.pop("INTERVAL", "1") != "1" or parts:
        raise Unreadable(f"RRULE {rules[0].value!r:.60} is not the same every week")
    names = days.split(",") if days else list(_CODES) if frequency == "DAILY" else [_CODES[weekday(start.day)]]
    if not set(names) <= set(_CODES):
        raise Unreadable(f"RRULE BYDAY={days:.40} is not the same every week")
    return tuple(code for name, code in zip(_CODES, DAYS) if name in names)


def _clock(second: int) -> str:
    minute, rest = divmod(second % DAY_SECONDS, 60)
    return f"{minute // 60:02}:{minute % 60:02}:{rest:02}"


def _extension(hours: Hours) -> Json:
    days = [{"url": "daysOfWeek", "valueCode": day} for day in hours.days]
    return {
        "url": "availableTime",
        "extension": [
            *days,
            {"url": "availableStartTime", "valueTime": hours.begin},
            {"url": "availableEndTime", "valueTime": hours.end},
        ],
    }


def with_hours(schedule: Json, hours: Sequence[Hours]) -> Json:
    """The Schedule with these hours for every service that has none of its own there; its closures stay."""
    entries = [_extension(one) for one in hours]
    extensions = [*children(schedule, "extension")]
    place = next((number for number, one in enumerate(extensions) if _is_general(one)), None)
    if place is None:
        new = {"url": urls.SCHEDULING_PARAMETERS, "extension": [{"url": "availability", "extension": entries}]}
        return {**schedule, "extension": [*extensions, new]}
    fields = children(extensions[place], "extension")
    closures = [
        entry
        for one in fields
        if one.get("url") == "availability"
        for entry in children(one, "extension")
        if entry.get("url") != "availableTime"
    ]
    others = [one for one in fields if one.get("url") != "availability"]
    availability = {"url": "availability", "extension": [*entries, *closures]}
    extensions[place] = {**extensions[place], "extension": [*others, availability]}
    return {**schedule, "extension": extensions}


def services_with_own_hours(schedule: Json) -> Iterator[str]:
    """References to the services for which the Schedule states hours of their own: those win."""
    for one in children(schedule, "extension"):
        if one.get("url") != urls.SCHEDULING_PARAMETERS or _is_general(one):
            continue
        fields = children(one, "extension")
        if any(field.get("url") == "availability" for field in fields):
            yield from (
                str(child(field, "valueReference").get("reference"))
                for field in fields
                if field.get("url") == "service"
            )


def _is_general(extension: Json) -> bool:
    """SchedulingParameters for every service?"""
    return extension.get("url") == urls.SCHEDULING_PARAMETERS and not any(
        field.get("url") == "service" for field in children(extension, "extension")
    )
