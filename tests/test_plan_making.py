"""Plans over a calendar, worked by hand: what a request may say, one feature at a time. The planner is the plainest."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from plan_greedy import Greedy, greedy
from plan_support import MORNING, Row, at, calendar, ledger, plan, row, shown
from slotwright.io.plans import planning, words
from slotwright.solver.errors import SolverFaultError
from slotwright.solver.plan.problem import Placement, Plan, PlanProblem
from support import Resource, appointment, parameters, practitioner, schedule, service, slot


def places(*rows: Row, more: tuple[Resource, ...] = ()) -> list[str]:
    return shown(plan(calendar(*more), rows).answers)


def reason(*rows: Row, more: tuple[Resource, ...] = ()) -> str | None:
    return plan(calendar(*more), rows).answers[-1].reason


def test_three_visits_of_one_practitioner_follow_each_other() -> None:
    assert places(row("a"), row("b"), row("c")) == [
        "a placed 10 09:00 ann",
        "b placed 10 09:30 ann",
        "c placed 10 10:00 ann",
    ]


def test_answers_come_in_the_order_of_the_rows_and_do_not_depend_on_it() -> None:
    rows = [row("a"), row("b"), row("c")]
    assert places(*reversed(rows)) == places(*rows)[::-1]


def test_a_pool_gives_one_each() -> None:
    rows = [row(one, "ann,bob;room-1,room-2", "2026-03-10T09:00/2026-03-10T09:30") for one in "abc"]
    assert places(*rows) == ["a placed 10 09:00 ann room-1", "b placed 10 09:00 bob room-2", "c not-placed"]


def test_the_heavier_request_is_served() -> None:
    window = "2026-03-10T09:00/2026-03-10T09:30"
    assert places(row("a", windows=window), row("b", windows=window, priority=1)) == [
        "a not-placed",
        "b placed 10 09:00 ann",
    ]


def test_several_windows() -> None:
    windows = "2026-03-10T11:45/2026-03-10T12:00;2026-03-11T10:10/2026-03-11T11:00"
    assert places(row("a", windows=windows)) == ["a placed 11 10:30 ann"]


def test_visits_lie_in_the_window_and_buffers_need_not() -> None:
    wide = schedule("cy", parameters(bufferBefore=30, bufferAfter=30))
    more = (practitioner("cy"), wide)
    assert places(row("a", "cy", "2026-03-10T09:00/2026-03-10T09:30"), more=more) == ["a placed 10 09:00 cy"]


def test_release_and_deadline() -> None:
    bounds = {"windows": None, "release": "2026-03-10T10:01", "deadline": "2026-03-10T11:00"}
    assert places(row("a", **bounds), row("b", **bounds)) == ["a placed 10 10:30 ann", "b not-placed"]


def test_without_a_release_the_search_begins_now() -> None:
    # Now is Monday, 9 March, at 12:00: Ann's morning is over.
    assert places(row("a", windows=None, deadline="2026-03-31")) == ["a placed 10 09:00 ann"]


def test_horizons_of_more_than_31_days() -> None:
    full = slot("s", "ann", "2026-03-01T00:00:00Z", "2026-06-01T00:00:00Z")
    assert places(row("a", windows=None, deadline="2026-07-31"), more=(full,)) == ["a placed 01 09:00 ann"]
    # Weekdays only: 1 June 2026 is a Monday.


def test_lateness_is_counted_in_days_begun() -> None:
    taken = slot("s", "ann", "2026-03-10T00:00:00Z", "2026-03-12T00:00:00Z")
    [answer] = plan(
        calendar(taken), [row("a", windows="2026-03-10/2026-03-13", due="2026-03-10", late_per_day=20)]
    ).answers
    # Due is the end of the 10th, the visit ends on the 12th at 09:30: two days have begun.
    assert (at(answer.start), answer.terms) == ("12 09:00", (2000, 40, 0, 0, 0))


def test_preferred_times_and_schedules_cost_what_is_missed() -> None:
    wishes = {"preferred_times": "2026-03-10T10:00/2026-03-10T11:00:50;11:00-12:00:20", "preferred_schedules": "bob:30"}
    [answer] = plan(calendar(), [row("a", "ann,bob", **wishes)]).answers
    assert (at(answer.start), answer.schedules, answer.terms) == ("10 10:00", ("bob",), (2000, 0, 0, 0, 0))
    taken = slot("s", "bob", "2026-03-10T09:00:00Z", "2026-03-10T12:00:00Z")
    late = slot("t", "ann", "2026-03-10T09:00:00Z", "2026-03-10T11:00:00Z")
    [answer] = plan(calendar(taken, late), [row("a", "ann,bob", **wishes)]).answers
    # From 11:00 on the second wish is met, 30 less than the first; and Ann is not Bob, another 30.
    assert (at(answer.start), answer.schedules, answer.terms) == ("10 11:00", ("ann",), (2000, 0, 60, 0, 0))


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([row("a", optional="room-1")], "room-1 (not free then)"),
        ([row("a", optional="room-1,room-2:70;room-2")], "room-1 or room-2 (already part of it)"),
        ([row("b", "bob;room-2", priority=1), row("a", optional="room-2")], "room-2 (taken by request 'b')"),
        (
            [row("a", optional="room-1,room-2:10", preferred_schedules="room-1:20")],
            "room-1 or room-2 (it would cost no less)",
        ),
    ],
)
def test_what_is_gone_without_has_a_reason(rows: list[Row], why: str) -> None:
    window = "2026-03-10T09:00/2026-03-10T09:30"
    taken = slot("s", "room-1", "2026-03-10T09:00:00Z", "2026-03-10T09:30:00Z")
    found = plan(calendar(taken), [{**one, "windows": window} for one in rows]).answers[-1]
    assert (found.status, found.reason) == ("placed", f"It goes without {why}.")


def test_optional_pools_are_gone_without_at_their_cost() -> None:
    taken = slot("s", "room-1", "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z")
    outcome = plan(calendar(taken), [row("a", optional="room-1:70;room-2:70")])
    assert shown(outcome.answers) == ["a placed 10 09:00 ann room-2"]
    assert outcome.answers[0].terms == (2000, 0, 0, 0, 70)


def test_pins() -> None:
    pins = {"pinned_start": "2026-03-10T10:30", "pinned_schedules": "bob"}
    assert places(row("a", "ann,bob;room-1,room-2", **pins)) == ["a placed 10 10:30 bob room-1"]
    assert places(row("a", windows=None, pinned_start="2026-03-10T10:30")) == ["a placed 10 10:30 ann"]
    assert places(row("a", pinned_start="2026-03-10T10:20")) == ["a not-placed"]


def test_a_patient_is_in_one_place() -> None:
    window = "2026-03-10T09:00/2026-03-10T10:00"
    rows = [row("a", "ann", window, patient="pat"), row("b", "bob", window, patient="Pat Lee")]
    assert places(*rows) == ["a placed 10 09:00 ann", "b placed 10 09:30 bob"]
    elsewhere = appointment("x", [], start="2026-03-10T09:00:00Z", end="2026-03-10T09:45:00Z")
    elsewhere["participant"] = [{"actor": {"reference": "Patient/pat"}}]
    assert places(*rows[:1], more=(elsewhere,)) == ["a not-placed"]
    assert reason(*rows[:1], more=(elsewhere,)) == "Pat Lee is elsewhere at all starts in its windows."
    assert places(*rows[:1], more=({**elsewhere, "status": "cancelled"},)) == ["a placed 10 09:00 ann"]


def test_nurse_then_doctor_within_the_hour_on_the_same_day() -> None:
    taken = slot("s", "bob", "2026-03-10T09:00:00Z", "2026-03-10T11:00:00Z")
    rows = [
        row("doctor", "bob", "2026-03-10/2026-03-12", after="nurse 0..60min same-day"),
        row("nurse", "ann", "2026-03-10T09:30/2026-03-10T10:30", pinned_start="2026-03-10T09:30"),
    ]
    assert places(*rows, more=(taken,)) == ["doctor placed 10 11:00 bob", "nurse placed 10 09:30 ann"]
    later = slot("s", "bob", "2026-03-10T09:00:00Z", "2026-03-10T11:30:00Z")
    assert places(*rows, more=(later,)) == ["doctor not-placed", "nurse placed 10 09:30 ann"]


def test_a_week_apart() -> None:
    rows = [row("a", windows="2026-03-10"), row("b", windows="2026-03-10/2026-03-31", after="a 7d..")]
    # The first ends on the 10th at 09:30; a week later that is 17 March, 09:30.
    assert places(*rows) == ["a placed 10 09:00 ann", "b placed 17 09:30 ann"]


def test_what_comes_after_nothing_is_not_served() -> None:
    assert places(row("a", windows="2026-03-15"), row("b", after="a")) == ["a not-placed", "b not-placed"]
    assert reason(row("a", windows="2026-03-15"), row("b", after="a")) == (
        "It comes after request 'a', which is not placed."
    )
    assert reason(row("b", after="nobody")) == "It comes after request 'nobody', which cannot be planned."


def test_circles_are_errors_of_their_rows() -> None:
    rows = [row("a", after="c"), row("b", after="a"), row("c", after="b"), row("d", after="c")]
    outcome = plan(calendar(), rows)
    assert shown(outcome.answers) == ["a error", "b error", "c error", "d error"]
    assert outcome.answers[0].reason == (
        "Row 1: after: by way of request 'c' it comes after itself. Take one of them out."
    )


def test_a_class_takes_as_many_as_it_has_places() -> None:
    group = service("class", params=parameters(duration=60, alignmentInterval=60, slotCapacity=3))
    teacher = schedule("cy", services=("class",))
    one = slot("s", "cy", "2026-03-10T09:00:00Z", "2026-03-10T10:00:00Z", capacity=3)
    more = (practitioner("cy"), group, teacher, one)
    window = "2026-03-10T09:00/2026-03-10T10:00"
    rows = [row(id, "cy", window, service="class") for id in "abc"]
    assert places(*rows, more=more) == ["a placed 10 09:00 cy", "b placed 10 09:00 cy", "c not-placed"]


def test_booking_limits_count_what_is_stored_and_what_is_planned() -> None:
    limited = schedule("cy", parameters(bookingLimit=(2, 1, "d")))
    stored = slot("s", "cy", "2026-03-10T15:00:00Z", "2026-03-10T15:30:00Z")
    more = (practitioner("cy"), limited, stored, appointment("x", ["s"]))
    rows = [row(id, "cy", "2026-03-10/2026-03-11") for id in "abcd"]
    assert places(*rows, more=more) == [
        "a placed 10 00:00 cy",
        "b placed 11 00:00 cy",
        "c placed 11 00:30 cy",
        "d not-placed",
    ]


def test_services_with_different_grids_share_their_schedules() -> None:
    quick = service("quick", params=parameters(duration=20, alignmentInterval=20))
    both = schedule("cy", MORNING, services=("checkup", "quick"))
    window = "2026-03-10T09:00/2026-03-10T10:00"
    rows = [row("a", "cy", window, weight=3), row("b", "cy", window, service="quick", weight=2)]
    # The half-hour from 09:00 leaves 09:40 on the other grid.
    found = places(*rows, more=(practitioner("cy"), quick, both))
    assert found == ["a placed 10 09:00 cy", "b placed 10 09:40 cy"]


def test_an_actor_is_used_once() -> None:
    twin = schedule("ann-2", MORNING, actor="Practitioner/ann")
    assert places(row("a", "ann;ann-2,bob"), more=(twin,)) == ["a placed 10 09:00 ann bob"]
    assert places(row("a", "ann;ann-2"), more=(twin,)) == ["a not-placed"]


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ({"schedules": "idle"}, "Row 1: Schedule is inactive (Schedule/idle)."),
        (
            {"schedules": "ann;other"},
            "Row 1: Schedule is not schedulable for requested service type (Schedule/other).",
        ),
        ({"service": "shut"}, "Row 1: HealthcareService is inactive (HealthcareService/shut)."),
        (
            {"service": "none", "schedules": "zero"},
            "Row 1: A visit without length is never available (HealthcareService/none).",
        ),
        ({"windows": "2026-03-10/2032-01-01"}, "Row 1: The visit could lie more than 3 years from now."),
    ],
)
def test_what_find_refuses_is_an_error_of_the_row(cells: dict[str, Any], text: str) -> None:
    more = (
        practitioner("idle"),
        schedule("idle", active=False),
        practitioner("other"),
        schedule("other", services=()),
        service("shut", active=False),
        service("none", params=parameters(duration=0)),
        practitioner("zero"),
        schedule("zero", services=("none",)),
    )
    outcome = plan(calendar(*more), [row("a", **cells), row("b")])
    assert shown(outcome.answers) == ["a error", "b placed 10 09:00 ann"]
    assert outcome.answers[0].reason == text


def test_members_that_cannot_serve_leave_their_pool() -> None:
    more = (practitioner("idle"), schedule("idle", active=False))
    assert places(row("a", "idle,bob"), more=more) == ["a placed 10 09:00 bob"]


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([row("a", windows="2026-03-15")], "Nothing free: ann (ann) leaves no start in its windows."),
        (
            [row("a", "room-1;ann,bob", windows="2026-03-15")],
            "Nothing free: The pool of ann (ann), bob (bob) leaves no start in its windows.",
        ),
        (
            [row("a"), row("b", windows="2026-03-10T09:00/2026-03-10T09:20")],
            "No start on the grid lies in its windows.",
        ),
    ],
)
def test_reasons_why_there_is_no_candidate(rows: list[Row], text: str) -> None:
    assert reason(*rows) == text


def test_a_ledger_is_planned_from_now_on_unless_the_past_is_asked_for(tmp_path: Any) -> None:
    store = ledger(tmp_path)
    monday = row("a", windows="2026-03-09")
    assert shown(plan(store, [monday]).answers) == ["a not-placed"]
    assert shown(plan(store, [monday], allow_past=True).answers) == ["a placed 09 09:00 ann"]
    assert shown(plan(calendar(), [monday]).answers) == ["a placed 09 09:00 ann"]


def test_an_unsound_answer_of_the_planner_is_never_shown() -> None:
    def solve(problem: PlanProblem, start: Plan | None) -> Greedy:
        assert start is None
        return Greedy((Placement(0, (0,)),) * len(problem.requests), 4000)

    with pytest.raises(SolverFaultError, match="unsound"):
        plan(calendar(), [row("a"), row("b")], solve)


def test_what_the_problem_does_not_know_is_judged_by_the_calendars_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    from slotwright.solver.plan import check

    def blind(problem: PlanProblem, start: Plan | None) -> Greedy:
        found = greedy(problem, start).plan
        return Greedy((found[0], found[0]), 4000)

    def silent(problem: PlanProblem, plan: Plan) -> list[str]:  # noqa: ARG001
        return []

    monkeypatch.setattr(check, "faults", silent)
    with pytest.raises(SolverFaultError, match="The plan of request b does not hold: Schedule/ann is not open for it"):
        plan(calendar(), [row("a"), row("b")], blind)


@pytest.mark.parametrize(
    ("module", "name"), [(planning, "visits_of"), (planning, "replay"), (words, "explain"), (words, "left_out")]
)
def test_ctrl_c_after_planning_does_not_cost_the_plan(
    module: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = getattr(module, name)
    left = [1]

    def interrupted(*given: Any, **named: Any) -> Any:
        if left:
            left.pop()
            raise KeyboardInterrupt
        return original(*given, **named)

    monkeypatch.setattr(module, name, interrupted)
    rows = [row("a", optional="room-1"), row("b", windows="2026-03-10T09:00/2026-03-10T09:30")]
    taken = slot("s", "room-1", "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z")
    outcome = plan(calendar(taken), rows)
    assert not left and not outcome.is_complete
    assert shown(outcome.answers) == ["a placed 10 09:00 ann", "b not-placed"]
