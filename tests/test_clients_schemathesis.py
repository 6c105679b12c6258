"""What the OpenAPI document promises, asked of a server by schemathesis: a fixed seed, a bounded number of requests."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
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
from server_support import token_file
from slotwright.io import open_ledger

EXAMPLES = 3
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


def document(server: Server) -> Any:
    """What the server says of itself, as schemathesis reads it."""
    with urlopen(f"{server.url}/openapi.json", timeout=60) as answer:
        return schemathesis.openapi.from_dict(narrowed(json.load(answer)))


def play(operation: Any, mode: GenerationMode, examples: int, judge: Callable[[Any], None]) -> None:
    """Requests of one operation, always the same."""

    @hypothesis.seed(7)
    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],  # type: ignore[reportArgumentType]
        verbosity=Verbosity.quiet,
    )
    @hypothesis.given(case=operation.as_strategy(mode))
    def ask(case: Any) -> None:
        judge(case)

    ask()


def test_every_answer_is_one_that_the_document_names(server: Server) -> None:
    asked = Counter[int]()
    judged = checks()
    with requests.Session() as session:

        def judge(case: Any) -> None:
            response = case.call(base_url=server.url, session=session, timeout=60)
            asked[response.status_code] += 1
            case.validate_response(response, checks=judged)
            if case.path.startswith("/fhir/R4") and "$bulk-publish" not in case.path and response.content:
                assert response.json()["resourceType"]

        for result in document(server).get_all_operations():
            play(result.ok(), GenerationMode.POSITIVE, EXAMPLES, judge)
            with suppress(Unsatisfiable):  # what has no parameters has no wrong ones
                play(result.ok(), GenerationMode.NEGATIVE, EXAMPLES, judge)
    assert {200, 201, 204, 400, 404} <= set(asked), asked
    with open_ledger(server.ledger, read_only=True) as ledger:
        assert ledger.verify() == []


def test_without_a_token_only_what_says_nothing_answers(tmp_path: Path) -> None:
    tokens = token_file(tmp_path / "tokens.toml", ("front desk", "admin", "the secret of the front desk"))
    answered: dict[str, set[int]] = {}
    judged = checks()
    with serving(tmp_path, "--token-file", tokens) as server, requests.Session() as session:

        def judge(case: Any) -> None:
            response = case.call(base_url=server.url, session=session, timeout=60, headers={"Authorization": ""})
            answered.setdefault(case.path, set()).add(response.status_code)
            case.validate_response(response, checks=judged)

        for result in document(server).get_all_operations():
            play(result.ok(), GenerationMode.POSITIVE, 1, judge)
    public = {"/healthz": {200}, "/openapi.json": {200}, "/oauth2/token": {401}}
    assert {path: one for path, one in answered.items() if path in public} == public
    assert {path for path, one in answered.items() if one != {401}} == {"/healthz", "/openapi.json"}
