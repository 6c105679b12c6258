"""What is said at the end of a plan: how many were served, at what worth and bound, and what it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...solver.plan.check import Terms
from .answers import SERVED
from .planning import Outcome


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of the first round: later ones only plan again what others took meanwhile.

    `objective` and `families` are recomputed from the plan by `check`; `bound` is certified, None if there is none.
    `ended` says what ended the run, `status` is as the planner reports it. `seconds` are of the clock.
    """

    requests: int
    served: int
    counts: dict[str, int]
    objective: int
    families: dict[str, int]
    bound: float | None
    gap: float | None
    status: str
    ended: str
    stages: tuple[dict[str, Any], ...]
    rounds: int
    taken: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def report_of(outcome: Outcome, seconds: float) -> Report:
    """The figures of an outcome."""
    counts = dict(sorted(outcome.counts.items()))
    first = outcome.rounds[0] if outcome.rounds else None
    solved = None if first is None else first.solved
    terms = Terms() if first is None else first.score.terms
    bound = None if solved is None else solved.bound
    return Report(
        requests=len(outcome.answers),
        served=sum(counts.get(status, 0) for status in SERVED),
        counts=counts,
        objective=terms.total,
        families=terms._asdict(),
        bound=bound,
        gap=_gap(terms.total, bound),
        status="" if solved is None else solved.status,
        ended="nothing to plan" if solved is None else solved.ended,
        stages=() if solved is None else tuple(_stage(one) for one in solved.stages),
        rounds=len(outcome.rounds),
        taken=outcome.taken,
        seconds=round(seconds, 3),
    )


def _gap(objective: int, bound: float | None) -> float | None:
    """(bound − objective) ÷ bound."""
    return None if bound is None else max(0.0, (bound - objective) / bound) if bound > 0 else 0.0


def _stage(stage: Any) -> dict[str, Any]:
    fields: Sequence[str] = ("name", "work", "served", "objective", "bound")
    return {name: getattr(stage, name) for name in fields}
