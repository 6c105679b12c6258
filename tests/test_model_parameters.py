"""SchedulingParameters: their errors, their layers, and the services and Slots they concern (model 3, 4 and 5)."""

from __future__ import annotations

from typing import Any

import pytest
from support import (
    PARAMETERS_URL,
    SERVICE_REFERENCE_URL,
    Resource,
    all_day,
    appointment,
    availability,
    closed,
    find,
    hours,
    parameters,
    practitioner,
    refusal,
    schedule,
    service,
    service_type,
    slot,
    starts,
    times,
)

SERVICE = "Parameters.service-type-reference"
SCHEDULE = "Parameters.schedule[0]"
DAY = ("2026-03-16T00:00:00Z", "2026-03-17T00:00:00Z")  # a Monday
DURATIONS = ("duration", "bufferBefore", "bufferAfter", "alignmentInterval", "alignmentOffset", "holdDuration")
BAD_LIMIT = "Invalid bookingLimit, must have a positive integer frequency and period and a periodUnit of d, wk or mo"


def ask(*resources: Resource, window: tuple[str, str] = DAY, count: int = 1000) -> tuple[int, Resource]:
    """Search schedule a, of Practitioner/a in UTC."""
    return find([*resources, practitioner("a")], schedule="a", start=window[0], end=window[1], count=count)


def raw(*extensions: Resource) -> Resource:
    """A SchedulingParameters extension of sub-extensions as they stand."""
    return {"url": PARAMETERS_URL, "extension": list(extensions)}


def length(answer: tuple[int, Resource]) -> int:
    """Minutes of the first proposal; the days differ by one at most."""
    proposal = answer[1]["entry"][0]["resource"]
    (day, hour, minute), (end_day, end_hour, end_minute) = (
        (int(text[8:10]), int(text[11:13]), int(text[14:16])) for text in (proposal["start"], proposal["end"])
    )
    return (end_day - day) * 1440 + (end_hour - hour) * 60 + end_minute - minute


def refused_at(where: str, *extensions: Resource) -> tuple[int, str, str, list[str] | None]:
    """The refusal of these sub-extensions; the others are right."""
    note = {"url": "note", "valueString": "unknown, ignored"}
    other = {"url": "http://example.org/other", "valueString": "kept, ignored"}
    faulty = [other, raw(note, *extensions)]
    if where == "service":
        return refusal(ask(service(extension=faulty), schedule("a", parameters(duration=30))))
    return refusal(ask(service(), schedule("a", extension=faulty)))


def at(where: str, *indexes: int) -> list[str]:
    """Paths of sub-extensions given to `refused_at`, behind the other extension and the note."""
    base = SERVICE if where == "service" else SCHEDULE
    return [f"{base}.extension[1].extension[{index + 1}]" for index in indexes]


# 3.1 fields and durations


@pytest.mark.parametrize(
    ("value", "unit", "minutes"),
    [
        (30, "min", 30),
        (30.0, "min", 30),
        (0.5, "h", 30),
        (2.05, "h", 123),  # 2.05 × 60 is 122.99999999999999 in binary floats
        (4.35, "h", 261),
        (0.25, "d", 360),
        (0.125, "wk", 1260),  # 10080 ÷ 8
        (1, "d", 1440),
    ],
)
def test_a_duration_is_value_times_unit_in_exact_decimals(value: float, unit: str, minutes: int) -> None:
    answer = ask(service(params=parameters(duration=(value, unit))), schedule("a"))
    assert length(answer) == minutes


def test_a_week_is_10080_minutes() -> None:
    resources = (service(params=parameters(duration=(1, "wk"))), schedule("a"))
    assert starts(ask(*resources, window=("2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z"))) == ["2026-03-02T00:00Z"]
    assert starts(ask(*resources, window=("2026-03-02T00:00:00Z", "2026-03-08T23:59:00Z"))) == []


def test_code_and_system_of_a_duration_are_not_read() -> None:
    value = {"value": 45, "unit": "min", "code": "h", "system": "http://example.org/none"}
    assert length(ask(service(params=raw({"url": "duration", "valueDuration": value})), schedule("a"))) == 45


def test_a_duration_of_zero_is_stored_and_never_available() -> None:
    assert starts(ask(service(params=parameters(duration=0)), schedule("a"))) == []


def test_unknown_sub_extensions_are_ignored() -> None:
    params = raw({"url": "colour", "valueDuration": {"unit": "x"}}, *parameters(duration=720)["extension"])
    assert length(ask(service(params=params), schedule("a"))) == 720


@pytest.mark.parametrize("interval", [None, 0, 60, (1, "h")])
def test_the_alignment_interval_is_60_minutes_by_default_and_for_zero(interval: Any) -> None:
    params = parameters(duration=10) if interval is None else parameters(duration=10, alignmentInterval=interval)
    window = ("2026-03-16T08:00:00Z", "2026-03-16T11:00:00Z")
    assert times(ask(service(params=params), schedule("a"), window=window)) == ["08:00", "09:00", "10:00"]


