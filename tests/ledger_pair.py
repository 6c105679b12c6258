"""A ledger and the model of it side by side: everything is asked of both, and the answers are compared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any

import ledger_model
import oracle
from ledger_model_compare import plain, renamed_state, same_answer, same_refusal
from ledger_model_parameters import Refused, check_agreement, check_parameters, check_people, is_schedulable
from ledger_model_proposals import is_usable
from ledger_model_state import Outcome, State, delete, load, put, reference_of
from oracle import Offer, Resource, find_all
from slotwright.io import Call, invoke, invoke_all, open_calendar, open_ledger

OUTSIDE = (
    "Search range ends before schedule planning horizon starts",
    "Search range starts after schedule planning horizon ends",
)
Query = Mapping[str, str | list[str]]


class Pair:
    """What is done to it is noted in `steps`, so that what fails can be done again by hand."""

    def __init__(self, path: Path, resources: Sequence[Resource], clock: datetime):
        self.path = path
        self.clock = clock
        self.resources = list(resources)
        self.state = State({}, clock)
        self.steps: list[tuple[str, Any]] = []
        self.ledger = open_ledger(self.path, clock=lambda: self.clock, identity="pair")
        self.load()
        self.first = self.state

    # Writes

    def invoke(
        self, calls: Sequence[tuple[str, Resource | None]], *, dry_run: bool = False
    ) -> list[tuple[int, Resource]]:
        """Operations that write; the answers must agree, and so must all resources afterwards."""
        self.steps.append(("invoke", calls))
        sent = deepcopy(calls)
        before = self.ledger.last
        if dry_run:
            self.compare(calls, self.ask(calls, dry_run=True))
            assert self.ledger.last == before
            self.check()
        answers = self.ask(calls, dry_run=False)
        assert calls == sent, "a request was changed"
        state = self.compare(calls, answers)
        if state is not self.state:
            assert self.ledger.last > before
        else:
            assert self.ledger.last == before, "a refused or repeated request wrote something"
        self.state = state
        self.check()
        return answers

    def ask(self, calls: Sequence[tuple[str, Resource | None]], *, dry_run: bool) -> list[tuple[int, Resource]]:
        if len(calls) == 1:
            return [invoke(self.ledger, calls[0][0], body=calls[0][1], dry_run=dry_run)]
        return invoke_all(self.ledger, [Call(operation, body=body) for operation, body in calls], dry_run=dry_run)

    def compare(self, calls: Sequence[tuple[str, Resource | None]], answers: Sequence[tuple[int, Resource]]) -> State:
        """The state that they leave."""
        state = self.state
        for (operation, body), (status, answer) in zip(calls, answers, strict=True):
            outcome = self.expected(state, operation, body)
            names = self.compare_one(operation, outcome, status, answer)
            state = renamed_state(outcome.state, names) if names else outcome.state
        return state

    def expected(self, state: State, operation: str, body: Resource | None) -> Outcome:
        clock = self.clock
        _, *ids, name = operation.split("/")
        if name in ("$book", "$hold"):
            return ledger_model.book(state, name, body or {}, clock)
        if name == "$confirm":
            return ledger_model.confirm(state, ids[0], body, clock)
        if name == "$cancel":
            return ledger_model.cancel(state, ids[0] if ids else None, body, clock)
        return ledger_model.reschedule(state, ids[0], body or {}, clock)

    def compare_one(self, operation: str, outcome: Outcome, status: int, answer: Resource) -> dict[str, str]:
        if outcome.refusal is not None:
            same_refusal(outcome.refusal, status, answer)
            return {}
        assert status == outcome.status, answer
        if operation.endswith("$cancel") and operation.count("/") == 2:
            return same_answer(outcome.resources, [answer])
        assert {**answer, "entry": []} == {"resourceType": "Bundle", "type": "transaction-response", "entry": []}
        assert all(list(one) == ["resource"] for one in answer["entry"])
        return same_answer(outcome.resources, [one["resource"] for one in answer["entry"]])

    def put(self, resource: Resource) -> None:
        self.steps.append(("put", resource))
        self.ledger.put(resource)
        self.state = put(self.state, resource, self.clock)
        self.check()

    def delete(self, reference: str) -> None:
        self.steps.append(("delete", reference))
        self.ledger.delete(reference)
        self.state = delete(self.state, reference, self.clock)
        self.check()

    def load(self, *changed: Resource) -> None:
        """What was loaded last, with some of it changed."""
        self.steps.append(("load", changed))
        names = {reference_of(one): one for one in changed}
        self.resources = [names.get(reference_of(one), one) for one in self.resources]
        before = self.ledger.last
        self.ledger.load(self.resources)
        state = load(self.state, self.resources, self.clock)
        assert (self.ledger.last == before) == (state.resources == self.state.resources)
        self.state = state
        self.check()

    # The clock and the file

    def at(self, clock: datetime) -> None:
        self.steps.append(("at", clock))
        self.clock = clock

    def reopen(self) -> None:
        self.steps.append(("reopen", None))
        self.ledger.close()
        self.ledger = open_ledger(self.path, clock=lambda: self.clock)
        self.check()

    def finish(self) -> None:
        assert self.ledger.verify() == []
        self.ledger.close()

    # Reads

    def check(self) -> None:
        """That both have the same resources, of all types."""
        kinds = {one.split("/")[0] for one in self.state.resources} | {"Slot", "Appointment"}
        found = {f"{one['resourceType']}/{one['id']}": one for kind in kinds for one in self.ledger.resources(kind)}
        assert {key: plain(one) for key, one in found.items()} == {
            key: plain(one) for key, one in self.state.resources.items()
        }
        for reference in list(found)[:3]:
            assert self.ledger.read(reference) == found[reference]

    def find(self, query: Query) -> list[Resource] | None:
        """The proposals, None if the search is refused; a calendar of the same resources must answer the same."""
        self.steps.append(("find", dict(query)))
        status, answer = invoke(self.ledger, "Appointment/$find", query=query)
        calendar = open_calendar(self.state.resources.values())
        assert (status, answer) == invoke(calendar, "Appointment/$find", query=query, now=self.clock)
        if self.is_plain(query):
            assert status == 200 or answer["issue"][0]["details"]["text"] in OUTSIDE, answer
            assert offers_in(answer) == self.offers(query)
        return [one["resource"] for one in answer.get("entry", [])] if status == 200 else None

    def is_plain(self, query: Query) -> bool:
        """Whether nothing stored can make this search fail."""
        resources = self.state.resources
        service = (str(query["service-type-reference"]), "")
        schedules = [(name, "") for pool in pools_of(query) for name in pool]
        if service[0] not in resources or any(name not in resources for name, _ in schedules):
            return False
        try:
            check_people(resources, service, schedules)
            check_parameters(resources, service, schedules)
            check_agreement(resources, service, schedules)
        except Refused:
            return False
        names = {name for name, _ in schedules}
        slots = [one for one in resources.values() if one["resourceType"] == "Slot"]
        return (
            all(is_schedulable(resources[name], service[0]) for name in names)
            and all(is_usable(one) for one in slots if one["schedule"]["reference"] in names)
            and ("occurrence-count" not in query or len({self.zone(service[0], name) for name in names}) == 1)
        )

    def zone(self, service: str, schedule: str) -> str:
        judge = oracle.Judge(
            (one for one in self.state.resources.values() if one["resourceType"] != "Slot"),
            service.split("/")[1],
            schedule.split("/")[1],
            self.clock,
            None,
        )
        return judge.zone

    def offers(self, query: Query) -> list[Offer]:
        ignored = query.get("ignore-appointment")
        occurrences = query.get("occurrence-count")
        return find_all(
            list(self.state.resources.values()),
            service=str(query["service-type-reference"]).split("/")[1],
            pools=[[name.split("/")[1] for name in pool] for pool in pools_of(query)],
            start=str(query["start"]),
            end=str(query["end"]),
            now=self.clock,
            count=int(str(query.get("_count", 20))),
            combinations=int(str(query.get("combinations", 1))),
            occurrences=int(str(occurrences)) if occurrences else None,
            ignore=str(ignored).split("/")[1] if ignored else None,
        )

    def history(self) -> str:
        lines = [json.dumps([name, what], default=str) for name, what in self.steps]
        return "\n".join(["What was loaded:", json.dumps(self.resources), "What was done:", *lines])


def pools_of(query: Query) -> list[list[str]]:
    pools = query["schedule"]
    return [pool.split(",") for pool in ([pools] if isinstance(pools, str) else pools)]


def offers_in(answer: Resource) -> list[Offer]:
    offers: list[Offer] = []
    entries: list[Resource] = answer.get("entry", []) if answer["resourceType"] == "Bundle" else []
    for entry in entries:
        visits = [one for one in entry["resource"]["contained"] if one["status"] == "busy"]
        names = tuple(one["schedule"]["reference"].removeprefix("Schedule/") for one in visits)
        offers.append((entry["resource"]["start"], names))
    return offers
