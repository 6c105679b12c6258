"""What the holder of a token may do."""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum

from ..errors import NotAllowed
from ..ledger.transaction import Transaction
from ..rest.exchange import Interaction, Response


class Role(IntEnum):
    """Each may do what those before it may."""

    READER = 1
    BOOKER = 2
    ADMIN = 3


_READS = frozenset(
    {"read", "vread", "search-type", "search-system", "history-instance", "history-type", "history-system"}
    | {"capabilities", "$find", "$explain", "$bulk-publish"}
)
_BOOKS = frozenset({"$book", "$hold", "$confirm", "$cancel", "$reschedule"})
_WRITES = frozenset({("create", "Patient"), ("update", "Patient"), ("update", "Appointment")})
_BUNDLES = frozenset({"batch", "transaction"})


def needed(asked: Interaction) -> Role:
    """The least role that may do it."""
    if asked.name in _BUNDLES:
        return max((needed(one) for one in asked.parts if isinstance(one, Interaction)), default=Role.READER)
    if asked.name in _READS:
        return Role.READER
    if asked.name in _BOOKS or (asked.name, asked.type) in _WRITES:
        return Role.BOOKER
    return Role.ADMIN


def permitted(asked: Interaction, role: Role) -> Interaction:
    """What of it may be done: all, or of a batch the entries that the role is enough for. Raises NotAllowed."""
    if asked.name == "batch":
        return replace(asked, parts=[_part(one, role) for one in asked.parts])
    if needed(asked) > role:
        raise _refusal(asked, role)
    return _without_creation(asked, role)


def _part(one: Interaction | Exception, role: Role) -> Interaction | Exception:
    if isinstance(one, Exception):
        return one
    return _refusal(one, role) if needed(one) > role else _without_creation(one, role)


def _without_creation(asked: Interaction, role: Role) -> Interaction:
    """An update under an id that is not there creates, for which the role may be too small: it is undone then."""
    several = asked.parts if asked.name == "transaction" else [asked]
    creations = [
        replace(one, name="create") if isinstance(one, Interaction) and one.name == "update" else None
        for one in several
    ]
    too_much = {place: one for place, one in enumerate(creations) if one is not None and needed(one) > role}
    write = asked.write
    if write is None or not too_much:
        return asked

    def checked(transaction: Transaction) -> Response:
        response = write(transaction)
        for place, one in too_much.items():
            if _status(response, place if asked.name == "transaction" else None) == 201:
                raise _refusal(one, role)
        return response

    return replace(asked, write=checked)


def _status(response: Response, place: int | None) -> int:
    """Of the answer, or of an entry in it."""
    if place is None or response.resource is None:
        return response.status
    return int(response.resource["entry"][place]["response"]["status"][:3])


def _refusal(asked: Interaction, role: Role) -> NotAllowed:
    what = asked.name if asked.type is None else f"{asked.name} of {asked.type}"
    return NotAllowed(f"{what} needs the role {needed(asked).name.lower()}, the token's is {role.name.lower()}")