@pytest.mark.parametrize("interval", [1440, (24, "h"), (1, "d")])
def test_an_alignment_interval_of_one_day_is_allowed(interval: Any) -> None:
    answer = ask(service(params=parameters(duration=30, alignmentInterval=interval)), schedule("a"))
    assert times(answer) == ["00:00"]


def test_capacity_buffers_and_offset_have_their_defaults() -> None:
    resources = (service(params=parameters(duration=60)), schedule("a"))
    busy = slot("s", "a", "2026-03-16T09:00:00Z", "2026-03-16T10:00:00Z", capacity=9)
    window = ("2026-03-16T08:00:00Z", "2026-03-16T11:00:00Z")
    # without buffers 08:00 may touch the Slot; capacity 1 is blocked by any Slot
    assert times(ask(*resources, busy, window=window)) == ["08:00", "10:00"]


@pytest.mark.parametrize(
    "zone", ["America/New_York", "america/new_york", "AMERICA/NEW_YORK", "US/Eastern", "us/eastern"]
)
@pytest.mark.parametrize("where", ["service", "schedule", "actor"])
def test_zones_are_iana_names_and_aliases_in_any_letter_case(zone: str, where: str) -> None:
    own = {} if where == "actor" else {"timezone": zone}
    resources = [
        service(params=parameters(duration=60, **(own if where == "service" else {}))),
        schedule(
            "a", parameters(**(own if where == "schedule" else {}), availability=[hours("mon", "09:00:00", "10:00:00")])
        ),
        practitioner("a", zone if where == "actor" else "Etc/UTC"),
    ]
    # 09:00 at UTC-4
    assert times(find(resources, schedule="a", start=DAY[0], end=DAY[1])) == ["13:00"]


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "asia/calcutta", "ASIA/CALCUTTA"])
def test_alignment_zones_too_are_aliases_in_any_letter_case(zone: str) -> None:
    window = ("2026-03-16T08:00:00Z", "2026-03-16T10:00:00Z")
    params = parameters(duration=30, alignmentTimezone=zone)
    # full hours at UTC+5:30
    assert times(ask(service(params=params), schedule("a"), window=window)) == ["08:30", "09:30"]


# 3.2 errors


@pytest.mark.parametrize("where", ["service", "schedule"])
@pytest.mark.parametrize("name", DURATIONS)
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"unit": "min"}, "Got duration without value"),
        ({"value": 30, "unit": "minutes"}, 'Got unhandled duration unit "minutes"'),
        ({"value": 30, "unit": "MIN"}, 'Got unhandled duration unit "MIN"'),
        ({"value": 60, "unit": "s"}, 'Got unhandled duration unit "s"'),
        ({"value": 1, "unit": "mo"}, 'Got unhandled duration unit "mo"'),
        ({"value": 30, "code": "min"}, 'Got unhandled duration unit "undefined"'),
        ({"value": 0.5, "unit": "min"}, "Got duration that is not a whole number of minutes"),
        ({"value": 0.01, "unit": "h"}, "Got duration that is not a whole number of minutes"),  # 0.6 min
        ({"value": 0.001, "unit": "d"}, "Got duration that is not a whole number of minutes"),  # 1.44 min
    ],
)
def test_a_faulty_duration_is_refused(where: str, name: str, value: Resource, text: str) -> None:
    bad = {"url": name, "valueDuration": value}
    assert refused_at(where, bad) == (400, "invalid", text, at(where, 0))


@pytest.mark.parametrize("where", ["service", "schedule"])
@pytest.mark.parametrize("name", [name for name in DURATIONS if name != "holdDuration"])
def test_a_negative_duration_is_refused(where: str, name: str) -> None:
    bad = {"url": name, "valueDuration": {"value": -5, "unit": "min"}}
    assert refused_at(where, bad) == (400, "invalid", "Got duration with negative value", at(where, 0))


@pytest.mark.parametrize("where", ["service", "schedule"])
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, "valueDuration") for name in DURATIONS),
        ("timezone", "valueCode"),
        ("alignmentTimezone", "valueCode"),
        ("slotCapacity", "valuePositiveInt"),
        ("bookingLimit", "valueTiming"),
    ],
)
def test_a_sub_extension_without_its_value_is_refused(where: str, name: str, kind: str) -> None:
    bad = {"url": name, "valueString": "something else"}
    assert refused_at(where, bad) == (400, "invalid", f"Extension {kind} missing", at(where, 0))


def test_a_service_sub_extension_without_a_reference_is_refused() -> None:
    assert refused_at("schedule", {"url": "service", "valueString": "HealthcareService/checkup"}) == (
        400,
        "invalid",
        "Extension valueReference missing",
        at("schedule", 0),
    )


@pytest.mark.parametrize("where", ["service", "schedule"])
@pytest.mark.parametrize(("value", "unit"), [(1441, "min"), (25, "h"), (2, "d"), (1, "wk")])
def test_an_alignment_interval_above_one_day_is_refused(where: str, value: int, unit: str) -> None:
    bad = {"url": "alignmentInterval", "valueDuration": {"value": value, "unit": unit}}
    text = "alignmentInterval cannot exceed 1440 minutes (1 day)"
    assert refused_at(where, bad) == (400, "invalid", text, at(where, 0))


