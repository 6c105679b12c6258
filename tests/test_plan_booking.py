"""Plans written into a ledger: replays, what others take meanwhile, moves in bundles, and bookings that stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plan_greedy import Greedy, greedy
from plan_support import Row, at, ledger, minute, plan, row, shown
from slotwright.io import Ledger, invoke
from slotwright.io.plans import booking
from slotwright.io.plans.booking import Written
from slotwright.io.plans.movable import Movable
from slotwright.io.plans.planning import Outcome, Solver
from slotwright.solver.plan.problem import Plan, PlanProblem
from support import Resource, appointment, slot

SYSTEM = "https://slotwright.dev/fhir/plan-request"


def stored(store: Ledger) -> list[str]:
    """`10 09:00 ann room-1` for each live Appointment, with its request."""
    found: list[str] = []
    for one in store.resources("Appointment"):
        if one["status"] == "cancelled":
            continue
        slots = [store.read(each["reference"]) for each in one["slot"]]
        names = [each["schedule"]["reference"].removeprefix("Schedule/") for each in slots if each is not None]
        marks = [each["value"] for each in one.get("identifier", ())]
        found.append(" ".join([*(marks or [one["id"]]), at(minute(one["start"][:16])), *names]))
    return sorted(found)


def booked(id: str, schedules: str, begin: str, patient: str = "Patient/p", **elements: Any) -> list[Resource]:
    """A stored booking of half an hour, an Appointment and a Slot for each schedule."""
    end = f"{begin[:-2]}30" if begin.endswith("00") else f"{begin[:-5]}{int(begin[-5:-3]) + 1:02}:00"
    slots = [slot(f"{id}-{one}", one, f"{begin}:00Z", f"{end}:00Z") for one in schedules.split()]
    participant = [{"actor": {"reference": patient}, "status": "accepted"}]
    times: Resource = {"start": f"{begin}:00Z", "end": f"{end}:00Z", "participant": participant}
    return [*slots, {**appointment(id, [one["id"] for one in slots]), **times, **elements}]


def test_a_plan_is_booked_with_what_the_rows_say_and_a_repeated_one_replays(tmp_path: Path) -> None:
    store = ledger(tmp_path)
    rows = [row("a", "ann;room-1", patient="pat", comment="first visit", priority=2), row("b", windows="2026-03-15")]
    outcome = plan(store, rows, book=True, who="desk")
    assert shown(outcome.answers) == ["a booked 10 09:00 ann room-1", "b not-placed"]
    found = store.read(f"Appointment/{outcome.answers[0].appointment}")
    assert found is not None
    assert found["identifier"] == [{"system": SYSTEM, "value": "a"}]
    assert (found["status"], found["comment"], found["priority"]) == ("booked", "first visit", 2)
    assert [one["actor"]["reference"] for one in found["participant"]] == [
        "Patient/pat", "Practitioner/ann", "Location/room-1",
    ]  # fmt: skip
    last = store.last
    again = plan(store, rows, book=True, who="desk")
    assert shown(again.answers) == shown(outcome.answers)
    assert again.answers[0].reason == "It is booked already."
    assert store.last == last
    assert store.verify() == []


def test_a_request_that_is_booked_already_holds_its_neighbours(tmp_path: Path) -> None:
    store = ledger(tmp_path)
    plan(store, [row("nurse", pinned_start="2026-03-10T10:00")], book=True)
    rows = [
        row("nurse"),
        row("doctor", "bob", "2026-03-10/2026-03-12", after="nurse 1h..2h same-day"),
        row("before", "bob"),
        row("late", "bob", "2026-03-12", after="nurse ..1h"),
    ]
    assert shown(plan(store, rows).answers) == [
        "nurse booked 10 10:00 ann",
        "doctor placed 10 11:30 bob",
        "before placed 10 09:00 bob",
        "late not-placed",
    ]
    plan(store, [row("second", "bob", pinned_start="2026-03-10T11:00")], book=True)
    # What is booked at 11:00 follows within half an hour: the first ends from 10:30 on.
    again = [row("first", "bob"), row("second", "bob", after="first 0..30min same-day")]
    assert shown(plan(store, again).answers) == ["first placed 10 10:00 bob", "second booked 10 11:00 bob"]
    # Where half an hour has to be between, the first would have to end by 10:30.
    again = [row("first", "bob", "2026-03-10T10:30/2026-03-10T12:00"), row("second", "bob", after="first 30min..")]
    assert shown(plan(store, again).answers) == ["first not-placed", "second booked 10 11:00 bob"]


def test_an_id_of_something_else_is_an_error(tmp_path: Path) -> None:
    store = ledger(tmp_path)
    plan(store, [row("a", patient="pat")], book=True)
    outcome = plan(store, [row("a", patient="Patient/other")])
    assert outcome.answers[0].status == "error"
    assert (outcome.answers[0].reason or "").startswith("Row 1: request_id 'a' is that of Appointment/")
    invoke(store, f"Appointment/{next(iter(store.resources('Appointment')))['id']}/$cancel")
    assert shown(plan(store, [row("a", patient="Patient/other")]).answers) == ["a placed 10 09:00 ann"]


def competing(store: Ledger, taken: list[tuple[str, str]]) -> Solver:
    """A planner during which, once, somebody else books Ann."""

    def solve(problem: PlanProblem, start: Plan | None) -> Greedy:
        found = greedy(problem, start)
        while taken:
            id, begin = taken.pop()
            for one in booked(id, "ann", begin):
                store.put(one)
        return found

    return solve


def test_what_others_take_meanwhile_is_planned_again(tmp_path: Path) -> None:
    store = ledger(tmp_path)
    outcome = plan(store, [row("a"), row("b")], competing(store, [("x", "2026-03-10T09:00")]), book=True)
    assert shown(outcome.answers) == ["a booked 10 10:00 ann", "b booked 10 09:30 ann"]
    assert (outcome.taken, len(outcome.rounds)) == (1, 2)
    assert stored(store) == ["a 10 10:00 ann", "b 10 09:30 ann", "x 10 09:00 ann"]


def test_rounds_are_bounded(tmp_path: Path) -> None:
    store = ledger(tmp_path)
    window = "2026-03-10T09:00/2026-03-10T12:00"
    taken = [f"2026-03-10T{hour}" for hour in ("11:30", "11:00", "10:30", "10:00", "09:30", "09:00")]

    def solve(problem: PlanProblem, start: Plan | None) -> Greedy:
        found = greedy(problem, start)
        begin = taken.pop()
        for one in booked(f"x-{begin[-5:-3]}{begin[-2:]}", "ann", begin):
            store.put(one)
        return found

    outcome = plan(store, [row("a", windows=window)], solve, book=True)
    assert shown(outcome.answers) == ["a not-placed"]
    assert outcome.answers[0].reason == (
        "Others took what was planned for it, 4 times. The last answer: Requested time slot is not available."
    )
    assert (outcome.taken, len(outcome.rounds)) == (4, 4)


def test_precedences_are_booked_whole_or_not_at_all(tmp_path: Path) -> None:
    store = ledger(tmp_path)
    window = "2026-03-10T09:00/2026-03-10T10:00"
    rows = [row("nurse", "bob", window), row("doctor", "ann", window, after="nurse ..30min")]
    outcome = plan(store, rows, competing(store, [("x", "2026-03-10T09:30")]), book=True)
    assert shown(outcome.answers) == ["nurse booked 10 09:00 bob", "doctor not-placed"]
    kinds = [one.kind for one in store.entries()]
    # The pair was refused whole; planned again, the nurse's visit is booked for itself.
    assert kinds[-3:] == ["put", "put", "$book"]


def test_what_follows_is_not_booked_where_what_it_follows_is_refused(tmp_path: Path) -> None:
    store = ledger(tmp_path)
    window = "2026-03-10T09:00/2026-03-10T11:00"
    rows = [row("nurse", windows=window), row("doctor", "bob", window, after="nurse ..30min")]
    # The nurse's half hour goes to somebody else. Booked without it, the doctor at 09:30 could not be preceded.
    outcome = plan(store, rows, competing(store, [("x", "2026-03-10T09:00")]), book=True)
    assert shown(outcome.answers) == ["nurse booked 10 09:30 ann", "doctor booked 10 10:00 bob"]


def test_an_interrupt_leaves_what_is_booked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ledger(tmp_path)
    monkeypatch.setattr(booking, "_FIRST", 1)
    rows = [row("a"), row("b"), row("c")]
    told: list[str] = []

    def written(one: Written) -> None:
        told.append(one.visit.wanted.id)
        if len(told) == 2:
            raise KeyboardInterrupt

    outcome = plan(store, rows, book=True, written=written)
    assert not outcome.is_complete
    # a alone, then b and c in one transaction of two.
    assert told == ["a", "b"]
    assert [one.status for one in outcome.answers] == ["booked", "booked", "placed"]
    assert shown(plan(store, rows, book=True).answers) == [
        "a booked 10 09:00 ann", "b booked 10 09:30 ann", "c booked 10 10:00 ann",
    ]  # fmt: skip


def test_groups_shrink_until_transactions_are_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ledger(tmp_path)
    ticks = iter([0.0, 0.1, 1.0, 2.0, 3.0, 3.05, 4.0, 4.0])
    sizes: list[int] = []

    def invoke_all(_: Ledger, calls: list[Any]) -> list[tuple[int, Any]]:
        sizes.append(len(calls))
        return [(201, {"entry": [{"resource": {"resourceType": "Appointment", "id": "x"}}]})] * len(calls)

    monkeypatch.setattr(booking, "invoke_all", invoke_all)
    made = plan(store, [row(f"r{number:02}", "room-1") for number in range(32)])
    visits = [one for one in made.rounds[0].visits if one is not None]
    booking.write(store, visits, written=lambda _: None, clock=lambda: next(ticks))
    # 8 took 0.1 s: twice as many; these took 1 s: a fifth; 3 took 0.05 s: twice as many, and so on.
    assert sizes[:3] == [8, 16, 3]


# Replans


def fresh(problem: PlanProblem, start: Plan | None) -> Greedy:  # noqa: ARG001
    """A planner that heeds the weights, and not where the bookings stand."""
    return greedy(problem)


def replan(
    store: Ledger, rows: list[Row] | None = None, *, solve: Solver = greedy, book: bool = False, **movable: Any
) -> Outcome:
    return plan(store, rows or [], solve, movable=Movable(**movable), book=book)


def test_who_drops_out_is_replaced_by_who_can_take_over(tmp_path: Path) -> None:
    store = ledger(tmp_path, *booked("x", "ann room-1", "2026-03-10T09:00"), *booked("y", "bob", "2026-03-10T09:30"))
    day: dict[str, Any] = {"start": minute("2026-03-10T00:00"), "end": minute("2026-03-11T00:00")}
    outcome = replan(store, drop=frozenset({"ann"}), pools=(("ann", "bob"),), book=True, **day)
    assert shown(outcome.answers) == ["Appointment/x moved 10 09:00 bob room-1"]
    before = outcome.answers[0].before
    assert before is not None and (at(before.start), before.schedules) == ("10 09:00", ("ann", "room-1"))
    assert stored(store) == ["x 10 09:00 bob room-1", "y 10 09:30 bob"]
    assert outcome.rounds[0].score.terms.moves == 100
    assert store.verify() == []


def test_who_drops_out_for_a_day_sees_them_another_day(tmp_path: Path) -> None:
    store = ledger(tmp_path, *booked("x", "ann room-1", "2026-03-11T09:00"))
    day: dict[str, Any] = {"start": minute("2026-03-11T00:00"), "end": minute("2026-03-12T00:00")}
    outcome = replan(store, drop=frozenset({"ann"}), **day)
    # One day earlier or later is the same to it: 100 for the move, 10 for the day.
    assert shown(outcome.answers) == ["Appointment/x move 10 09:00 ann room-1"]
    assert outcome.rounds[0].score.terms.moves == 110


def test_new_requests_keep_out_of_the_time_of_who_drops_out(tmp_path: Path) -> None:
    store = ledger(tmp_path)
    day: dict[str, Any] = {"start": minute("2026-03-10T00:00"), "end": minute("2026-03-11T00:00")}
    outcome = replan(store, [row("a", windows="2026-03-10/2026-03-11")], drop=frozenset({"ann"}), **day)
    assert shown(outcome.answers) == ["a placed 11 09:00 ann"]


HELD = [{"reference": "Slot/x-ann"}]


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({}, "No other schedule may take over from Schedule/ann. Name some with --pool ann,NAME."),
        ({"status": "arrived"}, "It is 'arrived'; only booked appointments and holds can be moved."),
        ({"serviceType": []}, "It does not name exactly one service."),
        ({"start": "2026-03-10T09:00:30Z"}, "It does not start at a whole minute."),
        ({"slot": [{"reference": "Slot/gone"}, *HELD]}, "Not all of its Slots are stored with readable times."),
    ],
)
def test_what_cannot_be_moved_stays_and_says_why(tmp_path: Path, elements: Resource, reason: str) -> None:
    store = ledger(tmp_path, *booked("x", "ann", "2026-03-10T09:00", **elements))
    before = stored(store)
    outcome = replan(store, drop=frozenset({"ann"}), book=True)
    assert [(one.id, one.status, one.reason) for one in outcome.answers] == [("Appointment/x", "not-moved", reason)]
    assert stored(store) == before


def test_a_booking_that_stays_keeps_its_time_from_the_others(tmp_path: Path) -> None:
    # Nobody can take over from Ann on this day but Bob, who is taken: x stays, and so does its room.
    full = slot("full", "bob", "2026-03-09T00:00:00Z", "2026-03-31T00:00:00Z")
    store = ledger(tmp_path, *booked("x", "ann room-1", "2026-03-10T09:00"), full)
    rows = [row("a", "room-1", "2026-03-10T09:00/2026-03-10T10:00")]
    outcome = replan(store, rows, drop=frozenset({"ann"}), pools=(("ann", "bob"),), within=0, book=True)
    assert shown(outcome.answers) == ["a booked 10 09:30 room-1", "Appointment/x not-moved 10 09:00 ann room-1"]
    assert outcome.answers[1].reason == "Nothing free: bob (bob) leaves no start in its windows."


def test_marked_bookings_make_room_in_the_way_they_may(tmp_path: Path) -> None:
    def answers(name: str, **movable: Any) -> list[str]:
        (tmp_path / name).mkdir()
        store = ledger(tmp_path / name, *booked("x", "ann", "2026-03-10T09:00", patient="Patient/pat"))
        rows = [row("a", "ann", "2026-03-10T09:00/2026-03-10T09:30", weight=30000)]
        return shown(replan(store, rows, solve=fresh, pools=(("ann", "bob"),), book=True, **movable).answers)

    assert answers("none") == ["a not-placed"]
    time, schedule = "Appointment/x moved 10 09:30 ann", "Appointment/x moved 10 09:00 bob"
    assert answers("time", appointments=frozenset({"x"}), moves="time") == ["a booked 10 09:00 ann", time]
    assert answers("schedule", patients=frozenset({"Patient/pat"}), moves="schedule") == [
        "a booked 10 09:00 ann", schedule,
    ]  # fmt: skip


def test_a_move_and_what_takes_its_place_are_one_bundle(tmp_path: Path) -> None:
    store = ledger(tmp_path, *booked("x", "ann", "2026-03-10T09:00"))
    rows = [row("a", "ann", "2026-03-10T09:00/2026-03-10T09:30", weight=30000), row("b", "bob")]
    replan(store, rows, solve=fresh, appointments=frozenset({"x"}), moves="time", book=True)
    assert [one.kind for one in store.entries()][-2:] == ["bundle", "$book"]
    assert stored(store) == ["a 10 09:00 ann", "b 10 09:00 bob", "x 10 09:30 ann"]


def test_bookings_that_may_move_and_need_not_are_kept(tmp_path: Path) -> None:
    store = ledger(tmp_path, *booked("x", "ann", "2026-03-10T09:00"))
    last = store.last
    outcome = replan(store, schedules=frozenset({"ann"}), book=True)
    assert shown(outcome.answers) == ["Appointment/x kept 10 09:00 ann"]
    assert store.last == last


def test_the_booking_of_a_request_keeps_to_its_row(tmp_path: Path) -> None:
    store = ledger(tmp_path)
    rows = [row("a", "ann,bob;room-1", "2026-03-10T09:00/2026-03-10T10:00")]
    plan(store, rows, book=True)
    outcome = replan(store, rows, drop=frozenset({"ann"}), book=True)
    assert shown(outcome.answers) == ["a moved 10 09:00 bob room-1"]
    assert outcome.answers[0].row == 1
    assert stored(store) == ["a 10 09:00 bob room-1"]
