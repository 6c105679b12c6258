"""Random small calendars for the tests of the ledger, and changes of what they say of services and Schedules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ledger_model_proposals import written
from oracle import DAY, MINUTE, PARAMETERS, Resource
from strategies import (
    CHANGES,
    CODINGS,
    OTHER,
    PLAIN,
    SERVICE,
    Dice,
    Frame,
    make_appointment,
    make_availability,
    make_schedule,
    make_service,
    make_slot,
)
from support import availability, closed, parameters, practitioner, service, service_type, sub


@dataclass(frozen=True)
class Table:
    """What is loaded at first."""

    resources: list[Resource]
    frame: Frame
    schedules: list[str]
    slots: list[str]


def make_table(dice: Dice) -> Table:
    frame = make_table_frame(dice)
    duration = dice.pick((5, 10, 15, 30, 30, 45, 60))
    names = [f"s{number}" for number in range(dice.number(1, 3))]
    zone_of_service = frame.zone if dice.chance(50) else None
    offered = make_service(dice, frame, duration, zone_of_service)
    if dice.chance(60):
        offered["extension"][0]["extension"] += sub("holdDuration", dice.pick((1, 5, 10, 15)))
        remove_second(offered["extension"][0], "holdDuration")
    if dice.chance(20):
        offered["name"] = "Check-up"
    resources = [offered, service(OTHER, type=[{"coding": [CODINGS[OTHER]]}])]
    for name in names:
        zone = frame.zone if dice.chance(80) else dice.pick(tuple(CHANGES))
        resources.append(practitioner(name, zone if dice.chance(80) else None))
        own_zone = zone if zone_of_service is None and resources[-1].get("extension") is None else None
        actor = "Practitioner/s0" if dice.chance(10) and zone_of_service else f"Practitioner/{name}"
        resources.append(make_schedule(dice, frame, name, actor, own_zone, duration))
    for one in resources:
        if dice.chance(60):
            open_up(one)
        elif one["resourceType"] == "Schedule" and dice.chance(40):
            one["planningHorizon"] = half_hours(dice, frame)
    slots = [f"slot{number}" for number in range(dice.number(0, 3 * len(names)))]
    resources += [make_slot(dice, frame, name, names) for name in slots]
    for number in range(dice.number(0, 3)):
        status = dice.pick((None, None, "proposed", "pending"))
        made = make_appointment(dice, frame, f"appointment{number}", slots)
        made["start"], made["end"] = written(frame.start), written(frame.start + 30 * MINUTE)
        if dice.chance(20):
            mine, other, none = service_type(SERVICE), service_type(OTHER), service_type("nobody")
            made["serviceType"] = dice.pick(([], [mine, other], [{}, mine, mine], [none]))
        if dice.chance(20):
            made["identifier"] = [{"value": "X"}]
        if dice.chance(50):
            taking: list[Resource] = [{"type": [{"text": "nobody"}]}, {"actor": {"display": "Mrs. Smith"}}]
            taking += [{"actor": {"reference": f"Practitioner/{name}"}, "status": "accepted"} for name in names]
            made["participant"] = dice.several(taking, 1, 3)
        resources.append({**made, "status": status} if status else made)
    return Table(resources, frame, names, slots)


def open_up(resource: Resource) -> None:
    """Without hours, closures and horizon, so that there is more to book."""
    for name in ("planningHorizon", "availableTime", "notAvailable"):
        resource.pop(name, None)
    for layer in resource.get("extension", []):
        if layer["url"] == PARAMETERS:
            layer["extension"] = [one for one in layer["extension"] if one["url"] != "availability"]


def half_hours(dice: Dice, frame: Frame) -> Resource:
    """A horizon at whose bounds visits and buffers often end."""
    start = frame.start.replace(minute=0) + 30 * dice.number(-2, 3) * MINUTE
    end = start + 30 * dice.number(2, 8) * MINUTE + 7 * dice.number(0, (frame.occurrences or 1) - 1) * DAY
    return {"start": written(start), "end": written(end)}


def remove_second(extension: Resource, name: str) -> None:
    kept = [one for one in extension["extension"] if one["url"] == name][:1]
    extension["extension"] = [one for one in extension["extension"] if one["url"] != name] + kept


def make_table_frame(dice: Dice) -> Frame:
    """A few hours, often where the clocks change."""
    zone = dice.pick(tuple(CHANGES))
    occurrences = dice.number(2, 3) if dice.chance(40) else None
    change = datetime.fromisoformat(dice.pick((*CHANGES[zone] * 2, *PLAIN)))
    middle = change - dice.number(0, (occurrences or 1) - 1) * 7 * DAY
    length = 5 * dice.number(12, 60)
    start = middle - 5 * dice.number(0, length // 5) * MINUTE
    now = datetime(2026, 2, 1, 12, tzinfo=UTC) + timedelta(milliseconds=dice.number(0, 999))
    return Frame(start, length, change, zone, occurrences, now)


def change_owner(dice: Dice, frame: Frame, resource: Resource) -> None:
    """Another value of a parameter, or one fault of a Schedule or service."""
    owned: list[Resource] = resource.get("extension", [])
    layers = [one for one in owned if one["url"] == PARAMETERS]
    if dice.chance(15):
        resource["active"] = False
    elif dice.chance(10) and resource["resourceType"] == "Schedule":
        resource["serviceType"] = [service_type(OTHER)]
    elif dice.chance(10) and resource["resourceType"] == "Schedule":
        resource["actor"] = resource["actor"] * 2
    elif dice.chance(10):
        resource["extension"] = [*owned, *layers, *layers]
    elif not layers:
        resource["extension"] = [*owned, parameters(**good_fields(dice, frame, resource))]
    else:
        layer = dice.pick(layers)
        if dice.chance(50):
            fields = good_fields(dice, frame, resource)
            kept = [one for one in layer["extension"] if one["url"] not in fields]
            layer["extension"] = kept + parameters(**fields)["extension"]
        else:
            layer["extension"].append(bad_field(dice, resource))


def good_fields(dice: Dice, frame: Frame, resource: Resource) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "duration": dice.pick((0, 5, 30, 45, 60)),
        "bufferBefore": dice.pick((0, 5, 10, 15)),
        "bufferAfter": dice.pick((0, 5, 10, 15)),
        "slotCapacity": dice.number(1, 4),
        "bookingLimit": (dice.number(1, 2), 1, dice.pick(("d", "wk", "mo"))),
        "holdDuration": dice.pick((1, 5, 30)),
        "alignmentInterval": dice.pick((5, 10, 15, 30)),
        "timezone": dice.pick((frame.zone, "Etc/UTC")),
    }
    if resource["resourceType"] == "Schedule":
        fields["availability"] = make_availability(dice, frame)
    return {name: fields[name] for name in dice.several(tuple(fields), 1, 2)}


def bad_field(dice: Dice, resource: Resource) -> Resource:
    """A fault that no other part of the extension hides."""
    name, value = dice.pick(
        (
            ("bufferBefore", {"value": -1, "unit": "min"}),
            ("duration", {"value": 1, "unit": "minutes"}),
            ("bufferAfter", {"unit": "min"}),
            ("duration", {"value": 0.5, "unit": "min"}),
            ("alignmentInterval", {"value": 25, "unit": "h"}),
            ("holdDuration", {"value": 0, "unit": "min"}),
            ("alignmentOffset", None),
        )
    )
    faults: list[Resource] = [
        {"url": name} if value is None else {"url": name, "valueDuration": value},
        {"url": "slotCapacity", "valuePositiveInt": 0},
        {"url": "timezone", "valueCode": "Mars/Olympus"},
        {"url": "bookingLimit", "valueTiming": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "h"}}},
        {"url": "bookingLimit"},
    ]
    if resource["resourceType"] == "HealthcareService":
        faults.append(availability(closed("2026-03-08", "2026-03-08")))
    else:
        day = {"url": "daysOfWeek", "valueCode": "monday"}
        faults.append(availability({"url": "availableTime", "extension": [day]}))
        opens = {"url": "availableStartTime", "valueTime": "09:00:00"}
        faults.append(availability({"url": "availableTime", "extension": [opens]}))
    return dice.pick(faults)
