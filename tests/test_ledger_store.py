"""What a ledger does as a store, beyond the operations: erasing twice, loading again, input that no JSON can hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from slotwright.io import Call, LoadError, invoke, invoke_all, open_ledger
from slotwright.solver.errors import InvalidInputError, NotFoundError
from support import appointment, practitioner, schedule, service, slot

PATIENT = {"resourceType": "Patient", "id": "p", "name": [{"family": "Castillo"}]}


def visit() -> dict[str, Any]:
    held = appointment("x", ["1"], status="booked")
    return {**held, "participant": [{"actor": {"reference": "Patient/p", "display": "Ms Castillo"}}]}


RESOURCES = [
    service(),
    practitioner("a"),
    schedule("a"),
    slot("1", "a", "2026-03-16T09:00Z", "2026-03-16T09:30Z", "busy"),
    PATIENT,
    visit(),
]


def test_erasing_twice_keeps_the_proof_of_the_first(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.load(RESOURCES)
        assert ledger.erase("Patient/p", "asked for it") == ["Patient/p", "Appointment/x"]
        with pytest.raises(NotFoundError, match="Nothing in the ledger is or mentions Patient/p"):
            ledger.erase("Patient/p", "asked again")
        assert ledger.verify() == []
        assert ledger.erased == ["Patient/p"]
    assert b"Castillo" not in (tmp_path / "ledger").read_bytes()


def test_a_backup_is_done_although_others_write_all_the_time(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    with open_ledger(path) as ledger, open_ledger(path) as other:
        for number in range(20):  # several steps of a backup
            ledger.put({"resourceType": "Patient", "id": f"large-{number}", "name": [{"text": "x" * 1_000_000}]})
        last = ledger.last
        steps: list[int] = []

        def write_between(done: int, _: int) -> None:
            steps.append(done)
            assert len(steps) < 20, "it begins again after every write"
            other.put({"resourceType": "Patient", "id": "small"})

        ledger.backup(tmp_path / "copy", write_between)
        assert steps == sorted(steps) and len(steps) > 2
        assert ledger.last == last + len(steps)
    with open_ledger(tmp_path / "copy") as copy:
        assert copy.last == last and copy.verify() == []


def test_loading_the_same_source_again_does_not_bring_an_erased_person_back(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.load(RESOURCES)
        ledger.erase("Patient/p", "asked for it")
        assert ledger.load(RESOURCES)[:3] == (0, 0, 6)
        assert ledger.read("Patient/p") is None
        ledger.load([{**PATIENT, "gender": "female"}])
        assert ledger.read("Patient/p") is not None
        ledger.erase("Patient/p", "asked again")
        assert ledger.verify() == []


@pytest.mark.parametrize(("reference", "reason"), [("Patient/p", " "), ("nonsense", "why not"), ("Slot/1", "why not")])
def test_what_cannot_be_erased(tmp_path: Path, reference: str, reason: str) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.load(RESOURCES)
        with pytest.raises(InvalidInputError):
            ledger.erase(reference, reason)
        assert ledger.last == 2


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**70, "\ud800", object(), Path("x")])
def test_what_no_json_can_hold_is_not_put(tmp_path: Path, value: object) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        with pytest.raises(LoadError, match="not JSON"):
            ledger.put({"resourceType": "Patient", "id": "n", "x": value})
        assert ledger.last == 1


def test_many_calls_may_come_from_anything_that_can_be_iterated(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.load(RESOURCES)
        calls = (Call(f"Appointment/{id}/$cancel") for id in ("x", "none"))
        assert [status for status, _ in invoke_all(ledger, calls)] == [200, 404]


@pytest.mark.parametrize("calls", [[5], [[5]], [[[Call("Appointment/x/$cancel")]]]])
def test_what_is_no_call_is_said_before_anything_is_written(tmp_path: Path, calls: Any) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.load(RESOURCES)
        with pytest.raises(TypeError):
            invoke_all(ledger, [Call("Appointment/x/$cancel"), *calls])
        assert ledger.last == 2


def test_an_operation_that_is_no_text_is_an_unknown_one(tmp_path: Path) -> None:
    unknown: Any = None
    with open_ledger(tmp_path / "ledger") as ledger:
        assert invoke(ledger, unknown)[0] == 404
