"""Searches: conditions, prefixes, order, pages, and what is not known (FHIR R4, search.html)."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from ledger_support import basic
from rest_support import BASE, Face, NewFace, Said, link, resource_of, said
from rest_support import face_fixture as face_fixture
from slotwright.io.rest import candidates, search
from slotwright.io.rest.criteria import criterion
from slotwright.io.rest.parameters import PARAMETERS, parameters_of
from support import Resource, appointment, service, service_type, slot

DAY = "2026-03-16"


def at(id: str, start: str, schedule: str = "a", status: str = "free", **more: Any) -> Resource:
    """A Slot of half an hour or less, that begins at a time such as 09:00."""
    return slot(id, schedule, f"{DAY}T{start}:00Z", f"{DAY}T{start[:3]}59:00Z", status, **more)


# Times


@pytest.mark.parametrize(
    "sought, found",
    [
        ("2026-03-16", "early nine late"), ("eq2026-03-16", "early nine late"),
        ("2026-03", "before early nine late after"),
        ("2026", "before early nine late after"), ("2025", ""),
        ("ne2026-03-16", "before after"),
        ("gt2026-03-16", "after"), ("lt2026-03-16", "before"),
        ("ge2026-03-16", "early nine late after"), ("le2026-03-16", "before early nine late"),
        ("sa2026-03-16", "after"), ("eb2026-03-16", "before"),
        ("2026-03-16T09:00:00Z", "nine"), ("2026-03-16T10:00:00+01:00", "nine"), ("2026-03-16T10:00:00 01:00", "nine"),
        ("2026-03-16T09:00Z", "nine"), ("2026-03-16T09:00", "nine"), ("2026-03-16T09:00:00.000Z", "nine"),
        ("2026-03-16T09:00:00.001Z", ""), ("2026-03-16T09:00:00.0005Z", "nine"),
        ("ge2026-03-16T09:00:00Z", "nine late after"), ("gt2026-03-16T09:00:00Z", "late after"),
        ("gt2026-03-16T08:59:59Z", "nine late after"), ("le2026-03-16T09:00:00Z", "before early nine"),
        ("lt2026-03-16T09:00:00Z", "before early"), ("lt2026-03-16T09:00:00.001Z", "before early nine"),
        ("eb2026-03-16T09:00:00Z", "before early"), ("sa2026-03-16T00:00:00Z", "nine late after"),
        ("2026-03-15,2026-03-17", "before after"), ("lt2026-03-16,gt2026-03-16", "before after"),
    ],
)  # fmt: skip
def test_times_are_as_wide_as_they_are_precise(face: NewFace, sought: str, found: str) -> None:
    clinic = face(*basic(
        slot("before", "a", "2026-03-15T23:59:59.999Z", "2026-03-16T00:30:00Z", "free"), at("early", "00:00"),
        at("nine", "09:00"), slot("late", "b", "2026-03-16T23:59:59.999Z", "2026-03-17T00:30:00Z", "busy"),
        slot("after", "b", "2026-03-17T00:00:00Z", "2026-03-17T00:30:00Z", "free"),
    ))  # fmt: skip
    assert sorted(clinic.found(f"Slot?start={quote(sought)}")) == sorted(found.split())
    assert sorted(clinic.found(f"Slot?start={quote(sought)}&schedule=a,b")) == sorted(found.split())
    moved = [appointment(one, [], status="booked", start=each["start"]) for one, each in _slots(clinic)]
    other = face(*basic(*moved))
    assert sorted(other.found(f"Appointment?date={quote(sought)}")) == sorted(found.split())


def _slots(clinic: Face) -> list[tuple[str, Resource]]:
    return [(one["id"], one) for one in clinic.ledger.resources("Slot")]


def test_a_period_is_met_where_it_overlaps(face: NewFace) -> None:
    def horizon(id: str, **period: str) -> Resource:
        return {"resourceType": "Schedule", "id": id, "planningHorizon": period}

    clinic = face(
        horizon("march", start="2026-03-01", end="2026-03-31"), horizon("on", start="2026-03-20"),
        {"resourceType": "Schedule", "id": "bare"},
    )  # fmt: skip
    for sought, found in (
        ("2026-03", ["march"]), ("2026-03-20", []), ("ge2026-04-01", ["on"]), ("gt2026-03-10", ["march", "on"]),
        ("sa2026-03-10", ["on"]), ("eb2026-04-01", ["march"]), ("ne2026-03", ["on"]),
    ):  # fmt: skip
        assert clinic.found(f"Schedule?date={sought}") == found, sought
    assert clinic.found("Schedule?date:missing=true") == ["bare"]


@pytest.mark.parametrize(
    "bad", ["09:00", "2026-13-01", "2026-02-30", "ap2026-03-16", "today", "2026-03-16T25:00Z", ","]
)
def test_times_that_cannot_be_read(face: NewFace, bad: str) -> None:
    assert said(face().get(f"Slot?start={bad}"))[:2] == (400, "invalid")


# Tokens, texts, references


def test_tokens(face: NewFace) -> None:
    def patient(id: str, *names: Resource, **more: Any) -> Resource:
        return {"resourceType": "Patient", "id": id, "identifier": list(names), **more}

    clinic = face(
        patient("one", {"system": "u", "value": "7"}, {"system": "v", "value": "a,b"}, active=True),
        patient("two", {"value": "7"}, active=False), patient("three", {"system": "w", "value": "7|8"}, gender="male"),
    )  # fmt: skip
    for query, found in (
        ("identifier=7", "one two"), ("identifier=u|7", "one"), ("identifier=|7", "two"), ("identifier=u|", "one"),
        ("identifier=v|7", ""), ("identifier=u|7,|7", "one two"), ("identifier=u|7&identifier=v|a\\,b", "one"),
        ("identifier=w|7\\|8", "three"), ("identifier=7\\|8", "three"), ("identifier:not=7", "three"),
        ("active=true", "one three"), ("active=false", "two"), ("active:not=true", "two"),
        ("active:missing=true", "three"),
        ("gender=male", "three"), ("gender=http://hl7.org/fhir/administrative-gender|male", "three"),
        ("gender:missing=false", "three"), ("_id=two,one,none", "one two"), ("_id:not=two", "one three"),
    ):  # fmt: skip
        assert clinic.found(f"Patient?{query}") == sorted(found.split()), query


def test_texts(face: NewFace) -> None:
    def patient(id: str, **name: Any) -> Resource:
        return {"resourceType": "Patient", "id": id, "name": [name]}

    clinic = face(
        patient("m", family="Müller", given=["Ánna", "Bea"]), patient("s", text="Ann Smith"),
        {"resourceType": "Location", "id": "or", "name": "OR-1"},
    )  # fmt: skip
    for query, found in (
        ("name=ann", "m s"), ("name=MULL", "m"), ("name=üller", ""), ("name:contains=ller", "m"), ("name=bea", "m"),
        ("name:exact=Bea", "m"), ("name:exact=bea", ""), ("family=ann", ""), ("given=ANNA", "m"), ("name=x,ann s", "s"),
    ):  # fmt: skip
        assert clinic.found(f"Patient?{quote(query, safe='=:,')}") == sorted(found.split()), query
    assert clinic.found("Location?name=or-") == ["or"]


def test_references(face: NewFace) -> None:
    def visit(id: str, *actors: str) -> Resource:
        return appointment(id, [], participant=[{"actor": {"reference": one}, "status": "accepted"} for one in actors])

    clinic = face(*basic(
        visit("one", "Patient/p", "Practitioner/a"), visit("two", "Patient/q", "Practitioner/p"),
        visit("far", "http://other.test/Patient/p"), visit("versioned", "Patient/p/_history/2"),
        at("s", "09:00"), at("t", "09:00", "b", serviceType=[service_type("checkup")]),
    ))  # fmt: skip
    for query, found in (
        ("Appointment?actor=Patient/p", "one versioned"), ("Appointment?actor=p", "one two versioned"),
        ("Appointment?patient=p", "one versioned"), ("Appointment?practitioner=p", "two"),
        ("Appointment?patient=Practitioner/p", ""), ("Appointment?actor:Practitioner=p", "two"),
        ("Appointment?actor=http://other.test/Patient/p", "far"), (f"Appointment?actor={BASE}/Patient/q", "two"),
        ("Appointment?actor=Patient/p&actor=Practitioner/a", "one"),
        ("Appointment?actor=Patient/p,Patient/q", "one two versioned"),
        ("Schedule?actor=Practitioner/a", "a"), ("Schedule?actor=b", "b"),
        ("Slot?schedule=a", "s"), ("Slot?schedule=Schedule/a", "s"), (f"Slot?schedule={BASE}/Schedule/a", "s"),
        ("Slot?schedule:Schedule=b", "t"), ("Slot?schedule=Practitioner/a", ""),
        ("Slot?service-type-reference=HealthcareService/checkup", "t"),
        ("Schedule?service-type-reference=checkup", "a b"),
    ):  # fmt: skip
        assert clinic.found(query) == sorted(found.split()), query


def test_service_types(face: NewFace) -> None:
    xray = {"coding": [{"system": "u", "code": "xray"}, {"code": "x"}]}
    clinic = face(service("other", type=[xray]), at("s", "09:00", serviceType=[xray]), at("t", "10:00"))
    assert clinic.found("Slot?service-type=u|xray") == clinic.found("Slot?service-type=x") == ["s"]
    assert clinic.found("Slot?service-type=v|xray") == []
    assert clinic.found("HealthcareService?service-type=u|xray") == ["other"]


@pytest.mark.parametrize("kind", PARAMETERS)
def test_every_parameter_of_every_type_is_answered(face: NewFace, kind: str) -> None:
    clinic = face()
    for one in parameters_of(kind).values():
        value = {"date": "ge2026", "reference": "Patient/p"}.get(one.kind, "x")
        answered = resource_of(clinic.get(f"{kind}?{one.name}={value}&_sort=-{one.name}"))
        assert "outcome" not in str(answered), one.name


# Where the indexes lead


def drawn(draw: random.Random) -> list[Resource]:
    """Slots of every kind, readable or not, and Appointments."""
    slots: list[Resource] = []
    for number in range(40):
        start = draw.choice(
            [f"2026-03-{draw.randint(10, 20)}T{draw.randint(0, 23):02}:{draw.choice((0, 30)):02}:00Z", "x"]
        )
        length = draw.choice([0, 0, 1, 30, 2000, -10])
        end = start if start == "x" else _later(start, length)
        status = draw.choice(["free", "busy", "busy-unavailable", "entered-in-error"])
        one = slot(f"s{number}", draw.choice("ab"), start, end, status)
        if draw.random() < 0.3:
            one["identifier"] = [{"system": draw.choice("uv"), "value": draw.choice("12")}]
        slots.append(one)
    slots.append({**at("stray", "09:00"), "schedule": {"reference": "http://other.test/Schedule/a"}})
    visits = [
        appointment(f"v{number}", [], participant=[{"actor": {"reference": draw.choice(["Patient/p", "Patient/q"])}}],
                    identifier=[{"system": draw.choice("uv"), "value": draw.choice("12")}],
                    start=draw.choice([f"2026-03-{draw.randint(10, 20)}T09:00:00+14:00", "x", None]))
        for number in range(20)
    ]  # fmt: skip
    return [*slots, *visits]


def _later(start: str, minutes: int) -> str:
    return (datetime.fromisoformat(start) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def condition(draw: random.Random, kind: str) -> tuple[str, str]:
    times = [f"{draw.choice(['', 'eq', 'ne', 'gt', 'ge', 'lt', 'le', 'sa', 'eb'])}2026-03-{draw.randint(9, 21):02}"
             f"{draw.choice(['', '', f'T{draw.randint(0, 23):02}:00:00Z'])}" for _ in range(2)]  # fmt: skip
    usual = [("identifier", draw.choice(["u|1", "2", "u|1,v|2", "|1", "v|"])), ("_id", "s1,s2,v1,v2")]
    own = {
        "Slot": [("start", times[0]), ("start", ",".join(times)), ("schedule", draw.choice(["a", "Schedule/a,b"])),
                 ("status", "free,entered-in-error"), ("start:missing", "false")],
        "Appointment": [("date", times[0]), ("date", ",".join(times)), ("patient", "p"),
                        ("actor", "Patient/p,Patient/q"), ("actor", "q"),
                        ("status", "booked")],
    }  # fmt: skip
    return draw.choice([*own[kind], *own[kind], *usual])


def test_the_indexes_find_what_looking_at_everything_finds(face: NewFace) -> None:
    draw = random.Random(20260316)
    clinic = face(*basic(*drawn(draw)))
    for number in draw.sample(range(40), 12):  # what is derived follows changes too
        old = clinic.ledger.read(f"Slot/s{number}")
        assert old is not None
        if number % 3:
            clinic.ledger.put({**old, "status": draw.choice(["free", "entered-in-error"]), "identifier": []})
        else:
            clinic.ledger.delete(f"Slot/s{number}")
    for _ in range(400):
        kind = draw.choice(["Slot", "Slot", "Appointment"])
        asked = [condition(draw, kind) for _ in range(draw.randint(1, 3))]
        tests = [criterion(parameters_of(kind)[name.partition(":")[0]], name.partition(":")[2], value, BASE)
                 for name, value in asked]  # fmt: skip
        everything = list(clinic.ledger.resources(kind))
        wanted = [one["id"] for one in everything if all(test.fits(one) for test in tests)]
        query = "&".join(f"{name}={quote(value)}" for name, value in asked)
        assert clinic.found(f"{kind}?{query}&_count={draw.randint(1, 9)}") == sorted(wanted), query


# Order and pages


def test_order(face: NewFace) -> None:
    clinic = face(*basic(
        at("a", "10:00"), at("b", "09:00", status="busy"), at("c", "09:00"), slot("d", "a", "x", "x", "busy"),
    ))  # fmt: skip
    for order, found in (
        ("start", "b c a d"), ("-start", "a b c d"), ("-_id", "d c b a"), ("", "a b c d"),
        ("status,-_id", "d b c a"), ("status,-start", "b d a c"),
    ):  # fmt: skip
        for count in (1, 2, 10):
            assert clinic.found(f"Slot?schedule=a&_sort={order}&_count={count}") == found.split(), (order, count)
    assert clinic.found("Slot?_sort=status,-start") == ["b", "d", "a", "c"]


def test_pages_stay_what_they_are_while_others_write(face: NewFace) -> None:
    clinic = face(*basic(*(at(f"s{number}", f"1{number}:00") for number in range(6))))
    for url in ("Slot?_count=2", "Slot?schedule=a&_sort=start&_count=2", "Slot?start=2026-03-16&_sort=start&_count=2"):
        page = resource_of(clinic.get(url))
        assert [one["resource"]["id"] for one in page["entry"]] == ["s0", "s1"]
        for change in ("s1", "s2"):
            clinic.delete(f"Slot/{change}")
        clinic.put(at("s00", "10:30"))
        following = link(page, "next")
        assert following is not None and following.startswith(f"{BASE}/Slot?")
        assert clinic.found(following) == ["s3", "s4", "s5"], url
        for change in ("s1", "s2"):
            clinic.put(at(change, f"1{change[1]}:00"))
        clinic.delete("Slot/s00")


def test_what_a_bundle_says(face: NewFace) -> None:
    clinic = face(*basic(*(at(f"s{number}", "09:00") for number in range(3))))
    bundle = resource_of(clinic.get("Slot?start=ge2026&_count=2"))
    assert {name: bundle[name] for name in ("resourceType", "type")} == {"resourceType": "Bundle", "type": "searchset"}
    assert link(bundle, "self") == f"{BASE}/Slot?start=ge2026&_count=2"
    assert bundle["entry"][0] == {
        "fullUrl": f"{BASE}/Slot/s0",
        "resource": clinic.ledger.read("Slot/s0"),
        "search": {"mode": "match"},
    }
    assert "total" not in bundle
    assert resource_of(clinic.get("Slot?start=ge2026&_count=2&_total=accurate"))["total"] == 3
    assert resource_of(clinic.get("Slot?start=ge2026&_count=3"))["total"] == 3
    assert resource_of(clinic.get("Slot?schedule=a&_count=1"))["total"] == 3
    for query in ("_summary=count", "_count=0", "status=free&_summary=count"):
        counted = resource_of(clinic.get(f"Slot?{query}"))
        assert (counted["total"], "entry" in counted, link(counted, "next")) == (3, False, None)
    empty = resource_of(clinic.get("Slot?status=busy"))
    assert (empty["total"], "entry" in empty) == (0, False)
    assert resource_of(clinic.ask("POST", "Slot/_search?status=free"))["total"] == 3


def test_a_page_holds_at_most_a_thousand(face: NewFace) -> None:
    clinic = face(*({"resourceType": "Patient", "id": f"p{number:04}"} for number in range(1001)))
    page = resource_of(clinic.get("Patient?_count=5000"))
    assert len(page["entry"]) == 1000
    assert len(resource_of(clinic.get("Patient"))["entry"]) == 20
    assert len(clinic.found("Patient?_count=999")) == 1001


def test_a_search_looks_at_so_many_resources_and_goes_on_at_the_next_page(
    face: NewFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "PAGE_LOOK_MOST", 4)
    monkeypatch.setattr(search, "LOOK_MOST", 9)
    clinic = face(
        *(at(f"s{number}", "09:00", comment="x", status="free" if number < 8 else "busy") for number in range(9))
    )
    first = resource_of(clinic.get("Slot?start=ge2026&status:not=free"))
    assert "entry" not in first and link(first, "next") is not None
    assert clinic.found("Slot?start=ge2026&status:not=free") == ["s8"]
    assert len(clinic.found("Slot?start=ge2026&_sort=-start")) == 9
    clinic.put(at("s9", "09:00"))
    for query in ("_sort=-start", "status:not=busy&_summary=count", "start=ge2026&_total=accurate"):
        refused = said(clinic.get(f"Slot?{query}"))
        assert refused[:2] == (400, "too-costly"), query
        assert refused.text.startswith("This means to look at more than 9 resources of type Slot; name an identifier")
    assert said(clinic.post(at("s", "10:00"), if_none_exist="specialty=x"))[:2] == (400, "too-costly")
    assert len(clinic.found("Slot?schedule=a&_sort=start&start=2026-03-16&_id=s1,s2")) == 2


def test_a_status_that_few_have_is_found_by_claims(face: NewFace, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = face(*(at(f"s{number}", "09:00", status="free" if number % 3 else "busy") for number in range(9)),
                  at("sic", "09:00", status="entered-in-error"))  # fmt: skip
    system = "http://hl7.org/fhir/slotstatus"
    for few in (5_000, 1):
        monkeypatch.setattr(candidates, "_FEW", few)
        assert clinic.found("Slot?status=busy") == clinic.found(f"Slot?status={system}|busy") == ["s0", "s3", "s6"]
        assert clinic.found("Slot?status=busy,entered-in-error") == ["s0", "s3", "s6", "sic"]


def test_what_is_not_known_is_named_or_refused(face: NewFace) -> None:
    clinic = face()
    bundle = resource_of(clinic.get("Schedule?shoe=44&_sort=shoe&_include=x&_format=json&_id=a"))
    assert link(bundle, "self") == f"{BASE}/Schedule?_sort=shoe&_id=a"
    match, outcome = bundle["entry"]
    assert match["search"] == {"mode": "match"} and outcome["search"] == {"mode": "outcome"}
    assert [one["details"]["text"].split("'")[1] for one in outcome["resource"]["issue"]] == [
        "shoe", "_sort=shoe", "_include"]  # fmt: skip
    assert {(one["severity"], one["code"]) for one in outcome["resource"]["issue"]} == {("warning", "not-supported")}
    refused = said(clinic.get("Schedule?shoe=44&_id=a", prefer="handling=strict"))
    assert refused[:2] == (400, "invalid") and refused.text.startswith("Unknown search parameter: shoe. Known")
    assert clinic.get("Schedule?_id=a", prefer="handling=strict").status == 200


@pytest.mark.parametrize(
    "query, text",
    [
        ("status:above=free", "Modifier 'above' of search parameter 'status' is not supported"),
        ("start:exact=2026", "Modifier 'exact' of search parameter 'start' is not supported"),
        ("status:missing=maybe", "Invalid value 'maybe' for search parameter 'status:missing', expected true or false"),
        ("_count=-1", "Invalid _count '-1', expected a number"),
        ("_cursor=zzz", "Invalid _cursor 'zzz': take the link to the next page as it was given"),
        ("_cursor=WyJzMSJd&_sort=start",
         "Invalid _cursor 'WyJzMSJd': take the link to the next page as it was given"),
    ],
)  # fmt: skip
def test_searches_that_are_refused(face: NewFace, query: str, text: str) -> None:
    assert said(face().get(f"Slot?{query}")) == Said(400, "invalid", text)


def test_a_type_that_nobody_has_stored(face: NewFace) -> None:
    assert said(face().get("Encounter")) == Said(404, "not-supported", "Resource type 'Encounter' is not supported")
