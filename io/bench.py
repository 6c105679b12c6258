"""How long this machine takes on this calendar: questions drawn from it, asked and timed.

A calendar is only read. A ledger is copied first, and only the copy is asked. What is booked is booked in a copy, also
of a calendar, which is gone afterwards.
"""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, islice, zip_longest
from pathlib import Path
from typing import NamedTuple

from .arrow import arrow
from .calendars import Calendar
from .errors import LoadWarning
from .instants import utc_text_ms
from .ledger.ledger import Clock, Ledger, open_ledger
from .operations import invoke
from .operations.find import RANGE_MOST_MS
from .questions import KINDS, Drawer, Question, offers
from .references import Json
from .tables import export_tables

Progress = Callable[[int], None]


class Sample(NamedTuple):
    """Seconds that one call took."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One thing, done several times. A call deals with `size` of the `things`."""

    what: str
    samples: tuple[Sample, ...]
    size: int = 1
    things: str = ""
    note: str = ""

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(one.wall for one in self.samples)

    @property
    def p95(self) -> float:
        """The seconds that 95 % of the calls did not exceed."""
        ordered = sorted(one.wall for one in self.samples)
        return ordered[math.ceil(0.95 * len(ordered)) - 1]

    @property
    def cpu(self) -> float:
        """The median of the CPU time, in seconds."""
        return statistics.median(one.cpu for one in self.samples)

    def as_json(self) -> Json:
        found: Json = {
            "what": self.what,
            "calls": len(self.samples),
            "median_ms": self.median * 1000,
            "p95_ms": self.p95 * 1000,
            "cpu_ms": self.cpu * 1000,
        }
        if self.things:
            found |= {"size": self.size, "things": self.things, "per_second": self.size / self.median}
        return found | ({"note": self.note} if self.note else {})


def timed(call: Callable[[], object]) -> Sample:
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return Sample(time.perf_counter() - wall, time.process_time() - cpu)


def contents(store: Calendar | Ledger) -> dict[str, int]:
    """How many resources of each type there are."""
    if isinstance(store, Ledger):
        with store.reading() as state:
            return {kind: state.database.count(kind) for kind in state.kinds()}
    return {kind: sum(1 for _ in store.resources(kind)) for kind in store.kinds()}


