"""Proofs of components: against brute force, and claims that arithmetic refutes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

import pytest
from instances import plan_instance
from plan_draws import drawn
from plan_oracle import FEATURES, optimum, random_prices, random_problem
from plans import problem as reference
from slotwright.solver.errors import SolverFaultError
from slotwright.solver.model import ModelWriter, Response, run_all
from slotwright.solver.plan import check
from slotwright.solver.plan.check import faults, score
from slotwright.solver.plan.problem import Lane, PlanProblem, PlanRequest
from slotwright.solver.plan.prove import Proof, Proved, bound, prove
from slotwright.solver.plan.restrict import components
from slotwright.solver.plan.table import make_table
from slotwright.solver.profiles import Profile


def proved(problem: PlanProblem) -> Proved:
    return prove(make_table(problem), (None,) * len(problem.requests))


@pytest.mark.parametrize("features", [*((feature,) for feature in FEATURES), FEATURES])
def test_what_is_proven_is_the_best_that_there_is(features: tuple[str, ...]) -> None:
    for seed in range(15):
        draw = Random(f"prove {seed}")
        problem = random_problem(draw, *features)
        if problem.penalties:
            continue
        best = optimum(problem)
        found = proved(problem)
        assert found.ended == "all"
        assert {proof.status for proof in found.proofs} <= {"OPTIMAL"}
        assert faults(problem, found.plan) == []
        assert score(problem, found.plan).total == best == round(sum(proof.objective for proof in found.proofs))
        for prices in random_prices(draw, problem):
            assert best <= bound(problem, prices, found.proofs) <= check.bound(problem, prices) + 1e-6
        assert bound(problem, (), found.proofs) == best


def side_by_side(problems: Sequence[PlanProblem]) -> PlanProblem:
    """Problems on the same ticks as one, on resources and actors of their own."""
    lanes: list[Lane] = []
    requests: list[PlanRequest] = []
    for number, one in enumerate(problems):
        choices = len(lanes)
        lanes += [
            replace(lane, resource=lane.resource + 10 * number, actor=lane.actor + 10 * number) for lane in one.lanes
        ]
        for request in one.requests:
            roles = tuple(
                replace(role, choices=tuple(choice._replace(lane=choice.lane + choices) for choice in role.choices))
                for role in request.roles
            )
            requests.append(replace(request, roles=roles))
    return PlanProblem(problems[0].ticks, tuple(lanes), tuple(requests))


def test_components_share_nothing_and_their_bounds_add_up() -> None:
    parts = [drawn(seed, requests=3, ticks=6) for seed in range(3)]
    problem = side_by_side(parts)
    groups = components(make_table(problem))
    assert len(groups) >= 3
    assert all(len({request // 3 for request in group}) == 1 for group in groups)
    found = proved(problem)
    assert len(found.proofs) == len(groups)
    assert bound(problem, (), found.proofs) == sum(optimum(part) for part in parts)
    # With one proof less, the prices (here none) have to bound that component: everybody at the best start.
    proofs = found.proofs
    fewer = [bound(problem, (), proofs[:place] + proofs[place + 1 :]) for place in range(len(proofs))]
    assert min(fewer) >= bound(problem, (), proofs)
    assert bound(problem, (), proofs) < max(fewer) <= check.bound(problem, ())


def test_links_tie_components() -> None:
    joined = 0
    for seed in range(20):
        problem = drawn(seed, requests=4, links=True, resources=5)
        groups = components(make_table(problem))
        home = {request: number for number, group in enumerate(groups) for request in group}
        assert all(
            home[link.first] == home[link.then] for link in problem.links if {link.first, link.then} <= set(home)
        )
        joined += len(components(make_table(replace(problem, links=())))) - len(groups)
    assert joined > 0


def test_the_work_limit_and_the_size_leave_components_unproven() -> None:
    problem = side_by_side([drawn(seed, requests=3, ticks=6) for seed in range(3)])
    table, empty = make_table(problem), (None,) * 9
    assert prove(table, empty, most=0).proofs == ()
    nothing = prove(table, empty, work=0.0)
    assert (nothing.proofs, nothing.ended, nothing.plan) == ((), "work", empty)
    answers = iter([False, True])
    stopped = prove(table, empty, stop=lambda: next(answers, True))
    assert (len(stopped.proofs), stopped.ended) == (1, "stopped")


def altered(change: Callable[[Response], Response]) -> Callable[..., list[Response]]:
    def solve(
        writers: Sequence[ModelWriter], profile: Profile, stop: Callable[[], bool] | None = None
    ) -> list[Response]:
        return [change(one) for one in run_all(writers, profile, stop)]

    return solve


def test_claims_that_arithmetic_refutes_are_faults() -> None:
    problem = drawn(3)
    table, empty = make_table(problem), (None,) * 5
    with pytest.raises(SolverFaultError, match=r"the bound .+ below the objective"):
        prove(table, empty, solve=altered(lambda one: replace(one, bound=one.objective - 1)))
    with pytest.raises(SolverFaultError, match="with values that earn"):
        prove(table, empty, solve=altered(lambda one: replace(one, objective=one.objective + 1, bound=1e6)))
    with pytest.raises(SolverFaultError, match="INFEASIBLE to a part"):
        prove(table, empty, solve=altered(lambda one: replace(one, status="INFEASIBLE", values=[])))
    most = check.bound(problem, ())
    with pytest.raises(SolverFaultError, match="where the prices allow"):
        bound(problem, (), [Proof(tuple(range(5)), "OPTIMAL", most + 1, most + 1, 0.0)])


def test_ctrl_c_keeps_what_was_proven() -> None:
    problem = side_by_side([drawn(seed, requests=3, ticks=6) for seed in range(3)])
    calls: list[int] = []

    def solve(
        writers: Sequence[ModelWriter], profile: Profile, stop: Callable[[], bool] | None = None
    ) -> list[Response]:
        calls.append(len(calls))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run_all(writers, profile, stop)

    found = prove(make_table(problem), (None,) * 9, solve=solve)
    assert (len(found.proofs), found.ended) == (2, "interrupted")
    assert score(problem, found.plan).total == round(sum(proof.objective for proof in found.proofs))


@pytest.mark.parametrize("load", [0.95, 1.2])
def test_a_reference_instance_of_200_is_proven_optimal(load: float) -> None:
    problem = reference(plan_instance(200, load, 1))
    found = proved(problem)
    assert [proof.status for proof in found.proofs] == ["OPTIMAL"]
    assert faults(problem, found.plan) == []
    assert score(problem, found.plan).total == round(found.proofs[0].objective) == round(found.proofs[0].bound)


def test_stop_is_heard_while_the_solver_runs() -> None:
    # It would take CP-SAT seconds to prove this one; it is stopped at the first question after the beginning.
    problem = reference(plan_instance(200, 0.6, 2))
    answers = iter([False])
    found = prove(make_table(problem), (None,) * 200, stop=lambda: next(answers, True))
    assert [proof.status for proof in found.proofs if proof.status == "OPTIMAL"] == []
    assert faults(problem, found.plan) == []
