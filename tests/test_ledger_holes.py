"""What the other tests of the operations and of the ledger leave open: each test fails with a fault of tests/mutants.

The operations are those of the specification; what the ledger itself promises stands in docs/ledger.md.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import sleep
from typing import Any

import apsw
import pytest
import slotwright.io.ledger.files
import slotwright.io.ledger.writing
from faultfs import Fault, FaultFS
from ledger_support import (
    BEGINNING,
    BOOK,
    HOLD,
    NOW,
    A,
    NewClinic,
    accepted,
    at,
    basic,
    body,
    buffer,
    clock,
    diagnostics,
    expiry,
    moment,
    named,
    proposal,
    reference,
    refused,
    template,
    visit,
)
from ledger_support import clinic_fixture as clinic_fixture
from slotwright.io import Call, Ledger, invoke, invoke_all, open_ledger
from slotwright.io.errors import LedgerBusy, LedgerDamaged, LedgerNotFound, VersionConflict
from support import Resource, appointment, hours, parameters, practitioner, schedule, service, slot

TAKEN = "Identifier already used by another appointment"
LATER = "2026-03-10T12:10:00.000Z"


def opened(folder: Path, name: str = "ledger", *, identity: str = "holes", **options: Any) -> Ledger:
    return open_ledger(folder / name, clock=lambda: BEGINNING, identity=identity, **options)


def kinds(ledger: Ledger, after: int = 0) -> list[str]:
    return [one.kind for one in ledger.entries(after)]


def patient(text: str = "Ann", id: str = "p", **elements: Any) -> Resource:
    return {"resourceType": "Patient", "id": id, "name": [{"text": text}], **elements}


# --- $book and $hold ---------------------------------------------------------


@pytest.mark.parametrize("sent", [[], [proposal(visit("a", "09:00"))] * 2])
def test_hold_minutes_are_read_before_the_appointment(clinic: NewClinic, sent: list[Resource]) -> None:
    """Section 2: "read before all other checks"."""
    several = [("appointment", "resource", one) for one in sent]
    answer = clinic().ask(HOLD, body(("hold-minutes", "valuePositiveInt", 0), *several))
    assert refused(answer) == ("Invalid hold-minutes, minimum required is 1", ["Parameters.hold-minutes"])


def test_a_booking_does_not_expire(clinic: NewClinic) -> None:
    """Section 2.4: it is `$hold` that adds hold-expires."""
    made = clinic(*basic(holdDuration=15)).booked(visit("a", "09:00"))
    assert expiry(made) is None


def test_a_booking_at_the_same_time_counts_once_for_a_limit(clinic: NewClinic) -> None:
    """Two visits share the time (capacity 2), and two may be booked in a day."""
    shared = clinic(*basic(slotCapacity=2, bookingLimit=(2, 1, "d")))
    assert [shared.book(proposal(visit("a", time)))[0] for time in ("09:00", "09:00")] == [201, 201]
    full = ("Booking limit reached for requested service type", at("contained[0].schedule"))
    assert refused(shared.book(proposal(visit("a", "10:00")))) == full


def test_proposals_that_swap_the_statuses_of_their_slots_differ(clinic: NewClinic) -> None:
    """Section 3: Slots equal in schedule, status, start and end."""
    used = clinic()
    x = named("X")
    first = proposal(visit("a", "09:00"), buffer("a", "09:30", "10:00"), identifier=x)
    swapped = proposal(buffer("a", "09:00", "09:30"), visit("a", "09:30"), identifier=x)
    assert accepted(used.book(first))
    assert refused(used.book(swapped)) == (TAKEN, at("identifier[0]"))


def test_the_appointment_is_the_first_whose_times_are_judged_in_a_series(clinic: NewClinic) -> None:
    """Section 7, row 5: "start or end of the Appointment or of a contained Slot"."""
    start = "2026-02-23T14:00:00.000Z"
    sent = proposal(visit("a", start), extension=[template()])
    sent["end"] = sent["contained"][0]["start"] = "2026-02-23T09:30:00"
    text = "Times in a recurring series must be instants, with a timezone offset"
    assert refused(clinic().book(sent)) == (text, [f"{A}.end"])


def test_a_series_that_fails_late_leaves_nothing_in_the_next_entry(clinic: NewClinic) -> None:
    used = clinic(*basic(slot("s", "a", "2026-03-02T14:00:00.000Z", "2026-03-02T14:30:00.000Z")))
    series = proposal(visit("a", "2026-02-23T14:00:00.000Z"), extension=[template()])
    calls = [Call(BOOK, body=series), Call(BOOK, body=proposal(visit("a", "09:00")))]
    first, second = invoke_all(used.ledger, calls, now=moment(NOW))
    assert refused(first)[0].startswith("Appointment 2 of 2 (2026-03-02T14:00:00.000Z): ")
    stored = {f"{one['resourceType']}/{one['id']}" for one in accepted(second)}
    *_, entry = used.ledger.entries()
    assert {change.reference for change in entry.changes} == stored
    assert used.ledger.verify() == []


@pytest.mark.parametrize("start", ["2026-03-15T10:31:00.000Z", "2026-03-10T09:00:00.000Z"])
def test_a_slot_that_began_long_ago_is_in_the_way(clinic: NewClinic, start: str) -> None:
    """The first takes almost a day, the second almost a week."""
    used = clinic(*basic(slot("s", "a", start, clock("10:30"))))
    answer = used.book(proposal(visit("a", "10:00")))
    assert refused(answer)[0] == "Requested time slot is not available"
    assert '"reference":"Slot/s"' in diagnostics(answer)
    assert accepted(used.book(proposal(visit("a", "10:30"))))


def test_what_an_appointment_has_left_is_free_of_it(clinic: NewClinic) -> None:
    """A Slot that is no longer its own is no booking of its service (model 15), and its identifiers are free."""
    used = clinic(*basic(slot("s", "a", clock("09:00"), clock("09:30")), bookingLimit=(1, 1, "d")))
    made = used.booked(visit("a", "09:30", "10:00"), identifier=named("X"))
    sent = proposal(visit("a", "11:00"), identifier=named("X"))
    assert refused(used.book(sent)) == (TAKEN, at("identifier[0]"))
    used.change(f"Appointment/{made['id']}", identifier=None, slot=[{"reference": "Slot/s"}])
    full = "Booking limit reached for requested service type"
    assert refused(used.book(sent)) == (full, at("contained[0].schedule"))
    used.change(f"Appointment/{made['id']}", slot=None)
    assert accepted(used.book(sent))
    assert used.ledger.verify() == []


# --- several calls -----------------------------------------------------------


def test_a_refusal_in_a_bundle_says_which_call_it_is_of(clinic: NewClinic) -> None:
    used = clinic()
    calls = [Call(BOOK, body=proposal(visit("a", "09:00"))), Call("Appointment/none/$cancel")]
    (answer,) = invoke_all(used.ledger, [calls], now=moment(NOW))
    assert answer[0] == 404
    assert answer[1]["issue"][0]["diagnostics"] == "call 1 of the bundle, Appointment/none/$cancel"


def test_a_replay_in_a_bundle_shows_what_is_stored(clinic: NewClinic) -> None:
    """Section 3: "that Appointment and its Slots as they stand now"; nothing is written, so nothing lapses."""
    used = clinic()
    sent = proposal(visit("a", "2026-02-23T14:00:00.000Z"), extension=[template()], identifier=named("X"))
    call = Call(HOLD, body=body(("appointment", "resource", sent), ("hold-minutes", "valuePositiveInt", 10)))
    (made,) = invoke_all(used.ledger, [call], now=moment(NOW))
    used.confirm(accepted(made)[0]["id"])
    before = used.state()
    (bundle,) = invoke_all(used.ledger, [[call]], now=moment(LATER))
    assert used.state() == before
    for entry in bundle[1]["entry"][0]["resource"]["entry"]:
        assert before[1][reference(entry["resource"])] == entry["resource"]


def test_who_makes_a_call_is_recorded(clinic: NewClinic) -> None:
    used = clinic()
    times = {"Ann": "09:00", None: "09:30", "Bob": "10:00"}
    calls = [Call(BOOK, body=proposal(visit("a", time)), who=who) for who, time in times.items()]
    before = used.ledger.last
    invoke_all(used.ledger, calls, who="desk", now=moment(NOW))
    assert [one.input and one.input["who"] for one in used.ledger.entries(before)] == ["Ann", "desk", "Bob"]


# --- $confirm and $reschedule ------------------------------------------------


@pytest.mark.parametrize("value", ["All", "THIS", "this-and-Following"])
def test_codes_are_case_sensitive(clinic: NewClinic, value: str) -> None:
    used = clinic()
    hold = used.held(visit("a", "09:00"))
    text = "occurrences must be one of this, this-and-following, all"
    assert refused(used.confirm(hold["id"], value)) == (text, ["Parameters.occurrences"])


def test_only_slots_are_read_as_slots(clinic: NewClinic) -> None:
    """Section 4, row 7: what `Appointment.slot` refers to is no Slot that can be read."""
    stored = appointment("x", [], status="pending", slot=[{"reference": "Schedule/a"}])
    answer = clinic(*basic(stored)).confirm("x")
    assert refused(answer) == ("Loading slots failed", ["Appointment.slot[0]"])


def test_a_repeated_schedule_has_the_place_of_its_first_mention(clinic: NewClinic) -> None:
    used = clinic()
    made = used.booked(visit("a", "09:00"))
    used.change("Schedule/b", active=False)
    answer = used.reschedule(made["id"], "10:00", "a", "b", "b")
    assert refused(answer) == ("Schedule is inactive", ["Parameters.schedule[1]"])


def test_buffers_of_a_move_are_asked_for_at_capacity_one(clinic: NewClinic) -> None:
    """Section 2.3, row 2: a shared visit at 08:30 is in the way of the buffer that begins at 08:50."""
    used = clinic(*basic(slotCapacity=2, bufferBefore=10))
    used.booked(visit("a", "08:30"), buffer("a", "08:20", "08:30"))
    moved = used.booked(visit("a", "12:00"), buffer("a", "11:50", "12:00"))
    assert refused(used.reschedule(moved["id"], "09:00", "a"))[0] == "Requested time slot is not available"
    assert accepted(used.reschedule(moved["id"], "09:30", "a"), 200)


def test_each_lapse_is_an_entry_of_its_own(clinic: NewClinic) -> None:
    used = clinic()
    for time in ("09:00", "10:00"):
        used.held(visit("a", time), minutes=10)
    before = used.ledger.last
    used.booked(visit("a", "11:00"), now=LATER)
    assert kinds(used.ledger, before) == ["lapse", "lapse", "$book"]
    first, second, booked = used.ledger.entries(before)
    assert [len(one.changes) for one in (first, second, booked)] == [2, 2, 2]


# --- versions and ids --------------------------------------------------------


def test_versions_go_on_after_a_deletion(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        assert ledger.put(patient(meta={"versionId": "77", "tag": [{"code": "x"}]}))["meta"] == {
            "versionId": "1",
            "tag": [{"code": "x"}],
            "lastUpdated": "2026-01-01T00:00:00.000Z",
        }
        ledger.delete("Patient/p")
        assert ledger.read("Patient/p") is None
        assert ledger.put(patient())["meta"]["versionId"] == "3"
        changes = [change for entry in ledger.entries() for change in entry.changes]
        assert [(one.version, one.digest is None) for one in changes] == [(1, False), (2, True), (3, False)]
        assert ledger.verify() == []


def test_the_version_that_is_expected_must_be_the_current_one(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.put(patient("Ann"), expected=0)
        ledger.put(patient("Bob"), expected=1)
        for wrong in (0, 1, 3):
            with pytest.raises(VersionConflict):
                ledger.put(patient("Cleo"), expected=wrong)
            with pytest.raises(VersionConflict):
                ledger.delete("Patient/p", expected=wrong)
        assert kinds(ledger) == ["init", "put", "put"]
        ledger.delete("Patient/p", expected=2)
        for wrong in (2, 3):
            with pytest.raises(VersionConflict):
                ledger.put(patient("Dan"), expected=wrong)
        ledger.put(patient("Dan"), expected=0)
        assert ledger.read("Patient/p") == {
            **patient("Dan"),
            "meta": {"versionId": "4", "lastUpdated": "2026-01-01T00:00:00.000Z"},
        }


def test_ids_depend_on_the_ledger_and_are_uuids(tmp_path: Path) -> None:
    made: list[set[str]] = []
    for identity in ("one", "two"):
        with opened(tmp_path, identity, identity=identity) as ledger:
            for _ in range(8):
                ledger.transact("put", lambda tx: [tx.create({"resourceType": "Patient"}) for _ in range(4)])
            made.append({one["id"] for one in ledger.resources("Patient")})
    assert [len(one) for one in made] == [32, 32]
    assert not made[0] & made[1]
    for id in made[0] | made[1]:
        assert id[14] == "8" and id[19] in "89ab" and [len(part) for part in id.split("-")] == [8, 4, 4, 4, 12]


# --- what several see of each other ------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        schedule("a", parameters(availability=[hours("mon", "09:00:00", "11:00:00")])),
        service(params=parameters(duration=45, alignmentInterval=45)),
        practitioner("a", "Europe/Paris"),
    ],
    ids=lambda one: one["resourceType"],
)
def test_changed_rules_are_noticed_by_others(tmp_path: Path, changed: Resource) -> None:
    """Of two that have the same file open, one changes what the other has already searched and booked with."""
    monday = parameters(availability=[hours("mon", "09:00:00", "12:00:00")])
    usual = basic(schedule("a", monday))
    query = {"start": clock("00:00"), "end": "2026-03-17T00:00:00.000Z", "schedule": "Schedule/a", "_count": "20"}
    query["service-type-reference"] = "HealthcareService/checkup"

    def ask(ledger: Ledger) -> list[Any]:
        found = invoke(ledger, "Appointment/$find", query=query, now=moment(NOW))
        sent = proposal(visit("a", "11:30"))
        return [found, invoke(ledger, BOOK, body=sent, now=moment(NOW), dry_run=True)]

    with opened(tmp_path) as one, opened(tmp_path) as other:
        one.load(usual)
        before = ask(other)
        assert [status for status, _ in before] == [200, 201]
        one.put(changed)
        now = ask(other)
        with opened(tmp_path) as fresh:
            assert now == ask(fresh)
        assert now[0] != before[0] and now[1][0] == 400


def test_a_snapshot_stays_as_it_is(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        one.put(patient("Ann"))
        with other.reading() as state:
            assert state.read("Patient/p") == one.read("Patient/p")
            one.put(patient("Bob"))
            again = state.read("Patient/p")
            assert again is not None and again["name"] == [{"text": "Ann"}]
            last = state.database.last_entry()
            assert last is not None and last.seq == 2
        seen = other.read("Patient/p")
        assert seen is not None and seen["name"] == [{"text": "Bob"}]


def test_an_unusable_slot_is_noticed_at_once(tmp_path: Path) -> None:
    """In one transaction: nobody had any, then there is one."""

    def work(tx: Any) -> list[int]:
        before = len(tx.slots_of("a"))
        tx.put(slot("s", "a", "never", "2026-03-16T09:30:00Z"))
        return [before, len(tx.slots_of("a"))]

    with opened(tmp_path) as ledger:
        ledger.load(basic())
        assert ledger.transact("put", work) == [0, 1]


def test_rules_that_were_undone_do_not_stay(tmp_path: Path) -> None:
    def work(tx: Any) -> bool:
        tx.put(schedule("a", active=False))
        prepared = tx.state.prepared
        return prepared.examine("a", prepared.service("checkup")).is_active

    with opened(tmp_path) as ledger:
        ledger.load(basic())
        assert ledger.transact("put", work, dry_run=True) is False
        assert accepted(invoke(ledger, BOOK, body=proposal(visit("a", "09:00")), now=moment(NOW)))


# --- locks and files ---------------------------------------------------------


def test_nobody_else_writes_while_a_write_is_judged(tmp_path: Path) -> None:
    def work(_: object) -> None:
        # not the library of Python: two of them in one process do not see each other's locks
        other = apsw.Connection(str(tmp_path / "ledger"))
        try:
            with pytest.raises(apsw.BusyError):
                other.execute("BEGIN IMMEDIATE")  # type: ignore[reportUnknownMemberType]
        finally:
            other.close()

    with opened(tmp_path) as ledger:
        ledger.transact("put", work)


def test_a_lock_file_that_is_deleted_is_noticed(tmp_path: Path) -> None:
    """Who comes next locks the file that others find there, and is told who holds it."""
    holds, done = threading.Event(), threading.Event()

    def work(_: object) -> None:
        holds.set()
        done.wait(30)

    with opened(tmp_path) as one, opened(tmp_path, lock_timeout=0.2) as other:
        other.put(patient("Ann"))
        (tmp_path / "ledger-lock").unlink()
        holder = threading.Thread(target=one.transact, args=("put", work))
        holder.start()
        try:
            assert holds.wait(30)
            with pytest.raises(LedgerBusy, match=f"process {os.getpid()} .* has held it"):
                other.put(patient("Bob"))
        finally:
            done.set()
            holder.join()
        other.put(patient("Cleo"))
        assert other.verify() == []


def test_an_interrupt_does_not_take_the_writes_of_others_with_it(tmp_path: Path) -> None:
    """Two wait while a third writes, and go into one transaction; the work of the first is interrupted."""
    writes, waiting = threading.Event(), threading.Event()
    interrupts = iter([KeyboardInterrupt()])
    ends: list[str] = []

    def slow(_: object) -> None:
        writes.set()
        assert waiting.wait(30)

    def work(tx: Any) -> None:
        for interrupt in interrupts:
            raise interrupt
        tx.create(patient())

    def write() -> None:
        try:
            ledger.transact("put", work)
        except KeyboardInterrupt:
            ends.append("interrupted")
        else:
            ends.append("done")

    ledger = opened(tmp_path)  # closed only if nobody hangs in it
    threads = [
        threading.Thread(target=one, daemon=True) for one in (partial(ledger.transact, "put", slow), write, write)
    ]
    threads[0].start()
    assert writes.wait(30)
    for one in threads[1:]:
        one.start()
    sleep(0.2)
    waiting.set()
    for one in threads:
        one.join(20)
    assert sorted(ends) == ["done", "interrupted"]
    assert kinds(ledger) == ["init", "put"]
    ledger.put(patient())
    assert ledger.verify() == []
    ledger.close()


def test_a_fork_does_not_use_the_ledger_of_its_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path) as ledger:
        with monkeypatch.context() as forked:
            forked.setattr(os, "getpid", lambda: 1)
            uses: list[Callable[[], object]] = [lambda: ledger.read("Patient/p"), lambda: ledger.put(patient())]
            for use in uses:
                with pytest.raises(LedgerNotFound, match="before this process was forked"):
                    use()
        assert kinds(ledger) == ["init"]


def test_a_file_put_in_the_place_of_an_open_one_is_not_written(tmp_path: Path) -> None:
    with opened(tmp_path, "other") as other:
        other.load(basic())
    with opened(tmp_path) as ledger:
        ledger.put(patient())
        (tmp_path / "ledger").rename(tmp_path / "away")
        (tmp_path / "other").rename(tmp_path / "ledger")
        before = (tmp_path / "ledger").read_bytes()
        with pytest.raises(LedgerDamaged, match="was replaced or removed while it was in use"):
            ledger.put(patient("Bob"))
    assert (tmp_path / "ledger").read_bytes() == before


@pytest.mark.parametrize("has_written", [True, False])
def test_a_file_that_is_away_for_a_while_comes_back_whole(tmp_path: Path, has_written: bool) -> None:
    """What tries to write meanwhile makes no file in its place; with that, SQLite would delete the log."""
    with opened(tmp_path) as other, opened(tmp_path) as ledger:
        (ledger if has_written else other).put(patient())
        (tmp_path / "ledger").rename(tmp_path / "away")
        for _ in range(3):
            with pytest.raises(LedgerDamaged, match="was replaced or removed while it was in use"):
                ledger.put(patient("Bob"))
        assert not (tmp_path / "ledger").exists()
        (tmp_path / "away").rename(tmp_path / "ledger")
        ledger.put(patient("Cleo"))
        assert kinds(ledger) == ["init", "put", "put"] and ledger.verify() == []


def test_a_log_that_is_removed_under_an_open_ledger_is_missed(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.put(patient())
        (tmp_path / "ledger-wal").rename(tmp_path / "away")
        for _ in range(3):
            with pytest.raises(LedgerDamaged, match="-wal was removed while it was in use"):
                ledger.put(patient("Bob"))
        (tmp_path / "away").rename(tmp_path / "ledger-wal")
        ledger.put(patient("Cleo"))
        assert ledger.verify() == []


def test_an_empty_file_is_left_alone_where_none_is_to_be_made(tmp_path: Path) -> None:
    (tmp_path / "ledger").touch()
    with pytest.raises(LedgerNotFound):
        opened(tmp_path, create=False)
    assert (tmp_path / "ledger").stat().st_size == 0


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slotwright.io.ledger.files, "file_system", lambda _: "nfs4")  # type: ignore[reportUnknownLambdaType]
    with pytest.raises(LedgerNotFound, match=r"network file system \(nfs4\)"):
        opened(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with opened(tmp_path, unsafe_filesystem=True) as ledger:
        assert ledger.last == 1


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:35 / /srv rw,relatime shared:2 - nfs4 server:/srv rw
41 40 0:36 / /srv/local\\040disk rw,relatime - xfs /dev/sdb1 rw
42 22 0:37 / /mnt/Büro rw,relatime shared:3 master:1 - cifs //server/share rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home", "ext4"),
        ("/srv", "nfs4"),
        ("/srvs", "ext4"),
        ("/srv/a/b", "nfs4"),
        ("/srv/local disk/a", "xfs"),
        ("/srv/local", "nfs4"),
        ("/mnt/Büro/Praxis", "cifs"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount_point(folder: str, kind: str) -> None:
    assert slotwright.io.ledger.files.mounted(MOUNTS, folder) == kind


def test_a_link_to_a_ledger_is_the_ledger(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    path, link = tmp_path / "far" / "ledger", tmp_path / "link"
    link.symlink_to("far/ledger")
    with open_ledger(path) as ledger, open_ledger(link) as same:
        for number in range(3):
            ledger.put({"resourceType": "Patient", "id": f"a{number}"})
            same.put({"resourceType": "Patient", "id": f"b{number}"})
        assert same.last == 7
    assert [one.name for one in tmp_path.iterdir() if one not in (link, path.parent)] == [], "one lock for both names"


def test_the_log_does_not_grow_without_end(tmp_path: Path) -> None:
    """It begins anew once it has 1000 pages of 4 kB, and one write more."""
    with opened(tmp_path) as ledger:
        for _ in range(12):
            ledger.transact("put", lambda tx: [tx.create(patient("x" * 3000)) for _ in range(200)])
        assert (tmp_path / "ledger-wal").stat().st_size < 7_000_000
        assert (tmp_path / "ledger").stat().st_size > 5_000_000


def test_a_log_that_cannot_be_moved_makes_no_failure_of_a_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is flushed: that the file itself cannot be written matters to nobody yet."""
    monkeypatch.setattr(slotwright.io.ledger.writing, "_WAL_MOST", 0)
    fs = FaultFS("ledger-holes")
    try:
        with opened(tmp_path, vfs=fs.name) as ledger:
            ledger.load(basic())
            fs.arm(Fault(0, operations=frozenset(["write", "sync"]), kinds=frozenset(["main"]), lasting=True))
            answer = invoke(ledger, BOOK, body=proposal(visit("a", "09:00")), now=moment(NOW))
            assert fs.fired
            fs.arm(None)
        assert accepted(answer)
    finally:
        fs.unregister()
