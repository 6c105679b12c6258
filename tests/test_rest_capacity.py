"""A written Slot is refused exactly when counting minutes says so (specification, model 5 and 11)."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_support import BEGINNING, basic
from rest_support import Face
from slotwright.io import open_ledger
from support import Resource, service, service_type, slot

CODES = ("xray", "lab")
SERVICES = ("xray", "lab", "checkup")
OCCUPYING = ("busy", "busy-tentative", "busy-unavailable")


class Piece(NamedTuple):
    """A Slot in half minutes after 09:00; `type` is nothing, `code x`, or `ref x`."""

    start: int
    length: int
    status: str
    capacity: int | None
    type: str


def pieces(statuses: tuple[str, ...]) -> st.SearchStrategy[Piece]:
    types = ["", *(f"code {one}" for one in (*CODES, "mri")), *(f"ref {one}" for one in (*SERVICES, "none"))]
    return st.builds(
        Piece, st.integers(0, 10), st.integers(1, 8), st.sampled_from(statuses), st.sampled_from([None, 1, 2, 3]),
        st.sampled_from(["", "", *types]),
    )  # fmt: skip


def resource(id: str, piece: Piece) -> Resource:
    kind, _, name = piece.type.partition(" ")
    typed: dict[str, Any] = {}
    if kind == "code":
        typed = {"serviceType": [{"coding": [{"system": "u", "code": name}]}]}
    elif kind == "ref":
        typed = {"serviceType": [service_type(name)]}
    return slot(
        id, "a", _at(piece.start), _at(piece.start + piece.length), piece.status, capacity=piece.capacity, **typed
    )


def _at(half_minutes: int) -> str:
    return f"2026-03-16T09:{half_minutes // 2:02}:{half_minutes % 2 * 30:02}Z"


def minutes(piece: Piece) -> range:
    return range(piece.start // 2, -(-(piece.start + piece.length) // 2))


def topics(piece: Piece) -> set[str] | None:
    """What a Slot concerns; None is everything. A stored service has the code of its name, `checkup` has none."""
    kind, _, name = piece.type.partition(" ")
    if not kind:
        return None
    if name in CODES:
        return {name}
    return {piece.type}


def blocks(written: Piece, stored: list[Piece]) -> bool:
    """Is some minute of it full, for anything that it concerns?"""
    occupying = [one for one in stored if one.status in OCCUPYING]
    wanted = topics(written)
    if wanted is None:
        wanted = {"", *(name for one in occupying for name in topics(one) or ())}
    for topic in wanted:
        for minute in minutes(written):
            here = [one for one in occupying if minute in minutes(one) and topic in (topics(one) or {topic})]
            if here and len(here) >= min([written.capacity or 1, *(one.capacity or 1 for one in here)]):
                return True
    return False


def test_slots_are_refused_where_a_minute_is_full(tmp_path: Path) -> None:
    numbers = count()
    named = [service(one, type=[{"coding": [{"system": "u", "code": one}]}]) for one in CODES]

    @settings(max_examples=150, deadline=None)
    @given(
        st.lists(pieces((*OCCUPYING, "free", "entered-in-error")), max_size=6), pieces(("busy", "busy-tentative")),
        pieces(("busy", "free")) | st.none(),
    )  # fmt: skip
    def judged(stored: list[Piece], written: Piece, own: Piece | None) -> None:
        path = tmp_path / f"{next(numbers)}.ledger"
        with open_ledger(path, clock=lambda: BEGINNING, identity="capacity") as ledger:
            others = [resource(f"s{number}", one) for number, one in enumerate(stored)]
            ledger.load([*basic(), *named, *others, *([] if own is None else [resource("x", own)])])
            answered = Face(ledger).put(resource("x", written))
            is_same = own is not None and own.status == "busy" and _takes(own) == _takes(written)
            if blocks(written, stored) and not is_same:
                assert answered.status == 409
                assert ledger.read("Slot/x") == (None if own is None else {**resource("x", own), "meta": _meta(ledger)})
            else:
                assert answered.status in (200, 201)
            assert ledger.verify() == []

    judged()


def _takes(piece: Piece) -> tuple[Any, ...]:
    return minutes(piece), piece.capacity or 1, piece.type


def _meta(ledger: Any) -> Resource:
    return ledger.read("Slot/x")["meta"]
