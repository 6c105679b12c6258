"""Sets of minutes: every function against plain sets, and against OR-Tools' `Domain`."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ortools.util.python.sorted_interval_list import Domain
from slotwright.solver import intervals
from solver_support import as_edges, as_set, edge_lists, is_normal

LOW, HIGH = -12, 36
Edges = list[int]
EDGES = edge_lists(LOW, HIGH)
BORDERS = st.integers(LOW - 3, HIGH + 3)
RANGES = st.tuples(BORDERS, BORDERS)


def domain(edges: Edges) -> Domain:
    """OR-Tools' set of the same minutes; its pieces are closed."""
    return Domain.from_flat_intervals([bound - place % 2 for place, bound in enumerate(edges)])


def edges_of(one: Domain) -> Edges:
    return [bound + place % 2 for place, bound in enumerate(one.flattened_intervals())]


def between(start: int, end: int) -> Domain:
    return Domain(start, end - 1) if start < end else Domain.from_flat_intervals([])


def test_the_oracle_itself_reads_and_writes_half_open_pieces() -> None:
    assert edges_of(domain([0, 5, 7, 8])) == [0, 5, 7, 8]
    assert domain([0, 5, 7, 8]).size() == 6
    assert edges_of(between(3, 4)) == [3, 4]
    assert as_edges([0, 1, 2, 5]) == [0, 3, 5, 6]
    assert as_set([0, 3, 5, 6]) == {0, 1, 2, 5}


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(st.lists(st.tuples(BORDERS, BORDERS), max_size=8))
def test_from_pairs_is_the_union_of_pieces_in_any_order(pairs: list[tuple[int, int]]) -> None:
    found = intervals.from_pairs(pairs)
    assert is_normal(found)
    assert as_set(found) == {at for start, end in pairs for at in range(start, end)}
    oracle = Domain.from_intervals([[start, end - 1] for start, end in pairs if start < end])
    assert found == edges_of(oracle)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], []),
        ([(5, 5)], []),
        ([(5, 3)], []),
        ([(3, 5), (0, 3)], [0, 5]),
        ([(0, 2), (3, 5)], [0, 2, 3, 5]),
        ([(0, 9), (2, 3), (9, 9)], [0, 9]),
        ([(0, 3), (0, 5), (0, 4)], [0, 5]),
        ([(-3, -1), (-1, 0)], [-3, 0]),
    ],
)
def test_from_pairs_merges_what_overlaps_and_what_touches(pairs: list[tuple[int, int]], expected: Edges) -> None:
    assert intervals.from_pairs(pairs) == expected


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(EDGES)
def test_to_pairs_and_measure_agree_with_the_set(edges: Edges) -> None:
    pairs = list(intervals.to_pairs(edges))
    assert [bound for pair in pairs for bound in pair] == edges
    assert intervals.from_pairs(pairs) == edges
    assert intervals.measure(edges) == len(as_set(edges)) == domain(edges).size()


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(EDGES, RANGES)
def test_covers_is_being_a_subset(edges: Edges, border: tuple[int, int]) -> None:
    start, end = min(border), max(border) + 1
    expected = set(range(start, end)) <= as_set(edges)
    assert intervals.covers(edges, start, end) == expected
    assert (between(start, end).intersection_with(domain(edges)).size() == end - start) == expected


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(EDGES, RANGES)
def test_touches_is_having_a_minute_in_common(edges: Edges, border: tuple[int, int]) -> None:
    start, end = border
    expected = not as_set(edges).isdisjoint(range(start, end))
    assert intervals.touches(edges, start, end) == expected
    assert between(start, end).overlaps_with(domain(edges)) == expected


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(EDGES, RANGES)
def test_clip_is_the_part_inside(edges: Edges, border: tuple[int, int]) -> None:
    start, end = border
    found = intervals.clip(edges, start, end)
    assert is_normal(found)
    assert as_set(found) == as_set(edges) & set(range(start, end))
    assert found == edges_of(domain(edges).intersection_with(between(start, end)))


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(EDGES, RANGES)
def test_complement_is_the_rest_of_the_range(edges: Edges, border: tuple[int, int]) -> None:
    start, end = border
    found = intervals.complement(edges, start, end)
    assert is_normal(found)
    assert as_set(found) == set(range(start, end)) - as_set(edges)
    assert found == edges_of(between(start, end).intersection_with(domain(edges).complement()))


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(EDGES, EDGES)
def test_union_intersect_and_subtract_are_those_of_sets(one: Edges, other: Edges) -> None:
    before = list(one), list(other)
    joined, common, rest = intervals.union(one, other), intervals.intersect(one, other), intervals.subtract(one, other)
    assert all(is_normal(found) for found in (joined, common, rest))
    assert as_set(joined) == as_set(one) | as_set(other)
    assert as_set(common) == as_set(one) & as_set(other)
    assert as_set(rest) == as_set(one) - as_set(other)
    assert joined == edges_of(domain(one).union_with(domain(other)))
    assert common == edges_of(domain(one).intersection_with(domain(other)))
    assert rest == edges_of(domain(one).intersection_with(domain(other).complement()))
    assert (one, other) == before


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(EDGES, EDGES)
def test_the_sets_given_back_are_lists_of_their_own(one: Edges, other: Edges) -> None:
    before = list(one), list(other)
    for found in (
        intervals.union(one, other),
        intervals.intersect(one, other),
        intervals.subtract(one, other),
        intervals.clip(one, LOW - 5, HIGH + 5),
        intervals.complement(one, LOW - 5, HIGH + 5),
    ):
        found.append(HIGH + 99)
    assert (one, other) == before


