"""Erasing a person: their resource and every mention of them, in the state and in what happened.

The chain of entries covers digests, so it still proves everything; the entry of the erasure says which bodies were
changed and what their digests are now. What mentions the person is cut to what the calendar needs: an Appointment
keeps its times, its status, its Slots and its other participants.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson

from ...solver.errors import InvalidInputError, NotFoundError
from .. import urls
from ..references import Json, Target, children
from .transaction import Transaction

_PARTS_OF_THE_CALENDAR = ("Appointment", "Schedule", "Slot", "HealthcareService")
_KEPT = ("resourceType", "id", "meta", "status", "start", "end", "slot", "serviceType", "contained")
_KEPT_EXTENSIONS = (urls.HOLD_EXPIRES, urls.RECURRENCE_ID, urls.RECURRENCE_TEMPLATE)


def erase(transaction: Transaction, name: Target, reason: str, who: str | None) -> list[str]:
    """Returns what was changed: the resource, and those that mentioned it.

    Raises
    ------
    InvalidInputError
        If it is a part of the calendar itself, or the actor of a Schedule.
    NotFoundError
        If nothing of it is in the ledger.
    """
    if name.type in _PARTS_OF_THE_CALENDAR:
        raise InvalidInputError(f"{name} is a part of the calendar and cannot be erased; delete or cancel it instead.")
    if not reason.strip():
        raise InvalidInputError("An erasure needs a reason.")
    for schedule in transaction.resources("Schedule"):
        if any(_is_mention(actor.get("reference"), name) for actor in children(schedule, "actor")):
            raise InvalidInputError(f"{name} is the actor of Schedule/{schedule['id']}; delete that Schedule first.")
    database = transaction.state.database
    lapses = transaction.lapse()
    changed: list[str] = []
    current = database.resource(*name)
    for resource in _mentioning(transaction, name):
        transaction.put(_without(resource, name))
        changed.append(f"{resource['resourceType']}/{resource['id']}")
    if current is not None and current.content is not None:
        transaction.delete(str(name))
        changed.insert(0, str(name))
    redacted = _redact_bodies(transaction, name)
    if not changed and not redacted:
        raise NotFoundError(f"Nothing in the ledger is or mentions {name}.")
    input = {"who": who, "erased": str(name), "reason": reason, "redacted": redacted}
    transaction.append("erase", input)
    transaction.finish("erase", input, lapses)
    return changed


def _mentioning(transaction: Transaction, name: Target) -> list[Json]:
    """The current resources that mention it, itself left out."""
    found: dict[str, Json] = {}
    for _, place, content in transaction.state.database.bodies(containing=str(name)):
        body: Any = orjson.loads(content)
        if place and isinstance(body, dict):
            reference = f"{body['resourceType']}/{body['id']}"
            current = transaction.read(reference)
            if reference != str(name) and current is not None and _mentions(current, name):
                found[reference] = current
    return list(found.values())


def _redact_bodies(transaction: Transaction, name: Target) -> list[list[Any]]:
    """Rewrite every earlier body that is or mentions it; returns entry, place and new digest of each."""
    database = transaction.state.database
    redacted: list[list[Any]] = []
    for entry, place, content in list(database.bodies(containing=name.id)):
        if entry == transaction.seq or (place == 0 and database.is_erasure(entry)):
            continue  # what proves an earlier erasure stays, with the name it erased
        body: Any = orjson.loads(content)
        is_itself = place and isinstance(body, dict) and (body.get("resourceType"), body.get("id")) == name  # type: ignore[reportUnknownMemberType]
        if not is_itself and not _mentions(body, name):
            continue
        new = b"null" if is_itself else orjson.dumps(_without(body, name))
        database.replace_body(database.number(entry, place), new)
        redacted.append([entry, place, sha256(new).hexdigest()])
    return redacted


def _is_mention(value: Any, name: Target) -> bool:
    """Is this text a reference to it, relative, versioned or absolute?"""
    text = str(name)
    return isinstance(value, str) and (
        value == text or f"/{value}/".endswith(f"/{text}/") or f"{text}/_history/" in value
    )


def _mentions(value: Any, name: Target) -> bool:
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left += one.values()  # type: ignore[reportUnknownArgumentType]
        elif isinstance(one, list):
            left += one  # type: ignore[reportUnknownArgumentType]
        elif _is_mention(one, name):
            return True
    return False


def _without(value: Any, name: Target) -> Any:
    """The same without mentions: Appointments are cut down, other objects that refer to it become empty."""
    if isinstance(value, list):
        return [_without(one, name) for one in value]  # type: ignore[reportUnknownVariableType]
    if not isinstance(value, dict):
        return None if _is_mention(value, name) else value
    element: Json = value  # type: ignore[reportUnknownVariableType]
    if not _mentions(element, name):
        return element
    if element.get("resourceType") == "Appointment":
        return _cut(element, name)
    if _is_mention(element.get("reference"), name):
        return {"display": "erased"}
    return {key: _without(one, name) for key, one in element.items()}


def _cut(appointment: Json, name: Target) -> Json:
    cut: Json = {key: appointment[key] for key in _KEPT if key in appointment}
    if "contained" in cut:
        cut["contained"] = [
            {key: one for key, one in slot.items() if key != "comment"}
            for slot in children(cut, "contained")
            if slot.get("resourceType") == "Slot" and not _mentions(slot, name)
        ]
    for key, kept in (
        ("participant", [one for one in children(appointment, "participant") if not _mentions(one, name)]),
        ("identifier", [one for one in children(appointment, "identifier") if one.get("system") == urls.SERIES]),
        ("extension", [one for one in children(appointment, "extension") if one.get("url") in _KEPT_EXTENSIONS]),
    ):
        if kept:
            cut[key] = kept
    return cut
