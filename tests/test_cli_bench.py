"""`slotwright bench`: what it measures, on what, and that nothing is left behind or changed."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from desk_support import Ask, asker, practice, save, set_up
from slotwright.io import invoke, open_calendar, open_ledger
from slotwright.io.bench import Measured, Sample, working_copy
from slotwright.io.questions import KINDS, Drawer, Question
from support import practitioner, schedule, service

CLINIC = Path(__file__).resolve().parent.parent / "examples" / "clinic"
AT = datetime(2026, 3, 9, 12, tzinfo=UTC)


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    return asker(tmp_path, monkeypatch, capsys)


def measured(said: Any) -> dict[str, int]:
    """How many calls were made of each thing."""
    return {one["what"]: one["calls"] for one in said.json["measured"]}


FEW = ("--questions", "2", "--rounds", "3", "--bookings", "4", "--requests", "6")
FINDS = {f"find, {kind}": 6 for kind in KINDS}


def test_a_calendar_is_measured_and_only_read(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLOTWRIGHT_LEDGER")
    file = Path(save(practice()))
    before = file.read_bytes()
    Path("scratch").mkdir()
    said = ask("bench", "--calendar", str(file), *FEW, "--folder", "scratch", "--json")
    assert (said.code, said.err) == (0, "")
    assert measured(said) == {"load the calendar": 1, **FINDS, "batch find, 31 days": 3, "batch plan": 1, "book": 4}
    swept = next(one for one in said.json["measured"] if one["what"].startswith("batch find"))
    assert (swept["size"], swept["things"]) == (4, "schedules")
    planned = next(one for one in said.json["measured"] if one["what"] == "batch plan")
    # There is room for far more than six visits.
    assert (planned["size"], planned["note"]) == (6, "6 of 6 served, gap 0.00%")
    assert said.json["resources"] == {
        "HealthcareService": 2,
        "Practitioner": 2,
        "Location": 2,
        "Schedule": 4,
        "Patient": 4,
        "Slot": 1,
    }
    assert set(said.json["versions"]) == {"slotwright", "ortools", "numpy", "python"}
    assert all(0 < one["median_ms"] <= one["p95_ms"] for one in said.json["measured"])
    assert file.read_bytes() == before and [one.name for one in Path.cwd().iterdir()] == [file.name, "scratch"]
    assert not list(Path("scratch").iterdir())


def test_a_ledger_is_copied_and_stays_as_it_is(ask: Ask) -> None:
    set_up(ask)
    before = sha256(Path("practice.ledger").read_bytes()).hexdigest()
    said = ask("bench", *FEW, "--json")
    assert (said.code, said.err) == (0, "")
    assert measured(said) == {**FINDS, "batch find, 31 days": 3, "batch plan": 1, "book": 4}
    assert sha256(Path("practice.ledger").read_bytes()).hexdigest() == before
    assert ask("ledger", "verify").out.startswith("All holds, 2 entries")


def test_people_read_a_table(ask: Ask) -> None:
    set_up(ask)
    said = ask("bench", "--questions", "1", "--rounds", "1", "--bookings", "0", "--requests", "0")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == "2 services, 4 schedules, 1 Slot, 0 Appointments"
    assert lines[1].startswith("slotwright ") and "cores" in lines[1]
    shown = [line.split("   ")[0].strip() for line in lines if " ms" in line]
    assert shown == [*(f"find, {kind}" for kind in KINDS), "batch find, 31 days"]


def test_where_nothing_is_free_nothing_is_measured(ask: Ask) -> None:
    lonely = schedule("x", services=())
    file = save([service(), practitioner("x"), lonely])
    said = ask("bench", "--calendar", file)
    assert said.code == 3
    assert said.out == "Nothing to measure: no schedule has a free time for a service that it can be booked for.\n"


def test_questions_are_of_the_calendar_and_each_has_an_offer() -> None:
    clinic = open_calendar(str(CLINIC))
    drawn = {kind: Drawer(clinic, 1, AT).draw(kind, 8) for kind in KINDS}
    for kind, questions in drawn.items():
        assert len(questions) == 8
        for question in questions:
            status, bundle = invoke(clinic, "Appointment/$find", query=question.query(1), now=AT)
            assert status == 200 and len(bundle["entry"]) == 1
            assert (question.end_ms - question.start_ms) // 86_400_000 in (1, 7, 31)
            sizes = [len(pool) for pool in question.pools]
            assert {
                "one schedule": sizes == [1],
                "all of several": len(sizes) > 1 and set(sizes) == {1},
                "any of several": max(sizes) > 1,
            }[kind]
    assert len({question.service_id for questions in drawn.values() for question in questions}) > 2


def test_members_are_all_schedules_that_can_be_asked_for_once() -> None:
    members = Drawer(open_calendar(practice()), 1, AT).members()
    assert members == [("ames", "checkup"), ("bell", "checkup"), ("room-1", "checkup"), ("room-2", "checkup")]


def test_the_seed_decides_and_the_order_of_resources_does_not() -> None:
    def questions(seed: int, order: int) -> list[Question]:
        resources = practice()
        random.Random(order).shuffle(resources)
        return Drawer(open_calendar(resources), seed, AT).draw(KINDS[2], 5)

    assert questions(1, 1) == questions(1, 2)
    assert questions(1, 1) != questions(2, 1)


def test_a_working_copy_holds_what_the_store_holds_and_goes(ask: Ask, tmp_path: Path) -> None:
    set_up(ask)
    with open_ledger("practice.ledger", read_only=True) as ledger:
        for store in (ledger, open_calendar(practice())):
            with working_copy(store, str(tmp_path), None) as copy:
                held = {one["id"]: {**one, "meta": None} for one in copy.resources("Schedule")}
                assert held == {one["id"]: {**one, "meta": None} for one in store.resources("Schedule")}
                assert copy.is_writable and Path(copy.path).parent.parent == tmp_path
            assert not Path(copy.path).exists()


def test_figures_are_medians_and_quantiles() -> None:
    samples = tuple(Sample(wall / 1000, wall / 2000) for wall in range(20, 0, -1))
    one = Measured("some", samples, 30, "things")
    assert one.as_json() == {
        "what": "some",
        "calls": 20,
        "median_ms": pytest.approx(10.5),
        "p95_ms": pytest.approx(19),
        "cpu_ms": pytest.approx(5.25),
        "size": 30,
        "things": "things",
        "per_second": pytest.approx(30 / 0.0105),
    }


def test_a_folder_that_is_not_there_is_wrong_use(ask: Ask) -> None:
    said = ask("bench", "--folder", "nowhere")
    assert said.code == 2 and "nowhere" in said.err
