"""What writes must leave alone, and what they are refused for (docs/http.md, Resources)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from ledger_support import NOW, basic, buffer, later, moment, proposal, template, visit
from rest_support import Face, NewFace, Said, resource_of, said
from rest_support import face_fixture as face_fixture
from slotwright.io import invoke, open_ledger
from support import Resource, appointment, parameters, schedule, service, service_type, slot

NINE, HALF_PAST, TEN = (f"2026-03-16T{time}:00.000Z" for time in ("09:00", "09:30", "10:00"))
CONFLICT = "Requested time slot is not available"


def booked(clinic: Face, *slots: Resource, operation: str = "$book", **elements: Any) -> Resource:
    """The Appointment of a booking that must be accepted."""
    body = {"resourceType": "Parameters", "parameter": [
        {"name": "appointment", "resource": proposal(*(slots or (visit("a", "09:00"),)), **elements)}]}  # fmt: skip
    status, answer = invoke(clinic.ledger, f"Appointment/{operation}", body=body, now=moment(NOW))
    assert status == 201, answer
    return answer["entry"][0]["resource"]


def its_slot(clinic: Face, appointment: Resource) -> Resource:
    return resource_of(clinic.get(appointment["slot"][0]["reference"]))


def written(id: str = "x", start: str = NINE, end: str = HALF_PAST, status: str = "busy", **more: Any) -> Resource:
    return slot(id, "a", start, end, status, **more)


# The capacity rule


def test_a_busy_slot_over_a_booking_is_refused_and_names_it(face: NewFace) -> None:
    clinic = face()
    taken = its_slot(clinic, booked(clinic))
    for status in ("busy", "busy-tentative"):
        refused = clinic.put(written(start="2026-03-16T09:29:59Z", end=TEN, status=status))
        assert said(refused) == Said(409, "conflict", CONFLICT)
        assert refused.resource is not None
        assert orjson.loads(refused.resource["issue"][0]["diagnostics"]) == {
            "schedule": "Schedule/a",
            "blockingSlots": [
                {"reference": f"Slot/{taken['id']}", "start": NINE, "end": HALF_PAST, "status": "busy"}
            ],
        }  # fmt: skip
    assert clinic.put(written(start=HALF_PAST, end=TEN)).status == 201


@pytest.mark.parametrize("status", ["free", "entered-in-error"])
def test_what_takes_no_time_is_not_judged(face: NewFace, status: str) -> None:
    clinic = face()
    booked(clinic)
    assert clinic.put(written(status=status)).status == 201


@pytest.mark.parametrize(
    "stamp, stored, is_accepted",
    [
        (None, [None], False), (2, [2], True), (2, [1], False), (2, [2, 2], False), (3, [3, 3], True),
        (3, [2, 2], False), (5, [5, 2], False), (3, [3, 3, 3], False), (2, [5], True),
    ],
)  # fmt: skip
def test_the_table_of_capacities(face: NewFace, stamp: int | None, stored: list[int | None], is_accepted: bool) -> None:
    others = [written(f"s{place}", capacity=one) for place, one in enumerate(stored)]
    assert face(*basic(*others)).put(written(capacity=stamp)).status == (201 if is_accepted else 409)


def test_its_own_old_version_does_not_block_a_slot(face: NewFace) -> None:
    clinic = face()
    clinic.put(written())
    assert clinic.put(written(start="2026-03-16T09:15:00Z", end=TEN)).status == 200
    clinic.put(written("y", TEN, "2026-03-16T10:30:00Z"))
    assert clinic.put(written(start="2026-03-16T09:15:00Z", end="2026-03-16T10:01:00Z")).status == 409


def test_what_takes_no_other_time_is_not_judged_again(face: NewFace) -> None:
    clinic = face(*basic(written("x"), written("y")))  # loaded, though they overlap
    assert clinic.put(written("x", comment="sic")).status == 200
    assert clinic.put(written("x", comment="sic", status="busy-tentative")).status == 200
    assert clinic.put(written("x", end="2026-03-16T09:29:00Z")).status == 409


def test_only_slots_that_concern_the_same_service_block(face: NewFace) -> None:
    xray = {"coding": [{"system": "u", "code": "xray"}]}
    clinic = face(*basic(
        service("xray", type=[xray]), service("other"),
        written("s", serviceType=[xray]), slot("t", "a", TEN, later("10:00", 30), serviceType=[service_type("other")]),
    ))  # fmt: skip
    assert clinic.put(written(serviceType=[service_type("checkup")])).status == 201
    assert clinic.put(written("y", serviceType=[service_type("xray")])).status == 409, "the same service, by reference"
    assert clinic.put(written("y", serviceType=[xray])).status == 409
    assert clinic.put(written("y")).status == 409, "without a type it concerns every service"
    assert clinic.put(written("y", TEN, later("10:00", 30), serviceType=[xray])).status == 201


def test_a_hold_that_has_lapsed_takes_no_time_and_its_lapse_is_recorded_with_the_write(tmp_path: Path) -> None:
    now = [moment(NOW)]
    with open_ledger(tmp_path / "holds.ledger", clock=lambda: now[0], identity="holds") as ledger:
        ledger.load(basic())
        clinic = Face(ledger)
        held = proposal(visit("a", "09:00"))
        made = clinic.ask("POST", "Appointment/$hold", {"resourceType": "Parameters", "parameter": [
            {"name": "appointment", "resource": held}, {"name": "hold-minutes", "valuePositiveInt": 15}]})  # fmt: skip
        hold = resource_of(made, 201)["entry"][0]["resource"]
        now[0] += timedelta(minutes=15) - timedelta(milliseconds=1)
        assert said(clinic.put(written())).status == 409
        now[0] += timedelta(milliseconds=1)
        assert said(clinic.put({**written(), "id": "y"}, if_match='W/"9"')).status == 412
        assert resource_of(clinic.get(f"Appointment/{hold['id']}"))["status"] == "pending"
        assert clinic.put(written()).status == 201
        assert resource_of(clinic.get(f"Appointment/{hold['id']}"))["status"] == "cancelled"
        assert [one.kind for one in ledger.entries()][-2:] == ["lapse", "update"]
        assert ledger.verify() == []


# What an operation made


@pytest.mark.parametrize(
    "change, place",
    [
        ({"status": "free"}, "status cannot be written; use Appointment/{}/$cancel"),
        ({"status": "entered-in-error"}, "status cannot be written; use Appointment/{}/$cancel"),
        ({"start": "2026-03-16T08:00:00.000Z"}, "start cannot be written; use Appointment/{}/$reschedule"),
        ({"end": TEN}, "end cannot be written; use Appointment/{}/$reschedule"),
        ({"schedule": {"reference": "Schedule/b"}}, "schedule cannot be written; use Appointment/{}/$reschedule"),
        ({"serviceType": [{"text": "x"}]}, "serviceType cannot be written; use Appointment/{}/$reschedule"),
    ],
)
def test_a_slot_of_an_operation_keeps_status_times_and_schedule(face: NewFace, change: Resource, place: str) -> None:
    clinic = face()
    booking = booked(clinic)
    stored = its_slot(clinic, booking)
    refused = said(clinic.put({**stored, **change}))
    assert refused[:2] == (409, "conflict")
    assert refused.text == f"Slot/{stored['id']} was made by an operation and its {place.format(booking['id'])}"
    assert clinic.put({**stored, "comment": "bring the file", "start": "2026-03-16T10:00:00+01:00"}).status == 200


def test_a_held_slot_becomes_busy_by_confirm(face: NewFace) -> None:
    clinic = face()
    hold = booked(clinic, operation="$hold")
    refused = said(clinic.put({**its_slot(clinic, hold), "status": "busy"}))
    assert refused.text.endswith(f"use Appointment/{hold['id']}/$confirm")


def test_what_an_operation_made_is_not_deleted_by_a_write(face: NewFace) -> None:
    clinic = face()
    booking = booked(clinic)
    for reference in (f"Appointment/{booking['id']}", booking["slot"][0]["reference"]):
        refused = said(clinic.delete(reference))
        assert refused[:2] == (409, "conflict")
        assert f"Appointment/{booking['id']}/$cancel" in refused.text
    moved = invoke(clinic.ledger, f"Appointment/{booking['id']}/$cancel", now=moment(NOW))
    assert moved[0] == 200
    assert said(clinic.put(written(booking["slot"][0]["reference"].removeprefix("Slot/")))).status == 409
    assert said(clinic.delete(f"Appointment/{booking['id']}")).status == 409


def test_what_a_client_wrote_or_loaded_may_be_changed_and_deleted(face: NewFace) -> None:
    own = appointment("p", ["x"], status="booked")
    clinic = face(*basic(own, written()))
    assert clinic.put({**own, "status": "cancelled"}).status == 200
    assert clinic.put(written(status="free")).status == 200
    assert clinic.delete("Slot/x").status == clinic.delete("Appointment/p").status == 204


STATUSES = ["proposed", "pending", "booked", "arrived", "fulfilled", "cancelled", "noshow", "entered-in-error",
            "checked-in", "waitlist"]  # fmt: skip
AFTER_BOOKED = {"arrived", "checked-in", "fulfilled", "noshow"}


@pytest.mark.parametrize("goal", STATUSES)
def test_a_booking_moves_on_by_a_write_only_where_a_visit_does(face: NewFace, goal: str) -> None:
    clinic = face()
    booking = booked(clinic)
    answered = clinic.put({**booking, "status": goal})
    if goal in AFTER_BOOKED or goal == "booked":
        assert resource_of(answered)["status"] == goal
        return
    refused = said(answered)
    assert refused[:2] == (409, "conflict")
    assert f"is 'booked' and cannot become '{goal}' by a write" in refused.text
    assert ("$cancel" in refused.text) == (goal in ("cancelled", "entered-in-error"))


@pytest.mark.parametrize(
    "path", [["arrived", "checked-in", "fulfilled"], ["arrived", "noshow"], ["checked-in", "noshow"]]
)
def test_the_way_of_a_visit(face: NewFace, path: list[str]) -> None:
    clinic = face()
    booking = booked(clinic)
    for status in path:
        booking = resource_of(clinic.put({**booking, "status": status}))
    assert said(clinic.put({**booking, "status": "booked"})).status == 409


def test_a_hold_is_confirmed_by_its_operation(face: NewFace) -> None:
    clinic = face()
    hold = booked(clinic, operation="$hold")
    for goal in ("booked", "arrived"):
        assert said(clinic.put({**hold, "status": goal})).status == 409
    assert "$confirm" in said(clinic.put({**hold, "status": "booked"})).text


@pytest.mark.parametrize(
    "change, element",
    [({"start": "2026-03-16T08:30:00Z"}, "start"), ({"end": None}, "end"), ({"slot": []}, "slot")],
)
def test_a_booking_keeps_its_times_and_slots(face: NewFace, change: Resource, element: str) -> None:
    clinic = face()
    booking = booked(clinic)
    assert said(clinic.put({**booking, **change})).text == (
        f"Appointment/{booking['id']} was made by an operation and its {element} cannot be written; use "
        f"Appointment/{booking['id']}/$reschedule"
    )
    others = {"comment": "late", "participant": [{"actor": {"reference": "Patient/q"}, "status": "declined"}]}
    assert resource_of(clinic.put({**booking, **others}))["comment"] == "late"


def test_the_end_of_a_hold_is_not_written(face: NewFace) -> None:
    clinic = face()
    body = {"resourceType": "Parameters", "parameter": [
        {"name": "appointment", "resource": proposal(visit("a", "09:00"))},
        {"name": "hold-minutes", "valuePositiveInt": 15}]}  # fmt: skip
    status, answer = invoke(clinic.ledger, "Appointment/$hold", body=body, now=moment(NOW))
    assert status == 201
    hold = answer["entry"][0]["resource"]
    refused = said(clinic.put({**hold, "extension": []}))
    assert refused.status == 409 and "$confirm" in refused.text


def test_slots_of_a_booking_are_not_lent_to_another_appointment(face: NewFace) -> None:
    clinic = face()
    booking = booked(clinic)
    thief = {"resourceType": "Appointment", "status": "pending", "slot": booking["slot"]}
    refused = clinic.post(thief)
    assert said(refused).status == 409
    assert refused.resource is not None and refused.resource["issue"][0]["expression"] == ["Appointment.slot[0]"]


def test_slots_that_reschedule_made_are_of_an_operation_too(face: NewFace) -> None:
    loaded = appointment("p", ["x"], status="booked", serviceType=[service_type("checkup")])
    clinic = face(*basic(loaded, written()))
    body = {"resourceType": "Parameters", "parameter": [
        {"name": "start", "valueDateTime": TEN},
        {"name": "schedule", "valueReference": {"reference": "Schedule/a"}}]}  # fmt: skip
    assert invoke(clinic.ledger, "Appointment/p/$reschedule", body=body, now=moment(NOW))[0] == 200
    moved = resource_of(clinic.get("Appointment/p"))
    assert said(clinic.put({**moved, "slot": []})).status == 409
    assert said(clinic.delete(moved["slot"][0]["reference"])).status == 409


# What bookings need


def test_what_bookings_need_is_not_deleted(face: NewFace) -> None:
    clinic = face({"resourceType": "Patient", "id": "p"}, *basic())
    booking = booked(clinic)
    first = f"Appointment/{booking['id']}"
    need = f" is needed by bookings that are still to come, such as {first}; reschedule or cancel them first"
    for reference in ("Schedule/a", "HealthcareService/checkup", "Patient/p"):
        assert said(clinic.delete(reference)) == Said(409, "conflict", reference + need)
    assert said(clinic.delete("Practitioner/a")).text == (
        "Practitioner/a is the actor of Schedule/a; delete that Schedule first"
    )
    assert clinic.delete("Schedule/b").status == clinic.delete("Practitioner/b").status == 204
    assert invoke(clinic.ledger, f"Appointment/{booking['id']}/$cancel", now=moment(NOW))[0] == 200
    for reference in ("Schedule/a", "HealthcareService/checkup", "Patient/p", "Practitioner/a"):
        assert clinic.delete(reference).status == 204


def test_a_booking_that_is_over_keeps_nothing(face: NewFace) -> None:
    clinic = face()
    booked(clinic, visit("a", "2025-12-01T09:00:00Z", "2025-12-01T09:30:00Z"))  # the clock says 2026
    booked(clinic, visit("a", "2026-03-10T11:00:00Z", "2026-03-10T11:30:00Z"))  # the last entry is of 12:00
    assert clinic.delete("Schedule/a").status == 204
    booked(clinic, visit("b", "2026-03-10T12:00:00Z", "2026-03-10T12:30:00Z"))
    assert said(clinic.delete("Schedule/b")).status == 409, "it has begun, and is not over"


# Bookings hit


def hits(resource: Resource) -> list[tuple[str, str]]:
    url = "https://slotwright.dev/fhir/StructureDefinition/booking-hit"
    found = [one["valueReference"] for one in resource.get("extension", []) if one["url"] == url]
    return [(one["reference"], one["display"]) for one in found]


def test_leave_is_accepted_and_lists_the_bookings_it_hits(face: NewFace) -> None:
    clinic = face()
    second, first, _ = (booked(clinic, visit("a", time)) for time in ("11:00", "09:30", "12:00"))
    booked(clinic, visit("b", "10:00"))
    leave = written("leave", "2026-03-16T09:59:00Z", "2026-03-16T12:00:00Z", "busy-unavailable")
    answered = resource_of(clinic.put(leave), 201)
    listed = [(f"Appointment/{one['id']}", one["start"]) for one in (first, second)]
    assert hits(answered) == listed
    stored = clinic.ledger.read("Slot/leave")
    assert stored is not None and "extension" not in stored
    assert clinic.put(answered).headers["ETag"] == 'W/"1"', "what was sent back is what is stored"
    told = resource_of(clinic.put({**leave, "comment": "flu"}, prefer="return=OperationOutcome"))
    assert [(one["severity"], one["code"]) for one in told["issue"]] == [("warning", "conflict")] * 2
    assert [one["details"]["text"].split(",")[0] for one in told["issue"]] == [f"Hits {one}" for one, _ in listed]
    assert clinic.put({**leave, "comment": "cold"}, prefer="return=minimal").resource is None


def test_leave_hits_what_it_concerns_and_what_is_live(face: NewFace) -> None:
    clinic = face(*basic(service("other")))
    done, lost = booked(clinic), booked(clinic, visit("a", "09:30"))
    clinic.put({**done, "status": "fulfilled"})
    typed = written("leave", NINE, TEN, "busy-unavailable", serviceType=[service_type("other")])
    assert hits(resource_of(clinic.put(typed), 201)) == []
    del typed["serviceType"]
    assert hits(resource_of(clinic.put(typed))) == [(f"Appointment/{lost['id']}", HALF_PAST)]


def test_changed_hours_of_a_schedule_list_the_bookings_left_outside(face: NewFace) -> None:
    clinic = face(*basic(bufferAfter=10))
    early = booked(clinic, visit("a", "09:00"), buffer("a", "09:30", "09:40"))
    late = booked(clinic, visit("a", "11:00"), buffer("a", "11:30", "11:40"))
    booked(clinic, visit("b", "11:00"), buffer("b", "11:30", "11:40"))
    changed = schedule("a", parameters(service="checkup", availability=[hours_until("11:35:00")]))
    assert hits(resource_of(clinic.put(changed))) == [(f"Appointment/{late['id']}", late["start"])]
    assert hits(resource_of(clinic.put({**changed, "comment": "x"}))) == [], "nothing of the hours has changed"
    closed = schedule("a", parameters(service="checkup", availability=[hours_until("09:35:00")]))
    assert hits(resource_of(clinic.put(closed))) == [(f"Appointment/{early['id']}", early["start"])], "late was outside"
    horizon = schedule("b", horizon=("2026-04-01", None))
    assert len(hits(resource_of(clinic.put(horizon)))) == 1


def hours_until(end: str) -> Resource:
    return {"url": "availableTime", "extension": [
        *({"url": "daysOfWeek", "valueCode": day} for day in ("mon", "tue")),
        {"url": "availableStartTime", "valueTime": "08:00:00"},
        {"url": "availableEndTime", "valueTime": end}]}  # fmt: skip


def test_changed_hours_of_a_service_list_the_bookings_left_outside(face: NewFace) -> None:
    clinic = face(*basic(service("other"), schedule("c", actor="Practitioner/b")))
    hit = [booked(clinic, visit(one, "09:00")) for one in "ab"]
    booked(clinic, visit("c", "09:00"), service="other")
    stored = resource_of(clinic.get("HealthcareService/checkup"))
    shut = {**stored, "notAvailable": [{"description": "x", "during": {"start": NINE, "end": HALF_PAST}}]}
    assert sorted(hits(resource_of(clinic.put(shut)))) == sorted((f"Appointment/{one['id']}", NINE) for one in hit)


def test_a_free_slot_keeps_a_booking_inside(face: NewFace) -> None:
    clinic = face(*basic(slot("f", "a", NINE, HALF_PAST, "free")))
    booked(clinic)
    never = schedule("a", parameters(service="checkup", availability=[]))
    assert hits(resource_of(clinic.put(never))) == []


def test_series_are_guarded_like_single_bookings(face: NewFace) -> None:
    clinic = face()
    first = booked(clinic, visit("a", NINE, HALF_PAST), extension=[template(zone="Etc/UTC")])
    (other,) = [one for one in clinic.found("Appointment") if one != first["id"]]
    assert said(clinic.delete(f"Appointment/{other}")).status == 409