@settings(max_examples=400, derandomize=True, database=None, deadline=None)
@given(EDGES, RANGES, EDGES)
def test_splice_replaces_a_stretch(edges: Edges, border: tuple[int, int], other: Edges) -> None:
    start, end = min(border), max(border)
    inner = intervals.clip(other, start, end)
    outside = as_set(edges) - set(range(start, end))
    found = list(edges)
    intervals.splice(found, start, end, inner)
    assert is_normal(found)
    assert as_set(found) == outside | as_set(inner)
    oracle = domain(edges).intersection_with(between(start, end).complement()).union_with(domain(inner))
    assert found == edges_of(oracle)


@pytest.mark.parametrize(
    ("edges", "start", "end", "inner", "expected"),
    [
        ([0, 10], 4, 6, [], [0, 4, 6, 10]),
        ([0, 10], 4, 6, [4, 6], [0, 10]),
        ([0, 10], 4, 6, [4, 5], [0, 5, 6, 10]),
        ([0, 10], 4, 6, [5, 6], [0, 4, 5, 10]),
        ([0, 4, 6, 10], 4, 6, [4, 6], [0, 10]),
        ([0, 4, 6, 10], 4, 6, [5, 6], [0, 4, 5, 10]),
        ([0, 4, 6, 10], 4, 6, [4, 5], [0, 5, 6, 10]),
        ([0, 4, 6, 10], 4, 6, [], [0, 4, 6, 10]),
        ([0, 10], 0, 10, [], []),
        ([0, 10], 0, 10, [0, 10], [0, 10]),
        ([0, 10, 12, 20], 10, 12, [10, 12], [0, 20]),
        ([0, 10, 12, 20], 5, 15, [7, 8], [0, 5, 7, 8, 15, 20]),
        ([], 0, 5, [0, 5], [0, 5]),
        ([5, 9], 0, 5, [0, 5], [0, 9]),
        ([5, 9], 9, 12, [9, 12], [5, 12]),
        ([5, 9], 7, 7, [], [5, 9]),
        ([5, 9], 5, 5, [], [5, 9]),
        ([5, 9], 9, 9, [], [5, 9]),
    ],
)
def test_splice_joins_at_borders_that_the_set_touches(
    edges: Edges, start: int, end: int, inner: Edges, expected: Edges
) -> None:
    given_inner = list(inner)
    intervals.splice(edges, start, end, inner)
    assert edges == expected
    assert inner == given_inner


def test_a_long_row_of_changes_keeps_the_normal_form() -> None:
    dice = random.Random(7)
    edges: Edges = []
    minutes: set[int] = set()
    for _ in range(1000):
        start = dice.randint(0, 60)
        end = start + dice.randint(0, 20)
        inner = intervals.from_pairs([(dice.randint(start, end), dice.randint(start, end)) for _ in range(3)])
        intervals.splice(edges, start, end, inner)
        minutes = minutes - set(range(start, end)) | as_set(inner)
        assert edges == as_edges(minutes)
