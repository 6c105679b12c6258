"""Many processes and threads on one ledger: exactly those win that may, nobody is told of a locked database, and what
all of them asked and heard is as if they had asked one after the other."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torture
from campaign import (
    PATIENCE,
    Caller,
    Failed,
    Owner,
    at,
    call_of,
    clinic,
    contend,
    content,
    processes,
    proposal,
    read_log,
    resolved,
    run_processes,
    work,
)
from faultfs import FaultFS
from serializability import Event, check
from slotwright.io import Call, Ledger, invoke, invoke_all, open_ledger
from slotwright.io.errors import LedgerBusy
from support import refusal

# SQLite swallows some errors, and then apsw has nobody to give the exception to
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

_numbers = count()


@pytest.fixture(scope="module")
def context() -> Any:
    return processes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "ledger"
    with open_ledger(made) as ledger:
        ledger.load(clinic("abc", {"c": 3}))
    return made


CAPACITIES = {"c": 3}
Asked = Sequence[Mapping[str, Any]]


def race(context: Any, path: Path, calls: Sequence[Asked], before: Sequence[Event] = ()) -> list[Event]:
    """A process for each list of calls; the n-th calls of all are made at the same time. Returns the history."""
    barrier = context.Barrier(len(calls))
    logs = [path.parent / f"{number}.log" for number in range(len(calls))]
    arguments = [
        (str(path), str(log), f"p{number}", barrier, asked)
        for number, (log, asked) in enumerate(zip(logs, calls, strict=True))
    ]
    run_processes(context, contend, arguments)
    return history(path, logs, before)


def history(path: Path, logs: Sequence[Path], before: Sequence[Event] = ()) -> list[Event]:
    """What the processes noted; the ledger is sound, and its last state a part of the history."""
    events = list(before)
    slots: dict[str, str] = {}
    for log in logs:
        asked, heard = read_log(log)
        events += asked
        slots |= heard
    with open_ledger(path, create=False) as ledger:
        assert ledger.verify() == []
        content(ledger)
        reader = Caller(ledger, "last")
        for one in "abc":
            reader.call("read", calendars=(one,))
    events = resolved([*events, *reader.events], slots)
    verdict = check(events, CAPACITIES)
    assert verdict, verdict.explanation
    return events


def rounds(events: Sequence[Event], processes: int) -> list[list[Event]]:
    """The n-th booking of each process."""
    own = [[one for one in events if one.process == f"p{number}" and one.kind != "read"] for number in range(processes)]
    return [list(one) for one in zip(*own, strict=True)]


def winners(events: Sequence[Event]) -> list[Event]:
    """Those who got the time; all others were told whose it is."""
    won = [one for one in events if one.answer is not None and one.answer.word == "made"]
    bookings = {one.answer.booking for one in won if one.answer is not None}
    for one in events:
        if one not in won:
            assert one.answer is not None and one.answer.word == "unavailable"
            assert one.answer.rows and {row.booking for row in one.answer.rows} <= bookings
    return won


# --- processes ---------------------------------------------------------------


def test_one_time_is_given_once(context: Any, path: Path) -> None:
    asked = [{"kind": "book", "pieces": at(30 * number, "a")} for number in range(15)]
    for one in rounds(race(context, path, [asked] * 5), 5):
        assert len(winners(one)) == 1


def test_of_times_that_overlap_one_is_given(context: Any, path: Path) -> None:
    """Three of them meet in one instant, whichever way they lie."""
    calls = [
        [{"kind": "hold" if shift else "book", "pieces": at(120 * number + shift, "a")} for number in range(10)]
        for shift in (0, 10, 20, 10)
    ]
    for one in rounds(race(context, path, calls), 4):
        assert len(winners(one)) == 1


def test_a_capacity_of_three_is_given_three_times(context: Any, path: Path) -> None:
    asked = [{"kind": "book", "pieces": at(30 * number, "c")} for number in range(10)]
    for one in rounds(race(context, path, [asked] * 5), 5):
        assert len(winners(one)) == 3


def test_two_schedules_in_opposite_order(context: Any, path: Path) -> None:
    """Whoever comes first gets both; nobody waits for the other for ever."""
    there = [{"kind": "book", "pieces": at(30 * number, "a", "b")} for number in range(12)]
    back = [{"kind": "book", "pieces": at(30 * number, "b", "a")} for number in range(12)]
    for one in rounds(race(context, path, [there, back, there, back]), 4):
        assert len(winners(one)) == 1


def test_the_refusal_names_the_slots_that_are_in_the_way(path: Path) -> None:
    with open_ledger(path) as ledger:
        made = invoke(ledger, "Appointment/$book", body=proposal(at(540, "a")))[1]["entry"][1]["resource"]
        status, outcome = invoke(ledger, "Appointment/$book", body=proposal(at(550, "a")))
        assert refusal((status, outcome)) == (400, "invalid", "Requested time slot is not available", None)
        assert outcome["issue"][0]["diagnostics"] == (
            '{"schedule":"Schedule/a","blockingSlots":[{"reference":"Slot/' + made["id"] + '",'
            '"start":"2026-03-16T09:00:00.000Z","end":"2026-03-16T09:30:00.000Z","status":"busy"}]}'
        )


def test_one_identifier_at_the_same_time_makes_one_booking(context: Any, path: Path) -> None:
    asked = [{"kind": "book", "pieces": at(30 * number, "c"), "key": str(number)} for number in range(10)]
    for one in rounds(race(context, path, [asked] * 4), 4):
        words = sorted(event.answer.word for event in one if event.answer is not None)
        assert words == ["made", "replayed", "replayed", "replayed"]
        assert len({event.answer.booking for event in one if event.answer is not None}) == 1


def test_one_booking_is_cancelled_once(context: Any, path: Path) -> None:
    with open_ledger(path) as ledger:
        caller = Caller(ledger, "before")
        bookings = [caller.call("book", pieces=at(30 * number, "b")) for number in range(10)]
    ids = [one.answer.booking for one in bookings if one.answer is not None]
    asked = [{"kind": "cancel", "booking": id} for id in ids]
    for one in rounds(race(context, path, [asked] * 3, caller.events), 3):
        assert sorted(event.answer.word for event in one if event.answer is not None) == ["done", "refused", "refused"]


def _make_and_book(path: str, barrier: Any, number: int) -> None:
    barrier.wait(PATIENCE)
    with open_ledger(path) as ledger:
        ledger.load(clinic("abc", {"c": 3}))
        Caller(ledger, "p").call("book", pieces=at(30 * number, "a"))


def test_several_processes_make_the_same_new_ledger(context: Any, tmp_path: Path) -> None:
    for turn in range(4):
        path = tmp_path / str(turn) / "ledger"
        path.parent.mkdir()
        barrier = context.Barrier(4)
        run_processes(context, _make_and_book, [(str(path), barrier, number) for number in range(4)])
        with open_ledger(path, create=False) as ledger:
            assert ledger.verify() == []
            assert len(content(ledger)) == 4
            kinds = [one.kind for one in ledger.entries()]
            assert kinds.count("init") == 1 and kinds.count("load") == 1 and kinds.count("$book") == 4


def test_a_load_of_random_calls_is_serializable(context: Any, path: Path) -> None:
    logs = [path.parent / f"w{number}.log" for number in range(4)]
    run_processes(context, work, [(str(path), str(log), log.stem, n, 150, "abc") for n, log in enumerate(logs)])
    assert len(history(path, logs)) == 4 * 150 + 3


# --- the writer lock ---------------------------------------------------------


def _hold_lock(path: str, pipe: Any) -> None:
    with open_ledger(path) as ledger:

        def wait(transaction: Any) -> None:
            transaction.put({"resourceType": "Patient", "id": "half"})
            pipe.send("inside")
            pipe.poll(PATIENCE)

        ledger.transact("put", wait)


class Holder:
    """A process in the middle of a write."""

    def __init__(self, context: Any, path: Path) -> None:
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=_hold_lock, args=(str(path), there), daemon=True)
        self._process.start()
        assert self._pipe.poll(PATIENCE) and self._pipe.recv() == "inside"
        self.pid: int = self._process.pid

    def leave(self) -> None:
        """Let it finish."""
        with suppress(BrokenPipeError):
            self._pipe.send("leave")
        self._process.join(PATIENCE)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self._process.join(PATIENCE)


@pytest.fixture
def holder(context: Any, path: Path) -> Iterator[Holder]:
    made = Holder(context, path)
    yield made
    made.leave()


def test_who_gives_up_is_told_who_holds_the_lock(path: Path, holder: Holder) -> None:
    with open_ledger(path, lock_timeout=0.2) as ledger:
        started = time.monotonic()
        status, outcome = invoke(ledger, "Appointment/$book", body=proposal(at(540, "a")))
        assert 0.15 < time.monotonic() - started < 5
        assert refusal((status, outcome)) == (503, "transient", "Ledger is busy", None)
        assert str(holder.pid) in outcome["issue"][0]["diagnostics"]
        for answer in invoke_all(ledger, [Call("Appointment/x/$cancel"), [Call("Appointment/x/$cancel")]]):
            assert refusal(answer)[2] == "Ledger is busy"
        with pytest.raises(LedgerBusy):
            ledger.put({"resourceType": "Patient", "id": "p"})
        holder.leave()
        # those who gave up do not take the lock when their turn comes
        event = Caller(ledger, "p").call("book", pieces=at(540, "a"))
        assert event.answer is not None and event.answer.word == "made"
        assert ledger.read("Patient/half") is not None and ledger.read("Patient/p") is None


def test_readers_do_not_wait_for_a_writer(path: Path, holder: Holder) -> None:
    del holder
    with open_ledger(path, lock_timeout=0) as ledger, open_ledger(path, read_only=True) as reader:
        for one in (ledger, reader):
            started = time.monotonic()
            assert one.read("Schedule/a") is not None and one.read("Patient/half") is None
            query: Any = {"start": "2026-03-16T09:00:00Z", "end": "2026-03-16T10:00:00Z", "schedule": "Schedule/a"}
            query["service-type-reference"] = "HealthcareService/checkup"
            assert invoke(one, "Appointment/$find", query=query)[0] == 200
            assert one.verify() == []
            assert time.monotonic() - started < 5


def test_who_is_killed_in_a_write_leaves_neither_the_lock_nor_half_of_it(path: Path, holder: Holder) -> None:
    holder.kill()
    with open_ledger(path, lock_timeout=5) as ledger:
        event = Caller(ledger, "p").call("book", pieces=at(540, "a"))
        assert event.answer is not None and event.answer.word == "made"
        assert ledger.read("Patient/half") is None
        assert ledger.verify() == []


def test_a_work_that_raises_leaves_nothing_and_lets_go(path: Path) -> None:
    class Unexpected(Exception):
        pass

    def raising(transaction: Any) -> None:
        transaction.put({"resourceType": "Patient", "id": "half"})
        raise Unexpected

    with open_ledger(path) as ledger, open_ledger(path, lock_timeout=5) as other:
        last = ledger.last
        with pytest.raises(Unexpected):
            ledger.transact("put", raising)
        assert ledger.read("Patient/half") is None and ledger.last == last
        other.put({"resourceType": "Patient", "id": "whole"})
        assert ledger.last == last + 1 and ledger.verify() == []


@pytest.mark.parametrize("raised", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_is_cut_short_after_its_commit_is_not_carried_out_twice(
    path: Path, monkeypatch: pytest.MonkeyPatch, raised: BaseException
) -> None:
    """Noting in the lock file what was flushed fails: no room for it, or the user interrupts. The commit stands, so
    neither the call nor those of other threads in the same transaction may be made again."""
    with open_ledger(path) as ledger:
        ledger.put(clinic("c", {"c": 20})[2])
        release = _hold_back(ledger)
        callers = [Caller(ledger, f"t{number}") for number in range(4)]
        threads = [threading.Thread(target=_book_on_c, args=(caller,)) for caller in callers]
        for one in threads:
            one.start()
        time.sleep(0.2)  # all of them wait
        pwrite: Callable[..., int] = os.pwrite
        marks: list[int] = []

        def failing(file: int, data: bytes, offset: int) -> int:
            if b'"last"' in data:
                marks.append(1)
                if len(marks) == 2:  # the first is that of whoever waited alone for the lock
                    raise raised
            return pwrite(file, data, offset)

        monkeypatch.setattr(os, "pwrite", failing)
        release()
        for one in threads:
            one.join(20)
            assert not one.is_alive()
        assert len(marks) >= 2
        made = [one.events[0].answer.booking for one in callers if one.events[0].answer is not None]
        there = content(ledger)
        assert set(made) <= set(there)
        assert len(there) == 4
        assert ledger.verify() == []


def _book_on_c(caller: Caller) -> None:
    with suppress(Failed, KeyboardInterrupt):
        caller.call("book", pieces=at(540, "c"))


def _hold_back(ledger: Ledger) -> Callable[[], None]:
    """Let another user hold the writer lock until the function returned is called."""
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with open_ledger(ledger.path) as other:

            def wait(_: object) -> None:
                inside.set()
                leave.wait(10)

            other.transact("put", wait)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(10)

    def release() -> None:
        leave.set()
        thread.join(10)

    return release


# --- kills and power losses --------------------------------------------------


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """The long campaign in short (see torture.py)."""
    tally = torture.kill_trials(tmp_path, 48, seed=int.from_bytes(os.urandom(4), "big"), each=24)
    assert tally.faults == []
    assert tally.counts["kills"] >= 48 and tally.counts["bookings"] > 5


def test_power_lost_at_random_moments(tmp_path: Path) -> None:
    tally = torture.loss_trials(tmp_path, 120, seed=int.from_bytes(os.urandom(4), "big"), each=30)
    assert tally.faults == []
    assert tally.counts["losses"] >= 120 and tally.counts["losses in the middle of a call"] > 20


# --- threads -----------------------------------------------------------------


@pytest.fixture
def slow(path: Path) -> Iterator[tuple[FaultFS, Ledger]]:
    """A ledger on a disk that takes five milliseconds for a flush."""
    fs = FaultFS(f"slow-{next(_numbers)}", delay=0.005)
    with open_ledger(path, vfs=fs.name) as ledger:
        yield fs, ledger
    fs.unregister()


def run_threads(callers: Sequence[Caller], work: Callable[[int, Caller], None]) -> None:
    threads = [threading.Thread(target=work, args=one) for one in enumerate(callers)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(PATIENCE)
        assert not one.is_alive()


def test_threads_share_flushes(slow: tuple[FaultFS, Ledger]) -> None:
    """While 32 threads have something to book, a flush carries eight bookings or more."""
    fs, ledger = slow
    before = fs.count("sync")
    numbers = iter(range(512))
    guard = threading.Lock()

    def book(_: int, caller: Caller) -> None:
        while True:
            with guard:
                number = next(numbers, None)
            if number is None:
                return
            caller.call("book", pieces=at(30 * number, "a"))

    callers = [Caller(ledger, f"t{number}") for number in range(32)]
    run_threads(callers, book)
    made = sum(one.answer is not None and one.answer.word == "made" for caller in callers for one in caller.events)
    assert made == 512
    assert made / (fs.count("sync") - before) >= 8
    assert len(content(ledger)) == made and ledger.verify() == []


def test_threads_on_shared_and_separate_ledgers_are_serializable(path: Path) -> None:
    """Four threads share a ledger, two have one together, one has its own."""
    with open_ledger(path) as first, open_ledger(path) as second, open_ledger(path) as third:
        callers = [Caller(one, f"t{number}") for number, one in enumerate([first] * 4 + [second] * 2 + [third])]

        def load(number: int, caller: Caller) -> None:
            owner = Owner(caller.name, number, "abc")
            for _ in range(80):
                owner.heard(caller.call(**owner.wish()))

        run_threads(callers, load)
        assert first.verify() == []
    slots = {slot: booking for one in callers for slot, booking in one.slots.items()}
    verdict = check(resolved([event for one in callers for event in one.events], slots), CAPACITIES)
    assert verdict, verdict.explanation


def test_one_refused_among_many_in_a_flush_does_not_concern_the_others(slow: tuple[FaultFS, Ledger]) -> None:
    _, ledger = slow

    def book(number: int, caller: Caller) -> None:
        for turn in range(10):
            start = 30 * turn if number % 2 else 30 * (100 + 40 * turn + number)
            caller.call("book", pieces=at(start, "b"))

    callers = [Caller(ledger, f"t{number}") for number in range(12)]
    run_threads(callers, book)
    words = [[one.answer.word for one in caller.events if one.answer is not None] for caller in callers]
    assert all(one == ["made"] * 10 for one in words[::2])
    assert sum(one.count("made") for one in words[1::2]) == 10
    call = call_of(Event("p", 0, None, "book", at(0, "b")))
    assert refusal(invoke(ledger, call.operation, body=call.body))[2] == "Requested time slot is not available"
    assert ledger.verify() == []