@pytest.mark.parametrize("where", ["service", "schedule"])
@pytest.mark.parametrize("value", [0, -1, 1.5])
def test_a_capacity_that_is_no_positive_integer_is_refused(where: str, value: float) -> None:
    bad = {"url": "slotCapacity", "valuePositiveInt": value}
    assert refused_at(where, bad) == (400, "invalid", "slotCapacity must be a positive integer", at(where, 0))


@pytest.mark.parametrize("where", ["service", "schedule"])
def test_a_hold_duration_of_zero_is_refused(where: str) -> None:
    bad = {"url": "holdDuration", "valueDuration": {"value": 0, "unit": "min"}}
    assert refused_at(where, bad) == (400, "invalid", "holdDuration must be longer than 0 minutes", at(where, 0))


@pytest.mark.parametrize("where", ["service", "schedule"])
@pytest.mark.parametrize(
    "timing",
    [
        {"code": {"text": "BID"}},
        {"repeat": {"period": 1, "periodUnit": "d"}},
        {"repeat": {"frequency": 1, "periodUnit": "d"}},
        {"repeat": {"frequency": 1, "period": 1}},
        {"repeat": {"frequency": 0, "period": 1, "periodUnit": "d"}},
        {"repeat": {"frequency": -1, "period": 1, "periodUnit": "d"}},
        {"repeat": {"frequency": 1, "period": 0, "periodUnit": "d"}},
        {"repeat": {"frequency": 1, "period": 1.5, "periodUnit": "d"}},
        {"repeat": {"frequency": 1, "period": 1, "periodUnit": "h"}},
        {"repeat": {"frequency": 1, "period": 1, "periodUnit": "a"}},
    ],
)
def test_a_faulty_booking_limit_is_refused(where: str, timing: Resource) -> None:
    bad = {"url": "bookingLimit", "valueTiming": timing}
    assert refused_at(where, bad) == (400, "invalid", BAD_LIMIT, at(where, 0))


@pytest.mark.parametrize("where", ["service", "schedule"])
@pytest.mark.parametrize("name", ["timezone", "alignmentTimezone"])
@pytest.mark.parametrize("zone", ["Mars/Olympus", "+01:00", "America", "posix/Europe/Vienna", "localtime", "../etc"])
def test_a_zone_that_is_no_iana_name_is_refused(where: str, name: str, zone: str) -> None:
    bad = {"url": name, "valueCode": zone}
    assert refused_at(where, bad) == (400, "invalid", f"Invalid timezone '{zone}'", at(where, 0))


def test_an_invalid_zone_of_the_actor_is_refused_at_the_actor() -> None:
    resources = [service(), schedule("a"), practitioner("a", "Mars/Olympus")]
    answer = find(resources, schedule="a", start=DAY[0], end=DAY[1])
    assert refusal(answer) == (400, "invalid", "Invalid timezone 'Mars/Olympus'", [f"{SCHEDULE}.actor[0]"])


@pytest.mark.parametrize("where", ["service", "schedule"])
def test_an_invalid_zone_of_the_actor_that_is_not_used_is_no_error(where: str) -> None:
    named = parameters(duration=720, alignmentInterval=720, timezone="Etc/UTC")
    plain = parameters(duration=720, alignmentInterval=720)
    own = (
        [service(params=named), schedule("a")] if where == "service" else [service(params=plain), schedule("a", named)]
    )
    answer = find([*own, practitioner("a", "Mars/Olympus")], schedule="a", start=DAY[0], end=DAY[1])
    assert times(answer) == ["00:00", "12:00"]


@pytest.mark.parametrize("where", ["service", "schedule"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, {"valueDuration": {"value": 30, "unit": "min"}}) for name in DURATIONS),
        ("alignmentTimezone", {"valueCode": "Etc/UTC"}),
        ("timezone", {"valueCode": "Etc/UTC"}),
        ("slotCapacity", {"valuePositiveInt": 2}),
    ],
)
def test_a_single_field_given_twice_is_refused_at_all_occurrences(where: str, name: str, value: Resource) -> None:
    twice = {"url": name, **value}
    between = {"url": "note", "valueString": "x"}
    text = f"Scheduling parameter attribute '{name}' has too many values"
    assert refused_at(where, twice, between, twice) == (400, "invalid", text, at(where, 0, 2))


def test_two_services_in_one_extension_are_too_many() -> None:
    named = {"url": "service", "valueReference": {"reference": "HealthcareService/checkup"}}
    text = "Scheduling parameter attribute 'service' has too many values"
    assert refused_at("schedule", named, named) == (400, "invalid", text, at("schedule", 0, 1))


def test_three_values_are_all_located() -> None:
    one = {"url": "duration", "valueDuration": {"value": 30, "unit": "min"}}
    text = "Scheduling parameter attribute 'duration' has too many values"
    assert refused_at("service", one, one, one) == (400, "invalid", text, at("service", 0, 1, 2))


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("service", {"url": "service", "valueReference": {"reference": "HealthcareService/checkup"}}),
        ("availability", availability(all_day("mon"))),
    ],
)
def test_service_and_availability_are_not_allowed_on_the_service(name: str, bad: Resource) -> None:
    text = f"Scheduling parameter attribute '{name}' is not allowed on HealthcareService"
    assert refused_at("service", bad) == (400, "invalid", text, at("service", 0))


