"""`$bulk-publish` over HTTP: what `$find` offers now, cacheable, behind a token unless it is public."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from server_support import BASE, FIND, Face, Made, booking, token_file
from server_support import made_fixture as made_fixture
from slotwright.io.publish.feed import BOOKING_LINK, Wanted
from support import practitioner, service

MANIFEST = f"{BASE}/$bulk-publish"
PLACE = {"resourceType": "Location", "id": "site", "address": {"city": "Springfield", "state": "NY"}}


@pytest.fixture(name="placed")
def placed_fixture(made: Made) -> Face:
    return placed(made())


def placed(face: Face) -> Face:
    """With a place for the service; it has no hours, so every day is open all day."""
    face.ledger.load([service(location=[{"reference": "Location/site"}]), PLACE])
    return face


def slots(face: Face) -> list[str]:
    """The starts on Schedule/a that the feed lists."""
    manifest = face("GET", MANIFEST).json
    root = manifest["request"].removesuffix(MANIFEST)
    assert all(one["url"].startswith(root) for one in manifest["output"])
    found = [one["url"].removeprefix(root) for one in manifest["output"] if one["type"] == "Slot"]
    lines = [json.loads(line) for url in found for line in face("GET", url).body.splitlines()]
    return [one["start"] for one in lines if one["schedule"]["reference"] == "Schedule/a.checkup"]


def offered(face: Face) -> list[str]:
    bundle = face("GET", f"{BASE}/Appointment/$find?{FIND}&_count=1000").json
    return [entry["resource"]["start"] for entry in bundle["entry"]]


def test_it_lists_what_find_offers_and_what_is_booked_is_gone(placed: Face) -> None:
    day = [start for start in slots(placed) if start.startswith("2026-03-16")]
    assert day == offered(placed)
    assert placed("POST", f"{BASE}/Appointment/$book", booking("09:00")).status == 201
    after = [start for start in slots(placed) if start.startswith("2026-03-16")]
    assert after == offered(placed)
    assert set(day) - set(after) == {"2026-03-16T09:00:00.000Z"}


def test_the_manifest_is_json_and_the_files_are_ndjson(placed: Face) -> None:
    manifest = placed("GET", MANIFEST)
    assert manifest.headers["content-type"] == "application/json; charset=utf-8"
    assert manifest.json["request"] == "http://127.0.0.1:8103/fhir/R4/$bulk-publish"
    locations = placed("GET", f"{MANIFEST}/locations.ndjson")
    assert locations.headers["content-type"] == "application/fhir+ndjson; charset=utf-8"
    assert [json.loads(line)["id"] for line in locations.body.splitlines()] == ["site"]


def test_what_has_not_changed_need_not_be_sent_again(placed: Face) -> None:
    first = placed("GET", f"{MANIFEST}/schedules.ndjson")
    assert first.headers["cache-control"] == "public, max-age=60"
    again = placed("GET", f"{MANIFEST}/schedules.ndjson", if_none_match=f'"other", W/{first.headers["etag"]}')
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    placed.ledger.load([practitioner("new")])
    assert placed("GET", f"{MANIFEST}/schedules.ndjson", if_none_match=first.headers["etag"]).status == 304
    placed.ledger.load([PLACE | {"name": "Springfield"}])
    assert placed("GET", f"{MANIFEST}/locations.ndjson", if_none_match=first.headers["etag"]).status == 200


def test_links_are_those_the_server_was_given(made: Made) -> None:
    face = placed(made(feed=Wanted(days=8, booking_url="https://clinic.example/?at={start}")))
    url = next(one["url"] for one in face("GET", MANIFEST).json["output"] if one["type"] == "Slot")
    line = json.loads(face("GET", url.removeprefix("http://127.0.0.1:8103")).body.splitlines()[0])
    link = "https://clinic.example/?at=" + line["start"].replace(":", "%3A")
    assert line["extension"] == [{"url": BOOKING_LINK, "valueUrl": link}]


@pytest.mark.parametrize("path", ["/other.ndjson", "/../metadata", "/errors.ndjson", "x"])
def test_there_is_nothing_else_below_it(placed: Face, path: str) -> None:
    assert placed("GET", MANIFEST + path).issue[0] == 404


def test_it_is_only_read(placed: Face) -> None:
    reply = placed("POST", MANIFEST, {})
    assert reply.status == 405
    assert reply.headers["allow"] == "GET, HEAD, OPTIONS"


def test_tokens_guard_it_unless_it_is_public(tmp_path: Path, made: Made) -> None:
    tokens = token_file(tmp_path / "tokens.toml", ("desk", "reader", "reader-token-of-the-desk"))
    guarded = placed(made(token_file=tokens))
    assert guarded("GET", MANIFEST).status == 401
    held = guarded("GET", MANIFEST, authorization="Bearer reader-token-of-the-desk")
    assert (held.status, held.headers["cache-control"]) == (200, "private, max-age=60")
    public = placed(made(token_file=tokens, is_feed_public=True))
    assert public("GET", MANIFEST).headers["cache-control"] == "public, max-age=60"
    assert public("GET", f"{BASE}/Slot").status == 401
