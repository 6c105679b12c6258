"""Random faults and variations of the proposals that are posted to `$book` and `$hold`."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger_model_proposals import RECURRENCE_ID, SERIES, TEMPLATE, readable, template_for, written
from oracle import CAPACITY, HOLD_EXPIRES, MINUTE, Resource
from strategies import (
    CHANGES,
    CODINGS,
    OTHER,
    SERVICE,
    Dice,
    Frame,
)
from support import service_type


@dataclass(frozen=True)
class Hand:
    """What mutations are made with."""

    dice: Dice
    frame: Frame


# Mutations of a proposal: (hand, proposal, one of its Slots)


def shift_all(hand: Hand, proposal: Resource, _: Resource) -> None:
    by = hand.dice.pick((-60, -30, -5, 1, 5, 15, 30, 60)) * MINUTE
    for one in (proposal, *proposal["contained"]):
        shift(one, by, "start", "end")


def shift_one(hand: Hand, _: Resource, slot: Resource) -> None:
    fields = hand.dice.pick((("start",), ("end",), ("start", "end")))
    shift(slot, hand.dice.pick((-5, 5, 1, -30, 30, -60, 1 / 60)) * MINUTE, *fields)


def shift(owner: Resource, by: timedelta, *fields: str) -> None:
    for field in fields:
        at = readable(owner.get(field))
        if at is not None:
            owner[field] = written(at + by)


def lengthen_buffer(hand: Hand, proposal: Resource, slot: Resource) -> None:
    buffers = [one for one in proposal["contained"] if "comment" in one]
    one = hand.dice.pick(buffers) if buffers else slot
    shift(one, hand.dice.pick((-5, 5)) * MINUTE, "start" if "before" in one.get("comment", "") else "end")


def drop_slot(_: Hand, proposal: Resource, slot: Resource) -> None:
    proposal["contained"].remove(slot)


def double_slot(hand: Hand, proposal: Resource, slot: Resource) -> None:
    proposal["contained"].insert(hand.dice.number(0, len(proposal["contained"])), deepcopy(slot))


def extra_slot(hand: Hand, proposal: Resource, slot: Resource) -> None:
    start = readable(slot.get("start")) or hand.frame.start
    start += hand.dice.number(-12, 12) * 5 * MINUTE
    if hand.dice.chance(15):
        start += timedelta(seconds=hand.dice.number(1, 59))
    end = start + hand.dice.pick((1, 5, 10, 30)) * MINUTE
    extra = {key: one for key, one in slot.items() if key in ("resourceType", "schedule")}
    extra |= {"status": "busy-unavailable", "start": written(start), "end": written(end)}
    proposal["contained"].insert(hand.dice.number(0, len(proposal["contained"])), extra)


def odd_status(hand: Hand, _: Resource, slot: Resource) -> None:
    slot["status"] = hand.dice.pick(("free", "busy-tentative", "entered-in-error", "busy-unavailable", "busy"))


def rewrite_times(hand: Hand, proposal: Resource, slot: Resource) -> None:
    owners = hand.dice.pick(([slot], [*proposal["contained"], proposal]))
    wild = random_writer(hand.dice)
    for one in owners:
        for field in ("start", "end"):
            at = readable(one.get(field))
            if at is not None:
                one[field] = wild(at)


def random_writer(dice: Dice) -> Callable[[datetime], str]:
    offset = dice.pick(("+00:00", "-05:00", "+05:45"))
    zone = datetime.fromisoformat(f"2026-01-01T00:00{offset}").tzinfo
    spec = dice.pick(("minutes", "seconds", "milliseconds"))
    return lambda at: at.astimezone(zone).isoformat(timespec=spec)


def spoil_time(hand: Hand, proposal: Resource, slot: Resource) -> None:
    owner = hand.dice.pick((slot, slot, proposal))
    owner[hand.dice.pick(("start", "end"))] = hand.dice.pick(
        ("soon", "2026-03-08", "2026-03-08T10:00:00", "2026-06-30T23:59:60Z", "2026-02-30T10:00:00Z")
    )


def type_slot(hand: Hand, _: Resource, slot: Resource) -> None:
    concepts: tuple[Resource, ...] = (
        {"coding": [CODINGS[SERVICE]]},
        {"coding": [CODINGS[OTHER]]},
        service_type(SERVICE),
        service_type(OTHER),
        {"text": "checkup"},
    )
    slot["serviceType"] = hand.dice.several(concepts, 1, 2)


def stamp_slot(hand: Hand, _: Resource, slot: Resource) -> None:
    other: Resource = {"url": "http://example.org/x", "valueCode": "y"}
    slot["extension"] = [{"url": CAPACITY, "valuePositiveInt": 3}, *([other] if hand.dice.chance(50) else [])]


def other_contained(hand: Hand, proposal: Resource, _: Resource) -> None:
    one = {"resourceType": "Patient", "id": "p"}
    proposal["contained"].insert(hand.dice.number(0, len(proposal["contained"])), one)


def reorder(hand: Hand, proposal: Resource, _: Resource) -> None:
    count = len(proposal["contained"])
    proposal["contained"] = hand.dice.several(proposal["contained"], count, count)


def odd_service(hand: Hand, proposal: Resource, _: Resource) -> None:
    mine, other, none = service_type(SERVICE), service_type(OTHER), service_type("nobody")
    choices: tuple[list[Resource], ...] = ([], [other], [none], [mine, other], [{}, mine, mine])
    proposal["serviceType"] = hand.dice.pick(choices)


def odd_schedule(hand: Hand, _: Resource, slot: Resource) -> None:
    choices: tuple[Resource, ...] = ({}, {"reference": "Schedule/nobody"}, {"reference": "Practitioner/s0"})
    slot["schedule"] = hand.dice.pick(choices)


def odd_element(hand: Hand, proposal: Resource, slot: Resource) -> None:
    name, value = hand.dice.pick(
        (
            ("slot", [{"reference": "Slot/slot0"}]),
            ("id", "mine"),
            ("meta", {"versionId": "7"}),
            ("status", "waitlist"),
            ("requestedPeriod", [{"start": "2026-03-01"}]),
            ("participant", [{"actor": {"reference": "Patient/p"}, "status": "accepted"}]),
            ("comment", "please"),
            ("start", None),
            ("end", None),
        )
    )
    if value is None:
        proposal.pop(name, None)
    else:
        proposal[name] = value
        if name in ("id", "meta"):
            slot[name] = value


def odd_extension(hand: Hand, proposal: Resource, _: Resource) -> None:
    extra = hand.dice.pick(
        (
            {"url": HOLD_EXPIRES, "valueInstant": "2026-02-01T12:00:00.000Z"},
            {"url": RECURRENCE_ID, "valuePositiveInt": 1},
            {"url": "http://example.org/x", "valueCode": "y"},
        )
    )
    proposal["extension"] = [extra, *proposal.get("extension", [])]


def series_identifier(_: Hand, proposal: Resource, __: Resource) -> None:
    proposal.setdefault("identifier", []).append({"system": SERIES, "value": "one"})


def template(hand: Hand, proposal: Resource, _: Resource) -> None:
    """A series, or something like one."""
    at = readable(proposal.get("start")) or hand.frame.start
    zone = hand.frame.zone if hand.dice.chance(70) else hand.dice.pick((*CHANGES, "Mars/Olympus", "europe/vienna"))
    try:
        made = template_for(at, hand.dice.pick((2, 2, 2, 3, 6, 1, 7)), zone)
    except StopIteration:
        made = template_for(at, 2, "Etc/UTC")
        made["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] = hand.dice.pick((zone, "+01:00"))
    parts: list[Resource] = made["extension"]
    if hand.dice.chance(25):
        made["extension"] = hand.dice.several(parts, 3 if hand.dice.chance(30) else 4, 4)
    elif hand.dice.chance(10):
        parts[3]["extension"][1]["valuePositiveInt"] = 2
    elif hand.dice.chance(10):
        parts[3]["extension"][0] = {"url": "monday", "valueBoolean": True}
    elif hand.dice.chance(10):
        parts.append({"url": "other", "valueBoolean": True})
    kept = [one for one in proposal.get("extension", []) if one["url"] != TEMPLATE or hand.dice.chance(10)]
    proposal["extension"] = [*kept, made]


MUTATIONS: tuple[Callable[[Hand, Resource, Resource], None], ...] = (
    shift_all,
    shift_all,
    shift_one,
    lengthen_buffer,
    drop_slot,
    double_slot,
    extra_slot,
    extra_slot,
    extra_slot,
    odd_status,
    rewrite_times,
    rewrite_times,
    spoil_time,
    type_slot,
    type_slot,
    stamp_slot,
    other_contained,
    reorder,
    odd_service,
    odd_schedule,
    odd_element,
    odd_element,
    odd_extension,
    series_identifier,
    template,
    template,
)
