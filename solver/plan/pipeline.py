"""A whole plan: the stages in their order, how much work each may do, and what is reported of them.

Work is counted (`work`), and decides the result: the same problem, seed and work limit give the same plan, whatever
else the machine does. Stages work on copies; what a stage has found counts when plain arithmetic has found no fault in
it, and the best plan so far is the answer, also where the run is stopped or interrupted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ..errors import SolverFaultError
from . import check
from .arena import Arena, whole
from .dive import dive
from .eject import Ejector
from .greedy import greedy
from .level_bounds import Bounded
from .offers import Offers, Reals
from .pairs import layout, obstacle
from .pairs_search import Outcome, search_layout
from .polish import Budget, polish
from .prices import Descent, Market, lower_prices
from .problem import Objective, Plan, PlanProblem, Prices
from .prove import MOST as SMALL
from .prove import Proof, prove
from .prove import bound as proven_bound
from .state import State, plan_of
from .table import Table, make_table
from .validate import check_problem
from .work import Work, pricing

Ended = Literal["done", "work", "stopped", "interrupted"]

_LAYOUT = 5e-7
"""Work of laying out an entry."""


class Shares(NamedTuple):
    """What stages may take of the work there is, and proofs of what is left when they begin; polishing has the rest."""

    prices: float
    dive: float
    ejection: float
    proof: float


_LARGE = Shares(0.12, 0.3, 0.2, 0.7)
_SMALL = Shares(0.05, 0.02, 0.03, 0.97)
"""For a problem that can be proven as a whole: the solver gains more by its work than the stages before it."""

_REFINEMENT = 0.05
"""What more steps of prices may take at the end."""

_LEAST, _MOST = 40, 400
"""Steps of prices."""

_DIVES = ((0.01, 40), (0.02, 30), (0.03, 30), (0.05, 20), (0.1, 20), (0.1, 10), (0.2, 10))
"""Shares of rows served in one stage of a dive, and steps of prices before it: the first that can be afforded."""

_ROUNDS, _PATIENCE = 30, 2
"""Rounds of ejection before it begins anew with all that it has learned forgotten, and how often in vain."""

_SHORT, _FAR = (0.003, 0.0005), 1.5
"""The first and the last step of prices where the usual ones end so many times above the greedy plan."""

_FINE = (0.002, 0.0001)
"""The first and the last step of prices that are good already."""

_SOLVER, _PROVER = 8.0, 5.0
"""Work of a unit of the solver's deterministic time, with all that is done around it: in polishing, and in a proof."""

_SLICES = 4
"""Polishing and ejection take turns; ejection has the lesser part."""

_BETWEEN = 0.04
"""What ejection may take of the work each time."""


class Stage(NamedTuple):
    """How things stood when a stage ended; `bound` None: there was none yet."""

    name: str
    work: float
    served: int
    objective: int
    bound: float | None

    @property
    def gap(self) -> float | None:
        return None if self.bound is None else gap(self.objective, self.bound)


@dataclass(frozen=True, slots=True)
class PlanResult:
    """A plan without faults, its worth, and a bound that follows from `prices` and `proofs` (`prove.bound`).

    `priced` is what follows from the prices alone, by arithmetic (`check.bound`). Where `bound` is less, CP-SAT's word
    is taken for components, which neither the plan nor the prices contradict.
    `ended`: `done` when the stages had nothing more to do, `work` when the limit was reached, `stopped` when the guard
    said so, `interrupted` at Ctrl-C. Where the objective was lexicographic, `levels` say what is reached and proven;
    `objective` is the weighted one all the same, and `bound` a coarse one of that.
    """

    plan: Plan
    objective: int
    bound: float
    priced: float
    prices: Prices
    proofs: tuple[Proof, ...]
    stages: tuple[Stage, ...]
    work: float
    ended: Ended
    levels: tuple[Bounded, ...] = ()

    @property
    def gap(self) -> float:
        """How far the plan may be from the best, as a share of the bound."""
        return gap(self.objective, self.bound)

    @property
    def served(self) -> int:
        return sum(placement is not None for placement in self.plan)

    @property
    def is_optimal(self) -> bool:
        """Is no plan better? Worths are whole numbers."""
        if self.levels:
            return all(level.reached == level.bound for level in self.levels)
        return self.bound < self.objective + 1


def gap(objective: int, bound: float) -> float:
    """(bound − objective) ÷ bound; 0 where nothing can be earned."""
    return max(0.0, (bound - objective) / bound) if bound > 0 else 0.0


Progress = Callable[[Stage], None]


