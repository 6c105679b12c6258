"""The HTTP face: finds and bookings a second from 1, 8 and 32 clients, what sharing a flush brings, and memory.

The server runs in a process of its own on a warm calendar, the clients share another; where the machine has two cores
both are busy, so a rate for each second of the server's CPU time stands beside what the clients saw.
"""

from __future__ import annotations

import itertools
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import http_load
import ledgers
import measure
from http_load import Load, Server, get, post
from instances import Resource
from ledgers import BOOK
from measure import Report, Sample, Table, Target, Timing, milli, plain
from slotwright.io import Call, invoke_all

NOW = "2026-06-30T12:00:00Z"
FROM, TO = "2026-07-01T00:00:00Z", "2026-07-29T00:00:00Z"
CLIENTS = (1, 8, 32)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    schedules: int = 1_000
    each: int = 230
    seconds: float = 5
    rounds: int = 3
    asked: int = 100_000
    decided: int = 2_000


QUICK = Plan(schedules=100, seconds=1, rounds=1, asked=5_000, decided=500)


@dataclass(frozen=True, slots=True)
class Round:
    """A load, and what it cost the server."""

    load: Load
    cpu: float | None

    @property
    def core_rate(self) -> float:
        """Requests for each second of the server's CPU time; by the clock where that is unknown."""
        return len(self.load.latencies) / self.cpu if self.cpu else self.load.rate

    def latency_at(self, share: float) -> float:
        return Timing(tuple(Sample(one, 0) for one in self.load.latencies)).wall_at(share)


def finds(schedules: int, client: int, of: int) -> Iterator[bytes]:
    """A month of each schedule in turn, 20 offers; every client has schedules of its own."""
    rendered = [
        get(
            f"Appointment/$find?start={FROM}&end={TO}&service-type-reference=HealthcareService/{ledgers.PLAIN}"
            f"&schedule=Schedule/s{number}"
        )
        for number in range(client, schedules, of)
    ]
    return itertools.cycle(rendered)


