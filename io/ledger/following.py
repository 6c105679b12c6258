"""Compiled calendars follow the entries of a ledger, so that nothing is compiled anew because of a booking.

An entry names the resources it has written. What a Slot means now is read from the table of claims; what it meant
before is kept here, beside the calendars. A Slot may also change its meaning because an Appointment changes: that of
every Slot it refers to now, and of every Slot whose claim came from it before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...solver.capacity import Claim
from .. import mapping
from ..prepared import Examined, Prepared
from ..references import Target
from .database import ClaimRow, EntryRow
from .entries import changes_of
from .state import NOT_HELD, State, claim_of, claim_row

_MOST = 4_000
"""After so many changed resources it is cheaper to compile anew what is asked for."""


class Following:
    """Keeps what is prepared from a state in step with its entries."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._schedules: dict[str, str] = {}
        """By label of each Slot in a compiled calendar, its schedule."""
        self._held: dict[str, tuple[str, ...]] = {}
        """By Appointment, the labels of the Slots whose claims say something of it."""
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget everything."""
        self._schedules = {}
        self._held = {}
        self._state.prepared = Prepared(self._state, self._note)

    def follow(self, rows: Iterable[EntryRow]) -> None:
        """Entries that came since the last look, in order; the state is that after all of them."""
        prepared = self._state.prepared
        if prepared.is_empty:
            return
        names: dict[str, None] = {}
        for row in rows:
            names.update((change.reference, None) for change in changes_of(row))
            if len(names) > _MOST:
                self.begin_anew()
                return
        slots: dict[str, None] = {}
        for name in names:
            kind, _, id = name.partition("/")
            prepared.forget(Target(kind, id))
            if kind == "Slot":
                slots[name] = None
            elif kind == "Appointment" and prepared.has_compiled:
                slots.update(dict.fromkeys(self._slots_of(id)))
        if prepared.has_compiled:
            for label in slots:
                self._change(label)

    def _slots_of(self, appointment_id: str) -> list[str]:
        """The labels of the Slots that an Appointment concerns, or did."""
        before = self._held.pop(appointment_id, ())
        appointment = self._state.read(f"Appointment/{appointment_id}")
        now = [] if appointment is None else mapping.slot_ids(appointment)
        return [*before, *(f"Slot/{id}" for id in now)]

    def _change(self, label: str) -> None:
        """A Slot means something else now, or nothing any more."""
        row = self._row(label)
        before = self._schedules.pop(label, None)
        if before is not None and (row is None or row.schedule != before):
            for examined in self._state.prepared.compiled(before):
                _replace(examined, label, None)
        if row is None:
            return
        here = self._state.prepared.compiled(row.schedule)
        if not here:
            return
        self._schedules[label] = row.schedule
        for examined in here:
            _replace(examined, label, claim_of(row, examined.service.id, examined.service.codings))
        if row.services is not None or row.until is not None:
            for appointment_id in self._state.database.users_of_slot(row.slot):
                self._hold(appointment_id, label)

    def _row(self, label: str) -> ClaimRow | None:
        """What the table of claims says of a Slot."""
        slot = self._state.read(label)
        row = None if slot is None else claim_row(slot, NOT_HELD, None)
        if not isinstance(row, ClaimRow):
            return None
        return self._state.database.claim(row.schedule, row.start, row.end, row.slot)

    def _note(self, examined: Examined, claims: Sequence[Claim]) -> None:
        """A calendar was compiled of these claims."""
        is_first = len(self._state.prepared.compiled(examined.id)) == 1
        examined.claims = {claim.label: claim for claim in claims}
        self._schedules.update(dict.fromkeys(examined.claims, examined.id))
        if is_first:
            for slot_id, appointment_id in self._state.database.held_on(examined.id):
                self._hold(appointment_id, f"Slot/{slot_id}")

    def _hold(self, appointment_id: str, label: str) -> None:
        labels = self._held.get(appointment_id, ())
        if label not in labels:
            self._held[appointment_id] = (*labels, label)


def _replace(examined: Examined, label: str, new: Claim | None) -> None:
    """Let the compiled calendar hold another claim of a Slot, or none."""
    calendar = examined.compiled
    assert calendar is not None
    old = examined.claims.get(label)
    if old == new:
        return
    if old is not None:
        calendar.remove(old)
        del examined.claims[label]
    if new is not None:
        calendar.add(new)
        examined.claims[label] = new
