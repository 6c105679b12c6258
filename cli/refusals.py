"""An operation's refusal said for people: the place as they typed it, what is in the way, and what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..io.booking import Blockage, Blocker, grid_of, holder_of, read_blockage
from ..io.instants import instant_ms
from ..io.local import service_ids
from ..io.references import Json, child, children, target
from .describe import headline, identifier_text, patients, schedule_title
from .desk import Answer, Desk, Refused
from .text import columns, moment_ms, printable, span_ms

if TYPE_CHECKING:
    from ..io.errors import Refusal
    from ..solver.civil import Zone

REMEDIES = {
    "No timezone specified and": "Load the actor too, or state a timezone in the SchedulingParameters.",
    "No timezone specified": "Give the actor a timezone extension, or state one in the SchedulingParameters.",
    "Schedule is not schedulable": "Its serviceType must refer to the service.",
    "Scheduling only supported": "Make a Schedule for each actor.",
    "Scheduling parameters attribute": "Schedules of one search must agree in it.",
    "Search range cannot exceed": "Search in parts, one after the other.",
    "Search range ends before": "Ask for a later window.",
    "Search range starts after": "Ask for an earlier window.",
    "All schedules must share": "Search the series with schedules of one zone.",
    "Appointment not found": "Give the id of an Appointment in the calendar.",
    "Slot/": "Mend or remove this Slot.",
    "Requested time slot is not available": "Ask for other times with slotwright find.",
    "Appointment falls outside schedule planning horizon": "Ask for times within it with slotwright find.",
    "Booking limit reached": "Ask for other times with slotwright find: it leaves out full days, weeks and months.",
    "Hold has expired": "Hold or book anew: slotwright find offers times.",
    "Appointment cannot be confirmed": "Only holds that are pending can be confirmed.",
    "Appointment cannot be canceled": "Only booked appointments and holds can be cancelled.",
    "Appointment cannot be rescheduled": "Only booked appointments and holds can be moved.",
    "Appointment is not part": "Confirm it alone, without --occurrences.",
    "Appointment has no": "Give a proposal as slotwright find --ndjson prints it.",
    "Proposed appointment must not": "Give a proposal as slotwright find --ndjson prints it, not a stored Appointment.",
    "Loading slots failed": "The ledger lacks a Slot of this appointment; slotwright ledger verify says more.",
    "Schedule load failed": "It is not stored in the ledger.",
    "Loading schedule failed": "It is not stored.",
    "HealthcareService is inactive": "Choose another service, or load it again as active.",
    "Schedule is inactive": "Choose another schedule, or load it again as active.",
    "Identifier already used": "Repeat the command as it was first given, or give another --identifier.",
}
"""What to do about a refusal, by how its text begins."""

_OPTIONS = {
    "_count": "--count",
    "combinations": "--combinations",
    "occurrence-count": "--occurrences",
    "ignore-appointment": "--ignore-appointment",
    "hold-minutes": "--minutes",
}
"""The operations' parameters by the names of the options."""

_PLACES = {"Parameters.start": "--start", "Parameters.occurrences": "--occurrences"}
_EXIT_LEDGER = 7
_IN_SERIES = re.compile(r"Appointment \d+ of \d+ \(([^)]*)\): ")


def remedy_for(text: str) -> str:
    """What to do about a refusal, if there is something to say."""
    return next((remedy for begin, remedy in REMEDIES.items() if text.startswith(begin)), "")


def for_people(error: Refusal, service_id: str, pools: Sequence[Sequence[str]]) -> Refusal:
    """The refusal of a search, its places named as they were typed."""
    places: list[str] = []
    for expression in error.expression:
        match = re.match(r"Parameters\.schedule\[(\d+)\](?:\.part\[(\d+)\])?(.*)", expression)
        if match is not None:
            pool = pools[int(match[1])]
            places.append(f"Schedule/{pool[int(match[2] or 0)]}{match[3]}")
        elif expression.startswith("Parameters.service-type-reference"):
            rest = expression.removeprefix("Parameters.service-type-reference")
            places.append(f"HealthcareService/{service_id}{rest}")
        else:
            places.append(_as_typed(expression.removeprefix("Parameters.")))
    text = _as_typed(error.text)
    if places:
        text = f"{text} ({', '.join(places)})"
    return type(error)(f"{text}. {remedy_for(error.text)}".rstrip(), error.expression)


def refused(
    desk: Desk,
    answer: Answer,
    *,
    proposal: Json | None = None,
    schedule_ids: Sequence[str] = (),
    appointment_id: str | None = None,
    zone: Zone | None = None,
) -> Refused:
    """The refusal of an operation on a proposal, or on a stored Appointment with new schedules."""
    bare = _IN_SERIES.sub("", answer.text)
    if answer.exit == 6 and bare == "Not found":
        return Refused(f"{_missing(proposal, appointment_id)} is not stored in the ledger.", answer.exit)
    if answer.exit == _EXIT_LEDGER:
        said = ": ".join(filter(None, (answer.text, str(answer.issue.get("diagnostics", "")))))
        return Refused(printable(said), answer.exit)
    blockage = read_blockage(desk.ledger, answer.issue.get("diagnostics"))
    places = _places(answer.issue.get("expression") or [], proposal, schedule_ids, appointment_id)
    if blockage is not None:
        places = [schedule_title(desk.ledger, blockage.schedule_id)]
    text = printable(_with_local_time(_as_typed(answer.text), zone))
    places = [place for place in places if place not in text]
    lines = [f"{text} ({', '.join(places)})." if places else f"{text}."]
    if blockage is not None:
        shown = zone or desk.zone_of_schedule(blockage.schedule_id)
        lines += blockage_lines(desk, blockage, shown)
    elif bare.startswith("Identifier already used") and proposal is not None:
        lines += _holder(desk, children(proposal, "identifier"))
    elif answer.issue.get("diagnostics"):
        lines.append(printable(answer.issue["diagnostics"]))
    if "aligned to the scheduling grid" in bare:
        lines += _grid(desk, proposal, schedule_ids, appointment_id)
    remedy = remedy_for(bare)
    separator = "\n" if len(lines) > 1 else " "
    return Refused(separator.join(["\n".join(lines), *([remedy] if remedy else [])]), answer.exit)


