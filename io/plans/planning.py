"""A plan from rows to answers: read, compile, solve, judge anew, book, and plan again what was taken meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from ...solver.civil import Zone
from ...solver.errors import SolverFaultError
from ...solver.plan import check
from ...solver.plan.check import Terms
from ...solver.plan.problem import Plan, PlanProblem
from ..instants import ceil_minute
from ..ledger.ledger import Ledger
from ..local import schedule_ids, service_ids
from ..operations.find import FIRST_MINUTE
from ..references import Json
from ..store import Store
from . import booking
from .answers import Answer, Before, Status
from .booked import booked_already
from .booking import Written, fixed_by
from .compiling import Compiled, Fixed, compile_plan
from .movable import Movable, Unmovable, find_movable
from .people import patients_of, times_of
from .replay import replay
from .requests import BadRow, Row, Wanted, read_requests
from .visits import Visit, visits_of
from .words import Words

ROUNDS = 4
"""How often what was taken by others in the meantime is planned anew."""


INTERRUPTED = "interrupted"
"""What a planner says that Ctrl-C has ended."""

_CUT_SHORT = "It has no place in this plan; Ctrl-C ended the search for the reason."


class Solved(Protocol):
    """What a planner answers (`solver.plan.pipeline`)."""

    @property
    def plan(self) -> Plan: ...

    @property
    def bound(self) -> float: ...

    @property
    def priced(self) -> float: ...

    @property
    def work(self) -> float: ...

    @property
    def is_optimal(self) -> bool: ...

    @property
    def ended(self) -> str: ...

    @property
    def stages(self) -> Sequence[Any]: ...

    @property
    def levels(self) -> Sequence[Any]: ...


Solver = Callable[[PlanProblem, Plan | None], Solved]
"""The problem, and where its bookings stand now → the plan."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to plan. `earliest` is the first minute at which a visit may start; None: in a ledger from now on.

    `zone` is that of local times, None: for each request that of the first schedule it names.
    """

    zone: Zone | None = None
    earliest: int | None = None
    movable: Movable | None = None
    book: bool = False
    who: str | None = None
    written: Callable[[Written], None] | None = None


class Round(NamedTuple):
    """One problem and its plan, judged; `visits` stand for the requests of the problem.

    `stayed` are answers of bookings that got no place before, and were left where they are. `is_interrupted`: by
    Ctrl-C, while it was planned or judged.
    """

    compiled: Compiled
    solved: Solved
    score: check.Score
    visits: tuple[Visit | None, ...]
    stayed: tuple[Answer, ...]
    is_interrupted: bool


@dataclass(slots=True)
class Outcome:
    """Answers in the order of the rows, bookings that may be moved after them, and the rounds they come from.

    `is_complete` is False where Ctrl-C ended the planning, which then books nothing, or the booking.
    """

    answers: list[Answer]
    rounds: list[Round]
    taken: int = 0
    is_complete: bool = True
    counts: Counter[str] = field(default_factory=Counter[str])


def make_plan(store: Store, rows: Iterable[Row], solve: Solver, settings: Settings) -> Outcome:
    """Plan the requests in `rows`, and book the plan if the settings say so.

    Rows that cannot be read, and requests that `$find` would refuse, have answers with the status `error`. Raises
    SolverFaultError if a plan does not stand the judgement of the store's own rules: then nothing of it is booked.
    """
    return _Planner(store, solve, settings).run(rows)


def earliest_of(store: Store, *, allow_past: bool = False) -> int:
    """The first minute at which people plan: in a ledger now, unless they ask for the past."""
    is_ahead = isinstance(store, Ledger) and not allow_past
    return ceil_minute(int(store.now().timestamp() * 1000)) if is_ahead else FIRST_MINUTE


class _Planner:
    def __init__(self, store: Store, solve: Solver, settings: Settings) -> None:
        self._store = store
        self._solve = solve
        self._settings = settings
        self._now_ms = int(store.now().timestamp() * 1000)
        self._earliest = earliest_of(store) if settings.earliest is None else settings.earliest
        self._fixed: dict[str, Fixed] = {}
        self._answers: dict[str, Answer] = {}

    def run(self, rows: Iterable[Row]) -> Outcome:
        with self._store.reading() as state:
            found = read_requests(state, rows, zone=self._settings.zone)
            wanted = {one.id: one for one in found if isinstance(one, Wanted)}
            stored = booked_already(state, wanted.keys(), self._now_ms)
            bookings, unmovable = self._bookings(state, wanted)
        moving = {one.id for one in bookings}
        for id in stored.keys() - moving:
            self._answers[id] = self._stored(wanted[id], stored[id])
        for one in unmovable:
            self._answers[one.id] = _unmovable(one, wanted)
        todo = [one for one in wanted.values() if one.id not in self._answers and one.id not in moving]
        outcome = Outcome([], [])
        self._plan([*todo, *bookings], outcome)
        outcome.answers = [
            Answer(one.id, one.row, "error", reason=one.text) if isinstance(one, BadRow) else self._answers[one.id]
            for one in found
        ]
        named = {one.id for one in found}
        outcome.answers += [self._answers[id] for id in sorted(self._answers.keys() - named)]
        outcome.counts = Counter(one.status for one in outcome.answers)
        return outcome

    def _bookings(self, state: Store, wanted: Mapping[str, Wanted]) -> tuple[list[Wanted], list[Unmovable]]:
        movable = self._settings.movable
        return ([], []) if movable is None else find_movable(state, movable, wanted, self._now_ms)

    def _stored(self, wanted: Wanted, appointment: Json) -> Answer:
        """A request that is booked already; others may come after it."""
        times = times_of(appointment)
        services = service_ids(appointment)
        patient = None if wanted.patient is None else wanted.patient["reference"]
        is_same = wanted.service in services and (patient is None or patient in patients_of(appointment))
        if times is None or not is_same:
            text = (
                f"Row {wanted.row}: request_id '{wanted.id}' is that of Appointment/{appointment['id']}, which is for "
                "something else. Give the request an id of its own."
            )
            return Answer(wanted.id, wanted.row, "error", reason=text)
        self._fixed[wanted.id] = fixed_by(wanted, appointment["id"], *times)
        schedules = self._schedules(appointment)
        reason = "It is booked already."
        return Answer(wanted.id, wanted.row, "booked", *times, schedules, appointment["id"], reason=reason)

    def _schedules(self, appointment: Json) -> tuple[str, ...]:
        with self._store.reading() as state:
            return tuple(schedule_ids(state, appointment))

    # Rounds

    def _plan(self, todo: list[Wanted], outcome: Outcome) -> None:
        if not todo:
            return
        for number in range(ROUNDS):
            made = self._round(todo)
            outcome.rounds.append(made)
            told, is_cut_short = self._all_told(made)
            self._answers |= {one.id: one for one in (*made.stayed, *told)}
            if made.is_interrupted or is_cut_short:
                outcome.is_complete = False
                return
            if not self._settings.book:
                return
            refused = self._book(made, outcome)
            if not refused or not outcome.is_complete:
                return
            outcome.taken += len(refused)
            todo = [one.visit.wanted for one in refused]
            if number + 1 == ROUNDS:
                for one in refused:
                    status: Status = "not-placed" if one.visit.wanted.booking is None else "not-moved"
                    text = f"Others took what was planned for it, {ROUNDS} times. The last answer: {one.refusal}."
                    self._answers[one.visit.wanted.id] = self._answers[one.visit.wanted.id]._replace(
                        status=status, start=None, end=None, schedules=(), terms=None, reason=text
                    )

    def _round(self, todo: Sequence[Wanted]) -> Round:
        """Compile, solve and judge. A booking that gets no place stays, and keeps what it has from the others."""
        held: dict[str, Wanted] = {}
        stayed: list[Answer] = []
        is_interrupted = False
        while True:
            fixed = self._fixed | {id: _as_it_stands(one) for id, one in held.items()}
            closed = {} if self._settings.movable is None else self._settings.movable.closed
            with self._store.reading() as state:
                compiled = compile_plan(
                    state,
                    [one for one in todo if one.id not in held],
                    now_ms=self._now_ms,
                    earliest=self._earliest,
                    fixed=fixed,
                    closed=closed,
                )
            solved = self._solve(compiled.problem, _present(compiled.problem))
            try:
                visits = _judged(compiled, solved.plan, fixed)
            except KeyboardInterrupt:
                # The plan is there: only a second Ctrl-C gives it up.
                visits = _judged(compiled, solved.plan, fixed)
                is_interrupted = True
            is_interrupted |= solved.ended == INTERRUPTED
            placed = {one.wanted.id for one in visits if one is not None}
            staying = {
                one.id: one for one in todo if one.booking is not None and one.id not in placed and one.id not in held
            }
            if not any(_is_in_the_way(one, todo, visits) for one in staying.values()):
                score = check.score(compiled.problem, solved.plan)
                return Round(compiled, solved, score, tuple(visits), tuple(stayed), is_interrupted)
            stayed += (one for one in self._told(compiled, solved, visits, None) if one.id in staying)
            held |= staying

    # Answers

    def _all_told(self, made: Round) -> tuple[list[Answer], bool]:
        """The answers of a round, and whether Ctrl-C cut the search for reasons short."""
        try:
            return list(self._told(made.compiled, made.solved, made.visits, made.score)), False
        except KeyboardInterrupt:
            return list(self._told(made.compiled, made.solved, made.visits, made.score, with_reasons=False)), True

    def _told(
        self,
        compiled: Compiled,
        solved: Solved,
        visits: Sequence[Visit | None],
        score: check.Score | None,
        *,
        with_reasons: bool = True,
    ) -> Iterator[Answer]:
        """An answer for each request of a round, as if nothing were to be booked."""
        words = Words(self._store, compiled, solved.plan)
        for one, refusal in compiled.refused:
            yield _without(one, words.refusal(one, refusal), is_error=True)
        for untied in compiled.untied:
            yield _without(untied.wanted, words.untied(untied), is_error=untied.is_circle)
        for place, (entry, visit) in enumerate(zip(compiled.entries, visits, strict=True)):
            if visit is None:
                yield _without(entry.wanted, words.unserved(place) if with_reasons else _CUT_SHORT, is_error=False)
            else:
                terms = None if score is None else score.requests[place]
                yield _placed(visit, terms)._replace(reason=words.partly(place, visit) if with_reasons else None)

    def _book(self, made: Round, outcome: Outcome) -> list[Written]:
        """Write the visits; returns those refused. An interrupt leaves the rest as it was planned."""
        assert isinstance(self._store, Ledger), "others cannot be written, and are refused before"
        refused: list[Written] = []

        def written(one: Written) -> None:
            visit = one.visit
            if one.appointment is None:
                refused.append(one)
                return
            status: Status = "booked" if visit.wanted.booking is None else "moved"
            answer = self._answers[visit.wanted.id]
            self._answers[visit.wanted.id] = answer._replace(status=status, appointment=one.appointment["id"])
            self._fixed[visit.wanted.id] = fixed_by(visit.wanted, one.appointment["id"], visit.start, visit.end)
            if self._settings.written is not None:
                self._settings.written(one)

        visits = [one for one in made.visits if one is not None]
        try:
            booking.write(self._store, visits, who=self._settings.who, written=written)
        except KeyboardInterrupt:
            outcome.is_complete = False
        for visit in visits:
            if visit.wanted.booking is not None and not visit.is_move:
                self._fixed[visit.wanted.id] = _as_it_stands(visit.wanted)
        return refused


def _judged(compiled: Compiled, plan: Plan, fixed: Mapping[str, Fixed]) -> list[Visit | None]:
    """The visits of a plan, by arithmetic and by the rule of admission. Raises SolverFaultError if they do not hold."""
    wrong = check.faults(compiled.problem, plan)
    if wrong:
        raise SolverFaultError(f"The planner's answer is unsound: {wrong[0]}")
    visits = visits_of(compiled, plan)
    faults = replay(compiled, visits, fixed=fixed)
    if faults:
        id, text = next(iter(faults.items()))
        raise SolverFaultError(f"The plan of request {id} does not hold: {text}")
    return visits


def _present(problem: PlanProblem) -> Plan | None:
    """Where the bookings stand, as a plan to begin with; None where there are none, or they do not stand together."""
    plan = tuple(one.current for one in problem.requests)
    return None if not any(plan) or check.faults(problem, plan) else plan


def _as_it_stands(wanted: Wanted) -> Fixed:
    assert wanted.booking is not None
    return fixed_by(wanted, wanted.booking.appointment, wanted.booking.start, wanted.booking.end)


def _is_in_the_way(staying: Wanted, todo: Sequence[Wanted], visits: Sequence[Visit | None]) -> bool:
    """Could a booking that stays after all forbid some visit, or allow more? To be careful is to plan once more."""
    stored = staying.booking
    assert stored is not None
    if any(gap.request == staying.id for one in todo for gap in one.after):
        return True
    patient = None if staying.patient is None else staying.patient["reference"]
    for visit in (one for one in visits if one is not None):
        for one in visit.schedules:
            if one.id in stored.held:
                foot = one.rules.footprint
                is_near = visit.start - foot.before < stored.reach[1] and stored.reach[0] < visit.end + foot.after
                if is_near or one.rules.limits:
                    return True
        theirs = visit.wanted.patient
        if patient is not None and theirs is not None and theirs["reference"] == patient:
            return True
    return False


def _without(wanted: Wanted, reason: str, *, is_error: bool) -> Answer:
    """The answer of a request without a time, or of a booking that stays where it is."""
    if wanted.booking is None:
        return Answer(wanted.id, wanted.row, "error" if is_error else "not-placed", reason=reason)
    return _stays(wanted, "not-moved", reason)


def _stays(wanted: Wanted, status: Status, reason: str | None = None, terms: Terms | None = None) -> Answer:
    stored = wanted.booking
    assert stored is not None
    schedules = tuple(stored.held)
    row = wanted.row or None
    before = Before(stored.start, stored.end, schedules)
    return Answer(
        wanted.id, row, status, stored.start, stored.end, schedules, stored.appointment, before, terms, reason
    )


def _placed(visit: Visit, terms: Terms | None) -> Answer:
    wanted = visit.wanted
    schedules = tuple(one.id for one in visit.schedules)
    if wanted.booking is None:
        return Answer(wanted.id, wanted.row, "placed", visit.start, visit.end, schedules, terms=terms)
    if not visit.is_move:
        return _stays(wanted, "kept", terms=terms)
    return _stays(wanted, "move", terms=terms)._replace(start=visit.start, end=visit.end, schedules=schedules)


def _unmovable(one: Unmovable, wanted: Mapping[str, Wanted]) -> Answer:
    row = wanted[one.id].row if one.id in wanted else None
    before = Before(one.start, one.end, one.schedules)
    return Answer(
        one.id, row, "not-moved", one.start, one.end, one.schedules, one.appointment, before, reason=one.reason
    )
