"""A small writer of CP-SAT models, and the only place that touches OR-Tools.

It writes the native `CpModelProto` of `ortools.sat.python.cp_model_helper`. The public `cp_model` does the same one
Python object at a time (15 to 100 times slower on variables, objectives and hints) and imports pandas. Variables are
plain ints; `~v` is the negation of a literal, as in the proto.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .errors import SolverFaultError
from .intervals import Pair
from .profiles import Profile

Status = Literal["UNKNOWN", "MODEL_INVALID", "FEASIBLE", "INFEASIBLE", "OPTIMAL"]


@dataclass(frozen=True, slots=True)
class Response:
    """What CP-SAT reported, as reported.

    `values` is empty unless the status is FEASIBLE or OPTIMAL; `tightened` (the variables' domains, closed) and
    `solutions` are filled by the profiles PROPAGATE and ENUMERATE only.
    """

    status: Status
    values: Sequence[int]
    objective: float
    bound: float
    tightened: Sequence[Sequence[int]]
    solutions: Sequence[Sequence[int]]
    deterministic_time: float


Solve = Callable[["ModelWriter", Profile], Response]
SolveAll = Callable[[Sequence["ModelWriter"], Profile, Callable[[], bool] | None], list[Response]]


class ModelWriter:
    """One CP-SAT model under construction."""

    __slots__ = ("_helper", "_proto")

    def __init__(self) -> None:
        from ortools.sat.python import cp_model_helper

        # The stubs of the native module name C++ types that no checker can resolve.
        self._helper: Any = cp_model_helper
        self._proto: Any = self._helper.CpModelProto()

    @property
    def size(self) -> int:
        """How many variables there are."""
        return len(self._proto.variables)

    def booleans(self, count: int) -> range:
        """`count` new literals."""
        first = self.size
        variable = self._helper.IntegerVariableProto()
        variable.domain.extend((0, 1))
        self._proto.variables.extend([variable] * count)
        return range(first, first + count)

    def integer(self, pieces: Iterable[Pair]) -> int:
        """A new integer variable whose values are those of half-open, ascending, non-touching pieces."""
        variable = self._proto.variables.add()
        variable.domain.extend(_closed(pieces))
        return self.size - 1

    def exactly_one(self, literals: Iterable[int]) -> None:
        self._proto.constraints.add().exactly_one.literals.extend(literals)

    def at_most_one(self, literals: Iterable[int]) -> None:
        self._proto.constraints.add().at_most_one.literals.extend(literals)

    def some_of(self, literals: Iterable[int]) -> None:
        """At least one of the literals is true (`add_bool_or`)."""
        self._proto.constraints.add().bool_or.literals.extend(literals)

    def at_most_one_each(self, groups: Iterable[Sequence[int]]) -> None:
        """At most one literal of each group is true."""
        add = self._proto.constraints.add
        for literals in groups:
            add().at_most_one.literals.extend(literals)

    def exactly_one_each(self, groups: Iterable[Sequence[int]]) -> None:
        """Exactly one literal of each group is true."""
        add = self._proto.constraints.add
        for literals in groups:
            add().exactly_one.literals.extend(literals)

    def sum_in(
        self, variables: Sequence[int], weights: Sequence[int], pieces: Iterable[Pair], only_if: Iterable[int] = ()
    ) -> None:
        """Σ weight × variable lies in the half-open pieces, enforced only if all literals of `only_if` are true."""
        constraint = self._proto.constraints.add()
        constraint.enforcement_literal.extend(only_if)
        constraint.linear.vars.extend(variables)
        constraint.linear.coeffs.extend(weights)
        constraint.linear.domain.extend(_closed(pieces))

    def optional_interval(self, start: int, head: int, size: int, presence: int) -> int:
        """The optional interval variable [start + head, start + head + size), present iff `presence`."""
        constraint = self._proto.constraints.add()
        constraint.enforcement_literal.append(presence)
        interval = constraint.interval
        for end, offset in ((interval.start, head), (interval.end, head + size)):
            end.vars.append(start)
            end.coeffs.append(1)
            end.offset = offset
        interval.size.offset = size
        return len(self._proto.constraints) - 1

    def fixed_intervals(self, starts: Sequence[int], ends: Sequence[int], presences: Sequence[int]) -> range:
        """Optional interval variables [start, end) with nothing left to decide but whether they are present."""
        first = len(self._proto.constraints)
        add = self._proto.constraints.add
        for start, end, presence in zip(starts, ends, presences, strict=True):
            constraint = add()
            constraint.enforcement_literal.append(presence)
            interval = constraint.interval
            interval.start.offset = start
            interval.size.offset = end - start
            interval.end.offset = end
        return range(first, first + len(starts))

    def no_overlap(self, intervals: Iterable[int]) -> None:
        self._proto.constraints.add().no_overlap.intervals.extend(intervals)

    def minimize(self, variables: Sequence[int], weights: Sequence[int]) -> None:
        """Replace the objective."""
        self._proto.clear_objective()
        self._proto.objective.vars.extend(variables)
        self._proto.objective.coeffs.extend(weights)

    def maximize(self, variables: Sequence[int], weights: Sequence[int]) -> None:
        """Replace the objective; the response's objective and bound are those of the sum that is maximized."""
        # CP-SAT only minimizes: it takes the negated sum, and turns its figures round by this factor.
        self.minimize(variables, [-weight for weight in weights])
        self._proto.objective.scaling_factor = -1.0

    def hint(self, variables: Sequence[int], values: Sequence[int]) -> None:
        """Replace the solution from which the search starts. It may be lost: keep it."""
        self._proto.clear_solution_hint()
        self._proto.solution_hint.vars.extend(variables)
        self._proto.solution_hint.values.extend(values)

    def solve(self, profile: Profile) -> Response:
        """Run CP-SAT on the model as it stands; more may be added afterwards, and solved again."""
        return run_all([self], profile)[0]

    def begin(self, profile: Profile) -> Search:
        """Run CP-SAT in a thread of its own: Python's main thread hears Ctrl-C only while it waits in Python."""
        helper = self._helper
        parameters = helper.SatParameters()
        for name, value in profile.items():
            setattr(parameters, name, value)
        wrapper = helper.SolveWrapper()
        wrapper.set_parameters(parameters)
        return Search(wrapper, self._proto)


class Search:
    """One run of CP-SAT on the way."""

    def __init__(self, wrapper: Any, proto: Any) -> None:
        self._wrapper = wrapper
        self._done = threading.Event()
        self._answers: list[Any] = []

        def work() -> None:
            try:
                self._answers.append(wrapper.solve(proto))
            finally:
                self._done.set()

        threading.Thread(target=work, daemon=True).start()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end, at most so long. Is it there?"""
        return self._done.wait(seconds)

    def stop(self) -> None:
        """Have the best found so far for an answer. Does nothing after the end."""
        self._wrapper.stop_search()

    def response(self) -> Response:
        """What CP-SAT reported; to be asked after the end."""
        if not self._answers:
            raise SolverFaultError("CP-SAT failed without an answer")
        answer = self._answers[0]
        return Response(
            status=answer.status.name,
            values=list(answer.solution),
            objective=answer.objective_value,
            bound=answer.best_objective_bound,
            tightened=[list(variable.domain) for variable in answer.tightened_variables],
            solutions=[list(one.values) for one in answer.additional_solutions],
            deterministic_time=answer.deterministic_time,
        )


def run(writer: ModelWriter, profile: Profile) -> Response:
    """The solver itself; functions that search take it as an argument, so that a test can count or replace it."""
    return writer.solve(profile)


_PATIENCE = 0.05
"""Seconds between two questions whether to stop."""


def run_all(writers: Sequence[ModelWriter], profile: Profile, stop: Callable[[], bool] | None = None) -> list[Response]:
    """Run CP-SAT on all models at once, each in a thread of its own, and wait for all.

    When `stop` says so, what has been found by then is the answer. Ctrl-C ends all runs and is raised again.
    """
    searches = [writer.begin(profile) for writer in writers]
    try:
        for search in searches:
            while not search.wait(None if stop is None else _PATIENCE):
                if stop is not None and stop():
                    for other in searches:
                        other.stop()
    except KeyboardInterrupt:
        for search in searches:
            # A run that has not begun yet does not hear.
            while not search.wait(_PATIENCE):
                search.stop()
        raise
    return [search.response() for search in searches]


def _closed(pieces: Iterable[Pair]) -> list[int]:
    # CP-SAT's domains are closed at both ends; this is the one place that converts.
    return [bound for start, end in pieces for bound in (start, end - 1)]