def measure(
    store: Calendar | Ledger,
    *,
    questions: int,
    rounds: int,
    bookings: int,
    requests: int,
    seed: int,
    folder: str | None = None,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> list[Measured]:
    """Time what can be asked of a store.

    Parameters
    ----------
    questions, rounds
        How many different finds of each kind, and how often each is asked.
    bookings
        How many visits are booked, in a copy.
    requests
        How many are planned at once.
    folder
        Where the copy is made; the system's place for temporary files by default.
    progress
        Told how many calls have been made.

    Returns
    -------
    What was measured; nothing at all where no schedule has a free time for a service.
    """
    with ExitStack() as stack:
        copy = None
        if bookings or isinstance(store, Ledger):
            copy = stack.enter_context(working_copy(store, folder, clock))
        asked = copy if copy is not None and isinstance(store, Ledger) else store
        now, done = asked.now(), _Count(progress)
        drawer = Drawer(asked, seed, now)
        drawn = {kind: found for kind in KINDS if (found := drawer.draw(kind, questions))}
        everything = [question for several in zip_longest(*drawn.values()) for question in several if question]
        found = [
            Measured(f"find, {kind}", _asked(asked, several, rounds, now, done)) for kind, several in drawn.items()
        ]
        if everything:
            found.append(_swept(asked, drawer.members(), everything[0].start_ms, rounds, now, done))
        if everything and requests:
            found.append(_planned(asked, everything, requests, seed, done))
        if copy is not None and bookings:
            samples = _booked(copy, everything, bookings, now, done)
            found += [Measured("book", samples)] if samples else []
        return found


@contextmanager
def working_copy(store: Calendar | Ledger, folder: str | None, clock: Clock | None) -> Generator[Ledger]:
    """A ledger with the same resources, in a new folder below `folder`; removed at the end."""
    with tempfile.TemporaryDirectory(prefix="slotwright-bench-", dir=folder) as place:
        path = os.path.join(place, "copy.ledger")
        if isinstance(store, Ledger):
            store.backup(path)
        # The place is one for temporary files: that it may be a network's is no danger to anything.
        with open_ledger(path, clock=clock, unsafe_filesystem=True) as copy:
            if not isinstance(store, Ledger):
                everything = (resource for kind in store.kinds() for resource in store.resources(kind))
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", LoadWarning)
                    copy.load(everything, who="bench")
            yield copy


class _Count:
    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._calls = 0

    def __call__(self) -> None:
        self._calls += 1
        if self._progress is not None:
            self._progress(self._calls)


def _asked(
    store: Calendar | Ledger, questions: Sequence[Question], rounds: int, now: datetime, done: Callable[[], None]
) -> tuple[Sample, ...]:
    """All questions, `rounds` times, after once that does not count: calendars are compiled when they are needed."""
    samples: list[Sample] = []
    for number in range(rounds + 1):
        for query in [question.query() for question in questions]:
            sample = timed(lambda query=query: invoke(store, "Appointment/$find", query=query, now=now))
            samples += [sample] if number else []
            done()
    return tuple(samples)


def _booked(
    ledger: Ledger, questions: Sequence[Question], count: int, now: datetime, done: Callable[[], None]
) -> tuple[Sample, ...]:
    """The last offer to each question in turn is booked, durably, until `count` are or nothing more is free."""
    samples: list[Sample] = []
    misses = 0
    for question in cycle(questions):
        if len(samples) == count or misses == len(questions):
            break
        proposals = offers(ledger, question, now, 20)
        sample = _book(ledger, proposals[-1], now) if proposals else None
        misses = misses + 1 if sample is None else 0
        samples += [] if sample is None else [sample]
        done()
    return tuple(samples)


def _book(ledger: Ledger, proposal: Json, now: datetime) -> Sample | None:
    """None if it is refused, as where others depend on what a find does not look at."""
    body = {"resourceType": "Parameters", "parameter": [{"name": "appointment", "resource": proposal}]}
    statuses: list[int] = []
    sample = timed(lambda: statuses.append(invoke(ledger, "Appointment/$book", body=body, now=now)[0]))
    return sample if statuses == [201] else None


def _swept(
    store: Calendar | Ledger,
    members: Sequence[tuple[str, str]],
    start_ms: int,
    rounds: int,
    now: datetime,
    done: Callable[[], None],
) -> Measured:
    """A batch find for every schedule at once, of one of its services, over a month; its tables are written before."""
    from .batch import batch_find

    table = arrow().table(
        {
            "service": [service_id for _, service_id in members],
            "schedules": [schedule_id for schedule_id, _ in members],
            "start": [utc_text_ms(start_ms)] * len(members),
            "end": [utc_text_ms(start_ms + RANGE_MOST_MS)] * len(members),
        }
    )
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="slotwright-bench-") as place, store.reading() as state:
        tables = Path(place) / "tables"
        export_tables(state, tables)
        for number in range(rounds + 1):
            sample = timed(lambda: batch_find(table, tables, now=now))
            samples += [sample] if number else []
            done()
    return Measured("batch find, 31 days", tuple(samples), len(members), "schedules")


def _planned(
    store: Calendar | Ledger, questions: Sequence[Question], count: int, seed: int, done: Callable[[], None]
) -> Measured:
    """A batch plan of `count` requests: the questions in turn, so that several want the same."""
    from .plans.api import PlanAnswer, plan

    rows = [
        {
            "request_id": f"bench-{number}",
            "service": question.service_id,
            "schedules": ";".join(",".join(pool) for pool in question.pools),
            "windows": f"{utc_text_ms(question.start_ms)}/{utc_text_ms(question.end_ms)}",
        }
        for number, question in enumerate(islice(cycle(questions), count))
    ]
    answers: list[PlanAnswer] = []
    sample = timed(lambda: answers.append(plan(rows, store, seed=seed, allow_past=True)))
    done()
    report = answers[0].report
    note = f"{report.served:,} of {count:,} served, gap {report.gap:.2%}"
    return Measured("batch plan", (sample,), count, "requests", note)
