"""What is FHIR: the shapes that are refused, with their place, and all that is kept as it stands."""

from __future__ import annotations

from typing import Any

import pytest
from slotwright.io import LoadError, open_calendar
from support import (
    PARAMETERS_URL,
    Resource,
    appointment,
    parameters,
    practitioner,
    schedule,
    service,
    slot,
)

BUSY = slot("x", "s", "2026-03-16T09:00:00Z", "2026-03-16T10:00:00Z")


def refused(resource: Resource) -> str:
    """The sentence with which the resource is refused, as the second one of two."""
    with pytest.raises(LoadError) as caught:
        open_calendar([practitioner("first"), resource])
    text = str(caught.value)
    assert "resource 1" in text and text.endswith(".") and "\n" not in text and len(text) < 400
    return text


def kept(resource: Resource) -> None:
    """The resource is loaded just as it is."""
    assert open_calendar([resource]).read(f"{resource['resourceType']}/{resource['id']}") == resource


def sub(**elements: Any) -> list[Resource]:
    """One extension with one sub-extension of these elements."""
    return [{"url": PARAMETERS_URL, "extension": [elements]}]


# resourceType and id


@pytest.mark.parametrize(
    "kind", [None, 5, "", "p", "practitioner", "Prac titioner", "Prac/titioner", "Práctitioner", "P" * 65, [], {}, True]
)
def test_a_resource_type_is_a_fhir_type(kind: Any) -> None:
    assert "resourceType" in refused({"resourceType": kind, "id": "a"})


def test_a_document_without_a_resource_type_is_no_resource() -> None:
    assert "resourceType" in refused({"id": "a", "name": "x"})


def test_a_sentence_has_no_line_breaks_whatever_the_name() -> None:
    assert "resourceType" in refused({"resourceType": "Practitioner\n", "id": "a"})
    assert "id" in refused({"resourceType": "Practitioner", "id": "a\nb"})


def test_a_type_nobody_knows_is_kept() -> None:
    kept({"resourceType": "SomethingNew", "id": "a", "x": [1, {"y": None}]})


@pytest.mark.parametrize(
    "id", ["", " ", "a b", "a/b", "a#b", "a?b", "a|b", "a,b", "a\tb", "x" * 65, 5, 0, [], {}, True]
)
def test_an_id_is_a_fhir_id(id: Any) -> None:
    assert "id" in refused({"resourceType": "Practitioner", "id": id})


@pytest.mark.parametrize("id", ["a", "A-1.b", "0", ".", "x" * 64, "snake_case"])
def test_ids_are_kept(id: str) -> None:
    kept({"resourceType": "Practitioner", "id": id})


def test_an_id_of_null_is_no_id() -> None:
    """Refused, or read as absent; never an id that is no text."""
    try:
        found = [
            one["id"] for one in open_calendar([{"resourceType": "Practitioner", "id": None}]).resources("Practitioner")
        ]
    except LoadError as error:
        found = [str(error)]
    assert all(isinstance(one, str) for one in found)


# Shapes


@pytest.mark.parametrize("value", [5, "x", {}, True, [5], [None], ["x"], [[]]])
@pytest.mark.parametrize(
    ("resource", "element"),
    [
        (service(), "extension"),
        (service(), "type"),
        (service(), "availableTime"),
        (service(), "notAvailable"),
        (schedule("s"), "extension"),
        (schedule("s"), "actor"),
        (schedule("s"), "serviceType"),
        (appointment("a", []), "slot"),
        (appointment("a", []), "participant"),
        (appointment("a", []), "serviceType"),
        (appointment("a", []), "extension"),
        (BUSY, "serviceType"),
        (BUSY, "extension"),
        (practitioner("p"), "extension"),
    ],
)
def test_a_list_of_objects_is_one(resource: Resource, element: str, value: Any) -> None:
    text = refused({**resource, element: value})
    assert f"`{element}" in text and f"{resource['resourceType']}/{resource['id']}" in text


@pytest.mark.parametrize("value", [5, "true", "false", [], {}])
@pytest.mark.parametrize("resource", [service(), schedule("s")])
def test_active_is_a_boolean(resource: Resource, value: Any) -> None:
    """`"false"` read as true would offer what is inactive."""
    assert "`active`" in refused({**resource, "active": value})


