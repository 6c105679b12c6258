"""May a written Slot take its time? The capacity rule at the Slot's own stamp (specification, model 5 and 11)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from ...solver import intervals
from ...solver.capacity import blocked
from .. import mapping
from ..errors import WriteRefused
from ..ledger.database import ClaimRow
from ..ledger.state import NOT_HELD, State, claim_of, claim_row
from ..mapping import Codings
from ..operations.admission import not_available
from ..references import Json, children, target

_JUDGED = ("busy", "busy-tentative")
_TAKES = ("schedule", "start", "end", "tolerance", "scope")


class _Lens(NamedTuple):
    """A service, stored or only spoken of, for which Slots are relevant or not."""

    id: str
    codings: Codings


def check_capacity(state: State, old: Json | None, new: Json) -> None:
    """Raises WriteRefused if the Slots that concern a service which this one concerns leave no room for it.

    Its own old version is left out; a change that takes no other time is not judged again.
    """
    row = claim_row(new, NOT_HELD, None)
    if not isinstance(row, ClaimRow) or row.status not in _JUDGED:
        return
    before = None if old is None else claim_row(old, NOT_HELD, None)
    if isinstance(before, ClaimRow) and before.status != "free" and _takes(before) == _takes(row):
        return
    near = [
        one
        for one in state.database.claims_near(row.schedule, row.start, row.end)
        if one.slot != row.slot and one.status != "free"
    ]
    for lens in _lenses(state, new, near) if near else ():
        claims = (claim_of(one, lens.id, lens.codings) for one in near)
        taken = blocked([one for one in claims if one.relevant], row.tolerance)
        if intervals.touches(taken, row.start, row.end):
            refusal = not_available(state, row.schedule, near)
            raise WriteRefused(refusal.text, "Slot", diagnostics=refusal.diagnostics)


def _takes(row: ClaimRow) -> list[Any]:
    return [getattr(row, name) for name in _TAKES]


def _lenses(state: State, slot: Json, near: Sequence[ClaimRow]) -> Iterator[_Lens]:
    """Every stored service that the Slot concerns, and what it says itself; if it says nothing, what the others say."""
    concepts = children(slot, "serviceType")
    for service in state.resources("HealthcareService"):
        lens = _Lens(service["id"], mapping.service_codings(service))
        if mapping.concepts_concern(concepts, *lens):
            yield lens
    if concepts:
        yield from _lenses_of(concepts)
        return
    yield _Lens("", frozenset())
    for scope in {one.scope for one in near if one.scope is not None}:
        yield from _lenses_of(orjson.loads(scope))


def _lenses_of(concepts: Sequence[Json]) -> Iterator[_Lens]:
    """Each coding by itself, and each service named: who shares one of them concerns the same."""
    for concept in concepts:
        for coding in children(concept, "coding"):
            yield _Lens("", frozenset({(coding.get("system"), coding.get("code"))}))
        for reference in mapping.service_references(concept):
            name = target(reference)
            if name is not None and name.type == "HealthcareService":
                yield _Lens(name.id, frozenset())