def _missing(proposal: Json | None, appointment_id: str | None) -> str:
    if proposal is not None:
        return f"HealthcareService/{next(iter(service_ids(proposal)), '?')}"
    return f"Appointment/{appointment_id}"


def _as_typed(text: str) -> str:
    for parameter, option in _OPTIONS.items():
        text = re.sub(rf"(?<![\w-]){parameter}(?![\w-])", option, text)
    return re.sub(r"^occurrences must", "--occurrences must", text)


def _with_local_time(text: str, zone: Zone | None) -> str:
    """The start that a series' refusal names, on the local clock."""
    match = _IN_SERIES.match(text)
    at = instant_ms(match[1]) if match else None
    return text if match is None or at is None or zone is None else text.replace(match[1], moment_ms(at, zone), 1)


def _places(
    expressions: Sequence[str], proposal: Json | None, schedule_ids: Sequence[str], appointment_id: str | None
) -> list[str]:
    """Where the fault is, in stored resources or options instead of the request that was made of them; each once."""
    found: dict[str, None] = {}
    for expression in expressions:
        found[printable(_place(expression, proposal or {}, schedule_ids, appointment_id))] = None
    return list(found)


def _place(expression: str, proposal: Json, schedule_ids: Sequence[str], appointment_id: str | None) -> str:
    path = expression.removeprefix("Parameters.").removeprefix("appointment.")
    match = re.match(r"(contained|schedule|serviceType|identifier)\[(\d+)\](.*)", path)
    if match is not None:
        name, index, rest = match[1], int(match[2]), match[3]
        if name == "schedule" and index < len(schedule_ids):
            return f"Schedule/{schedule_ids[index]}{rest}"
        slots, services = children(proposal, "contained"), service_ids(proposal)
        if name == "contained" and index < len(slots):
            reference = str(child(slots[index], "schedule").get("reference", expression))
            return reference + rest.removeprefix(".schedule")
        if name == "serviceType" and services and not expression.startswith("Appointment."):
            return f"HealthcareService/{services[0]}{rest}"
        identifiers = children(proposal, "identifier")
        if name == "identifier" and index < len(identifiers):
            return f"--identifier {identifier_text(identifiers[index])}"
    if expression.startswith("Appointment.") and appointment_id is not None:
        return f"Appointment/{appointment_id}{expression.removeprefix('Appointment')}"
    return _PLACES.get(expression) or _as_typed(path)


def blockage_lines(desk: Desk, blockage: Blockage, zone: Zone) -> list[str]:
    """The Slots at that time, each with the Appointment that holds it."""
    if not blockage.blockers:
        return ["  No Slot is in the way: it is closed then, or outside its hours."]
    rows = [(span_ms(one.start_ms, one.end_ms, zone), _what(desk, one)) for one in blockage.blockers]
    return list(columns(rows, indent="  "))


def _what(desk: Desk, blocker: Blocker) -> str:
    """Status, comment, and the Appointment that holds the Slot, or else the Slot's own id."""
    parts = [printable(blocker.slot.get("status", ""))]
    if blocker.slot.get("comment"):
        parts.append(printable(blocker.slot["comment"]))
    holders = [_with_patients(desk, one) for one in blocker.appointments] or [f"Slot/{printable(blocker.slot['id'])}"]
    return f"{', '.join(parts)}: {', '.join(holders)}"


def _with_patients(desk: Desk, appointment: Json) -> str:
    who = patients(desk.ledger, appointment)
    return f"Appointment/{printable(appointment['id'])}{f' of {who}' if who else ''}"


def _holder(desk: Desk, identifiers: Sequence[Json]) -> list[str]:
    holder = holder_of(desk.ledger, [one for one in identifiers if one.get("value")])
    if holder is None:
        return []
    shown = headline(desk.ledger, holder, desk.zone_of(holder))
    return [f"  Appointment/{printable(holder['id'])}: {shown}, {printable(holder.get('status'))}"]


def _grid(desk: Desk, proposal: Json | None, schedule_ids: Sequence[str], appointment_id: str | None) -> list[str]:
    stored = desk.ledger.read(f"Appointment/{appointment_id}") if appointment_id is not None else None
    service_id = next(iter(service_ids(proposal or stored or {})), None)
    slots = children(proposal or {}, "contained")
    named = [target(child(slot, "schedule").get("reference")) for slot in slots]
    first = next(iter([*schedule_ids, *(one.id for one in named if one is not None)]), None)
    grid = grid_of(desk.ledger, service_id, first) if service_id and first else None
    if grid is None:
        return []
    interval, offset, zone = grid
    shift = f", {offset} min after midnight first" if offset else ""
    return [f"  Starts lie {interval} min apart on the clock of {zone}{shift}; slotwright find lists them."]
