"""What follows from the resources and is kept beside them: claims, who uses which Slot, identifiers, ends of holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .. import mapping
from ..references import Json
from .database import ClaimRow
from .state import NOT_HELD, State, claim_row, held_by, identifier_names, schedule_of
from .terms import IDLE, term, terms_of


class _Derivation(NamedTuple):
    """What an Appointment adds to the derived tables: its identifiers, the end of its hold, its Slots."""

    names: frozenset[str]
    until_ms: int | None
    slots: Sequence[str]


_NOTHING = _Derivation(frozenset(), None, ())


def _derived_from(appointment: Json) -> _Derivation:
    return _Derivation(
        identifier_names(appointment), mapping.hold_expires_ms(appointment), mapping.slot_ids(appointment)
    )


def _idle(slot: Json) -> str:
    """The term of a Slot that takes no time; without a readable schedule it is one of no schedule."""
    return term(IDLE, schedule_of(slot) or "")


class Derived:
    """Keeps the derived tables in step with what is written."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._database = state.database

    def _users_of(self, slot_id: str) -> list[Json]:
        return self._state.users_of(slot_id)

    def change(
        self,
        kind: str,
        id: str,
        old: Json | None,
        new: Json | None,
        guard: str | None = None,
        *,
        fresh: bool = False,
    ) -> None:
        """A resource was `old` and is now `new`.

        `guard` is the Appointment for which the time of a Slot was judged. `fresh`: an Appointment whose Slots come
        after it.
        """
        self._name(kind, id, old, new)
        if kind == "Slot":
            if old is not None:
                self._unclaim(old)
            if new is not None:
                self._claim(new, self._users_of(id), guard)
        elif kind == "Appointment":
            self._derive_appointment(id, old, new or {}, fresh=fresh)

    def _name(self, kind: str, id: str, old: Json | None, new: Json | None) -> None:
        before = frozenset[str]() if old is None else terms_of(kind, old)
        now = frozenset[str]() if new is None else terms_of(kind, new)
        if before != now:
            self._database.remove_terms(kind, id, sorted(before - now))
            self._database.add_terms(kind, id, sorted(now - before))

    def name_all(self) -> None:
        """Write down what all resources are found by, of which nothing is written down yet."""
        for kind in self._database.kinds():
            for resource in self._state.resources(kind):
                self._name(kind, resource["id"], None, resource)
                if kind == "Slot" and claim_row(resource, NOT_HELD, None) is None:
                    self._database.add_terms(kind, resource["id"], [_idle(resource)])

    def _claim(self, slot: Json, users: Sequence[Json], guard: str | None) -> None:
        row = claim_row(slot, held_by(users), guard)
        if isinstance(row, ClaimRow):
            self._database.add_claims([row])
        elif row is not None:
            schedule = schedule_of(slot)
            assert schedule is not None
            self._database.set_unusable(schedule, row.id, row.start_ms, row.end_ms, row.until_ms)
        else:
            self._database.add_terms("Slot", slot["id"], [_idle(slot)])

    def add_slots(self, slots: Sequence[Json], appointment: Json, guard: str) -> None:
        """Slots that are new, all of one Appointment that is already stored, their times judged."""
        held = held_by([appointment])
        rows = [claim_row(slot, held, guard) for slot in slots]
        self._database.add_claims([row for row in rows if isinstance(row, ClaimRow)])
        for slot in slots:
            if "identifier" in slot:
                self._name("Slot", slot["id"], None, slot)

    def _unclaim(self, slot: Json) -> None:
        row = claim_row(slot, NOT_HELD, None)
        if isinstance(row, ClaimRow):
            self._database.remove_claim(row.schedule, row.start, row.end, row.slot)
        elif row is not None:
            schedule = schedule_of(slot)
            assert schedule is not None
            self._database.remove_unusable(schedule, row.id)
        else:
            self._database.remove_terms("Slot", slot["id"], [_idle(slot)])

    def _derive_appointment(self, id: str, old: Json | None, new: Json, *, fresh: bool) -> None:
        database = self._database
        names, until, slots = _NOTHING if old is None else _derived_from(old)
        names_now, until_now, slots_now = _derived_from(new)
        for name in sorted(names - names_now):
            database.remove_identifier(name, id)
        for name in sorted(names_now - names):
            database.add_identifier(name, id)
        if until != until_now:
            if until is not None:
                database.remove_hold(until, id)
            if until_now is not None:
                database.add_hold(until_now, id)
        for slot in slots:
            if slot not in slots_now:
                database.stop_using_slot(slot, id)
        if slots_now != slots:
            database.use_slots(slots_now, id)
        if fresh:
            return  # its Slots come after it, and are told
        for slot in dict.fromkeys([*slots, *slots_now]):
            stored = self._state.read(f"Slot/{slot}")
            if stored is not None:
                self._unclaim(stored)
                self._claim(stored, self._users_of(slot), None)
