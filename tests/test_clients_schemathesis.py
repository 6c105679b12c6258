"""What the OpenAPI document promises, asked of a server by schemathesis: a fixed seed, a bounded number of requests."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast
from urllib.request import urlopen

import hypothesis
import pytest
import requests
import schemathesis
from clients_support import Server, serving
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks  # type: ignore[reportUnknownVariableType]
from slotwright.io import open_ledger

EXAMPLES = 4
"""Requests that keep to the document, and as many that do not, of each operation."""

KNOWN = {"Schedule": ("a", "b"), "HealthcareService": ("checkup",), "Appointment": ("none",)}
"""Ids that are there, so that requests come further than to a reference that leads nowhere."""


@pytest.fixture(scope="module", name="server")
def server_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("fuzz")) as one:
        yield one


def narrowed(value: Any) -> Any:
    """The document with references that often lead somewhere."""
    if isinstance(value, list):
        return [narrowed(one) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    found = cast("dict[str, Any]", value)
    kind = str(found.get("pattern", "")).removeprefix("^").partition("/")[0]
    if kind in KNOWN:
        return {"type": "string", "enum": [f"{kind}/{one}" for one in (*KNOWN[kind], "nobody")]}
    return {name: narrowed(one) for name, one in found.items()}


def checks() -> list[Any]:
    """Is the answer no fault, its status documented, its form the one that is documented?"""
    load_all_checks()
    names = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
    return [CHECKS.get_one(name) for name in names]


def test_every_answer_is_one_that_the_document_names(server: Server) -> None:
    with urlopen(f"{server.url}/openapi.json", timeout=60) as answer:
        schema: Any = schemathesis.openapi.from_dict(narrowed(json.load(answer)))
    asked = Counter[int]()
    judged = checks()
    bounded = hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],  # type: ignore[reportArgumentType]
        verbosity=Verbosity.quiet,
    )

    def play(operation: Any, mode: GenerationMode, session: requests.Session) -> None:
        @hypothesis.seed(7)
        @bounded
        @hypothesis.given(case=operation.as_strategy(mode))
        def ask(case: Any) -> None:
            response = case.call(base_url=server.url, session=session, timeout=60)
            asked[response.status_code] += 1
            case.validate_response(response, checks=judged)
            if case.path.startswith("/fhir/R4") and "$bulk-publish" not in case.path and response.content:
                assert response.json()["resourceType"]

        ask()

    with requests.Session() as session:
        for result in schema.get_all_operations():
            play(result.ok(), GenerationMode.POSITIVE, session)
            with suppress(Unsatisfiable):  # what has no parameters has no wrong ones
                play(result.ok(), GenerationMode.NEGATIVE, session)
    assert {200, 201, 204, 400, 404} <= set(asked), asked
    with open_ledger(server.ledger, read_only=True) as ledger:
        assert ledger.verify() == []