def solve_plan(
    problem: PlanProblem,
    *,
    work_limit: float,
    seed: int = 0,
    objective: Objective = "weighted",
    start: Plan | None = None,
    time_limit: Callable[[], bool] | None = None,
    progress: Progress | None = None,
) -> PlanResult:
    """Plan by the weighted objective, or level by level.

    Parameters
    ----------
    work_limit : float
        Counted work, in about seconds of one core. The first plan and a few prices are made however small it is.
    seed : int
        Of all that is drawn.
    objective : {"weighted", "lexicographic"}
        What makes a plan good; the levels of the lexicographic one are those of `levels`.
    start : Plan, optional
        Where requests stand already. If it has no faults, the answer is worth at least as much.
    time_limit : callable, optional
        Asked now and then: True stops the run. A guard only; a plan that it cuts short depends on the machine.
    progress : callable, optional
        Told of every stage that ends, and of every round of long ones.

    Raises
    ------
    InvalidInputError
        If the problem is not well formed (`validate`). If the objective is lexicographic, and there are penalties, or
        costs too large to weigh against each other.
    SolverFaultError
        If a stage returns a plan with faults, or a bound below a plan's worth.
    """
    check_problem(problem)
    if objective == "lexicographic":
        from .lexicographic import solve_lexicographic

        return solve_lexicographic(
            problem, work_limit=work_limit, seed=seed, start=start, time_limit=time_limit, progress=progress
        )
    run = _Run(problem, Work(work_limit, time_limit), seed, progress)
    ended: Ended | None = None
    try:
        run.stages(start)
    except KeyboardInterrupt:
        ended = "interrupted"
    try:
        return run.result(ended)
    except KeyboardInterrupt:
        # The plan is there: only one more gives it up.
        return run.result("interrupted")