def test_two_extensions_on_the_service_are_too_many() -> None:
    twice = service(extension=[parameters(duration=30), parameters(bufferAfter=5)])
    text = "HealthcareService has too many scheduling parameters extensions"
    assert refusal(ask(twice, schedule("a"))) == (400, "invalid", text, [SERVICE])


@pytest.mark.parametrize(
    "pair",
    [
        [parameters(bufferAfter=5), parameters(bufferBefore=5)],
        [parameters(service="checkup", bufferAfter=5), parameters(service="checkup", bufferBefore=5)],
    ],
)
def test_two_extensions_of_one_layer_on_the_schedule_are_too_many(pair: list[Resource]) -> None:
    text = "Schedule has too many scheduling parameters extensions"
    assert refusal(ask(service(), schedule("a", *pair))) == (400, "invalid", text, [SCHEDULE])


@pytest.mark.parametrize(
    ("own", "expression"),
    [
        ([], [SERVICE, SCHEDULE]),
        ([parameters(service="other", duration=30)], [SERVICE, SCHEDULE]),
        ([parameters(bufferAfter=5)], [SCHEDULE]),
        ([parameters(service="checkup", bufferAfter=5)], [SCHEDULE]),
    ],
)
@pytest.mark.parametrize("extension", [[], [parameters(bufferAfter=5)]])
def test_a_missing_duration_is_located_where_it_could_stand(
    own: list[Resource], expression: list[str], extension: list[Resource]
) -> None:
    answer = ask(service(extension=extension), schedule("a", *own))
    text = "Scheduling parameter attribute 'duration' is missing"
    assert refusal(answer) == (400, "invalid", text, expression)


def test_no_zone_anywhere_is_refused_at_the_actor() -> None:
    answer = find([service(), schedule("a"), practitioner("a", None)], schedule="a", start=DAY[0], end=DAY[1])
    assert refusal(answer) == (400, "invalid", "No timezone specified", [f"{SCHEDULE}.actor[0]"])


def test_an_actor_that_cannot_be_read_is_refused_if_no_layer_names_a_zone() -> None:
    answer = find([service(), schedule("a")], schedule="a", start=DAY[0], end=DAY[1])
    text = "No timezone specified and schedule.actor could not be read"
    assert refusal(answer) == (400, "invalid", text, [f"{SCHEDULE}.actor[0]"])


@pytest.mark.parametrize("where", ["service", "schedule"])
def test_an_actor_that_cannot_be_read_does_not_matter_if_a_layer_names_the_zone(where: str) -> None:
    named = parameters(duration=720, alignmentInterval=720, timezone="Etc/UTC")
    plain = parameters(duration=720, alignmentInterval=720)
    own = (
        [service(params=named), schedule("a")] if where == "service" else [service(params=plain), schedule("a", named)]
    )
    assert times(find(own, schedule="a", start=DAY[0], end=DAY[1])) == ["00:00", "12:00"]


# 3.2 order, 3.3 paths


def bad(name: str = "bufferAfter") -> Resource:
    return {"url": name, "valueDuration": {"unit": "min"}}


def good(name: str, value: int = 30) -> Resource:
    return {"url": name, "valueDuration": {"value": value, "unit": "min"}}


def test_the_service_is_checked_before_the_schedules() -> None:
    answer = ask(service(params=raw(good("duration"), bad())), schedule("a", raw(bad())))
    assert refusal(answer)[3] == [f"{SERVICE}.extension[0].extension[1]"]


def test_too_many_values_on_the_service_come_before_a_fault_on_the_schedule() -> None:
    answer = ask(service(params=raw(good("duration"), good("duration"))), schedule("a", raw(bad())))
    assert refusal(answer)[2] == "Scheduling parameter attribute 'duration' has too many values"


@pytest.mark.parametrize("order", [["a", "b"], ["b", "a"]])
def test_schedules_are_checked_in_request_order(order: list[str]) -> None:
    stored = [
        service(),
        schedule("a", raw(bad("bufferBefore"))),
        schedule("b", raw(good("duration"), bad())),
        practitioner("a"),
        practitioner("b"),
    ]
    answer = find(stored, schedule=order, start=DAY[0], end=DAY[1])
    assert refusal(answer)[3] == [f"{SCHEDULE}.extension[0].extension[{0 if order[0] == 'a' else 1}]"]


@pytest.mark.parametrize("first", ["bufferAfter", "duration"])
def test_sub_extensions_are_checked_in_stored_order(first: str) -> None:
    second = "duration" if first == "bufferAfter" else "bufferAfter"
    unhandled = {"url": second, "valueDuration": {"value": 1, "unit": "x"}}
    assert refused_at("schedule", bad(first), unhandled)[2:] == ("Got duration without value", at("schedule", 0))


def test_a_faulty_sub_extension_comes_before_too_many_values() -> None:
    found = refused_at("schedule", good("duration"), good("duration"), bad())
    assert found[2:] == ("Got duration without value", at("schedule", 2))


