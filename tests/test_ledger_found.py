"""Where the ledger and its model were found to disagree, as plain requests."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from slotwright.io import invoke, open_ledger
from support import Resource, appointment, practitioner, schedule, service, slot

NOON = datetime.fromisoformat("2026-03-10T12:00Z")
LATER = datetime.fromisoformat("2026-03-10T12:10Z")


def test_a_repeated_request_writes_nothing_not_even_a_lapse(tmp_path: Path) -> None:
    """Operations 3: "the answer is that Appointment and its Slots as they stand now, HTTP 200. Nothing is written."

    The lapse of another hold waits for a write, as it does when the repeated request is refused.
    """
    resources: list[Resource] = [
        service(),
        practitioner("a"),
        schedule("a"),
        slot("1", "a", "2026-03-16T09:00Z", "2026-03-16T09:30Z", "busy-tentative"),
        appointment("x", ["1"], status="pending", hold_expires="2026-03-10T12:10:00.000Z"),
    ]
    visit = slot("", "a", "2026-03-16T10:00:00.000Z", "2026-03-16T10:30:00.000Z")
    del visit["id"]
    proposal = appointment("", [], identifier=[{"value": "X"}], contained=[visit])
    del proposal["id"], proposal["slot"]
    now = NOON
    with open_ledger(tmp_path / "ledger", clock=lambda: now) as ledger:
        ledger.load(resources)
        assert invoke(ledger, "Appointment/$book", body=proposal)[0] == 201
        before = ledger.last
        now = LATER
        assert invoke(ledger, "Appointment/$book", body=proposal)[0] == 200
        assert [one.kind for one in ledger.entries(after=before)] == []
