"""Failing, full and lost disks under a ledger: what it acknowledged is there, what it did not is there whole or not.

Each test takes a small piece of work and lets the n-th operation of the disk fail, for every n until the work passes
undisturbed. The sequential model of `serializability` says what must be stored at each point.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import apsw
import pytest
import slotwright.io.ledger.writing
from campaign import Caller, Failed, Mirror, answer_of, at, call_of, clinic, content
from faultfs import Fault, FaultFS, Operation
from serializability import Event
from slotwright.io import Call, invoke, invoke_all, open_ledger
from slotwright.io.errors import LedgerError
from support import refusal

# SQLite swallows some errors, and then apsw has nobody to give the exception to
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

_numbers = count()
ENOUGH = 400
"""No work here takes so many operations of the disk."""


@pytest.fixture
def fs() -> Iterator[FaultFS]:
    made = FaultFS(f"ledger-fault-{next(_numbers)}")
    yield made
    made.unregister()


@pytest.fixture
def losable() -> Iterator[FaultFS]:
    made = FaultFS(f"ledger-loss-{next(_numbers)}", losable=True)
    yield made
    made.unregister()


@pytest.fixture(params=["rarely", "always"])
def checkpoints(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether the log is moved into the file only at the end, or after each commit."""
    if request.param == "always":
        monkeypatch.setattr(slotwright.io.ledger.writing, "_WAL_MOST", 0)
    return request.param


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A ledger at rest with a clinic in it."""
    path = tmp_path / "template"
    with open_ledger(path, identity="template") as ledger:
        ledger.load(clinic("ab"))
    return path


def copy(template: Path, goal: Path) -> Path:
    goal.mkdir()
    for one in template.parent.glob(f"{template.name}*"):
        shutil.copy(one, goal / one.name.replace(template.name, "ledger"))
    return goal / "ledger"


def steps(mirror: Mirror) -> Iterator[dict[str, Any]]:
    """The work: every operation, refused and carried out; bookings are named as the model knows them."""
    yield {"kind": "book", "pieces": at(540, "a"), "key": "first"}
    yield {"kind": "hold", "pieces": at(540, "b"), "key": "held"}
    yield {"kind": "book", "pieces": at(550, "a", "b"), "key": "late"}
    yield {"kind": "confirm", "booking": _id(mirror, "held")}
    yield {"kind": "book", "pieces": at(600, "b", "a"), "key": "both"}
    yield {"kind": "reschedule", "booking": _id(mirror, "first"), "pieces": at(550, "a")}
    yield {"kind": "cancel", "booking": _id(mirror, "held")}
    yield {"kind": "book", "pieces": at(540, "b"), "key": "again"}


def _id(mirror: Mirror, key: str) -> str:
    return next((one.id for one in mirror.state.values() if one.key == key), "never-made")


def try_call(caller: Caller, mirror: Mirror, asked: dict[str, Any]) -> Event | None:
    """Make a call that may fail; returns it if it did."""
    try:
        mirror.answered(caller.call(**asked))
    except Failed as failed:
        said = failed
    else:
        return None
    assert (said.status, said.text) == (500, "Ledger could not be written"), said
    return caller.events[-1]


def repeat(caller: Caller, mirror: Mirror, event: Event) -> None:
    """The same call again: a booking that was made nevertheless is found by its identifier, not made twice."""
    before = len(mirror.state)
    mirror.answered(caller.call(**asked_by(event)))
    if event.kind in ("book", "hold") and event.key in [one.key for one in mirror.state.values()]:
        assert [one.key for one in mirror.state.values()].count(event.key) == 1
        assert len(mirror.state) - before <= 1


def asked_by(event: Event) -> dict[str, Any]:
    names = ("kind", "pieces", "booking", "key")
    return {name: getattr(event, name) for name in names}


def is_sound(fs: FaultFS, path: Path, mirror: Mirror, unheard: Event | None = None) -> None:
    """Opened anew and undisturbed: everything that was acknowledged, and no half of anything."""
    with open_ledger(path, create=False, vfs=fs.name) as ledger:
        assert ledger.verify() == []
        mirror.found(content(ledger), [unheard] if unheard else [])


# --- I/O errors and full disks -----------------------------------------------


@pytest.mark.parametrize(
    ("what", "half", "lasting", "stride"),
    [("error", False, False, 1), ("error", True, True, 5), ("full", True, False, 5), ("full", False, True, 5)],
)
def test_a_fault_at_every_operation_of_the_disk(
    fs: FaultFS, template: Path, tmp_path: Path, checkpoints: str, what: Any, half: bool, lasting: bool, stride: int
) -> None:
    if checkpoints == "always":
        stride *= 2
    failures = 0
    for n in range(0, ENOUGH, stride):
        path = copy(template, tmp_path / str(n))
        mirror = Mirror()
        fs.arm(Fault(n, what, half=half, lasting=lasting))
        ledger = open_ledger(path, vfs=fs.name)
        caller = Caller(ledger, "p")
        unheard: Event | None = None
        for asked in steps(mirror):
            unheard = try_call(caller, mirror, asked)
            mirror.found(content(ledger), [unheard] if unheard else [])
            if unheard is not None:
                failures += 1
                if lasting:
                    break
                repeat(caller, mirror, unheard)
                unheard = None
        ledger.close()
        struck = fs.fired
        fs.arm(None)
        is_sound(fs, path, mirror, unheard)
        if not struck:
            assert n > 50 and failures > 5
            return
    raise AssertionError("the work never passed undisturbed")


def test_an_error_at_every_read(fs: FaultFS, template: Path, tmp_path: Path) -> None:
    """The answer may be an error of the ledger, and nothing else; and it says so if nothing was done."""
    for n in range(ENOUGH):
        path = copy(template, tmp_path / str(n))
        mirror = Mirror()
        fs.arm(Fault(n, operations=frozenset(["read"])))
        try:
            with open_ledger(path, vfs=fs.name) as ledger:
                caller = Caller(ledger, "p")
                for asked in steps(mirror):
                    unheard = try_call(caller, mirror, asked)
                    if unheard is not None:
                        mirror.found(content(ledger), [unheard])
                        repeat(caller, mirror, unheard)
        except LedgerError:
            assert fs.fired and not mirror.state
        struck = fs.fired
        fs.arm(None)
        is_sound(fs, path, mirror)
        if not struck:
            return
    raise AssertionError


def test_after_the_disk_is_well_again_the_same_ledger_writes_on(fs: FaultFS, template: Path, tmp_path: Path) -> None:
    path = copy(template, tmp_path / "one")
    mirror = Mirror()
    with open_ledger(path, vfs=fs.name) as ledger:
        caller = Caller(ledger, "p")
        fs.arm(Fault(0, "full", lasting=True))
        for asked in list(steps(mirror))[:2]:
            assert try_call(caller, mirror, asked) is not None
        assert content(ledger) == {}
        fs.arm(None)
        for asked in steps(mirror):
            assert try_call(caller, mirror, asked) is None
    is_sound(fs, path, mirror)


def test_the_outcome_says_what_and_where(fs: FaultFS, template: Path) -> None:
    with open_ledger(template, vfs=fs.name) as ledger:
        for what, word in (("full", "full"), ("error", str(template))):
            fs.arm(Fault(0, what, lasting=True))  # type: ignore[reportArgumentType]
            call = call_of(Event("p", 0, None, "book", at(540, "a")))
            answer = invoke(ledger, call.operation, body=call.body)
            fs.arm(None)
            assert refusal(answer) == (500, "no-store", "Ledger could not be written", None)
            assert word in answer[1]["issue"][0]["diagnostics"]


def test_making_and_loading_a_ledger_is_all_or_nothing(fs: FaultFS, tmp_path: Path) -> None:
    """Whatever fails while the file is made or filled, it can be opened and filled afterwards."""
    for n in range(ENOUGH):
        path = tmp_path / str(n) / "ledger"
        path.parent.mkdir()
        fs.arm(Fault(n, half=bool(n % 2)))
        loaded = False
        with suppress(LedgerError), open_ledger(path, vfs=fs.name) as ledger:
            ledger.load(clinic("ab"))
            loaded = True
        struck = fs.fired
        fs.arm(None)
        with open_ledger(path, vfs=fs.name) as ledger:
            assert ledger.verify() == []
            stored = sum(
                1 for kind in ("HealthcareService", "Practitioner", "Schedule") for _ in ledger.resources(kind)
            )
            assert stored in ((5,) if loaded else (0, 5))
            ledger.load(clinic("ab"))
            assert ledger.verify() == []
        if not struck:
            return
    raise AssertionError


def test_nothing_is_acknowledged_without_the_write_ahead_log(fs: FaultFS, tmp_path: Path) -> None:
    """If the change to WAL fails SQLite says so in its answer, raises nothing, and goes on with a rollback journal,
    which at synchronous=FULL loses acknowledged commits at power loss (test_faultfs shows it)."""
    for n in range(12):
        path = tmp_path / str(n) / "ledger"
        path.parent.mkdir()
        fs.arm(Fault(n))
        with suppress(LedgerError), open_ledger(path, vfs=fs.name) as ledger:
            ledger.load(clinic("ab"))
            assert path.read_bytes()[18:20] == b"\2\2", f"operation {n} of the disk failed, and the ledger went on"
        fs.arm(None)


def test_every_flush_reaches_the_disk_itself(fs: FaultFS, template: Path) -> None:
    """SQLite asks the file system for a full flush, which on macOS is F_FULLFSYNC and elsewhere the only one."""
    with open_ledger(template, vfs=fs.name) as ledger:
        fs.kinds_of_sync.clear()
        ledger.put({"resourceType": "Patient", "id": "p"})
        assert fs.kinds_of_sync == {apsw.SQLITE_SYNC_FULL}
        fs.kinds_of_sync.clear()
        ledger.erase("Patient/p", "so that the log is moved into the file")
        assert fs.kinds_of_sync == {apsw.SQLITE_SYNC_FULL}


def test_a_bundle_is_whole_or_not_at_all(fs: FaultFS, template: Path, tmp_path: Path) -> None:
    """Two bookings given up and two made in their place, as one bundle beside a single call, under every fault."""
    for n in range(ENOUGH):
        path = copy(template, tmp_path / str(n))
        with open_ledger(path, vfs=fs.name) as ledger:
            mirror, caller = Mirror(), Caller(ledger, "p")
            for start in (540, 570):
                mirror.answered(caller.call("book", pieces=at(start, "a")))
            old = list(mirror.state)
            events = [
                *(Event("p", 0, None, "cancel", booking=one) for one in old),
                Event("p", 0, None, "book", at(550, "a", "b"), key="new"),
                Event("p", 0, None, "hold", at(580, "a"), key="newer"),
            ]
            single = Event("p", 0, None, "book", at(700, "b"), key="single")
            fs.arm(Fault(n))
            answers = invoke_all(ledger, [[call_of(one) for one in events], call_of(single)])
            struck = fs.fired
            fs.arm(None)
            assert len({status // 100 for status, _ in answers}) == 1  # one transaction, one fate
            there = content(ledger)
            if answers[0][0] == 200:
                entries = answers[0][1]["entry"]
                assert [one["response"]["status"] for one in entries] == ["200", "200", "201", "201"]
                for event, entry in zip(events, entries, strict=True):
                    _apply(mirror, event, int(entry["response"]["status"]), entry["resource"])
                _apply(mirror, single, *answers[1])
                assert mirror.found(there) == 0
            else:
                assert refusal(answers[0])[:3] == (500, "no-store", "Ledger could not be written")
                # the order in which the ids of bookings come out is not that in which they were made
                assert sorted(one for one in there.values()) in _fates(mirror, [*events, single])
                mirror.state = {}
        with open_ledger(path, vfs=fs.name) as ledger:
            assert ledger.verify() == []
            assert content(ledger) == there
        if not struck:
            return
    raise AssertionError


def _apply(mirror: Mirror, event: Event, status: int, resource: Any) -> None:
    answer, _ = answer_of(event, status, resource)
    mirror.answered(Event(event.process, 0, 0, event.kind, event.pieces, event.booking, event.key, answer=answer))


def _fates(mirror: Mirror, events: list[Event]) -> list[Any]:
    """What may be stored if it is not known whether the calls were carried out, ids left out."""
    from campaign import content_of

    after = mirror.state
    for number, event in enumerate(events):
        _, after = mirror.model.apply(after, event, f"new-{number}")
    return [sorted(content_of(state).values()) for state in (mirror.state, after)]


def test_errors_while_erasing(fs: FaultFS, template: Path, tmp_path: Path) -> None:
    """A person is gone from every byte of the files, or nothing of the erasure has happened."""
    for n in range(ENOUGH):
        path = copy(template, tmp_path / str(n))
        done = False
        with open_ledger(path, vfs=fs.name) as ledger:
            ledger.put({"resourceType": "Patient", "id": "p", "name": [{"family": "Unforgettable"}]})
            before = ledger.last
            fs.arm(Fault(n, half=bool(n % 2)))
            with suppress(LedgerError):
                ledger.erase("Patient/p", "asked for")
                done = True
            struck = fs.fired
            fs.arm(None)
            gone = ledger.read("Patient/p") is None
            assert gone or not done
            assert ledger.last in (before, before + 1)
            if not gone:
                ledger.erase("Patient/p", "asked for")
        with open_ledger(path, vfs=fs.name) as ledger:
            assert ledger.verify() == []
            assert ledger.read("Patient/p") is None
        left = [one.name for one in path.parent.iterdir() if b"Unforgettable" in one.read_bytes()]
        assert not left
        if not struck:
            return
    raise AssertionError


# --- power loss --------------------------------------------------------------

ANY: frozenset[Operation] = frozenset(("write", "sync", "truncate", "delete"))


@pytest.mark.parametrize("seed", range(2))
def test_power_lost_at_every_operation(
    losable: FaultFS, template: Path, tmp_path: Path, checkpoints: str, seed: int
) -> None:
    for n in range(seed, ENOUGH, 2 if checkpoints == "rarely" else 4):
        path = copy(template, tmp_path / str(n))
        mirror = Mirror()
        losable.arm(Fault(n, "loss", ANY, seed=1000 * seed + n))
        ledger = open_ledger(path, vfs=losable.name)
        caller = Caller(ledger, "p")
        unheard: Event | None = None
        for asked in steps(mirror):
            unheard = try_call(caller, mirror, asked)
            if unheard is not None:
                break
        ledger.close()
        struck = losable.is_off
        if not struck:
            losable.lose_power(seed)
        losable.power_on()
        if n % 3 == 0:
            _disturb_lock_file(path, n)
        is_sound(losable, path, mirror, unheard)
        if unheard is not None:
            with open_ledger(path, vfs=losable.name) as ledger:
                repeat(Caller(ledger, "q"), mirror, unheard)
        if not struck:
            return
    raise AssertionError


def _disturb_lock_file(path: Path, n: int) -> None:
    """The lock file is never flushed, so after a power loss anything may be in it."""
    lock = path.with_name(f"{path.name}-lock")
    contents = [b"", bytes(1024), os.urandom(1024), lock.read_bytes()[:600], b"[]" * 512, b'{"last":"x"}' * 80]
    lock.write_bytes(contents[n // 3 % len(contents)])


def test_power_lost_while_a_ledger_is_made_and_loaded(losable: FaultFS, tmp_path: Path) -> None:
    for n in range(0, ENOUGH, 2):
        path = tmp_path / str(n) / "ledger"
        path.parent.mkdir()
        losable.arm(Fault(n, "loss", ANY, seed=n))
        loaded = False
        with suppress(LedgerError), open_ledger(path, vfs=losable.name) as ledger:
            ledger.load(clinic("ab"))
            loaded = True
        struck = losable.is_off
        if not struck:
            losable.lose_power(n)
        losable.power_on()
        with open_ledger(path, vfs=losable.name) as ledger:
            assert ledger.verify() == []
            found = len(list(ledger.resources("Schedule")))
            assert found == 2 or (found == 0 and not loaded)
            ledger.load(clinic("ab"))
        if not struck:
            return
    raise AssertionError


@pytest.mark.parametrize("afterwards", ["at once", "later"])
def test_a_flush_that_fails_and_then_forgets(losable: FaultFS, template: Path, tmp_path: Path, afterwards: str) -> None:
    """After a failed flush the system may count the data as flushed and lose it with the power; so what lies in the
    log without having been flushed must not be built upon."""
    for n in range(ENOUGH):
        path = copy(template, tmp_path / str(n))
        mirror = Mirror()
        losable.arm(Fault(n, operations=frozenset(["sync"]), forgetful=True))
        ledger = open_ledger(path, vfs=losable.name)
        caller = Caller(ledger, "p")
        in_doubt: Event | None = None
        for asked in steps(mirror):
            in_doubt = try_call(caller, mirror, asked)
            if in_doubt is None and losable.fired and afterwards == "at once":
                break
            if in_doubt is not None:
                if afterwards == "at once":
                    break
                mirror.found(content(ledger), [in_doubt])
                repeat(caller, mirror, in_doubt)
                in_doubt = None
        struck = losable.fired
        losable.lose_power(n)
        ledger.close()
        losable.power_on()
        is_sound(losable, path, mirror, in_doubt)
        if not struck:
            return
    raise AssertionError


def test_power_lost_while_threads_share_flushes(losable: FaultFS, template: Path, tmp_path: Path) -> None:
    """Eight threads book each its own times; what any of them was told is there, for every point of the loss."""
    for n in range(0, 60, 3):
        path = copy(template, tmp_path / str(n))
        ledger = open_ledger(path, vfs=losable.name)
        callers = [Caller(ledger, f"t{number}") for number in range(8)]
        losable.arm(Fault(n, "loss", ANY, seed=n))

        def run(number: int, callers: list[Caller] = callers) -> None:
            with suppress(Failed):
                for turn in range(3):
                    callers[number].call("book", pieces=at(30 * (8 * turn + number), "a"), key=f"{number}-{turn}")

        threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        if not losable.is_off:
            losable.lose_power(n)
        ledger.close()
        losable.power_on()
        with open_ledger(path, vfs=losable.name) as ledger:
            there = {pieces for _, pieces in content(ledger).values()}
            assert ledger.verify() == []
        events = [event for caller in callers for event in caller.events]
        made = {event.pieces for event in events if event.answer is not None and event.answer.word == "made"}
        assert made <= there <= {event.pieces for event in events}


# --- reading ----------------------------------------------------------------


def test_a_call_that_reads_is_answered_although_the_disk_is_full(fs: FaultFS, template: Path) -> None:
    with open_ledger(template, vfs=fs.name) as ledger:
        fs.arm(Fault(0, "full", lasting=True))
        query: Any = {"start": "2026-03-16T09:00:00Z", "end": "2026-03-16T10:00:00Z", "schedule": "Schedule/a"}
        query["service-type-reference"] = "HealthcareService/checkup"
        status, bundle = invoke(ledger, "Appointment/$find", query=query)
        assert status == 200 and bundle["entry"]
        assert ledger.read("Schedule/a") is not None
        refused = invoke_all(ledger, [Call("Appointment/nobody/$cancel")])[0]
        assert refused[0] in (404, 500)
        fs.arm(None)
