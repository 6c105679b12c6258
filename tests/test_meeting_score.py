"""The score of a meeting timetable against cases worked by hand, and the instances as plans against the score."""

from __future__ import annotations

import random
from collections.abc import Sequence

import meetings
import pytest
from meeting_score import Held, Meeting, Meetings, MeetingScore, score
from slotwright.solver.plan import check
from slotwright.solver.plan.problem import Placement, Plan

ROOMS = (4, 3, 1)


def held(
    people: Sequence[tuple[int, str, str]], places: Sequence[tuple[int, int]], days: Sequence[int] = (0,) * 50
) -> MeetingScore:
    """The score of meetings, each given as grains, required and preferred people by letters, and start and room."""
    made = tuple(
        Meeting(grains, frozenset(map(ord, required)), frozenset(map(ord, preferred)))
        for grains, required, preferred in people
    )
    return score(Meetings(tuple(days), ROOMS, made), [Held(*place) for place in places])


def test_one_meeting_pays_its_last_grain() -> None:
    assert held([(3, "a", "")], [(5, 0)]) == (0, 0, -7)


def test_a_smaller_room_pays_the_difference_to_each_larger_one() -> None:
    assert held([(1, "a", "")], [(0, 1)]) == (0, 0, -1)
    assert held([(1, "a", "")], [(0, 2)]) == (0, 0, -(3 + 2))


def test_attendees_of_both_kinds_beyond_the_capacity_are_hard() -> None:
    assert held([(1, "ab", "cde")], [(0, 1)]) == (-2, 0, -1)


def test_two_days_are_hard() -> None:
    days = (0,) * 4 + (1,) * 46
    assert held([(2, "a", "")], [(3, 0)], days) == (-1, 0, -4)
    assert held([(2, "a", "")], [(2, 0)], days) == (0, 0, -3)


def test_a_last_grain_that_does_not_exist_is_hard_by_its_number() -> None:
    assert held([(4, "a", "")], [(48, 0)]) == (-51, 0, -51)


def test_overlap_in_a_room_is_hard() -> None:
    # Last grains 3 and 5, two grains together.
    assert held([(4, "a", ""), (4, "b", "")], [(0, 0), (2, 0)]) == (-2, 0, -(3 + 5) - 20)


def test_overlap_of_people_is_hard_where_both_require_them_and_medium_otherwise() -> None:
    rooms = 1  # each of the two is in another room, one a size smaller
    near = 4  # a, b, c and d change rooms, and the second begins later
    soft = -(3 + 5) - 20 - rooms - near
    assert held([(4, "ab", "cd"), (4, "ac", "bd")], [(0, 0), (2, 1)]) == (-2 - 1, -3 * 2, soft)
    assert held([(4, "a", "b"), (4, "b", "a")], [(0, 0), (2, 1)]) == (0, -2 * 2, soft + 2)


def test_only_the_very_next_grain_is_back_to_back_whatever_the_room_and_the_day() -> None:
    for rooms, cost in (((0, 0), 0), ((0, 1), 1)):
        places = [(0, rooms[0]), (4, rooms[1])]
        days = (0,) * 4 + (1,) * 46
        assert held([(4, "a", ""), (2, "b", "")], places, days) == (0, 0, -(3 + 5) - 100 - cost)
        # The order of the list does not matter: it is a matter of ordered pairs.
        assert held([(2, "b", ""), (4, "a", "")], places[::-1], days) == (0, 0, -(3 + 5) - 100 - cost)
    assert held([(4, "a", ""), (2, "b", "")], [(0, 0), (5, 0)]) == (0, 0, -(3 + 6))


def test_three_in_a_row_and_two_at_once_are_each_a_pair() -> None:
    assert held([(1, "a", ""), (1, "b", ""), (1, "c", "")], [(0, 0), (1, 0), (2, 0)]) == (0, 0, -(0 + 1 + 2) - 200)
    starts = [(0, 0), (1, 0), (1, 1)]
    assert held([(1, "a", ""), (1, "b", ""), (1, "c", "")], starts) == (0, 0, -(0 + 1 + 1) - 200 - 10 - 1)


@pytest.mark.parametrize(("gap", "cost"), [(1, 1), (2, 1), (3, 0)])
def test_a_change_of_room_counts_up_to_two_grains_later(gap: int, cost: int) -> None:
    for one, other in (("a", ""), ("", "a")):
        people = [(2, one, other), (1, "a", "")]
        assert held(people, [(0, 0), (2 + gap, 1)]) == (0, 0, -(1 + 2 + gap) - 1 - cost)
        assert held(people, [(0, 0), (2 + gap, 0)]) == (0, 0, -(1 + 2 + gap))


def test_a_change_of_room_counts_by_attendances_and_not_for_equal_starts() -> None:
    assert held([(2, "ab", "c"), (1, "abd", "")], [(0, 0), (3, 1)]) == (0, 0, -(1 + 3) - 1 - 2)
    assert held([(2, "", "c"), (1, "c", "")], [(7, 0), (7, 1)]) == (0, -1, -(8 + 7) - 10 - 1)


def test_scores_compare_hard_then_medium_then_soft() -> None:
    assert MeetingScore(-1, 0, 0) < MeetingScore(0, -9, -9) < MeetingScore(0, -8, -99) < MeetingScore(0, -8, -98)
    assert str(MeetingScore(0, -8, -99)) == "0/−8/−99"


@pytest.mark.parametrize("seed", range(4))
def test_the_planner_means_the_same_by_its_penalties(seed: int) -> None:
    draw = random.Random(seed)
    instance = meetings.drawn(14, seed, people=9)
    problem = meetings.problem(instance)
    placements: list[Placement] = []
    for request in problem.requests:
        starts = [tick for tick in range(len(problem.ticks)) if request.starts >> tick & 1]
        rooms = draw.randrange(len(request.roles[0].choices))
        placements.append(Placement(draw.choice(starts), (rooms, *(0,) * (len(request.roles) - 1))))
    plan: Plan = tuple(placements)
    ours, theirs = check.score(problem, plan), score(instance, meetings.timetable(problem, plan))
    assert ours.medium == -theirs.medium > 0
    assert ours.terms.weight - ours.total == -theirs.soft
    assert bool(check.faults(problem, plan)) == (theirs.hard < 0)


def test_larger_instances_are_drawn_alike() -> None:
    instance = meetings.drawn(400, 1)
    assert len(instance.meetings) == 400 and len(instance.days) == 1280 and instance.days[-1] == 35
    assert instance == meetings.drawn(400, 1) != meetings.drawn(400, 2)
    assert all(
        0 < len(one.required) + len(one.preferred) <= max(instance.rooms) and not one.required & one.preferred
        for one in instance.meetings
    )
