"""How much has been done, counted: the same on every machine and under every load.

The unit is about a second of one core of an ordinary server. What is counted is what was asked for (entries priced,
trials made, the solver's own deterministic time), never a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_ITERATION, _ENTRY = 3e-4, 2e-8
TRIAL = 1e-4


@dataclass(slots=True)
class Work:
    """A budget. `stop` is asked now and then, and is only a guard: it ends the run before its work is done."""

    limit: float
    stop: Callable[[], bool] | None = None
    spent: float = 0.0
    is_stopped: bool = False

    def add(self, amount: float) -> None:
        self.spent += amount

    @property
    def left(self) -> float:
        return max(0.0, self.limit - self.spent)

    def is_over(self, until: float | None = None) -> bool:
        """Is the budget, or what is allowed until here, used up, or has `stop` said so?"""
        if self.stop is not None and not self.is_stopped:
            self.is_stopped = self.stop()
        return self.is_stopped or self.spent >= (self.limit if until is None else min(self.limit, until))


def pricing(entries: int, iterations: int = 1) -> float:
    """What it costs to price so many entries so often."""
    return iterations * (_ITERATION + _ENTRY * entries)
