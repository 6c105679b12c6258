"""The history of the system, of a type and of a resource (FHIR R4, http.html, 3.1.0.12), and old versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ledger_support import basic, proposal, visit
from rest_support import BASE, Face, NewFace, Said, link, resource_of, said
from rest_support import face_fixture as face_fixture
from slotwright.io import open_ledger
from slotwright.io.rest import history as rest_history
from support import Resource


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 10, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def clinic(tmp_path: Path, clock: Clock) -> Iterator[Face]:
    """Loaded at 12:00; a minute later Patient/p is made, then renamed, then deleted, a minute each."""
    with open_ledger(tmp_path / "history.ledger", clock=clock, identity="history") as ledger:
        ledger.load(basic())
        found = Face(ledger)
        for step in ("Martinez", "Martin", None):
            clock.now += timedelta(minutes=1)
            if step is None:
                found.delete("Patient/p")
            else:
                found.put({"resourceType": "Patient", "id": "p", "name": [{"family": step}]})
        yield found
        assert ledger.verify() == []


def history(clinic: Face, url: str) -> list[Resource]:
    """The entries, over all pages."""
    found: list[Resource] = []
    page: str | None = url
    while page is not None:
        bundle = resource_of(clinic.get(page))
        assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "history")
        found += bundle.get("entry", [])
        page = link(bundle, "next")
    return found


def told(entries: list[Resource]) -> list[tuple[str, str, str]]:
    return [(one["request"]["method"], one["request"]["url"], one["response"]["etag"]) for one in entries]


def test_what_happened_newest_first(clinic: Face) -> None:
    gone, renamed, made = history(clinic, "Patient/_history")
    assert gone == {
        "fullUrl": f"{BASE}/Patient/p",
        "request": {"method": "DELETE", "url": "Patient/p"},
        "response": {"status": "204 No Content", "etag": 'W/"3"', "lastModified": "2026-03-10T12:03:00.000Z"},
    }
    assert renamed == {
        "fullUrl": f"{BASE}/Patient/p",
        "resource": {
            "resourceType": "Patient",
            "id": "p",
            "meta": {"versionId": "2", "lastUpdated": "2026-03-10T12:02:00.000Z"},
            "name": [{"family": "Martin"}],
        },
        "request": {"method": "PUT", "url": "Patient/p"},
        "response": {"status": "200 OK", "etag": 'W/"2"', "lastModified": "2026-03-10T12:02:00.000Z"},
    }
    assert made["response"]["status"] == "201 Created"
    assert told([made]) == [("PUT", "Patient/p", 'W/"1"')]


def test_what_is_created_under_an_id_of_the_ledger_was_posted(clinic: Face) -> None:
    booked = clinic.ask("POST", "Appointment/$book", proposal(visit("a", "09:00")))
    assert booked.status == 201
    assert told(history(clinic, "_history?_since=2026-03-10T12:03:00.001Z")) == []
    clinic.post({"resourceType": "Organization"})
    found = history(clinic, "_history?_since=2026-03-10T12:03:00Z")
    assert [one[:2] for one in told(found)] == [
        ("POST", "Organization"), ("POST", "Slot"), ("POST", "Appointment"), ("DELETE", "Patient/p")]  # fmt: skip


@pytest.mark.parametrize(
    "since, count",
    [
        ("2026-03-10T12:00:00Z", 8), ("2026-03-10T12:00:00.001Z", 3), ("2026-03-10T12:02:00Z", 2),
        ("2026-03-10T13:02:00%2B01:00", 2), ("2026-03-10T13:02:00+01:00", 2), ("2026-03-10T12:02:00.001Z", 1),
        ("2026-03-10T12:03:00Z", 1), ("2026-03-10T12:04Z", 0), ("2026-03-10", 8), ("2026-03-11", 0), ("2000", 8),
    ],
)  # fmt: skip
def test_since_includes_its_own_instant(clinic: Face, since: str, count: int) -> None:
    assert len(history(clinic, f"_history?_since={since}")) == count


def test_levels(clinic: Face) -> None:
    assert {one["request"]["url"].partition("/")[0] for one in history(clinic, "Schedule/_history")} == {"Schedule"}
    assert told(history(clinic, "Schedule/a/_history")) == [("PUT", "Schedule/a", 'W/"1"')]
    assert len(history(clinic, "Patient/p/_history")) == 3
    assert said(clinic.get("Patient/q/_history")) == Said(404, "not-found", "Not found")
    assert said(clinic.get("Nonsense/_history"))[:2] == (404, "not-supported")
    assert resource_of(clinic.get("Device/_history")) == {
        "resourceType": "Bundle",
        "type": "history",
        "link": [{"relation": "self", "url": f"{BASE}/Device/_history"}],
    }
    assert said(clinic.ask("POST", "_history", {}))[:2] == (405, "not-supported")


@pytest.mark.parametrize("url", ["_history", "Patient/_history", "Schedule/_history", "Patient/p/_history"])
@pytest.mark.parametrize("count", [1, 2, 3, 100])
def test_pages_tell_each_version_once(clinic: Face, url: str, count: int) -> None:
    whole = history(clinic, url)
    assert history(clinic, f"{url}?_count={count}") == whole
    first = resource_of(clinic.get(f"{url}?_count={count}&_since=2026-03-10"))
    clinic.post({"resourceType": "Patient"})
    following = link(first, "next")
    later = [] if following is None else history(clinic, following)
    assert first["entry"] + later == whole, "what is written meanwhile comes before the page, not into it"


@pytest.mark.parametrize("url", ["_history", "Patient/_history", "Schedule/_history", "Patient/p/_history"])
@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_page_looks_at_so_many_entries_and_goes_on_at_the_next(
    clinic: Face, monkeypatch: pytest.MonkeyPatch, url: str, most: int
) -> None:
    whole = history(clinic, url)
    for _ in range(4):
        clinic.post({"resourceType": "Device"})
    monkeypatch.setattr(rest_history, "LOOK_MOST", most)
    if url != "_history":
        first = resource_of(clinic.get(url))
        assert "entry" not in first and link(first, "next") is not None
    assert [one for one in history(clinic, url) if one["request"]["url"] != "Device"] == whole
    assert resource_of(clinic.get("Patient/p/_history/1"))["id"] == "p", "a version is found however old it is"


def test_a_feed_goes_on_where_it_ended(clinic: Face, clock: Clock) -> None:
    last = history(clinic, "_history")[0]["response"]["lastModified"]
    clock.now += timedelta(seconds=1)
    clinic.post({"resourceType": "Device"})
    assert [one[1] for one in told(history(clinic, f"_history?_since={last}"))] == ["Device", "Patient/p"]


def test_a_person_who_was_erased_is_not_shown(clinic: Face) -> None:
    clinic.ledger.erase("Patient/p", "asked for")
    found = history(clinic, "Patient/p/_history")
    assert [one["request"]["method"] for one in found] == ["DELETE", "PUT", "PUT"]
    assert not any("resource" in one for one in found)
    assert said(clinic.get("Patient/p/_history/1")) == Said(410, "deleted", "Gone")


def test_old_versions(clinic: Face) -> None:
    found = clinic.get("Patient/p/_history/1")
    assert resource_of(found)["name"] == [{"family": "Martinez"}]
    assert found.headers["ETag"] == 'W/"1"'
    assert clinic.get("Patient/p/_history/2", if_none_match='W/"2"').status == 304
    assert said(clinic.get("Patient/p/_history/3")) == Said(410, "deleted", "Gone")
    for unknown in ("Patient/p/_history/4", "Patient/p/_history/x", "Patient/q/_history/1"):
        assert said(clinic.get(unknown)) == Said(404, "not-found", "Not found")


def test_where_a_write_says_it_is_it_can_be_read(face: NewFace) -> None:
    clinic = face()
    made = clinic.post({"resourceType": "Patient"})
    assert resource_of(clinic.get(made.headers["Location"])) == made.resource


@pytest.mark.parametrize(
    "query, headers, text",
    [
        ("_since=yesterday", {}, "Invalid _since 'yesterday', expected an instant such as 2026-03-10T09:00:00Z"),
        ("_count=x", {}, "Invalid _count 'x', expected a number"),
        ("_cursor=1", {}, "Invalid _cursor '1': take the link to the next page as it was given"),
        ("_at=2026", {"prefer": "handling=strict"}, "Unknown history parameter: _at. Known: _since, _count"),
    ],
)
def test_what_cannot_be_read(clinic: Face, query: str, headers: dict[str, Any], text: str) -> None:
    assert said(clinic.get(f"_history?{query}", **headers)) == Said(400, "invalid", text)


def test_a_recent_time_is_found_without_reading_the_rest(clinic: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(300):
        clinic.post({"resourceType": "Device"})
    with clinic.ledger.reading() as state:
        looked: list[int] = []
        ours = type(state.database)
        back = ours.entries_back

        def counted(database: Any, before: int, since: int) -> Iterator[Any]:
            for row in back(database, before, since):
                looked.append(row.seq)
                yield row

        monkeypatch.setattr(ours, "entries_back", counted)
    assert len(history(clinic, "Patient/_history?_since=2026-03-10T12:03:00.001Z")) == 0
    assert len(looked) == 0
    assert len(history(clinic, "Patient/_history?_since=2026-03-10T12:03:00Z")) == 1
    assert len(looked) == 301
