"""Does the ledger hold? The chain, every body, the state derived anew from the entries, every booking judged again.

The entries are the truth: from them the current state is built a second time, in a temporary database, and compared
row by row with the one in the file. On the way each booking is judged once more, with the Slots and the parameters of
its moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from typing import Any

import apsw
import orjson

from ...solver.errors import SlotwrightError
from .. import mapping
from ..instants import instant_ms
from ..operations.admission import Wanted, check_available
from ..references import Json, Target, target
from .database import Database, EntryRow
from .derived import Derived
from .entries import JUDGED, ORIGIN, Change, changes_of, hash_of
from .schema import BODIES, TERMS_SINCE
from .state import State, schedule_of, service_ids

_SHOWN = 50
"""Findings of one kind that are listed; the rest are counted."""


@dataclass(slots=True)
class Report:
    """What is wrong, a sentence each, and the names of what was erased."""

    findings: list[str] = field(default_factory=list[str])
    erased: list[str] = field(default_factory=list[str])


def verify(database: Database, identity: str, progress: Callable[[int, int], None] | None = None) -> Report:
    """Check everything. `progress` is called with entries done and entries in all."""
    report = Report()
    faults = database.faults_of_pages()
    report.findings += [f"SQLite: {fault}" for fault in faults]
    last = database.last_entry()
    total = 0 if last is None else last.seq
    redacted = _redacted(database, report)
    replay = _Replay(database, redacted, report)
    before: EntryRow | None = None
    try:
        for row in database.entries(0):
            _check_link(row, before, report)
            if before is None:
                _check_identity(database, identity, report)
            replay.apply(row)
            before = row
            if progress is not None and row.seq % 64 == 0:
                progress(row.seq, total)
        replay.compare()
        _check_strays(database, report)
    except apsw.Error as error:
        report.findings.append(f"The file cannot be read to its end: {str(error).partition(chr(10))[0]}")
    except Exception as error:  # noqa: BLE001 whatever damage does to the data is a finding
        after = 0 if before is None else before.seq
        report.findings.append(f"What follows entry {after} cannot be read: {error!r}")
    finally:
        replay.close()
    return report


def _check_link(row: EntryRow, before: EntryRow | None, report: Report) -> None:
    """The chain: numbers, hashes and times."""
    seq, prev = (1, ORIGIN) if before is None else (before.seq + 1, before.hash)
    if row.seq != seq:
        report.findings.append(f"entry {seq}: is missing; entry {row.seq} follows")
    if row.prev != prev:
        report.findings.append(f"entry {row.seq}: does not continue the entry before it")
    if row.hash != hash_of(row.seq, row.time, row.clock, row.kind, row.input, row.changes, row.prev):
        report.findings.append(f"entry {row.seq} ({row.kind}): its hash is not that of its content")
    if before is not None and row.time < before.time:
        report.findings.append(f"entry {row.seq}: its time is before that of the entry before it")


def _check_identity(database: Database, identity: str, report: Report) -> None:
    """The first entry says whose ledger this is."""
    content = database.body(1, 0)
    if content is None or orjson.loads(content).get("identity") != identity:
        report.findings.append(f"entry 1: is not the beginning of the ledger {identity}")


def _redacted(database: Database, report: Report) -> dict[int, str]:
    """By number of the body, the digest that an erasure has left there."""
    found: dict[int, str] = {}
    for row in database.entries(0):
        if row.kind == "erase":
            content = database.body(row.seq, 0)
            if content is None or sha256(content).digest() != row.input:
                continue  # found and named when the entry's turn comes
            input: Json = orjson.loads(content)
            report.erased.append(str(input["erased"]))
            for entry, place, digest in input["redacted"]:
                found[entry * BODIES + place] = digest
    return found


class _Replay:
    """The state built a second time."""

    def __init__(self, database: Database, redacted: dict[int, str], report: Report) -> None:
        self._file = database
        self._redacted = redacted
        self._report = report
        # An unnamed database of its own, on the disk if it grows large.
        self._database = Database("", read_only=False, create=True, vfs=None)
        self._database.migrate(0)
        self._database.begin(write=True)
        self._now = datetime.fromtimestamp(0, UTC)
        self._state = State(self._database, lambda: self._now, is_writable=False)
        self._derived = Derived(self._state)

    def close(self) -> None:
        self._database.close()

    def apply(self, row: EntryRow) -> None:
        """Carry out an entry again, judging what it claims."""
        self._now = datetime.fromtimestamp(row.time / 1000, UTC)
        self._content(row, 0, row.input.hex(), "its input")
        changes = self._read(row)
        owners = _owners(changes) if row.kind in JUDGED else {}
        for place, (change, resource) in enumerate(changes, start=1):
            name = target(change.reference)
            if name is None:
                self._say(row, f"{change.reference} is no reference")
                continue
            if name.type == "Appointment" and resource is not None and name.id in owners.values():
                self._judge(row, resource, [one for one, owner in owners.items() if owner == name.id], changes)
            self._write(row, place, change, name, resource, owners.get(name.id) if name.type == "Slot" else None)
            if name.type == "Slot" and change.version == 1 and row.kind in JUDGED and name.id not in owners:
                self._say(row, f"{name} belongs to no Appointment of the entry")

    def _read(self, row: EntryRow) -> list[tuple[Change, Json | None]]:
        found: list[tuple[Change, Json | None]] = []
        for place, change in enumerate(changes_of(row), start=1):
            content = None
            if change.digest is not None:
                content = self._content(row, place, change.digest, change.reference)
            found.append((change, None if content is None else orjson.loads(content)))
        return found

    def _content(self, row: EntryRow, place: int, digest: str, what: str) -> bytes | None:
        """A body whose digest is as recorded, or as an erasure left it."""
        content = self._file.body(row.seq, place)
        if content is None:
            self._say(row, f"the body of {what} is missing")
            return None
        found = sha256(content).hexdigest()
        if found not in (digest, self._redacted.get(row.seq * BODIES + place)):
            self._say(row, f"the body of {what} is not the one that was recorded")
        try:
            orjson.loads(content)
        except ValueError:
            return None  # said above: it is not what was recorded
        return content

    def _write(
        self, row: EntryRow, place: int, change: Change, name: Target, resource: Json | None, guard: str | None
    ) -> None:
        current = self._database.resource(*name)
        if change.version != (1 if current is None else current.version + 1):
            self._say(row, f"{name} has version {change.version}, which does not follow the one before")
            return
        number = None
        if change.digest is not None:
            number = self._database.add_body(row.seq, place, orjson.dumps(resource))
        self._database.set_resource(
            name.type, name.id, change.version, number, row.seq if current is None else current.origin
        )
        self._state.changed(name)
        old = None if current is None or current.content is None else orjson.loads(current.content)
        try:
            self._derived.change(name.type, name.id, old, resource, guard)
        except apsw.ConstraintError as error:
            self._say(row, f"{name} is more than the capacity allows ({error})")
        except (KeyError, TypeError, AttributeError) as error:
            self._say(row, f"{name} is no sound resource ({error!r})")

    def _judge(
        self, row: EntryRow, appointment: Json, ids: list[str], changes: list[tuple[Change, Json | None]]
    ) -> None:
        """Would the Slots of this Appointment be accepted now, as they were?"""
        slots = {resource["id"]: resource for _, resource in changes if resource and resource["resourceType"] == "Slot"}
        by_schedule: dict[str | None, list[Json]] = {}
        for id in ids:
            if id in slots:  # if not, its body was found unreadable
                by_schedule.setdefault(schedule_of(slots[id]), []).append(slots[id])
        services = service_ids(appointment)
        service = self._state.prepared.service(services[0]) if len(services) == 1 else None
        if service is None:
            self._say(row, f"Appointment/{appointment['id']} has no service that could be read")
            return
        for schedule, own in by_schedule.items():
            examined = None if schedule is None else self._state.prepared.examine(schedule, service)
            if examined is None:
                self._say(row, f"Schedule/{schedule} could not be read")
                continue
            try:
                examined.resolved  # noqa: B018 raises what is wrong with the parameters
                check_available(self._state, examined, list(_wanted(own)), f"Schedule/{schedule}", row.time)
            except Exception as error:  # noqa: BLE001 whatever keeps it from being judged is a finding
                what = str(error) if isinstance(error, SlotwrightError) else repr(error)
                self._say(row, f"Appointment/{appointment['id']} on Schedule/{schedule}: {what}")

    def compare(self) -> None:
        """The state in the file against the one built from the entries."""
        version = self._file.version()
        for table in Database.STATE:
            if table == "term" and version < TERMS_SINCE:
                continue
            differences = _differences(self._file.rows(table), self._database.rows(table))
            shown = list(islice(differences, _SHOWN))
            for side, row in shown:
                self._report.findings.append(f"{_row_name(table, row)}: {side}")
            rest = sum(1 for _ in differences)
            if rest:
                self._report.findings.append(f"{table}: {rest} more rows differ")

    def _say(self, row: EntryRow, what: str) -> None:
        self._report.findings.append(f"entry {row.seq} ({row.kind}): {what}")


def _owners(changes: list[tuple[Change, Json | None]]) -> dict[str, str]:
    """By id of each new Slot of an entry, the Appointment of the same entry that refers to it."""
    new = {change.reference for change, _ in changes if change.version == 1 and change.digest is not None}
    return {
        id: resource["id"]
        for _, resource in changes
        if resource is not None and resource.get("resourceType") == "Appointment"
        for id in mapping.slot_ids(resource)
        if f"Slot/{id}" in new
    }


def _wanted(slots: list[Json]) -> Iterator[Wanted]:
    for slot in slots:
        start_ms, end_ms = instant_ms(slot.get("start")), instant_ms(slot.get("end"))
        assert start_ms is not None and end_ms is not None
        yield Wanted(slot["status"] != "busy-unavailable", start_ms, end_ms)


def _differences(
    stored: Iterator[tuple[Any, ...]], derived: Iterator[tuple[Any, ...]]
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Rows that stand on one side only; both sides are sorted by their keys."""
    left, right = next(stored, None), next(derived, None)
    while left is not None or right is not None:
        if left == right:
            left, right = next(stored, None), next(derived, None)
        elif right is None or (left is not None and _key(left) < _key(right)):
            assert left is not None
            yield "stands in the file, but no entry has written it so", left
            left = next(stored, None)
        elif left is None or _key(right) < _key(left):
            yield "follows from the entries, but does not stand in the file", right
            right = next(derived, None)
        else:
            yield f"the file says {left}, the entries say {right}", left
            left, right = next(stored, None), next(derived, None)


def _key(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Rows of one table have the same types in their first columns, up to their keys."""
    if len(row) == 3:
        return row
    return row[:2] if len(row) < 10 else row[:4]


def _row_name(table: str, row: tuple[Any, ...]) -> str:
    if table == "resource":
        return f"{row[0]}/{row[1]}"
    if table == "claim":
        return f"the time taken by Slot/{row[3]} on Schedule/{row[0]}"
    return f"{table} {row[0]}, {row[1]}"


def _check_strays(database: Database, report: Report) -> None:
    """Bodies that no entry speaks of."""
    known: dict[int, int] = {}
    for number in database.body_numbers():
        entry, place = divmod(number, BODIES)
        if entry not in known:
            row = database.entry(entry)
            known = {entry: -1 if row is None else len(changes_of(row))}
        if place > known[entry]:
            report.findings.append(f"body {place} of entry {entry} belongs to nothing")
