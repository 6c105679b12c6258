"""Proof for small components: requests that share no resource and no link with any others, solved as a whole.

What is best for one component does not depend on the rest, so bounds add up: the solver's where it gave one, else what
follows from prices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import SolverFaultError
from ..model import SolveAll, Status, run_all
from ..profiles import PROOF, limited
from . import check
from .neighbourhood import moved, worth, write
from .part import Cutter, plan_of, standing
from .problem import Plan, PlanProblem, Prices
from .restrict import components, restrict, restricted
from .table import Table

_ROUNDING = 1e-9

MOST = 20_000
"""The choices at single starts (entries of the table) of a component that is small.

Those of 200 requests have 1,500 to 10,000, those of 1,000 at a load of 95 % about 16,000: all of these are proven
within the limit of `PROOF`, or nearly.
"""


@dataclass(frozen=True, slots=True)
class Proof:
    """A component, and what CP-SAT reported of it, as reported; OPTIMAL: objective and bound agree."""

    requests: tuple[int, ...]
    status: Status
    objective: float
    bound: float
    work: float


@dataclass(frozen=True, slots=True)
class Proved:
    """The plan with all that was found better, and the proofs, component by component."""

    plan: Plan
    proofs: tuple[Proof, ...]
    ended: str


def prove(
    table: Table,
    plan: Plan,
    *,
    most: int = MOST,
    each: float | None = None,
    work: float = float("inf"),
    stop: Callable[[], bool] | None = None,
    solve: SolveAll = run_all,
) -> Proved:
    """Solve every component of at most `most` entries, from where the plan stands.

    `each` limits the deterministic time of one component, `work` that of all. When `stop` says so, or at Ctrl-C, what
    has been proven stays. Penalties are not in the models: a problem with such gets no proofs.

    Raises
    ------
    SolverFaultError
        If the plan given is not sound, or CP-SAT's figures are not those of its plan or contradict each other.
    """
    if wrong := check.faults(table.problem, plan):
        raise SolverFaultError(f"The plan to prove is not sound: {wrong[0]}")
    prover = _Prover(table, plan, solve)
    groups = [] if table.problem.penalties else _small(table, most)
    ended = "all"
    spent = 0.0
    try:
        for group in groups:
            left = work - spent
            if left <= 0 or (stop is not None and stop()):
                ended = "work" if left <= 0 else "stopped"
                break
            limit = min(left, float(PROOF["max_deterministic_time"]) if each is None else each)
            spent += prover.prove(group, limit, stop)
    except KeyboardInterrupt:
        ended = "interrupted"
    return Proved(prover.plan, tuple(prover.proofs), ended)


def _small(table: Table, most: int) -> list[list[int]]:
    ends = table.segment_entries[table.pair_segments[table.request_pairs]]
    entries = np.diff(ends)
    return [group for group in components(table) if int(entries[group].sum()) <= most]


class _Prover:
    def __init__(self, table: Table, plan: Plan, solve: SolveAll) -> None:
        self.plan = plan
        self.proofs: list[Proof] = []
        self._table = table
        self._cutter = Cutter(table)
        self._found = standing(table, plan)
        self._solve = solve

    def prove(self, group: Sequence[int], limit: float, stop: Callable[[], bool] | None) -> float:
        """Solve one component; the deterministic time it took."""
        part = self._cutter.cut(self._found, group)
        # To a proof from an empty plan it is twice as far as from nowhere.
        neighbourhood = write(part, self._found, hinted=bool((self._found.pair[group] >= 0).any()))
        response = self._solve([neighbourhood.writer], limited(PROOF, limit), stop)[0]
        after = moved(neighbourhood, self._found, response)
        if response.status not in ("OPTIMAL", "FEASIBLE"):
            return response.deterministic_time
        plan = plan_of(self._table, after)
        problem = restrict(self._table.problem, group)
        _agree(problem, restricted(plan, group), worth(part, after), response.objective, response.bound)
        self._found, self.plan = after, plan
        found = Proof(tuple(group), response.status, response.objective, response.bound, response.deterministic_time)
        self.proofs.append(found)
        return response.deterministic_time


def _agree(problem: PlanProblem, plan: Plan, earned: int, objective: float, bound: float) -> None:
    """Plain arithmetic on what the solver claims of a component."""
    if wrong := check.faults(problem, plan):
        raise SolverFaultError(f"CP-SAT's plan of a component is not sound: {wrong[0]}")
    total = check.score(problem, plan).total
    if total != earned:
        raise SolverFaultError(f"The candidates of a component say that its plan earns {earned}, but it earns {total}")
    if _whole(bound) < max(round(objective), total):
        raise SolverFaultError(f"CP-SAT reports the bound {bound} below the objective {max(objective, total)}")


def bound(problem: PlanProblem, prices: Prices, proofs: Sequence[Proof]) -> float:
    """No plan is worth more: the bounds reported of the components, and for all others what follows from the prices.

    Raises
    ------
    SolverFaultError
        If prices are none, or if they contradict a proof: no plan is worth more than they allow.
    """
    proven = {request for proof in proofs for request in proof.requests}
    total = check.bound(_rest(problem, proven), _prices_of(problem, prices, proven, inside=False))
    for proof in proofs:
        requests = proof.requests
        own = _prices_of(problem, prices, set(requests), inside=True)
        allowed = check.bound(restrict(problem, requests), own)
        if allowed < round(proof.objective):
            raise SolverFaultError(f"CP-SAT reports {proof.objective} where the prices allow {allowed} at most")
        total += min(allowed, _whole(proof.bound))
    return total


def _whole(reported: float) -> int:
    """The most that a plan can be worth by a bound: a whole number, which the solver reports with a rounding error."""
    return math.floor(reported + _ROUNDING * max(1.0, abs(reported)))


def _rest(problem: PlanProblem, proven: set[int]) -> PlanProblem:
    return restrict(problem, [request for request in range(len(problem.requests)) if request not in proven])


def _prices_of(problem: PlanProblem, prices: Prices, requests: set[int], *, inside: bool) -> Prices:
    """The prices of the resources that these requests could take, or of all others."""
    lanes = {choice.lane for request in requests for role in problem.requests[request].roles for choice in role.choices}
    resources = {problem.lanes[lane].resource for lane in lanes}
    return tuple(point for point in prices if (point.resource in resources) == inside)
