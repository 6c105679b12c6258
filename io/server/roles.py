"""What the holder of a token may do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum

from ..errors import NotAllowed
from ..rest.exchange import Interaction


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
        parts: Sequence[Interaction | Exception] = [
            one if isinstance(one, Exception) or needed(one) <= role else _refusal(one, role) for one in asked.parts
        ]
        return replace(asked, parts=parts)
    if needed(asked) > role:
        raise _refusal(asked, role)
    return asked


def _refusal(asked: Interaction, role: Role) -> NotAllowed:
    what = asked.name if asked.type is None else f"{asked.name} of {asked.type}"
    return NotAllowed(f"{what} needs the role {needed(asked).name.lower()}, the token's is {role.name.lower()}")
