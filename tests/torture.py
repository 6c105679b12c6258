"""Kills writers and cuts the power, thousands of times, and looks after each whether anything was lost or doubled.

    python tests/torture.py --kills 5000 --power-losses 5000 --seed 1

Kills: processes make random calls on one ledger and are killed with SIGKILL at random moments, one of them or all; what
a dead one had asked last is asked again with the same identifier. Then everything that any of them asked and heard
must be strictly serializable (`serializability`), and the ledger verified.

Power losses: in this process, through `faultfs`, at a random operation of the disk in the middle of random calls, by
one caller or by several threads; then the ledger is opened again, compared with what had been acknowledged, and used
on.

A table is printed at the end; the exit code is 1 if anything was wrong. A failure leaves its folder and says where.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import slotwright.io.ledger.writing
from campaign import (
    Caller,
    Failed,
    Mirror,
    Owner,
    at,
    clinic,
    content,
    processes,
    read_log,
    resolved,
    work,
)
from faultfs import Fault, FaultFS, Operation
from serializability import Event, check
from slotwright.io import open_ledger

CAPACITIES = {"c": 3}
SCHEDULES = "abc"
ANY: frozenset[Operation] = frozenset(("write", "sync", "truncate", "delete"))


@dataclass
class Tally:
    """What was done and seen; `faults` are sentences, none of which should be there."""

    counts: Counter[str] = field(default_factory=Counter[str])
    faults: list[str] = field(default_factory=list[str])

    def add(self, other: Tally) -> None:
        self.counts += other.counts
        self.faults += other.faults


# --- kills -------------------------------------------------------------------


class KillEpoch:
    """One ledger, some workers, many kills."""

    def __init__(self, folder: Path, seed: int, workers: int) -> None:
        self.rng = random.Random(seed)
        self.folder = folder
        self.path = str(folder / "ledger")
        self.tally = Tally()
        self.events: list[Event] = []
        self.slots: dict[str, str] = {}
        self._context = processes()
        self._names = (f"w{number}" for number in count())
        self._options: dict[str, Any] = {}
        if self.rng.random() < 0.5:
            self._options["wal_most"] = self.rng.choice([0, 10, 50])
        if self.rng.random() < 0.2:
            self._options["filled"] = clinic(SCHEDULES, CAPACITIES)
        else:
            with open_ledger(self.path) as ledger:
                ledger.load(clinic(SCHEDULES, CAPACITIES))
        self._workers: dict[str, Any] = {}
        for _ in range(workers):
            self._start([])

    def _start(self, bookings: list[str]) -> None:
        name = next(self._names)
        log = str(self.folder / f"{name}.log")
        args = (self.path, log, name, self.rng.getrandbits(32), 100_000, SCHEDULES, bookings)
        worker = self._context.Process(target=work, args=args, kwargs=self._options, daemon=True)
        worker.start()
        self._workers[name] = worker

    def run(self, kills: int) -> Tally:
        try:
            while self.tally.counts["kills"] < kills:
                time.sleep(self.rng.choice([0.01, 0.04, 0.15]) * self.rng.random())
                everyone = self.rng.random() < 0.2
                victims = list(self._workers) if everyone else [self.rng.choice(list(self._workers))]
                orphans = self._kill(victims)
                bookings = [id for one in orphans for id in _made(one)]
                self._ask_again([one[-1] for one in orphans if one and one[-1].end is None])
                for _ in victims:
                    self._start(self.rng.sample(bookings, min(len(bookings), 6)))
        finally:
            self._kill(list(self._workers))
        self._judge()
        return self.tally

    def _kill(self, names: list[str]) -> list[list[Event]]:
        """Returns what each of them had asked."""
        found: list[list[Event]] = []
        for name in names:
            if self._workers[name].is_alive():
                os.kill(self._workers[name].pid, signal.SIGKILL)
        for name in names:
            worker = self._workers.pop(name)
            worker.join()
            self.tally.counts["kills"] += 1
            if worker.exitcode != -signal.SIGKILL:
                self.tally.faults.append(f"{self.folder}: {name} ended by itself with {worker.exitcode}")
            events, slots = read_log(self.folder / f"{name}.log")
            self.events += events
            self.slots |= slots
            found.append(events)
        return found

    def _ask_again(self, unheard: list[Event]) -> None:
        """What a killed caller had asked for, by its identifier: the booking it made, or a new one, or a refusal."""
        if not unheard:
            return
        with open_ledger(self.path) as ledger:
            caller = Caller(ledger, next(self._names))
            for event in unheard:
                self.tally.counts["unheard"] += 1
                if event.kind == "read" or (event.kind not in ("book", "hold") and self.rng.random() < 0.5):
                    continue
                asked = {name: getattr(event, name) for name in ("kind", "pieces", "booking", "key")}
                again = caller.call(**asked)
                assert again.answer is not None
                self.tally.counts[f"asked again: {event.kind} {again.answer.word}"] += 1
        self.events += caller.events
        self.slots |= caller.slots

    def _judge(self) -> None:
        with open_ledger(self.path) as ledger:
            self.tally.faults += [f"{self.path}: {one}" for one in ledger.verify()]
            reader = Caller(ledger, "last")
            for one in SCHEDULES:
                reader.call("read", calendars=(one,))
            content(ledger)
        self.events += reader.events
        self.tally.counts["calls"] += len(self.events)
        self.tally.counts["bookings"] += len({one for event in self.events for one in _made([event])})
        verdict = check(resolved(self.events, self.slots), CAPACITIES)
        if not verdict:
            self.tally.faults.append(f"{self.path}: {verdict.explanation}")


def _made(events: list[Event]) -> Iterator[str]:
    return (
        one.answer.booking
        for one in events
        if one.answer is not None and one.answer.word == "made" and one.answer.booking is not None
    )


# --- power losses ------------------------------------------------------------


class LossEpoch:
    """One ledger in this process, many power losses."""

    def __init__(self, folder: Path, seed: int, fs: FaultFS) -> None:
        self.rng = random.Random(seed)
        self.folder = folder
        self.path = str(folder / "ledger")
        self.fs = fs
        self.tally = Tally()
        self.mirror = Mirror(CAPACITIES)
        self.filled = False
        self._names = count()

    def run(self, losses: int) -> Tally:
        slotwright.io.ledger.writing._WAL_MOST = self.rng.choice([0, 10, 1_000, 1_000])  # type: ignore[reportPrivateUsage]
        self.fs.power_on()  # what an earlier ledger left unflushed is of no interest
        for number in range(losses):
            at_once = self.rng.random() < 0.15
            self.fs.arm(Fault(self.rng.randrange(120), "loss", ANY, seed=self.rng.getrandbits(32)))
            heard, unheard = self._calls_of_threads() if at_once else ([], self._calls_of_one())
            self.tally.counts["losses"] += 1
            self.tally.counts["losses in the middle of a call"] += bool(unheard)
            if not self.fs.is_off:
                self.fs.lose_power(self.rng.getrandbits(32))
            self.fs.power_on()
            self._look(heard, unheard, thoroughly=number % 10 == 0 or number == losses - 1)
        return self.tally

    def _calls_of_one(self) -> list[Event]:
        """One caller, until the power fails, or it is done. Returns the call whose answer it did not hear."""
        try:
            ledger = open_ledger(self.path, vfs=self.fs.name)
        except slotwright.io.errors.LedgerError:
            self.tally.counts["losses while opening"] += 1
            return []
        caller = Caller(ledger, "p")
        try:
            if not self.filled:
                ledger.load(clinic(SCHEDULES, CAPACITIES))
                self.filled = True
            alive = [one.id for one in self.mirror.state.values() if one.status != "cancelled"]
            owner = Owner(str(next(self._names)), self.rng.getrandbits(32), SCHEDULES, alive)
            for _ in range(self.rng.choice([3, 12, 40])):
                event = caller.call(**owner.wish())
                owner.heard(event)
                self.mirror.answered(event)
                self.tally.counts["calls"] += 1
        except Failed:
            return caller.events[-1:]
        except slotwright.io.errors.LedgerError:
            return []  # of `load`
        finally:
            ledger.close()
        return []

    def _calls_of_threads(self) -> tuple[list[Event], list[Event]]:
        """Several threads that share one ledger. Returns the bookings acknowledged, and those not."""
        if not self.filled:
            return [], self._calls_of_one()
        try:
            ledger = open_ledger(self.path, vfs=self.fs.name)
        except slotwright.io.errors.LedgerError:
            return [], []
        name = next(self._names)
        callers = [Caller(ledger, f"t{number}") for number in range(4)]

        def run(number: int) -> None:
            day = 1440 * (1 + name % 1000)
            with suppress(Failed):
                for turn in range(6):
                    start = day + 30 * (6 * number + turn)
                    callers[number].call("book", pieces=at(start, SCHEDULES[turn % 3]), key=f"{name}-{number}-{turn}")

        threads = [threading.Thread(target=run, args=(number,)) for number in range(len(callers))]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        ledger.close()
        events = [event for caller in callers for event in caller.events]
        self.tally.counts["calls"] += len(events)
        return [one for one in events if one.end is not None], [one for one in events if one.end is None]

    def _look(self, heard: list[Event], unheard: list[Event], *, thoroughly: bool) -> None:
        with open_ledger(self.path, vfs=self.fs.name) as ledger:
            there = content(ledger)
            if thoroughly:
                self.tally.faults += [f"{self.path}: {one}" for one in ledger.verify()]
                self.tally.counts["verified"] += 1
            self.filled = self.filled or ledger.read(f"Schedule/{SCHEDULES[0]}") is not None
        for event in heard:
            self.mirror.answered(event)
        for event in unheard:
            if len(unheard) > 1 or heard:  # of threads: each by itself, free times all
                mine = [
                    id for id, (_, pieces) in there.items() if pieces == event.pieces and id not in self.mirror.state
                ]
                if mine:
                    _, self.mirror.state = self.mirror.model.apply(self.mirror.state, event, mine[0])
                    self.tally.counts["unheard, and there"] += 1
        alone = unheard if len(unheard) == 1 and not heard else []
        self.tally.counts["unheard, and there"] += self.mirror.found(there, alone)


# --- the whole ---------------------------------------------------------------


def campaign(
    name: str, total: int, each: int, folder: Path, make: Callable[[Path, int], Tally], *, seed: int, say: bool
) -> Tally:
    """Epochs in folders of their own, until there were `total` trials. A folder without a fault is deleted."""
    tally = Tally()
    started = time.monotonic()
    for number in count():
        done = tally.counts[name]
        if done >= total:
            return tally
        place = folder / f"{name}-{number}"
        place.mkdir(parents=True)
        before = len(tally.faults)
        try:
            tally.add(make(place, seed + 1_000_003 * number))
        except Exception as error:  # noqa: BLE001 one epoch must not end the campaign
            tally.faults.append(f"{place}: {type(error).__name__}: {error}")
            tally.counts[name] += each
        if len(tally.faults) == before:
            shutil.rmtree(place)
        if say:
            rate = tally.counts[name] / (time.monotonic() - started)
            words = f"{tally.counts[name]} of {total} {name}, {rate:.0f}/s, {len(tally.faults)} faults"
            print(f"\r{words}   ", end="", file=sys.stderr, flush=True)
    raise AssertionError


def kill_trials(folder: Path, kills: int, *, seed: int, each: int = 60, workers: int = 3, say: bool = False) -> Tally:
    def epoch(place: Path, seed: int) -> Tally:
        return KillEpoch(place, seed, workers).run(min(each, kills))

    return campaign("kills", kills, each, folder, epoch, seed=seed, say=say)


def loss_trials(folder: Path, losses: int, *, seed: int, each: int = 40, say: bool = False) -> Tally:
    fs = FaultFS(f"torture-{seed}", losable=True)
    most = slotwright.io.ledger.writing._WAL_MOST  # type: ignore[reportPrivateUsage]
    try:
        return campaign(
            "losses",
            losses,
            each,
            folder,
            lambda place, seed: LossEpoch(place, seed, fs).run(min(each, losses)),
            seed=seed,
            say=say,
        )
    finally:
        slotwright.io.ledger.writing._WAL_MOST = most  # type: ignore[reportPrivateUsage]
        fs.unregister()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=5000)
    parser.add_argument("--power-losses", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=3, help="processes that write at the same time")
    parser.add_argument("--folder", type=Path, help="where the ledgers lie; a temporary folder if left out")
    parser.add_argument("--json", type=Path, help="a file for the counts and faults")
    asked = parser.parse_args()
    folder = Path(asked.folder or tempfile.mkdtemp(prefix="torture-"))
    started = time.monotonic()
    tallies = {
        "kills": kill_trials(folder, asked.kills, seed=asked.seed, workers=asked.workers, say=True),
        "power losses": loss_trials(folder, asked.power_losses, seed=asked.seed, say=True),
    }
    print(file=sys.stderr)
    for name, tally in tallies.items():
        print(f"\n{name}")
        for what, number in sorted(tally.counts.items()):
            print(f"  {what:44} {number:>9}")
        print(f"  {'lost, doubled or otherwise wrong':44} {len(tally.faults):>9}")
    faults = [fault for tally in tallies.values() for fault in tally.faults]
    for fault in faults[:20]:
        print(f"\n{fault}")
    seconds = round(time.monotonic() - started, 1)
    print(f"\n{seconds} s, seed {asked.seed}, {'FAULTS' if faults else 'nothing was lost or doubled'}")
    if asked.json:
        counts = {name: {"counts": dict(one.counts), "faults": one.faults} for name, one in tallies.items()}
        asked.json.write_text(json.dumps({"seed": asked.seed, "seconds": seconds, **counts}, indent=2) + "\n")
    if not faults and asked.folder is None:
        shutil.rmtree(folder)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