def bookings(calendar: int, first: int, step: int) -> Iterator[bytes]:
    """On one schedule, endlessly: every `step`-th free start."""
    for number in itertools.count(first, step):
        start = ledgers.free_starts(-(-(number + 1) // 5_000) * 5_000, buffered=False)[number]
        yield post(BOOK, ledgers.body(ledgers.proposal([calendar], start, buffered=False)))


class Bench:
    """A template of the ledger, and servers on copies of it."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan = folder, plan
        self.template = folder / "template.ledger"
        self._number = itertools.count()
        ledgers.build(self.template, plan.schedules, plan.each)

    def fresh(self) -> Path:
        path = self.folder / f"{next(self._number)}.ledger"
        shutil.copy(self.template, path)
        return path

    def measured(self, server: Server, clients: Sequence[Iterator[bytes]], status: int) -> Round:
        """All of them at once, for as long as a round takes; every answer must have this status."""
        before = server.cpu()
        load = http_load.ask(server.port, clients, self.plan.seconds)
        after = server.cpu()
        assert set(load.statuses) == {status}, load.statuses
        return Round(load, None if before is None or after is None else after - before)

    def warm(self, server: Server) -> None:
        """Ask once about every schedule, so that all calendars are compiled."""
        rendered = itertools.islice(finds(self.plan.schedules, 0, 1), self.plan.schedules)
        http_load.ask(server.port, [rendered], 600)


def report_finds(found: Report, bench: Bench) -> None:
    plan = bench.plan
    table = found.table(
        f"Finds: {plan.schedules:,} schedules, {plan.schedules * plan.each:,} Slots, four weeks of one, 20 offers",
        *("clients", "finds/s", "finds/s and core", "CPU, ms", "p50, ms", "p99, ms"),
    )
    with http_load.serving(bench.fresh(), NOW) as server:
        bench.warm(server)
        for count in CLIENTS:
            rounds = [
                bench.measured(server, [finds(plan.schedules, one, count) for one in range(count)], 200)
                for _ in range(plan.rounds)
            ]
            _row(table, count, rounds)
            if count == CLIENTS[-1]:
                rate = statistics.median(one.core_rate for one in rounds)
                found.targets.append(Target(f"{count} clients, finds/s and core", rate, 800, "/s", at_least=True))
    table.notes.append(_note(plan))


def report_bookings(found: Report, bench: Bench) -> None:
    plan = bench.plan
    table = found.table(
        "Bookings, each flushed before it is answered",
        *("clients", "bookings/s", "bookings/s and core", "CPU, ms", "p50, ms", "p99, ms"),
        *("bookings a flush", "one calendar, bookings/s", "one ÷ different"),
    )
    for count in CLIENTS:
        apart: list[Round] = []
        one: list[Round] = []
        shares: list[float] = []
        for _ in range(plan.rounds):
            for rounds, where in ((apart, _on_different(count)), (one, _on_one(count))):
                with http_load.serving(bench.fresh(), NOW) as server:
                    begun = http_load.transactions(server)
                    rounds.append(bench.measured(server, where, 201))
                    shares.append(len(rounds[-1].load.latencies) / max(http_load.transactions(server) - begun, 1))
        ratio = statistics.median(two.load.rate / first.load.rate for first, two in zip(apart, one, strict=True))
        share = statistics.median(shares)
        _row(table, count, apart, plain(share), plain(statistics.median(two.load.rate for two in one)), plain(ratio))
        if count == CLIENTS[-1]:
            rate = statistics.median(first.load.rate for first in apart)
            found.targets += [
                Target(f"{count} clients, durable bookings/s", rate, 500, "/s", at_least=True),
                Target(f"{count} clients, one calendar ÷ different ones", ratio, 0.9, "×", at_least=True),
                Target(f"{count} clients, bookings for each flush", share, 8, "", at_least=True),
                _against_parts(bench, rate),
            ]
    table.notes.append(_note(plan) + " Wanted is no fall on one calendar: 0.9, for noise.")


def _on_different(count: int) -> list[Iterator[bytes]]:
    return [bookings(number, 0, 1) for number in range(count)]


def _on_one(count: int) -> list[Iterator[bytes]]:
    return [bookings(0, number, count) for number in range(count)]


def _against_parts(bench: Bench, rate: float) -> Target:
    """The rate beside that of its two parts: the same decisions in one transaction, the same bytes without a write."""
    plan, count = bench.plan, CLIENTS[-1]
    bodies = list(itertools.islice(ledgers.bodies(ledgers.SINGLE, range(count), plan.decided), plan.decided))
    decided: list[float] = []
    answered: list[float] = []
    for _ in range(plan.rounds):
        decided.append(_decided(bench, bodies) / len(bodies))
        # $find takes no proposal: it reads the same body, and refuses it without asking the ledger.
        asked = [post("Appointment/$find", body) for body in bodies]
        with http_load.serving(bench.fresh(), NOW) as server:
            clients = [itertools.cycle(asked[one::count]) for one in range(count)]
            answered.append(1 / bench.measured(server, clients, 400).load.rate)
    parts = 1 / (statistics.median(decided) + statistics.median(answered))
    name = f"{count} clients ÷ the same decisions in one transaction and the same requests without a write"
    return Target(name, rate / parts, 0.7, "×", at_least=True)


def _decided(bench: Bench, bodies: Sequence[Resource]) -> float:
    """Seconds that these bookings take in one transaction."""
    calls = [Call(BOOK, body=body) for body in bodies]
    with ledgers.opened(bench.fresh()) as ledger:
        begun = time.perf_counter()
        answers = invoke_all(ledger, calls)
        took = time.perf_counter() - begun
    assert {status for status, _ in answers} == {201}
    return took


def report_memory(found: Report, bench: Bench) -> None:
    plan = bench.plan
    table = found.table(
        f"Memory of the server over {plan.asked:,} requests of {CLIENTS[-1]} clients, one in ten of them a booking",
        *("after", "MB", "requests/s"),
    )
    with http_load.serving(bench.fresh(), NOW) as server:
        bench.warm(server)
        warm = server.memory()
        if warm is None:
            table.notes.append("This system does not tell.")
            return
        table.add("every calendar was asked for once", plain(warm), "")
        clients = [_mixed(finds(plan.schedules, one, CLIENTS[-1]), bookings(one, 0, 1)) for one in range(CLIENTS[-1])]
        load = http_load.ask(server.port, clients, 3_600, most=plan.asked)
        assert set(load.statuses) == {200, 201}, load.statuses
        memory = server.memory()
        assert memory is not None
        table.add(f"{plan.asked:,} requests", plain(memory), plain(load.rate))


def _mixed(finds: Iterator[bytes], bookings: Iterator[bytes]) -> Iterator[bytes]:
    while True:
        yield next(bookings)
        yield from itertools.islice(finds, 9)


def _row(table: Table, clients: int, rounds: Sequence[Round], *more: str) -> None:
    table.add(
        clients,
        plain(statistics.median(one.load.rate for one in rounds)),
        plain(statistics.median(one.core_rate for one in rounds)),
        milli(statistics.median(1 / one.core_rate for one in rounds)),
        milli(statistics.median(one.latency_at(0.5) for one in rounds)),
        milli(statistics.median(one.latency_at(0.99) for one in rounds)),
        *more,
    )


def _note(plan: Plan) -> str:
    return (
        f"Medians of {plan.rounds} rounds of {plan.seconds:g} s. The clients run in one process of their own, on the "
        "same machine; CPU time is the server's alone."
    )


def report(*, quick: bool = False) -> Report:
    found = Report("The HTTP face")
    plan = QUICK if quick else Plan()
    with ledgers.folder() as folder:
        bench = Bench(folder, plan)
        for one in (report_finds, report_bookings, report_memory):
            one(found, bench)
    return found


if __name__ == "__main__":
    measure.show(report())