class _Run:
    """One problem on its way through the stages: the best plan and the best prices so far."""

    def __init__(self, problem: PlanProblem, work: Work, seed: int, progress: Progress | None) -> None:
        self._problem = problem
        self._work = work
        self._seed = seed
        self._draws = seed
        self._progress = progress
        self._plan: Plan = (None,) * len(problem.requests)
        self._key = _key(problem, self._plan)
        self._best: Prices = ()
        self._bound: float | None = None
        self._told: list[Stage] = []
        self._proofs: tuple[Proof, ...] = ()
        self._is_done = False
        self._shares = _LARGE

    def stages(self, start: Plan | None) -> None:
        """All stages, as far as the work limit goes."""
        table = make_table(self._problem)
        arena = whole(table)
        entries = len(arena.entry_place)
        self._work.add(_LAYOUT * entries)
        if entries <= SMALL:
            self._shares = _SMALL
        state = self._first_plan(arena, start)
        if not entries or not self._problem.requests:
            self._is_done = True
            return
        market = Market(table)
        offers = Offers(arena)
        prices = self._price(market, offers)
        if self._problem.penalties and obstacle(self._problem) is None:
            # The stages below see no pairs of visits.
            self._anneal()
            return
        if not self._work.is_over():
            state = self._dive(arena, market, prices, state)
        if not self._work.is_over():
            self._eject(state, market.place_prices(prices), self._shares.ejection)
        self._prove(table)
        self._polish(arena, market.place_prices(prices), 1 - _REFINEMENT)
        self._refine(market, offers, prices)

    def _first_plan(self, arena: Arena, start: Plan | None) -> State:
        """Greedy, and what was there before with whoever still fits; the better of them."""
        state = State(arena)
        greedy(state)
        self._work.add(pricing(len(arena.entry_place), 2))
        self._keep(state.plan())
        if start is not None:
            if not check.faults(self._problem, start):
                self._keep(start)
            other = State(arena)
            other.load(start)
            greedy(other)
            self._keep(other.plan())
            state = max(state, other, key=_value)
        self._tell("greedy")
        return state

    def _price(self, market: Market, offers: Offers) -> Reals:
        each = pricing(len(offers.arena.entry_place))
        iterations = min(max(int(self._shares.prices * self._work.limit / each), _LEAST), _MOST)
        found = lower_prices(market, offers, market.nothing(), Descent(iterations), self._work)
        if found.bound > _FAR * self._key[-1]:
            # Where many want the same, large steps only make all run from each minute that gets dearer to the next.
            again = lower_prices(market, offers, market.nothing(), Descent(iterations, *_SHORT), self._work)
            found = min(found, again, key=lambda one: one.bound)
        self._certify(market.points(found.prices), ())
        self._tell("prices")
        return found.prices

    def _dive(self, arena: Arena, market: Market, prices: Reals, before: State) -> State:
        """A plan from the prices; the better of the state before and this."""
        allowed = self._shares.dive * self._work.limit
        entries = len(arena.entry_place)
        # On the way half of the entries are there, and cutting down costs as much as a few steps.
        affordable = (dive for dive in _DIVES if pricing(entries // 2, dive[1] + 4) / dive[0] <= allowed)
        share, iterations = next(affordable, _DIVES[-1])
        state = State(arena)
        dive(state, market, prices, share, iterations, self._work)
        self._keep(state.plan())
        self._tell("dive")
        return max(before, state, key=_value)

    def _eject(self, state: State, place_price: Reals, share: float) -> None:
        until = min(self._work.spent + share * self._work.limit, (1 - _REFINEMENT) * self._work.limit)
        in_vain = 0
        while in_vain < _PATIENCE and not self._work.is_over(until):
            before = state.value
            ejector = Ejector(state, self._draws, place_price)
            self._draws += 1
            try:
                ejector.run(_ROUNDS, self._work, until)
            finally:
                # A trial that was cut short is not in it.
                self._keep(plan_of(state.arena, ejector.best))
            in_vain = 0 if state.value > before else in_vain + 1
        self._tell("ejection")

    def _anneal(self) -> None:
        """A search that knows the penalties on pairs, with all the work that is left."""
        made = layout(self._problem)
        steps = int(self._work.left / made.step_work)

        def keep(outcome: Outcome) -> None:
            self._work.add((outcome.steps * made.step_work) - (self._work.spent - before))
            self._keep(outcome.plan)
            self._tell("pairs")

        before = self._work.spent
        stop = self._stop()
        keep(search_layout(made, steps=steps, seed=self._seed, stop=stop, start=self._plan, progress=keep))

    def _prove(self, table: Table) -> None:
        """Components that are small, to proof."""
        left = self._shares.proof * self._work.left
        found = prove(table, self._plan, work=left / _PROVER, stop=self._stop())
        self._work.add(_PROVER * sum(proof.work for proof in found.proofs))
        self._keep(found.plan)
        if found.proofs:
            self._certify(self._best, found.proofs)
        if found.ended == "interrupted":
            raise KeyboardInterrupt
        if found.proofs:
            self._tell("proof")

    def _polish(self, arena: Arena, place_price: Reals, until: float) -> None:
        """Parts of the plan by CP-SAT, with a little ejection between."""
        table = arena.table
        proven = {request for proof in self._proofs if proof.status == "OPTIMAL" for request in proof.requests}
        if proven.issuperset(arena.row_request.tolist()):
            self._is_done = True
            return
        slices = max(0.0, until * self._work.limit - self._work.spent) / _SLICES - _BETWEEN * self._work.limit
        for number in range(_SLICES):
            if slices <= 0 or self._work.is_over(until * self._work.limit):
                return
            found = polish(
                table,
                self._plan,
                Budget(work=min(slices, until * self._work.limit - self._work.spent) / _SOLVER),
                self._seed + number,
                key=_key if self._problem.penalties else None,
                prices=self._best,
                settled=proven,
                stop=self._stop(),
            )
            self._work.add(_SOLVER * found.work)
            self._keep(found.plan)
            self._tell("polish")
            if found.ended == "interrupted":
                raise KeyboardInterrupt
            if found.ended == "whole":
                self._is_done = True
                return
            state = State(arena)
            state.load(self._plan)
            self._eject(state, place_price, _BETWEEN)

    def _refine(self, market: Market, offers: Offers, prices: Reals) -> None:
        """More steps of prices, small ones, with what work is left."""
        if self._is_done:
            return
        iterations = min(int(self._work.left / pricing(len(offers.arena.entry_place))), _MOST)
        if iterations > 0:
            found = lower_prices(market, offers, prices, Descent(iterations, *_FINE), self._work)
            self._certify(market.points(found.prices), self._proofs)
            self._tell("bound")

    def _stop(self) -> Callable[[], bool] | None:
        return None if self._work.stop is None else self._work.is_over

    # What has been reached

    def _keep(self, plan: Plan) -> None:
        """Take the plan over if it is better than the best so far."""
        if wrong := check.faults(self._problem, plan):
            raise SolverFaultError(f"A stage of the planner made an unsound plan: {wrong[0]}")
        key = _key(self._problem, plan)
        if key > self._key:
            self._plan, self._key = plan, key

    def _certify(self, prices: Prices, proofs: tuple[Proof, ...]) -> float:
        """Take over prices that prove more, and proofs: with the bound that follows from them, computed anew."""
        bound = proven_bound(self._problem, prices, proofs)
        if self._bound is None or bound < self._bound or proofs != self._proofs:
            self._best, self._proofs, self._bound = prices, proofs, bound
        return self._bound

    def _tell(self, name: str) -> None:
        served = sum(placement is not None for placement in self._plan)
        stage = Stage(name, self._work.spent, served, self._key[-1], self._bound)
        self._told.append(stage)
        if self._progress is not None:
            self._progress(stage)

    def result(self, ended: Ended | None) -> PlanResult:
        """The best plan, and the bound that follows from the best prices and the proofs."""
        objective = check.score(self._problem, self._plan).total
        bound = self._certify((), ()) if self._bound is None else self._bound
        if bound < objective:
            raise SolverFaultError(f"The bound {bound} is below the plan's worth {objective}")
        priced = check.bound(self._problem, self._best) if self._proofs else bound
        if ended is None:
            is_stopped, is_done = self._work.is_stopped, self._is_done
            ended = "done" if is_done else "stopped" if is_stopped else "work"
        return PlanResult(
            self._plan, objective, bound, priced, self._best, self._proofs, tuple(self._told), self._work.spent, ended
        )


def _key(problem: PlanProblem, plan: Plan) -> tuple[int, ...]:
    """What makes plans comparable: the objective; with penalties, what is served and the medium ones before it."""
    score = check.score(problem, plan)
    return (score.terms.weight, -score.medium, score.total) if problem.penalties else (score.total,)


def _value(state: State) -> int:
    return state.value