def test_too_many_values_come_before_a_missing_duration() -> None:
    answer = ask(service(extension=[]), schedule("a", raw(good("bufferAfter"), good("bufferAfter"))))
    assert refusal(answer)[2] == "Scheduling parameter attribute 'bufferAfter' has too many values"


def test_a_faulty_sub_extension_of_the_schedule_comes_before_a_missing_duration() -> None:
    answer = ask(service(extension=[]), schedule("a", raw(bad())))
    assert refusal(answer)[2] == "Got duration without value"


@pytest.mark.parametrize("zone", [None, "Mars/Olympus"])
def test_a_missing_duration_comes_before_the_zone(zone: str | None) -> None:
    resources = [service(extension=[]), schedule("a"), practitioner("a", zone)]
    answer = find(resources, schedule="a", start=DAY[0], end=DAY[1])
    assert refusal(answer)[2] == "Scheduling parameter attribute 'duration' is missing"


def test_the_first_schedule_is_checked_to_its_zone_before_the_second_is_begun() -> None:
    resources = [service(), schedule("a"), schedule("b", raw(bad())), practitioner("a", None), practitioner("b")]
    answer = find(resources, schedule=["a", "b"], start=DAY[0], end=DAY[1])
    assert refusal(answer)[2] == "No timezone specified"


def test_a_missing_duration_of_the_first_schedule_comes_before_a_fault_of_the_second() -> None:
    resources = [service(extension=[]), schedule("a"), schedule("b", raw(bad())), practitioner("a"), practitioner("b")]
    answer = find(resources, schedule=["a", "b"], start=DAY[0], end=DAY[1])
    assert refusal(answer)[2:] == ("Scheduling parameter attribute 'duration' is missing", [SERVICE, SCHEDULE])


def test_inside_a_pool_of_several_the_path_names_the_part() -> None:
    resources = [service(), schedule("a"), schedule("b", raw(bad())), practitioner("a"), practitioner("b")]
    answer = find(resources, schedule="a,b", start=DAY[0], end=DAY[1])
    assert refusal(answer)[3] == ["Parameters.schedule[0].part[1].extension[0].extension[0]"]


def test_the_second_pool_of_one_is_located_by_its_index() -> None:
    resources = [service(), schedule("a"), schedule("b"), practitioner("a"), practitioner("b", None)]
    answer = find(resources, schedule=["a", "b"], start=DAY[0], end=DAY[1])
    assert refusal(answer)[3] == ["Parameters.schedule[1].actor[0]"]


# 4 resolution


@pytest.mark.parametrize("specific_first", [False, True])
def test_the_layers_of_the_worked_example(specific_first: bool) -> None:
    own = [parameters(bufferAfter=5, timezone="Europe/Vienna"), parameters(service="checkup", duration=45)]
    monday = {"daysOfWeek": ["mon"], "availableStartTime": "09:00:00", "availableEndTime": "17:00:00"}
    answer = ask(
        service(params=parameters(duration=30, bufferAfter=10), availableTime=[monday]),
        schedule("a", *(reversed(own) if specific_first else own)),
    )
    # Vienna is at UTC+1: 08:00Z to 16:00Z; every hour, t + 45 + 5 <= 16:00
    assert times(answer) == [f"{hour:02}:00" for hour in range(8, 16)]
    assert length(answer) == 45
    buffer = answer[1]["entry"][0]["resource"]["contained"][1]
    assert (buffer["start"], buffer["end"]) == ("2026-03-16T08:45:00.000Z", "2026-03-16T08:50:00.000Z")


LAYERS = [
    ((30, None, None), 30),
    ((30, 45, None), 45),
    ((30, None, 60), 60),
    ((30, 45, 60), 60),
    ((None, 45, None), 45),
    ((None, None, 60), 60),
    ((None, 45, 60), 60),
]


def layered(name: str, values: tuple[int | None, int | None, int | None], **others: Any) -> list[Resource]:
    """Service and schedule a, with the values on the service, the Schedule, and the Schedule for the service."""
    first, second, third = ({} if value is None else {name: value} for value in values)
    return [
        service(params=parameters(**others, **first)),
        schedule("a", parameters(**second), parameters(service="checkup", **third)),
    ]


@pytest.mark.parametrize(("values", "minutes"), LAYERS)
def test_the_duration_comes_from_the_highest_layer(
    values: tuple[int | None, int | None, int | None], minutes: int
) -> None:
    assert length(ask(*layered("duration", values))) == minutes


@pytest.mark.parametrize(("values", "minutes"), [*LAYERS, ((None, None, None), 0), ((30, 0, None), 0)])
def test_the_buffer_comes_from_the_highest_layer(
    values: tuple[int | None, int | None, int | None], minutes: int
) -> None:
    window = ("2026-03-16T00:00:00Z", "2026-03-16T02:00:00Z")
    answer = ask(*layered("bufferAfter", values, duration=30, alignmentInterval=5), window=window)
    # the last start: 02:00 - 30 - buffer, on a grid of 5 minutes
    last = 90 - minutes
    assert times(answer)[-1] == f"{last // 60:02}:{last % 60:02}"