@pytest.mark.parametrize("value", [5, [], {}, True])
def test_texts_are_texts(value: Any) -> None:
    assert "`name`" in refused(service(name=value))
    assert "`comment`" in refused({**schedule("s"), "comment": value})
    assert "`status`" in refused({**appointment("a", []), "status": value})
    assert "`actor[0].reference`" in refused({**schedule("s"), "actor": [{"reference": value}]})
    assert "`type[0].coding[0].code`" in refused(service(type=[{"coding": [{"code": value}]}]))
    assert "`extension[0].url`" in refused({**practitioner("p"), "extension": [{"url": value}]})


SHAPES: list[tuple[list[Resource], str]] = [
    ([{}], "extension[0]"),
    ([{"url": PARAMETERS_URL, "extension": {}}], "extension[0].extension"),
    (sub(valueDuration={}), "extension[0].extension[0]"),
    (sub(url="duration", valueDuration=30), "valueDuration"),
    (sub(url="duration", valueDuration={"value": "30"}), "valueDuration.value"),
    (sub(url="duration", valueDuration={"value": True}), "valueDuration.value"),
    (sub(url="duration", valueDuration={"value": []}), "valueDuration.value"),
    (sub(url="duration", valueDuration={"unit": 5}), "valueDuration.unit"),
    (sub(url="service", valueReference="HealthcareService/x"), "valueReference"),
    (sub(url="service", valueReference={"reference": 5}), "valueReference.reference"),
    (sub(url="bookingLimit", valueTiming=[]), "valueTiming"),
    (sub(url="bookingLimit", valueTiming={"repeat": []}), "valueTiming.repeat"),
    (sub(url="during", valuePeriod="2026"), "valuePeriod"),
    (sub(url="during", valuePeriod={"start": 5}), "valuePeriod.start"),
    (sub(url="during", valuePeriod={"end": "soon"}), "valuePeriod.end"),
    (sub(url="availableStartTime", valueTime="9:00"), "valueTime"),
    (sub(url="allDay", valueBoolean="true"), "valueBoolean"),
]


@pytest.mark.parametrize("extension, place", SHAPES)
def test_extensions_have_the_shape_of_their_values(extension: list[Resource], place: str) -> None:
    assert place in refused({**schedule("s"), "extension": extension})
    assert place in refused(service(extension=extension))


def test_extensions_are_judged_at_any_depth() -> None:
    inner: Resource = {"url": "x", "valuePeriod": {"start": "never"}}
    for _ in range(5):
        inner = {"url": "x", "extension": [inner]}
    assert "valuePeriod.start" in refused({**practitioner("p"), "extension": [inner]})


# Slots and Appointments


@pytest.mark.parametrize("status", ["Busy", "", "booked", None, 5, True, [], {}, ["busy"], [[]]])
@pytest.mark.parametrize("elements", [{}, {"serviceType": []}], ids=["plain", "typed"])
def test_a_slot_has_one_of_the_five_statuses(elements: Resource, status: Any) -> None:
    text = refused({**BUSY, **elements, "status": status})
    assert "status" in text and "busy-tentative" in text and "Slot/x" in text


def test_a_slot_needs_a_status_and_a_schedule() -> None:
    for name in ("status", "schedule"):
        assert name in refused({key: value for key, value in BUSY.items() if key != name})


@pytest.mark.parametrize("value", ["Schedule/s", 5, None, [], [{"reference": "Schedule/s"}], True])
def test_the_schedule_of_a_slot_is_a_reference(value: Any) -> None:
    assert "schedule" in refused({**BUSY, "schedule": value})


@pytest.mark.parametrize("value", [5, [], {}, True])
def test_the_reference_of_a_slot_is_a_text(value: Any) -> None:
    assert "`schedule.reference`" in refused({**BUSY, "schedule": {"reference": value}})


@pytest.mark.parametrize("times", [{"start": "soon"}, {"end": 5}, {"start": None}, {"start": [], "end": {}}])
def test_a_slot_with_unreadable_times_is_kept(times: Resource) -> None:
    """`$find` names it when its Schedule is examined (model 9)."""
    kept({**BUSY, **times})


def test_an_appointment_needs_a_status() -> None:
    assert "status" in refused({"resourceType": "Appointment", "id": "a"})


