"""The feed: what `$find` offers, in the files of SMART Scheduling Links."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slotwright.cli.main import run
from slotwright.io import invoke, open_calendar, open_ledger
from slotwright.io.publish.feed import BOOKING_LINK, BOOKING_PHONE, Feed, Wanted, feed
from slotwright.io.publish.files import files_of, manifest_of, write_folder
from slotwright.solver.errors import InvalidInputError
from support import EVERY_DAY, hours, parameters, practitioner, schedule, service, slot

CLINIC = Path(__file__).resolve().parent.parent / "examples" / "clinic"
NOW = datetime(2026, 3, 9, 13, 0, 30, tzinfo=UTC)
Json = dict[str, Any]


def published(wanted: Wanted) -> Feed:
    store = open_calendar([CLINIC])
    with store.reading() as state:
        return feed(state, wanted, now=NOW)


def slots_of(found: Feed) -> list[Json]:
    return [slot for week in found.slots.values() for slot in week]


def offered(schedule: str, service: str, start: str, end: str) -> list[str]:
    query = {
        "start": start,
        "end": end,
        "service-type-reference": f"HealthcareService/{service}",
        "schedule": f"Schedule/{schedule}",
        "_count": "1000",
    }
    status, bundle = invoke(open_calendar([CLINIC]), "Appointment/$find", query=query, now=NOW)
    assert status == 200
    return [entry["resource"]["start"] for entry in bundle.get("entry", [])]


@pytest.mark.parametrize(
    "pair", ["dr-novak.check-up", "exam-1.check-up", "rd-nguyen.nutrition-class", "dr-kim.bariatric-surgery"]
)
def test_a_feed_lists_what_find_offers(pair: str) -> None:
    schedule, _, service = pair.partition(".")
    found = published(Wanted(days=7, services=[service], schedules=[schedule]))
    # From the next whole minute on, for seven days.
    expected = offered(schedule, service, "2026-03-09T13:01:00Z", "2026-03-16T13:01:00Z")
    assert [slot["start"] for slot in slots_of(found)] == expected
    assert len(expected) > 3
    assert {slot["status"] for slot in slots_of(found)} == {"free"}
    (published_schedule,) = found.schedules
    assert published_schedule["id"] == f"{schedule}.{service}"
    assert {slot["schedule"]["reference"] for slot in slots_of(found)} == {f"Schedule/{schedule}.{service}"}


def test_a_visit_has_the_length_of_its_service() -> None:
    first = slots_of(published(Wanted(days=2, services=["check-up"], schedules=["dr-novak"])))[0]
    length = datetime.fromisoformat(first["end"]) - datetime.fromisoformat(first["start"])
    assert length.total_seconds() == 30 * 60


def test_every_schedule_and_service_has_its_schedule_and_its_location() -> None:
    found = published(Wanted(days=1))
    schedules = json.loads((CLINIC / "schedules.json").read_text())["entry"]
    pairs = {
        f"{entry['resource']['id']}.{extension['valueReference']['reference'].removeprefix('HealthcareService/')}"
        for entry in schedules
        for concept in entry["resource"].get("serviceType", [])
        for extension in concept.get("extension", [])
        if entry["resource"].get("active") is not False
    }
    assert {one["id"] for one in found.schedules} == pairs
    assert found.errors == []
    # Rooms have no address of their own: they are found at the site they are part of.
    assert {one["id"] for one in found.locations} == {"new-york", "los-angeles"}
    by_id = {one["id"]: one for one in found.schedules}
    assert by_id["exam-1.check-up"]["actor"] == [
        {"reference": "Location/new-york"},
        {"reference": "Location/exam-room-1", "display": "Examination Room 1"},
    ]
    assert by_id["dr-novak.check-up"]["serviceType"][0]["coding"][0]["code"] == "check-up"


def group(*, limit: int | None = None, buffer_after: int = 0, is_placed: bool = True) -> list[Json]:
    """A group service of capacity 3, on one schedule in UTC that is open from 09:00 to 11:00 every day."""
    fields: Json = {"duration": 60, "alignmentInterval": 60, "slotCapacity": 3, "bufferAfter": buffer_after}
    if limit is not None:
        fields["bookingLimit"] = (limit, 1, "d")
    given = parameters(**fields)
    place = {"location": [{"reference": "Location/site"}]} if is_placed else {}
    return [
        service("group", params=given, **place),
        schedule("room", parameters(availability=[hours(EVERY_DAY, "09:00:00", "11:00:00")]), services=["group"]),
        practitioner("room"),
        {"resourceType": "Location", "id": "site", "name": "Site", "address": {"city": "Springfield", "state": "NY"}},
    ]


def capacities(found: Feed) -> dict[str, int]:
    return {slot["start"]: slot["extension"][0]["valueInteger"] for slot in slots_of(found)}


def nine(minutes: int) -> str:
    """So many minutes after nine."""
    return f"2026-03-10T09:{minutes:02}:00Z"


@settings(max_examples=25, deadline=None)
@given(
    stored=st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4), st.integers(1, 4)), max_size=4),
    limit=st.sampled_from([None, 1, 2, 4]),
    buffered=st.booleans(),
)
def test_the_capacity_is_how_often_book_accepts(
    tmp_path_factory: pytest.TempPathFactory, stored: list[tuple[int, int, int]], limit: int | None, buffered: bool
) -> None:
    """The oracle is `$book` itself: the same proposal again and again, until it is refused."""
    taken = [
        slot(f"s{number}", "room", nine(at * 10), nine(at * 10 + length * 2), capacity=tolerance)
        for number, (at, length, tolerance) in enumerate(stored)
    ]
    now = datetime(2026, 3, 10, 8, tzinfo=UTC)
    path = tmp_path_factory.mktemp("feed") / "clinic.ledger"
    with open_ledger(path) as ledger:
        ledger.load([*group(limit=limit, buffer_after=10 * buffered), *taken])
        with ledger.reading() as state:
            found = feed(state, Wanted(days=1), now=now)
        query = {
            "start": "2026-03-10T08:00:00Z",
            "end": "2026-03-11T08:00:00Z",
            "service-type-reference": "HealthcareService/group",
            "schedule": "Schedule/room",
        }
        _, bundle = invoke(ledger, "Appointment/$find", query=query, now=now)
        proposals = [entry["resource"] for entry in bundle.get("entry", [])]
        assert list(capacities(found)) == [one["start"] for one in proposals]
        for proposal in proposals:
            made: list[str] = []
            while (answer := invoke(ledger, "Appointment/$book", body=proposal, now=now))[0] == 201:
                made.append(answer[1]["entry"][0]["resource"]["id"])
            assert capacities(found)[proposal["start"]] == len(made)
            for id in made:
                assert invoke(ledger, f"Appointment/{id}/$cancel", now=now)[0] == 200


def test_the_actors_role_says_where_it_works() -> None:
    given = group(is_placed=False)
    role = {
        "resourceType": "PractitionerRole",
        "id": "r",
        "practitioner": {"reference": "Practitioner/room"},
        "location": [{"reference": "Location/site"}],
    }
    with open_calendar([*given, role]).reading() as state:
        assert [one["id"] for one in feed(state, Wanted(days=1), now=NOW).locations] == ["site"]
    with open_calendar(given).reading() as state:
        found = feed(state, Wanted(days=1), now=NOW)
    assert found.schedules == []
    assert found.errors[0]["issue"][0]["details"]["text"] == (
        "Schedule/room has no Location: neither its actor nor HealthcareService/group names one"
    )


def test_what_cannot_be_searched_is_an_error_and_the_rest_is_published() -> None:
    bad = slot("odd", "room", "?", "?")
    with open_calendar([*group(), bad, CLINIC]).reading() as state:
        found = feed(state, Wanted(days=1), now=NOW)
    (outcome,) = found.errors
    assert outcome["issue"][0]["details"]["text"] == "Slot/odd has invalid start or end time"
    assert outcome["issue"][0]["diagnostics"] == "Schedule/room for group"
    assert "dr-novak.check-up" in {one["id"] for one in found.schedules}


def test_a_schedule_whose_horizon_is_over_has_no_slots_and_is_no_error() -> None:
    over = {"planningHorizon": {"end": "2026-01-31"}}
    given = [one | over if one["resourceType"] == "Schedule" else one for one in group()]
    with open_calendar(given).reading() as state:
        found = feed(state, Wanted(days=1), now=NOW)
    assert (len(found.schedules), found.slots, found.errors) == (1, {}, [])


def test_links_tell_how_to_book() -> None:
    url = "https://clinic.example/?s={schedule}&for={service}&at={start}"
    wanted = Wanted(1, ["check-up"], ["dr-novak"], url, "+1 555 0100")
    first = slots_of(published(wanted))[0]
    assert first["extension"] == [
        {
            "url": BOOKING_LINK,
            "valueUrl": "https://clinic.example/?s=dr-novak&for=check-up&at=" + first["start"].replace(":", "%3A"),
        },
        {"url": BOOKING_PHONE, "valueString": "+1 555 0100"},
    ]


def test_slots_stand_in_weeks_and_keep_their_ids() -> None:
    found = published(Wanted(days=14, services=["check-up"], schedules=["dr-novak"]))
    assert list(found.slots) == ["slots-2026-03-09.ndjson", "slots-2026-03-16.ndjson", "slots-2026-03-23.ndjson"]
    assert all(slot["start"] < "2026-03-16" for slot in found.slots["slots-2026-03-09.ndjson"])
    ids = [slot["id"] for slot in slots_of(found)]
    assert len(set(ids)) == len(ids)
    assert [slot["id"] for slot in slots_of(published(Wanted(14, ["check-up"], ["dr-novak"])))] == ids


def test_the_manifest_names_every_file() -> None:
    found = published(Wanted(days=7, services=["tele-consultation"]))
    url = "https://clinic.example/feed"
    files = files_of(found)
    manifest = manifest_of(found, f"{url}/$bulk-publish", url, NOW)
    assert manifest["transactionTime"] == "2026-03-09T13:00:30.000Z"
    assert manifest["request"] == "https://clinic.example/feed/$bulk-publish"
    assert manifest["error"] == []
    names = {one["url"].removeprefix("https://clinic.example/feed/"): one["type"] for one in manifest["output"]}
    assert set(files) == set(names)
    for name, kind in names.items():
        lines = [json.loads(line) for line in files[name].splitlines()]
        assert {line["resourceType"] for line in lines} <= {kind}
    assert all(one["extension"]["state"] == ["CA"] for one in manifest["output"])


def test_a_folder_is_replaced_whole_and_only_if_asked(tmp_path: Path) -> None:
    folder, url = tmp_path / "feed", "https://clinic.example/feed"
    found = published(Wanted(days=7, services=["check-up"]))
    write_folder(found, folder, base_url=f"{url}/", now=NOW)
    assert set(os.listdir(folder)) == {"$bulk-publish", *files_of(found)}
    manifest = json.loads((folder / "$bulk-publish").read_text())
    assert manifest == manifest_of(found, f"{url}/$bulk-publish", url, NOW)
    with pytest.raises(InvalidInputError, match="not empty"):
        write_folder(found, folder, base_url=url, now=NOW)
    shorter = published(Wanted(days=1, services=["check-up"]))
    write_folder(shorter, folder, base_url=url, now=NOW, replace=True)
    assert "slots-2026-03-16.ndjson" not in os.listdir(folder)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InvalidInputError, match=r"notes\.txt, which no"):
        write_folder(found, folder, base_url=url, now=NOW, replace=True)


def test_the_command_says_what_it_published(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "publish", str(tmp_path / "feed"), "--calendar", str(CLINIC), "--base-url", "https://clinic.example/feed",
        "--service", "check-up", "--schedule", "Dr. Petra Novak", "--days", "7", "--now", "2026-03-09T13:00:00Z",
    ]  # fmt: skip
    assert run(arguments) == 0
    starts = offered("dr-novak", "check-up", "2026-03-09T13:00:00Z", "2026-03-16T13:00:00Z")
    expected = f"Published {len(starts)} free Slots of 1 Schedule at 1 Location to {tmp_path / 'feed'}.\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("url", ["clinic.example", "ftp://clinic.example", ""])
def test_an_address_must_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str) -> None:
    assert run(["publish", str(tmp_path / "feed"), "--calendar", str(CLINIC), "--base-url", url]) == 2
    assert f"--base-url {url!r} is no address" in capsys.readouterr().err
    assert not (tmp_path / "feed").exists()
