"""How a writing operation runs: its checks and releases, a pause, then its claims.

The pause lets a bundle release everything it releases before anything is claimed; alone, an operation runs through.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

from ..references import Json


class Written(NamedTuple):
    """What an operation answers: HTTP status, the resources it wrote, and whether the first is sent bare.

    `is_replay`: nothing was written; the resources are earlier Appointments, to be answered as they stand.
    """

    status: int
    resources: list[Json]
    is_bare: bool = False
    is_replay: bool = False


Steps = Generator[None, None, Written]


def run_through(steps: Steps) -> Written:
    """Carry an operation out from wherever it stands."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value