@pytest.mark.parametrize(("values", "interval"), [*LAYERS, ((30, 0, None), 60), ((None, None, None), 60)])
def test_the_grid_comes_from_the_highest_layer(
    values: tuple[int | None, int | None, int | None], interval: int
) -> None:
    answer = ask(*layered("alignmentInterval", values, duration=5))
    assert times(answer)[1] == f"{interval // 60:02}:{interval % 60:02}"


@pytest.mark.parametrize(
    ("zones", "start"),
    [
        # 09:00 local on 2026-03-16
        ((None, None, None, "Etc/UTC"), "09:00"),
        (("Europe/Vienna", None, None, "Etc/UTC"), "08:00"),
        (("Europe/Vienna", "Europe/Athens", None, "Etc/UTC"), "07:00"),
        (("Europe/Vienna", "Europe/Athens", "Asia/Dubai", "Etc/UTC"), "05:00"),
        (("Europe/Vienna", None, "Asia/Dubai", "Etc/UTC"), "05:00"),
        ((None, None, None, "Asia/Tokyo"), "00:00"),
    ],
)
def test_the_zone_comes_from_the_highest_layer_and_last_from_the_actor(
    zones: tuple[str | None, str | None, str | None, str], start: str
) -> None:
    first, second, third = ({} if zone is None else {"timezone": zone} for zone in zones[:3])
    answer = find(
        [
            service(params=parameters(duration=60, **first)),
            schedule(
                "a",
                parameters(**second, availability=[hours("mon", "09:00:00", "10:00:00")]),
                parameters(service="checkup", **third),
            ),
            practitioner("a", zones[3]),
        ],
        schedule="a",
        start=DAY[0],
        end=DAY[1],
    )
    assert times(answer) == [start]


def test_extensions_naming_other_services_are_not_read() -> None:
    others = [
        parameters(service="other", duration=45, availability=[hours("mon", "20:00:00", "21:00:00")]),
        raw({"url": "service", "valueReference": {"reference": "HealthcareService/other"}}, bad(), bad()),
    ]
    answer = ask(service(params=parameters(duration=30, alignmentInterval=1440)), schedule("a", *others))
    assert times(answer) == ["00:00"]
    assert length(answer) == 30


def test_a_service_reference_is_compared_by_type_and_id() -> None:
    versioned = parameters(service="checkup/_history/2", duration=45)
    assert length(ask(service(), schedule("a", versioned))) == 45


@pytest.mark.parametrize("where", ["service", "general"])
def test_a_fault_in_a_lower_layer_is_an_error_though_a_higher_layer_wins(where: str) -> None:
    faulty = raw(good("duration"), bad())
    winning = parameters(service="checkup", bufferAfter=10)
    answer = (
        ask(service(params=faulty), schedule("a", winning))
        if where == "service"
        else ask(service(), schedule("a", winning, faulty))
    )
    path = f"{SERVICE}.extension[0]" if where == "service" else f"{SCHEDULE}.extension[1]"
    assert refusal(answer)[3] == [f"{path}.extension[1]"]


NINE_TO_ELEVEN = {"daysOfWeek": ["mon"], "availableStartTime": "09:00:00", "availableEndTime": "11:00:00"}
HOURLY = parameters(duration=60)


def test_hours_of_the_schedule_replace_those_of_the_service() -> None:
    own = parameters(availability=[hours("mon", "10:00:00", "12:00:00")])
    assert times(ask(service(params=HOURLY, availableTime=[NINE_TO_ELEVEN]), schedule("a", own))) == ["10:00", "11:00"]


def test_hours_for_the_service_replace_the_general_hours_of_the_schedule() -> None:
    general = parameters(availability=[hours("mon", "09:00:00", "11:00:00")])
    specific = parameters(service="checkup", availability=[hours("mon", "10:00:00", "12:00:00")])
    assert times(ask(service(params=HOURLY), schedule("a", general, specific))) == ["10:00", "11:00"]


def test_hours_of_the_schedule_replace_the_closures_of_the_service_too() -> None:
    shut = [{"during": {"start": "2026-03-16T09:00:00Z", "end": "2026-03-16T10:00:00Z"}}]
    own = parameters(availability=[hours("mon", "09:00:00", "11:00:00")])
    assert times(ask(service(params=HOURLY, notAvailable=shut), schedule("a", own))) == ["09:00", "10:00"]


def test_several_availabilities_of_one_extension_add_up() -> None:
    own = raw(
        availability(hours("mon", "09:00:00", "10:00:00")),
        availability(hours("mon", "12:00:00", "13:00:00")),
    )
    assert times(ask(service(params=HOURLY), schedule("a", own))) == ["09:00", "12:00"]


LEAVE = closed("2026-03-16T10:00:00Z", "2026-03-16T11:00:00Z")


