"""Why a request is not served: every reason by a hand-worked plan, and all of them against brute force."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from plan_oracle import FEATURES, options, random_problem, sound_plans
from slotwright.solver.availability import Footprint
from slotwright.solver.plan.board import Blocked
from slotwright.solver.plan.check import score
from slotwright.solver.plan.explain import (
    Apart,
    Free,
    LeftOut,
    NoCandidate,
    OutsideWindows,
    QuotaFull,
    Reason,
    Shut,
    Taken,
    Tied,
    Unserved,
    explain,
    left_out,
)
from slotwright.solver.plan.problem import (
    Choice,
    Crowd,
    Lane,
    Link,
    Placement,
    Plan,
    PlanProblem,
    PlanRequest,
    Quota,
    Role,
)

TICKS = (0, 10, 20, 30, 60, 70)
ALL = 0b111111
TEN, TWENTY = Footprint(10), Footprint(20)


def lane(resource: int = 0, starts: int = ALL, foot: Footprint = TEN, **more: object) -> Lane:
    fields: dict[str, object] = {"resource": resource, "actor": resource, "footprint": foot, "starts": starts, **more}
    return Lane(**fields)  # pyright: ignore[reportArgumentType]


def asked(*pools: tuple[int, ...], starts: int = ALL, weight: int = 100) -> PlanRequest:
    return PlanRequest(weight, starts, tuple(Role(tuple(map(Choice, pool))) for pool in pools))


def why(problem: PlanProblem, plan: Plan, place: int = 0) -> tuple[Reason, tuple[int, ...] | None]:
    [found] = explain(problem, plan, [place])
    assert found.request == place
    return found.reason, found.conflict


def test_served_requests_need_no_reason() -> None:
    problem = PlanProblem(TICKS, (lane(),), (asked((0,)), asked((0,))))
    assert explain(problem, (Placement(0, (0,)), Placement(1, (0,)))) == []


def test_outside_its_windows() -> None:
    problem = PlanProblem(TICKS, (lane(),), (asked((0,), starts=0),))
    assert explain(problem, (None,)) == [Unserved(0, OutsideWindows(), (0,))]


def test_a_role_that_is_nowhere_free() -> None:
    lanes = (lane(0), lane(1, 0b010000), lane(2, 0))
    problem = PlanProblem(TICKS, lanes, (asked((0,), (1, 2), starts=0b101111),))
    # Ticks 0 to 3 and 5: minutes 0 to 30 and 70. Lane 1 is free at minute 60 alone.
    assert why(problem, (None,)) == (NoCandidate((1,), ((0, 30), (70, 70))), (0,))


def test_roles_that_are_never_free_together() -> None:
    lanes = (lane(0, 0b000111), lane(1), lane(2, 0b111000))
    problem = PlanProblem(TICKS, lanes, (asked((0,), (1,), (2,)),))
    assert why(problem, (None,)) == (NoCandidate((0, 2), ((0, 70),)), (0,))


def test_roles_that_have_one_actor_between_them() -> None:
    lanes = (lane(0), lane(1, actor=0))
    problem = PlanProblem(TICKS, lanes, (asked((0, 1), (1,), starts=1),))
    assert why(problem, (None,)) == (NoCandidate((0, 1), ((0, 0),)), (0,))


def test_optional_roles_are_not_lacking() -> None:
    request = PlanRequest(100, 0b11, (Role((Choice(0),)), Role((Choice(1),), absent=130)))
    problem = PlanProblem(TICKS, (lane(0), lane(1, 0)), (request,))
    assert why(problem, (None,)) == (Free(Placement(0, (0, None)), -30), None)


def test_tied_to_a_request_that_is_not_served() -> None:
    problem = PlanProblem(TICKS, (lane(), lane(1, 0)), (asked((0,)), asked((1,))), (Link(1, 0),))
    assert why(problem, (None, None)) == (Tied(1), None)
    assert why(problem, (None, None), 1)[0] == NoCandidate((0,), ((0, 70),))


def test_apart_from_what_it_follows() -> None:
    first, then = asked((0,), starts=0b000001), asked((1,), starts=0b001111)
    problem = PlanProblem(TICKS, (lane(0), lane(1)), (then, first), (Link(1, 0, 30, 40),))
    # From minute 10 on the gap asks for 40 to 50, and the windows end at 30: no plan serves both.
    assert why(problem, (None, Placement(0, (0,)))) == (Apart((1,)), (0,))
    later = replace(problem, requests=(asked((1,), starts=0b010001), asked((0,), starts=0b000011)))
    # Had the first started at 10 or been followed at 60, 40 or 50 minutes after; so nothing is impossible.
    later = replace(later, links=(Link(1, 0, 30, 40),))
    assert why(later, (None, Placement(0, (0,)))) == (Apart((1,)), None)


def test_taken_by_requests() -> None:
    lanes = (lane(0), lane(1), lane(0, foot=TWENTY))
    requests = (asked((0, 1), starts=0b11), asked((2,)), asked((1,)), asked((1,)), asked((0,)))
    plan = (None, Placement(0, (0,)), Placement(0, (0,)), Placement(1, (0,)), Placement(4, (0,)))
    starts = (
        Shut(0, 0, (Blocked(0, "time", (1,)), Blocked(1, "time", (2,)))),
        Shut(10, 0, (Blocked(0, "time", (1,)), Blocked(1, "time", (3,)))),
    )
    assert why(PlanProblem(TICKS, lanes, requests), plan) == (Taken(starts, (1, 2, 3)), None)


def test_the_role_with_the_fewest_in_the_way_is_named() -> None:
    lanes = (lane(0), lane(1), lane(2))
    requests = (asked((0, 1), (2,), starts=1), asked((0,)), asked((1,)), asked((2,)))
    plan = (None, Placement(0, (0,)), Placement(0, (0,)), Placement(0, (0,)))
    assert why(PlanProblem(TICKS, lanes, requests), plan) == (
        Taken((Shut(0, 1, (Blocked(2, "time", (3,)),)),), (3,)),
        None,
    )


def test_those_left_may_have_one_actor_between_them() -> None:
    lanes = (lane(0), lane(1), lane(2, actor=0))
    requests = (asked((0, 1), (2,), starts=1), asked((1,)))
    reason = Taken((Shut(0, None, (Blocked(1, "time", (1,)),)),), (1,))
    assert why(PlanProblem(TICKS, lanes, requests), (None, Placement(0, (0,)))) == (reason, None)


def test_taken_with_stored_slots() -> None:
    shared = lane(0, 0b11, capacity=3, crowds=(Crowd(0, 10, 1, 3),))
    problem = PlanProblem(TICKS, (shared,), (asked((0,), starts=1), asked((0,)), asked((0,))))
    plan = (None, Placement(0, (0,)), Placement(0, (0,)))
    reason = Taken((Shut(0, 0, (Blocked(0, "time", (1, 2), 1),)),), (1, 2))
    assert why(problem, plan) == (reason, None)
    # At minute 0 there is room for two of the three, at 10 for none that may start at 0 only.
    three = replace(problem, requests=(asked((0,), starts=1),) * 3)
    assert why(three, plan) == (reason, (0, 1, 2))


def test_a_quota_that_is_full() -> None:
    limited = lane(0, quotas=(Quota(0, 20, 1), Quota(60, 80, 1)))
    problem = PlanProblem(TICKS, (limited,), (asked((0,), starts=0b110010), asked((0,)), asked((0,))))
    plan = (None, Placement(0, (0,)), Placement(4, (0,)))
    starts = (
        Shut(10, 0, (Blocked(0, "quota", (1,)),)),
        Shut(60, 0, (Blocked(0, "time", (2,)),)),
        Shut(70, 0, (Blocked(0, "quota", (2,)),)),
    )
    assert why(problem, plan) == (Taken(starts, (1, 2)), None)
    morning = replace(problem, requests=(asked((0,), starts=0b000010), *problem.requests[1:]))
    assert why(morning, plan) == (QuotaFull(starts[:1], (1,)), None)
    both = replace(problem, requests=(asked((0,), starts=0b10), asked((0,), starts=0b1), problem.requests[2]))
    assert why(both, plan) == (QuotaFull(starts[:1], (1,)), (0, 1))


def test_a_place_that_is_left_free() -> None:
    request = PlanRequest(100, 0b111, (Role((Choice(0, 30), Choice(1, 20))),), lateness=(0, 5, 40))
    problem = PlanProblem(TICKS, (lane(0), lane(1)), (request, asked((1,), starts=0b1)))
    assert why(problem, (None, Placement(0, (0,)))) == (Free(Placement(1, (1,)), 75), None)


def test_a_conflict_is_minimal_and_proven() -> None:
    # Requests 0, 1 and 2 have two places between them; request 3 has another one, though it stands in the way now.
    lanes = (lane(0), lane(1))
    narrow = asked((0, 1), starts=0b1)
    problem = PlanProblem(TICKS, lanes, (narrow, narrow, narrow, asked((0,), starts=0b11)))
    plan = (None, Placement(0, (0,)), Placement(0, (1,)), None)
    assert why(problem, plan)[1] == (0, 1, 2)
    moved = (None, None, Placement(0, (1,)), Placement(0, (0,)))
    assert why(problem, moved)[1] is None


def test_a_conflict_counts_what_must_be_followed() -> None:
    # Request 0 must follow request 1, which needs the only place of request 2.
    requests = (asked((1,), starts=0b10), asked((0,), starts=0b1), asked((0,), starts=0b1))
    problem = PlanProblem(TICKS, (lane(0), lane(1)), requests, (Link(1, 0),))
    assert explain(problem, (None, None, Placement(0, (0,)))) == [
        Unserved(0, Tied(1), None),
        Unserved(1, Taken((Shut(0, 0, (Blocked(0, "time", (2,)),)),), (2,)), (1, 2)),
    ]


def test_no_proof_is_claimed_beyond_the_effort() -> None:
    problem = PlanProblem(TICKS, (lane(),), (asked((0,), starts=0b1), asked((0,), starts=0b1)))
    plan = (None, Placement(0, (0,)))
    assert explain(problem, plan)[0].conflict == (0, 1)
    assert explain(problem, plan, effort=3)[0].conflict is None
    assert explain(problem, plan, effort_in_all=3)[0].conflict is None


def test_roles_that_are_left_out() -> None:
    roles = (Role((Choice(0),)), Role((Choice(1), Choice(2), Choice(3)), 5), Role((Choice(3),), 0))
    request = PlanRequest(100, ALL, roles)
    problem = PlanProblem(TICKS, (lane(0), lane(1), lane(2), lane(3, 0)), (request, asked((1,))))
    plan = (Placement(1, (0, None, None)), Placement(1, (0,)))
    assert left_out(problem, plan) == [LeftOut(0, 1, (Blocked(1, "time", (1,)),), (2,)), LeftOut(0, 2, (), ())]


@pytest.mark.parametrize("features", [(one,) for one in FEATURES] + [FEATURES], ids=[*FEATURES, "all"])
def test_reasons_hold_by_brute_force(features: tuple[str, ...]) -> None:
    kinds: set[str] = set()
    proofs = 0
    for seed in range(60):
        draw = Random(f"explain {seed}")
        problem = random_problem(draw, *features)
        plans = [plan for _, plan in sound_plans(problem)]
        sound = set(plans)
        served = [frozenset(place for place, one in enumerate(plan) if one is not None) for plan in plans]
        for plan in draw.sample(plans, min(4, len(plans))):
            for found in explain(problem, plan):
                place, reason = found.request, found.reason
                kinds.add(type(reason).__name__)
                ways = [option.placement for option in options(problem, problem.requests[place])]
                assert (not ways) == isinstance(reason, NoCandidate | OutsideWindows)
                more = [(*plan[:place], way, *plan[place + 1 :]) for way in ways]
                gains = [score(problem, one).total - score(problem, plan).total for one in more if one in sound]
                assert bool(gains) == isinstance(reason, Free)
                match reason:
                    case Free(placement, worth):
                        assert worth == max(gains)
                        assert (*plan[:place], placement, *plan[place + 1 :]) in sound
                    case Tied(first):
                        assert plan[first] is None
                    case Taken(_, requests) | QuotaFull(_, requests) if not problem.links:
                        rest = [one if number in requests else None for number, one in enumerate(plan)]
                        assert not any((*rest[:place], way, *rest[place + 1 :]) in sound for way in ways)
                    case _:
                        pass
                if found.conflict is not None:
                    proofs += 1
                    together = frozenset(found.conflict)
                    assert not any(together <= one for one in served)
                    for one in found.conflict:
                        assert any(together - {one} <= other for other in served)
    assert {"Free", "Taken"} <= kinds and proofs > 10
