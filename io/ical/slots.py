"""Busy time as Slots, with ids that stay the same from load to load, and into a ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from .. import urls
from ..errors import NotFound
from ..instants import instant_ms, utc_text_ms
from ..loading import content_of
from ..parameters import extensions
from ..references import Json, children
from .availability import with_hours
from .events import Busy
from .feed import Feed

if TYPE_CHECKING:
    from ..ledger.ledger import Ledger
    from ..ledger.transaction import Transaction


class Given(NamedTuple):
    """A feed and the schedule that it is for."""

    schedule_id: str
    feed: Feed


class Written(NamedTuple):
    """How many Slots a load created, changed, left as they were, and removed; and the Schedules with new hours."""

    created: int
    updated: int
    unchanged: int
    removed: int
    rescheduled: tuple[str, ...]


def slots_of(given: Given) -> Iterator[Json]:
    """The Slots of a feed. Ids follow from schedule, source, UID and occurrence."""
    for busy in given.feed.busy:
        yield _slot(given.schedule_id, given.feed.source, busy)


def _slot(schedule_id: str, source: str, busy: Busy) -> Json:
    key = "\n".join((schedule_id, source, busy.uid, busy.recurrence))
    parts = [
        {"url": "source", "valueString": source},
        {"url": "uid", "valueString": busy.uid},
        *([{"url": "recurrenceId", "valueString": busy.recurrence}] if busy.recurrence else []),
    ]
    return {
        "resourceType": "Slot",
        "id": f"ics-{sha256(key.encode()).hexdigest()[:40]}",
        "extension": [{"url": urls.CALENDAR_EVENT, "extension": parts}],
        "schedule": {"reference": f"Schedule/{schedule_id}"},
        "status": "busy-tentative" if busy.is_tentative else "busy-unavailable",
        "start": utc_text_ms(busy.start_ms),
        "end": utc_text_ms(busy.end_ms),
        "comment": f"busy in {source}",
    }


def load_into(
    ledger: Ledger, given: Sequence[Given], window: tuple[int, int], *, who: str | None = None, dry_run: bool = False
) -> Written:
    """Write what the feeds say, as one entry: new and changed Slots, and the end of those that vanished.

    What vanished is what came from the same source for the same schedule, meets the window, and is not among the
    events that could not be read now. Raises NotFound for a schedule that is not there.
    """

    def work(tx: Transaction) -> Written:
        counts = {"created": 0, "updated": 0, "unchanged": 0, "removed": 0}
        rescheduled: list[str] = []
        for one in given:
            schedule = tx.read(f"Schedule/{one.schedule_id}")
            if schedule is None:
                raise NotFound("Not found")
            for outcome in _write(tx, one, window):
                counts[outcome] += 1
            if one.feed.hours and _put_changed(tx, with_hours(schedule, one.feed.hours)) != "unchanged":
                rescheduled.append(one.schedule_id)
        return Written(**counts, rescheduled=tuple(rescheduled))

    sources = [{"schedule": f"Schedule/{one.schedule_id}", "source": one.feed.source} for one in given]
    inputs = {"ics": sources, "from": utc_text_ms(window[0]), "to": utc_text_ms(window[1])}
    return ledger.transact("ics", work, who=who, inputs=inputs, dry_run=dry_run)


def _write(tx: Transaction, given: Given, window: tuple[int, int]) -> Iterator[str]:
    before = {slot["id"]: slot for slot in tx.slots_of(given.schedule_id) if _came_from(slot) == given.feed.source}
    now = {slot["id"]: slot for slot in slots_of(given)}
    for slot in now.values():
        yield _put_changed(tx, slot)
    unread = {one.uid for one in given.feed.unread}
    for id, slot in before.items():
        if id not in now and _meets(slot, window) and _part(slot, "uid") not in unread:
            tx.delete(f"Slot/{id}")
            yield "removed"


def _put_changed(tx: Transaction, resource: Json) -> str:
    stored = tx.read(f"{resource['resourceType']}/{resource['id']}")
    if stored is not None and content_of(stored) == content_of(resource):
        return "unchanged"
    tx.put(resource)
    return "created" if stored is None else "updated"


def _came_from(slot: Json) -> str | None:
    """The source of a Slot that an event made; None for any other."""
    return _part(slot, "source")


def _part(slot: Json, name: str) -> str | None:
    if "extension" not in slot:
        return None
    for _, extension in extensions(slot, urls.CALENDAR_EVENT):
        for part in children(extension, "extension"):
            if part.get("url") == name:
                return part.get("valueString")
    return None


def _meets(slot: Json, window: tuple[int, int]) -> bool:
    start, end = instant_ms(slot.get("start")), instant_ms(slot.get("end"))
    return start is not None and end is not None and start < window[1] and window[0] < end