@pytest.mark.parametrize("specific", [False, True])
def test_leave_alone_keeps_the_hours_and_closures_of_the_service(specific: bool) -> None:
    long_day = {**NINE_TO_ELEVEN, "availableEndTime": "13:00:00"}
    shut = [{"during": {"start": "2026-03-16T12:00:00Z", "end": "2026-03-16T13:00:00Z"}}]
    own = parameters(service="checkup", availability=[LEAVE]) if specific else parameters(availability=[LEAVE])
    answer = ask(service(params=HOURLY, availableTime=[long_day], notAvailable=shut), schedule("a", own))
    assert times(answer) == ["09:00", "11:00"]


def test_leave_for_the_service_keeps_the_general_hours_and_closures_of_the_schedule() -> None:
    shut = closed("2026-03-16T12:00:00Z", "2026-03-16T13:00:00Z")
    general = parameters(availability=[hours("mon", "09:00:00", "13:00:00"), shut])
    specific = parameters(service="checkup", availability=[LEAVE])
    assert times(ask(service(params=HOURLY), schedule("a", general, specific))) == ["09:00", "11:00"]


def test_leave_on_two_layers_is_added_to_the_hours_of_the_third() -> None:
    general = parameters(availability=[closed("2026-03-16T09:00:00Z", "2026-03-16T09:30:00Z")])
    specific = parameters(service="checkup", availability=[LEAVE])
    long_day = {**NINE_TO_ELEVEN, "availableEndTime": "13:00:00"}
    answer = ask(service(params=HOURLY, availableTime=[long_day]), schedule("a", general, specific))
    assert times(answer) == ["11:00", "12:00"]


def test_leave_without_hours_on_any_layer_closes_the_time_that_is_always_open() -> None:
    window = ("2026-03-16T09:00:00Z", "2026-03-16T12:00:00Z")
    answer = ask(service(params=HOURLY), schedule("a", parameters(availability=[LEAVE])), window=window)
    assert times(answer) == ["09:00", "11:00"]


def test_leave_beside_hours_in_another_availability_of_the_extension_belongs_to_those_hours() -> None:
    own = raw(availability(LEAVE), availability(hours("mon", "10:00:00", "13:00:00")))
    answer = ask(service(params=HOURLY, availableTime=[NINE_TO_ELEVEN]), schedule("a", own))
    assert times(answer) == ["11:00", "12:00"]


def test_leave_of_an_extension_with_hours_that_open_nothing_does_not_keep_the_hours_of_the_service() -> None:
    nothing = {"url": "availableTime", "extension": [{"url": "daysOfWeek", "valueCode": "mon"}]}
    own = parameters(availability=[LEAVE, nothing])
    assert times(ask(service(params=HOURLY, availableTime=[NINE_TO_ELEVEN]), schedule("a", own))) == []


def test_booking_limits_of_the_schedule_replace_all_of_the_service() -> None:
    twice = parameters(duration=60, bookingLimit=[(1, 1, "d"), (1, 1, "wk")])
    own = parameters(bookingLimit=(2, 1, "d"))
    booked = [
        slot("s", "a", "2026-03-16T09:00:00Z", "2026-03-16T10:00:00Z"),
        appointment("x", ["s"]),
    ]
    window = ("2026-03-16T10:00:00Z", "2026-03-16T12:00:00Z")
    assert times(ask(service(params=twice), schedule("a"), *booked, window=window)) == []
    assert times(ask(service(params=twice), schedule("a", own), *booked, window=window)) == ["10:00", "11:00"]


# 5 services

TWO_HALVES = ("2026-03-16T10:00:00Z", "2026-03-16T11:00:00Z")


def reference(id: str) -> Resource:
    return {"url": SERVICE_REFERENCE_URL, "valueReference": {"reference": id}}


@pytest.mark.parametrize(
    "concepts",
    [
        [service_type("checkup")],
        [service_type("other"), service_type("checkup", text="Check-up")],
        [{"text": "only text"}, service_type("checkup")],
        [{"extension": [reference("HealthcareService/checkup"), reference("HealthcareService/other")]}],
        [{"extension": [{"url": "http://e.org/x", "valueString": "x"}, reference("HealthcareService/checkup")]}],
    ],
)
def test_a_schedule_is_schedulable_if_a_concept_refers_to_the_service_first(concepts: list[Resource]) -> None:
    assert times(ask(service(), schedule("a", serviceType=concepts), window=TWO_HALVES)) == ["10:00", "10:30"]


CHECKUP_CODE = {"system": "http://e.org", "code": "chk"}


@pytest.mark.parametrize(
    "concepts",
    [
        [],
        [service_type("other")],
        [{"coding": [CHECKUP_CODE]}],
        [{"extension": [reference("HealthcareService/other"), reference("HealthcareService/checkup")]}],
        [{"extension": [reference("HealthcareService/checkup/_history/1")]}],
        [{"extension": [reference("http://example.org/fhir/HealthcareService/checkup")]}],
        [{"extension": [reference("HealthcareService/Checkup")]}],
    ],
)
def test_a_schedule_is_not_schedulable_otherwise(concepts: list[Resource]) -> None:
    typed = service(type=[{"coding": [CHECKUP_CODE]}])
    own = parameters(service="checkup", duration=30)
    text = "Schedule is not schedulable for requested service type"
    answer = ask(typed, schedule("a", own, serviceType=concepts))
    assert refusal(answer) == (400, "invalid", text, [SCHEDULE])


