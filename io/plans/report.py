"""What is said at the end of a plan: how many were served, at what worth and bound, and what it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ...solver.plan.check import Terms
from .answers import SERVED
from .planning import Outcome


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of the first round: later ones only plan again what others took meanwhile.

    `objective` and `families` are recomputed from the plan by `check`; no plan is worth more than `bound`, and `gap` is
    (bound − objective) ÷ bound. `priced` is the bound that follows from prices by arithmetic; where `bound` is less, it
    rests on what CP-SAT has proven of small parts. `ended` is as the planner says it: `done`, `work`, `stopped` by the
    time limit, `interrupted`. `seconds` are of the clock. Where the objective was lexicographic, `levels` say what is
    reached and the most that any plan reaches that is as good on all levels before.
    """

    requests: int
    served: int
    counts: dict[str, int]
    objective: int
    families: dict[str, int]
    bound: float
    priced: float
    gap: float
    is_optimal: bool
    ended: str
    work: float
    stages: tuple[dict[str, Any], ...]
    levels: tuple[dict[str, Any], ...]
    rounds: int
    taken: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def report_of(outcome: Outcome, seconds: float, of_stages: Mapping[str, float] | None = None) -> Report:
    """The figures of an outcome, with the seconds that it took, and each stage."""
    counts = dict(sorted(outcome.counts.items()))
    first = outcome.rounds[0] if outcome.rounds else None
    solved = None if first is None else first.solved
    terms = Terms() if first is None else first.score.terms
    bound = 0.0 if solved is None else solved.bound
    return Report(
        requests=len(outcome.answers),
        served=sum(counts.get(status, 0) for status in SERVED),
        counts=counts,
        objective=terms.total,
        families=terms._asdict(),
        bound=bound,
        priced=0.0 if solved is None else solved.priced,
        gap=gap_of(terms.total, bound),
        is_optimal=solved is None or solved.is_optimal,
        ended="done" if solved is None else solved.ended,
        work=0.0 if solved is None else round(solved.work, 6),
        stages=() if solved is None else tuple(_stage(one, of_stages or {}) for one in solved.stages),
        levels=() if solved is None else tuple(_level(one) for one in solved.levels),
        rounds=len(outcome.rounds),
        taken=outcome.taken,
        seconds=round(seconds, 3),
    )


def gap_of(objective: int, bound: float) -> float:
    """(bound − objective) ÷ bound; 0 where nothing can be earned."""
    return max(0.0, (bound - objective) / bound) if bound > 0 else 0.0


def _stage(stage: Any, seconds: Mapping[str, float]) -> dict[str, Any]:
    found = {name: getattr(stage, name) for name in ("name", "work", "served", "objective", "bound")}
    return found | {"work": round(stage.work, 6), "seconds": seconds.get(stage.name, 0.0)}


_PRIORITIES = ("high", "medium", "low")


def _level(one: Any) -> dict[str, Any]:
    kind, priority = one.level
    name = kind if priority is None else f"{kind}, {_PRIORITIES[priority]} priority"
    return {
        "name": name,
        "reached": one.reached,
        "bound": one.bound,
        "proof": "cp-sat" if one.is_solvers else "prices",
    }


def together(reports: Sequence[Report]) -> Report:
    """The figures of parts that have nothing in common: worths, bounds and work add up."""
    first = reports[0]
    counts: Counter[str] = Counter()
    for one in reports:
        counts.update(one.counts)
    objective, bound = sum(one.objective for one in reports), sum(one.bound for one in reports)
    ended = {one.ended for one in reports}
    return replace(
        first,
        requests=sum(one.requests for one in reports),
        served=sum(one.served for one in reports),
        counts=dict(sorted(counts.items())),
        objective=objective,
        families={name: sum(one.families[name] for one in reports) for name in first.families},
        bound=bound,
        priced=sum(one.priced for one in reports),
        gap=gap_of(objective, bound),
        is_optimal=all(one.is_optimal for one in reports),
        ended=next((one for one in ("interrupted", "stopped", "work") if one in ended), "done"),
        work=sum(one.work for one in reports),
        stages=(),
        levels=(),
        rounds=max(one.rounds for one in reports),
    )
