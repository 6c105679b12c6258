"""Find without choice: one, three and ten schedules that are all needed, over 31 days.

Two depths of slotwright, on calendars that are loaded and compiled: the solver alone (window masks over the compiled
start bitmaps, `slotwright.solver.find.solve`) and the whole operation (`invoke`, FHIR in and out). Beside them the
bare interval operations with OR-Tools' `Domain`, a sweep in Python, and CP-SAT enumerating interval variables. All
must name the same starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import baselines
import instances
import measure
from measure import Report, Target, Timing, micro, plain
from slotwright.io import Calendar, invoke, open_calendar
from slotwright.io.operations import find as operation
from slotwright.io.operations.request import QueryRequest
from slotwright.solver import find as solver_find
from slotwright.solver.calendar import CompiledCalendar
from slotwright.solver.problem import FindProblem, Member, Offer

CASES = ((1, 10), (3, 10), (10, 10), (10, 2))
"""Schedules, bookings a day. The last leaves starts for ten schedules."""

SEED = 1
ALL = 1000


@dataclass(frozen=True, slots=True)
class Prepared:
    """One case, loaded and compiled for slotwright and for the baselines."""

    name: str
    diaries: list[instances.Diary]
    searched: instances.Pair
    calendar: Calendar
    compiled: list[CompiledCalendar]
    starts: list[int]

    @property
    def schedules(self) -> int:
        return len(self.diaries)

    def query(self, count: int) -> dict[str, str | list[str]]:
        return instances.query([[one.id] for one in self.diaries], self.searched, count=count)

    def invoke(self, query: dict[str, str | list[str]]) -> instances.Resource:
        status, bundle = invoke(self.calendar, "Appointment/$find", query=query, now=instances.NOW)
        assert status == 200, bundle
        return bundle

    def solver(self, count: int) -> list[Offer]:
        """What a find does on integers: window masks, members, solve."""
        axis = self.compiled[0].axis
        low, high = self.searched
        foot = self.compiled[0].rules.footprint
        mask = axis.between(low + foot.before, high - foot.reach + 1)
        pools = tuple((Member(0, number, one.starts & mask, 0, foot),) for number, one in enumerate(self.compiled))
        return solver_find.solve(FindProblem(axis.ticks, pools, count), _never_asked)


def _never_asked(pool: int, place: int, start: int) -> bool:
    raise AssertionError(f"Judged {pool}, {place}, {start} although there is no choice")


def prepare(schedules: int, per_day: int) -> Prepared:
    found = instances.diaries(schedules, per_day, SEED)
    searched = instances.window()
    calendar = open_calendar(instances.resources(found))
    query = QueryRequest(instances.query([[one.id] for one in found], searched))
    answer = operation.find(calendar, operation.read_request(query), now=instances.NOW)
    compiled = [one.compiled for pool in answer.pools for one in pool if one.compiled is not None]
    assert len(compiled) == schedules
    taken = [baselines.shut(one, instances.opening(), searched) for one in found]
    noun = "schedule" if schedules == 1 else "schedules"
    name = f"{schedules} {noun}, {per_day} bookings a day"
    return Prepared(name, found, searched, calendar, compiled, baselines.sweep_starts(taken))


def check(case: Prepared) -> None:
    """Both depths and the other baselines name the starts of the sweep."""
    taken = [baselines.shut(one, instances.opening(), case.searched) for one in case.diaries]
    domains = [baselines.domain_of(pieces) for pieces in taken]
    whole = baselines.domain_of([case.searched])
    assert baselines.ticks_of(baselines.domain_starts(domains, whole)) == case.starts, case.name
    assert baselines.cp_sat_starts(taken, case.searched) == case.starts, case.name
    ids = tuple(one.id for one in case.diaries)
    for count in (20, ALL):
        wanted = case.starts[:count]
        assert [offer.start for offer in case.solver(count)] == wanted, case.name
        assert instances.proposals(case.invoke(case.query(count))) == [(start, ids) for start in wanted], case.name


def time_case(case: Prepared) -> dict[str, Timing]:
    taken = [baselines.shut(one, instances.opening(), case.searched) for one in case.diaries]
    domains = [baselines.domain_of(pieces) for pieces in taken]
    whole = baselines.domain_of([case.searched])
    first, every = case.query(20), case.query(ALL)
    calls: dict[str, Callable[[], object]] = {
        "solver, 20": lambda: case.solver(20),
        "solver, all": lambda: case.solver(ALL),
        "invoke, 20": lambda: case.invoke(first),
        "invoke, all": lambda: case.invoke(every),
        "Domain": lambda: baselines.domain_starts(domains, whole),
        "Domain, list": lambda: baselines.ticks_of(baselines.domain_starts(domains, whole)),
        "sweep": lambda: baselines.sweep_starts(taken),
    }
    times = measure.compare(calls)
    slow: dict[str, Callable[[], object]] = {
        "CP-SAT": lambda: baselines.cp_sat_starts(taken, case.searched),
        "invoke again": lambda: case.invoke(every),
    }
    return times | measure.compare(slow, rounds=5)


def report() -> Report:
    found = Report("One find in process: every schedule is needed")
    wall = found.table(
        "Times, µs wall (CPU)",
        *("case", "starts", "solver, 20", "solver, all", "invoke, 20", "invoke, all"),
        *("`Domain`, runs", "`Domain`, list", "sweep", "CP-SAT"),
    )
    ratios = found.table(
        "Ratios of CPU time, median of the rounds",
        *("case", "solver, 20 ÷ `Domain`, runs", "solver, all ÷ `Domain`, list", "sweep ÷ solver, all"),
        *("CP-SAT ÷ solver, all", "CP-SAT ÷ invoke, all"),
    )
    worst = enumeration = 0.0
    for case in (prepare(*sizes) for sizes in CASES):
        check(case)
        times = time_case(case)
        names = ("solver, 20", "solver, all", "invoke, 20", "invoke, all", "Domain", "Domain, list", "sweep", "CP-SAT")
        wall.add(case.name, len(case.starts), *(f"{micro(times[n].wall)} ({micro(times[n].cpu)})" for n in names))
        against_domain = times["solver, 20"].ratio(times["Domain"])
        ratios.add(
            case.name,
            plain(against_domain),
            plain(times["solver, all"].ratio(times["Domain, list"])),
            plain(times["sweep"].ratio(times["solver, all"])),
            plain(times["CP-SAT"].cpu / times["solver, all"].cpu),
            plain(times["CP-SAT"].ratio(times["invoke again"])),
        )
        worst = max(worst, against_domain)
        found.targets += invoke_targets(case, times)
        if case.schedules == 3:
            enumeration = times["CP-SAT"].cpu / times["solver, all"].cpu
    limit = 3.0
    found.targets.append(Target("solver, first 20 ÷ bare interval operations, worst case", worst, limit, "×"))
    found.targets.append(
        Target("CP-SAT enumeration ÷ solver, 3 schedules, all starts", enumeration, 300, "×", at_least=True)
    )
    wall.notes.append(
        "solver: window masks, members and `solve` on compiled calendars. `Domain`, runs: union of the calendars' "
        "taken time, dilation, complement, intersection; list: the grid's ticks in them too. Taken time is merged "
        "beforehand for `Domain`, the sweep and CP-SAT."
    )
    found.checks.append("all ways name the same starts in every case, both depths for 20 and for all")
    return found


def invoke_targets(case: Prepared, times: dict[str, Timing]) -> list[Target]:
    found: list[Target] = []
    for name, count in (("20", 20), ("all", ALL)):
        offers = min(count, len(case.starts))
        took = times[f"invoke, {name}"]
        wall, cpu = took.wall * 1e3, took.cpu * 1e3
        if case.schedules == 1 and count == 20:
            assert offers == 20
            found.append(Target("invoke, 1 schedule, 20 offers", wall, 0.3, "ms", cpu))
        if case.schedules == 10 and offers >= 20:
            limit = 0.4 + 0.002 * case.schedules * offers
            found.append(Target(f"invoke, 10 schedules, {offers} offers", wall, limit, "ms", cpu))
    return found


if __name__ == "__main__":
    measure.show(report())
