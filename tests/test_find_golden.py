"""`Appointment/$find`: whole answers worked out by hand from the specification."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.appointment import Appointment
from fhir.resources.R4B.bundle import Bundle
from slotwright.io import invoke, open_calendar
from slotwright.solver.problem import Engine

CASES = sorted((Path(__file__).parent / "golden" / "find").glob("*.json"))
every_case = pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])


def read(path: Path) -> dict[str, Any]:
    """`why` (the working), `resources`, `request` (a `query` or a `body`) and `answer` (the Bundle)."""
    return json.loads(path.read_text(encoding="utf-8"))


def text(value: Any) -> str:
    """One spelling of a JSON value, which tells 1 from 1.0 and from true; the order of names does not matter."""
    return json.dumps(value, indent=1, sort_keys=True)


def test_there_are_cases() -> None:
    assert {path.stem for path in CASES} >= {"plain", "buffers", "capacity", "pools", "series", "nothing-free"}


@every_case
@pytest.mark.parametrize("engine", ["auto", "cp-sat"])
def test_the_answer_is_exactly_the_golden_one(path: Path, engine: Engine) -> None:
    case = read(path)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    calendar = open_calendar(case["resources"])
    status, answer = invoke(calendar, "Appointment/$find", **case["request"], now=now, engine=engine)
    assert status == 200
    assert text(answer) == text(case["answer"])


@every_case
def test_the_golden_answer_is_valid_fhir(path: Path) -> None:
    bundle = Bundle.model_validate(read(path)["answer"])
    assert all(isinstance(entry.resource, Appointment) for entry in bundle.entry or [])
