"""What the model would propose, and its answers compared with those of the ledger, up to the ids."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ledger_model_parameters import Refused
from ledger_model_proposals import SERIES, judge_of, visit_slots, without, written
from ledger_model_state import State
from oracle import MINUTE, Resource, instant


def find_proposal(state: State, service: str, schedules: Sequence[str], start: datetime, clock: datetime) -> Resource:
    """A proposal in the shape of `$find` (find 8), whether the time is open or not."""
    offered = state.resources[service]
    reference: Resource = {"reference": service, **({"display": offered["name"]} if "name" in offered else {})}
    mark: Resource = {"url": "https://medplum.com/fhir/service-type-reference", "valueReference": reference}
    concepts: list[Resource] = offered.get("type") or [{}]
    judges = [judge_of(state.resources, clock, service, name) for name in schedules]
    return {
        "resourceType": "Appointment",
        "status": "proposed",
        "start": written(start),
        "end": written(start + judges[0].duration * MINUTE),
        "serviceType": [{**one, "extension": [*one.get("extension", []), mark]} for one in concepts],
        "participant": [
            {"actor": state.resources[name]["actor"][0], "required": "required", "status": "needs-action"}
            for name in schedules
        ],
        "contained": [
            one for judge, name in zip(judges, schedules, strict=True) for one in visit_slots(judge, name, start)
        ],
    }


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """The value with the ids behind tokens in their places."""
    if isinstance(value, str):
        kind, _, key = value.rpartition("/")
        return f"{kind}/{names[key]}" if kind and key in names else names.get(value, value)
    if isinstance(value, dict):
        return {renamed(key, names): renamed(one, names) for key, one in value.items()}  # type: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [renamed(one, names) for one in value]  # type: ignore[reportUnknownVariableType]
    return value


def renamed_state(state: State, names: Mapping[str, str]) -> State:
    made = [replace(one, appointments=tuple(renamed(key, names) for key in one.appointments)) for one in state.made]
    return replace(
        state, resources=renamed(state.resources, names), made=tuple(made), versions=renamed(state.versions, names)
    )


def plain(resource: Resource) -> Resource:
    """Without the order of what has none."""
    result = dict(resource)
    for name in ("extension", "identifier"):
        if name in result and result["resourceType"] in ("Appointment", "Slot"):
            result[name] = sorted(result[name], key=repr)
    return result


def same_answer(expected: Sequence[Resource], got: Sequence[Resource]) -> dict[str, str]:
    """What the tokens stand for, after checking that nothing else differs."""
    assert [one["resourceType"] for one in got] == [one["resourceType"] for one in expected], got
    names: dict[str, str] = {}
    for ours, theirs in zip(expected, got, strict=True):
        names[ours["id"]] = theirs["id"]
        values = [
            [one["value"] for one in each.get("identifier", []) if one.get("system") == SERIES]
            for each in (ours, theirs)
        ]
        names.update(zip(*values, strict=True))
    names = {token: name for token, name in names.items() if token.startswith("~")}
    assert len(set(names.values())) == len(names), "an id is used twice"
    assert [plain(one) for one in got] == [plain(renamed(one, names)) for one in expected]
    return names


def same_refusal(expected: Refused, status: int, outcome: Resource) -> None:
    issue: Resource = {"severity": "error", "code": expected.code, "details": {"text": expected.text}}
    if expected.expression:
        issue["expression"] = expected.expression
    assert outcome["resourceType"] == "OperationOutcome", (expected.text, outcome)
    (got,) = outcome["issue"]
    assert (status, rounded(without(got, "diagnostics"))) == (expected.status, rounded(issue))
    assert ("diagnostics" in got) == (expected.diagnostics is not None)
    if expected.diagnostics is not None:
        found = json.loads(got["diagnostics"])
        assert got["diagnostics"] == json.dumps(found, separators=(",", ":"), ensure_ascii=False)
        assert found["schedule"] == expected.schedule
        known = {one["reference"] for one in expected.diagnostics if "~" not in one["reference"]}
        assert masked(found["blockingSlots"], known) == masked(expected.diagnostics, known)
        assert list(found) == ["schedule", "blockingSlots"]


def rounded(issue: Resource) -> Resource:
    """With at most two decimals in `(15.0167 min)`: how many there are is nowhere said."""
    text = re.sub(r"\((\d+\.\d+) min\)", lambda found: f"({float(found[1]):.2f} min)", issue["details"]["text"])
    return {**issue, "details": {**issue["details"], "text": text}}


def masked(slots: Sequence[Resource], known: set[str]) -> list[Resource]:
    """Slots of earlier occurrences of the refused series have ids that nobody knows, and no known order."""
    if all(one["reference"] in known for one in slots):
        return list(slots)
    hidden = [{**one, "reference": one["reference"] if one["reference"] in known else "Slot/?"} for one in slots]
    return sorted(hidden, key=lambda one: (instant(one["start"]), one["reference"], one["end"], one["status"]))
