"""The planner's table against plain enumeration."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from instances import plan_instance
from plan_draws import drawn
from plans import problem as reference
from slotwright.solver.availability import Footprint
from slotwright.solver.plan.problem import Choice, Lane, PlanProblem, PlanRequest, Role
from slotwright.solver.plan.table import NEVER, Table, make_table

Entry = tuple[int, int, int]
Segment = tuple[int, list[Entry]]
Pair = tuple[int, int, int, list[Segment]]


def plain(problem: PlanProblem) -> list[Pair]:
    """Pairs as (request, tick, value, segments), segments as (absent, entries), entries as (choice, cost, lane)."""
    pairs: list[Pair] = []
    for number, request in enumerate(problem.requests):
        ticks = [tick for tick in range(len(problem.ticks)) if request.starts >> tick & 1]
        for place, tick in enumerate(ticks):
            spent = sum(costs[place] for costs in (request.lateness, request.preference, request.move) if costs)
            segments: list[Segment] = []
            for role in request.roles:
                entries = [
                    (rank, choice.preference + choice.move, choice.lane)
                    for rank, choice in enumerate(role.choices)
                    if problem.lanes[choice.lane].starts >> tick & 1
                ]
                segments.append((NEVER if role.absent is None else role.absent, entries))
            if all(entries or absent < NEVER for absent, entries in segments):
                pairs.append((number, tick, request.weight - spent, segments))
    return pairs


def listed(table: Table) -> list[Pair]:
    """The same, read from the columns."""
    pairs: list[Pair] = []
    for number in range(len(table.problem.requests)):
        for pair in range(table.request_pairs[number], table.request_pairs[number + 1]):
            assert table.pair_request[pair] == number
            segments: list[Segment] = []
            for segment in range(table.pair_segments[pair], table.pair_segments[pair + 1]):
                low, high = table.segment_entries[segment : segment + 2].tolist()
                assert (table.place_tick[table.entry_place[low:high]] == table.pair_tick[pair]).all()
                columns = (table.entry_choice, table.entry_cost, table.entry_lane)
                entries = list(zip(*(column[low:high].tolist() for column in columns), strict=True))
                segments.append((int(table.segment_absent[segment]), entries))
            pairs.append((number, int(table.pair_tick[pair]), int(table.pair_value[pair]), segments))
    return pairs


@pytest.mark.parametrize("seed", range(40))
def test_the_columns_are_what_enumeration_finds(seed: int) -> None:
    problem = drawn(seed, capacity=seed % 2 == 0, optional=seed % 3 == 0)
    assert listed(make_table(problem)) == plain(problem)


def test_a_reference_instance_is_what_enumeration_finds() -> None:
    problem = reference(plan_instance(200, 0.95, 2, pools=3))
    assert listed(make_table(problem)) == plain(problem)


@pytest.mark.parametrize("seed", range(20))
def test_places_share_a_cell_where_they_share_time(seed: int) -> None:
    problem = drawn(seed, ticks=12, capacity=seed % 2 == 0)
    table = make_table(problem)
    taken = list(zip(table.place_low.tolist(), table.place_high.tolist(), strict=True))
    inner = list(zip(table.place_visit_low.tolist(), table.place_visit_high.tolist(), strict=True))
    spans: list[tuple[int, int, int]] = []
    lanes = [problem.lanes[int(lane)] for lane in table.place_lane]
    minutes = [problem.ticks[int(tick)] for tick in table.place_tick]
    for place, (lane, at) in enumerate(zip(lanes, minutes, strict=True)):
        foot = lane.footprint
        spans.append((lane.resource, at - foot.before, at + foot.reach))
        assert table.cell_minute[taken[place][0]] == at - foot.before
        cells = range(*table.resource_cells[lane.resource : lane.resource + 2].tolist())
        assert taken[place][0] in cells and taken[place][1] - 1 in cells
        low, high = inner[place]
        if lane.capacity == 1:
            assert (low, high) == taken[place]
        else:
            assert table.cell_minute[low] == at
            # The visit ends where the buffer after it begins, or with all that the place takes.
            assert high == taken[place][1] if foot.after == 0 else table.cell_minute[high] == at + foot.duration
    for one, other in combinations(range(len(spans)), 2):
        (row, low, high), (other_row, other_low, other_high) = spans[one], spans[other]
        meet_in_time = row == other_row and low < other_high and other_low < high
        assert meet_in_time == (taken[one][0] < taken[other][1] and taken[other][0] < taken[one][1])


def test_cells_of_a_resource_ascend() -> None:
    table = make_table(drawn(3, resources=4))
    assert table.resource_cells[-1] == len(table.cell_minute)
    for low, high in zip(table.resource_cells, table.resource_cells[1:], strict=False):
        assert (np.diff(table.cell_minute[low:high]) > 0).all()


def test_a_long_axis_and_late_windows() -> None:
    ticks = tuple(range(0, 45_000, 5))
    lane = Lane(0, 0, Footprint(10), (1 << 9000) - 1)
    windows = [0b1011 << first for first in (0, 7, 4099, 8990)]
    problem = PlanProblem(ticks, (lane,), tuple(PlanRequest(9, starts, (Role((Choice(0),)),)) for starts in windows))
    assert make_table(problem).pair_tick.tolist() == [
        first + more for first in (0, 7, 4099, 8990) for more in (0, 1, 3)
    ]


def test_nothing_to_choose() -> None:
    lane = Lane(0, 0, Footprint(10), 0)
    unplaceable = PlanRequest(9, 0b11, (Role((Choice(0),)),))
    for requests in ((), (unplaceable,)):
        table = make_table(PlanProblem((0, 5), (lane,), requests))
        assert table.request_pairs.tolist() == [0] * (len(requests) + 1)
        assert len(table.pair_tick) == len(table.entry_cost) == len(table.place_low) == len(table.cell_minute) == 0
    assert make_table(PlanProblem((), (), ())).resource_cells.tolist() == [0]


def test_an_optional_role_nobody_can_fill_leaves_an_empty_segment() -> None:
    lanes = (Lane(0, 0, Footprint(10), 0b11), Lane(1, 1, Footprint(10), 0b10))
    request = PlanRequest(9, 0b11, (Role((Choice(0),)), Role((Choice(1),), absent=4)))
    table = make_table(PlanProblem((0, 5), lanes, (request,)))
    assert np.diff(table.segment_entries).tolist() == [1, 0, 1, 1]
    assert table.segment_absent.tolist() == [NEVER, 4, NEVER, 4]


def test_costs_that_do_not_match_the_starts_are_refused() -> None:
    lane = Lane(0, 0, Footprint(10), 0b11)
    request = PlanRequest(9, 0b11, (Role((Choice(0),)),), lateness=(1, 2, 3))
    with pytest.raises(ValueError, match="request 0 has 3 costs of lateness for 2 starts: give one for each"):
        make_table(PlanProblem((0, 5), (lane,), (request,)))
