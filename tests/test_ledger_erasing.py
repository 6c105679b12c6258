"""What is loaded into a ledger, and what is left of somebody who was erased from it (docs/ledger.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ledger_support import BEGINNING, NewClinic, accepted, basic, clock, proposal, visit
from ledger_support import clinic_fixture as clinic_fixture
from slotwright.io import Ledger, open_ledger
from slotwright.solver.errors import InvalidInputError, NotFoundError
from support import Resource, appointment, slot


def opened(folder: Path) -> Ledger:
    return open_ledger(folder / "ledger", clock=lambda: BEGINNING, identity="load")


def kinds(ledger: Ledger) -> list[str]:
    return [one.kind for one in ledger.entries()]


def patient(text: str = "Ann", id: str = "p", **elements: Any) -> Resource:
    return {"resourceType": "Patient", "id": id, "name": [{"text": text}], **elements}


# --- loading -----------------------------------------------------------------


def test_a_load_is_cut_into_entries_of_a_thousand(tmp_path: Path) -> None:
    """The table of kinds in docs/ledger.md: `load`, up to 1,000 resources were loaded."""
    with opened(tmp_path) as ledger:
        assert ledger.load([patient(id=f"p{number}") for number in range(2_500)])[:3] == (2_500, 0, 0)
        loads = [one for one in ledger.entries() if one.kind == "load"]
        assert [len(one.changes) for one in loads] == [1_000, 1_000, 500]


def test_versions_of_the_source_are_no_content(tmp_path: Path) -> None:
    """What one ledger gave is loaded into another again and again, whatever versions either has counted."""
    with opened(tmp_path) as ledger:
        for version, expected in (("7", (1, 0, 0)), ("8", (0, 0, 1)), (None, (0, 0, 1))):
            meta = {"tag": [{"code": "x"}], **({} if version is None else {"versionId": version})}
            assert ledger.load([patient(meta=meta)])[:3] == expected
        assert ledger.load([patient(meta={"versionId": "7"})])[:3] == (0, 1, 0)


def test_what_is_stored_already_is_not_loaded(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.put(patient())
        assert ledger.load([patient()])[:3] == (0, 0, 1)
        assert kinds(ledger) == ["init", "put"]


@pytest.mark.parametrize("others", [[patient(id="q")], []], ids=["something new beside it", "nothing new"])
def test_what_was_loaded_stays_deleted(tmp_path: Path, others: list[Resource]) -> None:
    """docs/ledger.md: "what was loaded before and has not changed in the source stays as it is in the ledger"."""
    with opened(tmp_path) as ledger:
        ledger.put(patient())
        assert ledger.load([patient(), *others])[2] == 1
        ledger.delete("Patient/p")
        assert ledger.load([patient()])[:3] == (0, 0, 1)
        assert ledger.load([patient("Bob")])[:3] == (1, 0, 0)


# --- erasing -----------------------------------------------------------------


def erasable(**elements: Any) -> list[Resource]:
    """A booking of Patient/p, who is mentioned in several ways."""
    kept = slot("s", "a", clock("09:00"), clock("09:30"))
    participants = [{"actor": {"reference": one}, "status": "accepted"} for one in ("Patient/p", "Practitioner/a")]
    booking = appointment("x", ["s"], start=clock("09:00"), end=clock("09:30"), participant=participants, **elements)
    return [*basic(), patient("Unforgettable"), kept, booking]


def test_an_appointment_of_somebody_erased_keeps_what_the_calendar_needs(tmp_path: Path) -> None:
    series = {"system": "https://medplum.com/fhir/recurring-appointment-series", "value": "w"}
    resources = erasable(identifier=[{"value": "Unforgettable"}, series], comment="Unforgettable")
    with opened(tmp_path) as ledger:
        ledger.load(resources)
        assert ledger.erase("Patient/p", "asked for") == ["Patient/p", "Appointment/x"]
        left = ledger.read("Appointment/x")
        assert left is not None and left.pop("meta")["versionId"] == "2"
        expected = {name: one for name, one in resources[-1].items() if name != "comment"}
        assert left == {**expected, "identifier": [series], "participant": resources[-1]["participant"][1:]}
        assert ledger.verify() == [] and ledger.erased == ["Patient/p"]
        # while it is still open, too
        assert [one.name for one in tmp_path.iterdir() if b"Unforgettable" in one.read_bytes()] == []


def test_comments_on_what_was_asked_for_are_erased(clinic: NewClinic) -> None:
    """In the request as it was recorded, too."""
    used = clinic(*basic(), patient())
    used.booked(visit("a", "09:00", comment="Unforgettable"))
    booked = next(used.ledger.resources("Slot"))
    used.change(f"Slot/{booked['id']}", comment=None)
    used.ledger.erase("Patient/p", "asked for")
    sent = [one.input for one in used.ledger.entries() if one.kind == "$book"]
    assert sent and "Unforgettable" not in str(sent)
    assert used.ledger.verify() == []
    assert accepted(used.book(proposal(visit("a", "10:00"))))


@pytest.mark.parametrize(
    "mention", ["Patient/p", "Patient/p/_history/1", "http://x.org/fhir/Patient/p", "http://x.org/Patient/p/_history/2"]
)
def test_every_way_to_mention_somebody_is_erased(tmp_path: Path, mention: str) -> None:
    note = {"resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": mention}}
    other = {"resourceType": "Observation", "id": "q", "status": "final", "subject": {"reference": "Patient/p2"}}
    with opened(tmp_path) as ledger:
        ledger.load([patient("Unforgettable"), note, other])
        ledger.erase("Patient/p", "asked for")
        left = ledger.read("Observation/o")
        assert left is not None and left["subject"] == {"display": "erased"} and left["status"] == "final"
        assert "Patient/p" not in str(list(ledger.entries())[1].input)
        untouched = ledger.read("Observation/q")
        assert untouched is not None and untouched["subject"] == {"reference": "Patient/p2"}
        assert ledger.verify() == []
    assert f'"reference":"{mention}"'.encode() not in (tmp_path / "ledger").read_bytes()


@pytest.mark.parametrize(
    "name", ["Practitioner/a", "Schedule/a", "Slot/s", "Appointment/x", "HealthcareService/checkup"]
)
def test_the_calendar_itself_is_not_erased(tmp_path: Path, name: str) -> None:
    with opened(tmp_path) as ledger:
        ledger.load(erasable())
        with pytest.raises(InvalidInputError):
            ledger.erase(name, "asked for")
        assert kinds(ledger) == ["init", "load"]
        assert ledger.read(name) is not None


def test_who_was_never_there_is_not_erased(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.load(basic())
        with pytest.raises(NotFoundError):
            ledger.erase("Patient/p", "asked for")
        assert kinds(ledger) == ["init", "load"]