def test_a_schedule_without_service_types_is_not_schedulable() -> None:
    lacking = schedule("a", parameters(service="checkup"))
    del lacking["serviceType"]
    assert refusal(ask(service(), lacking))[2] == "Schedule is not schedulable for requested service type"


CHECKUP = service(type=[{"coding": [{"system": "http://e.org", "code": "chk"}]}])
XRAY = {"coding": [{"system": "http://e.org", "code": "xray"}]}
SLOT_TYPES = [
    pytest.param({}, True, id="untyped"),
    pytest.param({"serviceType": [{"coding": [CHECKUP_CODE]}]}, True, id="same-coding"),
    pytest.param({"serviceType": [{"coding": [{"code": "chk"}]}]}, False, id="without-system"),
    pytest.param({"serviceType": [service_type("checkup", **XRAY)]}, True, id="other-coding-with-reference"),
    pytest.param({"serviceType": [{"text": "Check-up"}]}, False, id="text-only"),
    pytest.param({"serviceType": [XRAY]}, False, id="other-coding"),
    pytest.param({"serviceType": [service_type("other")]}, False, id="reference-to-another-service"),
    pytest.param({"serviceType": [XRAY, {"coding": [CHECKUP_CODE]}]}, True, id="second-concept"),
    pytest.param({"serviceType": [{"coding": [*XRAY["coding"], CHECKUP_CODE]}]}, True, id="second-coding"),
    pytest.param({"serviceType": [{"coding": [{"system": "http://e.org", "code": "CHK"}]}]}, False, id="letter-case"),
]


@pytest.mark.parametrize(("elements", "concerned"), SLOT_TYPES)
def test_a_busy_slot_blocks_the_services_it_concerns(elements: Resource, concerned: bool) -> None:
    busy = slot("s", "a", "2026-03-16T10:00:00Z", "2026-03-16T10:30:00Z", **elements)
    expected = ["10:30"] if concerned else ["10:00", "10:30"]
    assert times(ask(CHECKUP, schedule("a"), busy, window=TWO_HALVES)) == expected


@pytest.mark.parametrize(("elements", "concerned"), SLOT_TYPES)
def test_a_free_slot_opens_time_for_the_services_it_concerns(elements: Resource, concerned: bool) -> None:
    free = slot("s", "a", "2026-03-16T10:00:00Z", "2026-03-16T10:30:00Z", "free", **elements)
    never = schedule("a", parameters(availability=[]))
    assert times(ask(CHECKUP, never, free)) == (["10:00"] if concerned else [])


@pytest.mark.parametrize(("elements", "concerned"), SLOT_TYPES)
def test_a_slot_counts_towards_capacity_for_the_services_it_concerns(elements: Resource, concerned: bool) -> None:
    busy = slot("s", "a", "2026-03-16T10:00:00Z", "2026-03-16T10:30:00Z", capacity=2, **elements)
    other = slot("t", "a", "2026-03-16T10:00:00Z", "2026-03-16T10:30:00Z", capacity=2)
    wide = schedule("a", parameters(slotCapacity=2))
    expected = ["10:30"] if concerned else ["10:00", "10:30"]
    assert times(ask(CHECKUP, wide, busy, other, window=TWO_HALVES)) == expected


@pytest.mark.parametrize(("elements", "concerned"), SLOT_TYPES)
def test_a_slot_blocks_the_buffers_of_the_services_it_concerns(elements: Resource, concerned: bool) -> None:
    busy = slot("s", "a", "2026-03-16T10:00:00Z", "2026-03-16T10:30:00Z", **elements)
    buffered = schedule("a", parameters(bufferAfter=10))
    # 09:30 needs 10:00 to 10:10 for its buffer; 10:30 needs 11:00 to 11:10, outside the window
    window = ("2026-03-16T09:30:00Z", "2026-03-16T11:00:00Z")
    expected = [] if concerned else ["09:30", "10:00"]
    assert times(ask(CHECKUP, buffered, busy, window=window)) == expected


def test_a_missing_system_equals_a_missing_system() -> None:
    plain = service(type=[{"coding": [{"code": "chk"}]}])
    busy = slot("s", "a", "2026-03-16T10:00:00Z", "2026-03-16T10:30:00Z", serviceType=[{"coding": [{"code": "chk"}]}])
    assert times(ask(plain, schedule("a"), busy, window=TWO_HALVES)) == ["10:30"]
    assert times(ask(CHECKUP, schedule("a"), busy, window=TWO_HALVES)) == ["10:00", "10:30"]


def test_a_typed_slot_concerns_no_service_without_types_unless_it_names_it() -> None:
    coded = slot("s", "a", "2026-03-16T10:00:00Z", "2026-03-16T10:30:00Z", serviceType=[XRAY])
    named = slot("t", "a", "2026-03-16T10:30:00Z", "2026-03-16T11:00:00Z", serviceType=[service_type("checkup")])
    assert times(ask(service(), schedule("a"), coded, named, window=TWO_HALVES)) == ["10:00"]