# Hours and Periods of a service


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ({"daysOfWeek": "mon"}, "daysOfWeek"),
        ({"daysOfWeek": ["monday"]}, "daysOfWeek[0]"),
        ({"daysOfWeek": ["mon", None]}, "daysOfWeek[1]"),
        ({"daysOfWeek": [1]}, "daysOfWeek[0]"),
        ({"allDay": "true"}, "allDay"),
        ({"allDay": 1}, "allDay"),
        ({"availableStartTime": "9:00"}, "availableStartTime"),
        ({"availableStartTime": "24:00:00"}, "availableStartTime"),
        ({"availableEndTime": "09:00:00Z"}, "availableEndTime"),
        ({"availableEndTime": 9}, "availableEndTime"),
    ],
)
def test_hours_that_cannot_be_read_name_their_place(entry: Resource, place: str) -> None:
    assert f"`availableTime[0].{place}`" in refused(service(availableTime=[entry]))


def test_a_day_that_is_none_is_refused_with_those_there_are() -> None:
    text = refused(service(availableTime=[{"daysOfWeek": ["monday"]}]))
    assert "monday" in text and "mon, tue" in text


@pytest.mark.parametrize(
    "bound", ["soon", "", 5, "2026-13", "2026-02-30", "2026-3-1", "2026-03-10T09:00", "2026-03-10T24:00:00Z", [], True]
)
@pytest.mark.parametrize("side", ["start", "end"])
def test_bounds_that_cannot_be_read_name_their_place(side: str, bound: Any) -> None:
    assert f"`notAvailable[0].during.{side}`" in refused(service(notAvailable=[{"during": {side: bound}}]))
    assert f"`planningHorizon.{side}`" in refused({**schedule("s"), "planningHorizon": {side: bound}})


@pytest.mark.parametrize("bound", ["2026", "2026-03", "2026-03-10", "2026-03-10T09:00Z", "2026-03-10T09:00:00.1+14:00"])
def test_bounds_of_any_precision_are_kept(bound: str) -> None:
    kept({**schedule("s"), "planningHorizon": {"start": bound, "end": bound}})


# Kept


KEPT: list[Resource] = [
    {**practitioner("p"), "meta": {"author": {"reference": "Practitioner/p"}, "project": "x", "compartment": [{}]}},
    {**practitioner("p"), "meta": 5},
    {**practitioner("p"), "text": {"status": "generated", "div": "<div>é\u2028💉</div>"}},
    {**practitioner("p"), "_birthDate": {"extension": [{"url": "x"}]}, "birthDate": None},
    {**practitioner("p"), "name": "one text", "telecom": 5, "identifier": {"value": "no list"}},
    {**practitioner("p"), "vendorList": [[], [[{}]], 1.5, -0.0, 2**63, 1e300, None, False, ""]},
    {**practitioner("p"), "extension": [{"url": "x", "valueMoney": {"value": 5}, "vendor": []}]},
    {**practitioner("p"), "extension": [{"url": "x", "valueString": 5, "valueCode": ["y"]}]},
    {**practitioner("p"), "": {"": ""}, "resourceTypes": "Slot"},
    service(availabilityExceptions="closed on Sundays", unknown={"x": 1}, specialty=[{"text": "x"}]),
    service(availableTime=[{"vendor": 1}], notAvailable=[{"description": "x"}, {"during": {}}]),
    service(active=None, name=None, type=None, notAvailable=None, availableTime=[]),
    service(params={**parameters(duration=30), "id": "x"}, contained=[{"resourceType": "Location", "id": "r"}]),
    {**schedule("s"), "planningHorizon": {}, "specialty": []},
    {**schedule("s"), "actor": [{"identifier": {"value": "x"}}, {"display": "x", "type": "Location"}]},
    {**BUSY, "meta": {"author": {"display": "x"}}, "overbooked": True, "specialty": [], "identifier": []},
    {**BUSY, "serviceType": [{"text": "x"}], "extension": [{"url": "x"}], "vendor": {}},
    {**appointment("a", []), "status": "a new status", "participant": [{"type": [], "period": {"start": "x"}}]},
    {**appointment("a", []), "requestedPeriod": [{"start": "whenever"}], "minutesDuration": "30"},
]


@pytest.mark.parametrize("resource", KEPT)
def test_unknown_and_unread_elements_are_kept(resource: Resource) -> None:
    kept(resource)
