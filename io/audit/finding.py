"""One thing that does not fit, and the kinds there are."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

Kind = Literal[
    "overlap",
    "over-capacity",
    "closed",
    "outside-hours",
    "without-slots",
    "without-appointment",
    "lapsed-hold",
    "never-bookable",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""In the order in which they are listed."""


class Finding(NamedTuple):
    """What does not fit.

    `schedule`, `appointment` and `slot` are references, `start_ms` and `end_ms` the time it is about, in milliseconds
    since the epoch; each is None where there is none. `text` is a sentence without its full stop.
    """

    kind: Kind
    schedule: str | None
    appointment: str | None
    slot: str | None
    start_ms: int | None
    end_ms: int | None
    text: str


def in_order(finding: Finding) -> tuple[int, int, str, str, str, str]:
    """By kind, then by time, then by name."""
    start = -(2**62) if finding.start_ms is None else finding.start_ms
    names = finding.schedule or "", finding.appointment or "", finding.slot or ""
    return KINDS.index(finding.kind), start, *names, finding.text
