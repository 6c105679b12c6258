"""Bundles into resources: every type of Bundle, ids, `urn:uuid` references and `ifNoneExist`."""

from __future__ import annotations

import uuid
from itertools import permutations
from typing import Any

import pytest
from slotwright.io import Calendar, LoadError, invoke, open_calendar
from support import Resource, practitioner, schedule, service, slot, times

UUID = "caae036f-8872-4d5c-ac2b-bbb37df5f08e"
OTHER = "fe101ba5-44f9-45e9-803c-201605a5dde3"
URN = f"urn:uuid:{UUID}"
OTHER_URN = f"urn:uuid:{OTHER}"


def entry(resource: Any, full_url: Any = None, method: str = "POST", if_none_exist: Any = None) -> Resource:
    request = {"method": method, "url": "Practitioner"}
    if if_none_exist is not None:
        request["ifNoneExist"] = if_none_exist
    made: Resource = {"resource": resource, "request": request}
    return made if full_url is None else {"fullUrl": full_url, **made}


def bundle(*entries: Any, kind: str = "transaction") -> Resource:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def named(system: str, value: str, **elements: Any) -> Resource:
    """A Practitioner with an identifier."""
    return {"resourceType": "Practitioner", "identifier": [{"system": system, "value": value}], **elements}


def ids(calendar: Calendar, kind: str = "Practitioner") -> list[str]:
    return [one["id"] for one in calendar.resources(kind)]


def actors(calendar: Calendar) -> list[str]:
    """Whom the schedules refer to."""
    return [one["actor"][0]["reference"] for one in calendar.resources("Schedule")]


def about(calendar: Calendar, name: str) -> list[str]:
    """The warnings that name this reference."""
    return [text for text in calendar.warnings if name in text]


def refused(*sources: Resource) -> str:
    """The one sentence with which the sources are refused."""
    with pytest.raises(LoadError) as caught:
        open_calendar(sources)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text
    return text


# Bundles of any type


@pytest.mark.parametrize(
    "kind",
    [
        "document", "message", "transaction", "transaction-response", "batch", "batch-response", "history",
        "searchset", "collection", "something new",
    ],
)  # fmt: skip
def test_bundles_of_any_type_are_loaded(kind: str) -> None:
    assert ids(open_calendar([bundle({"resource": practitioner("a")}, kind=kind)])) == ["a"]


@pytest.mark.parametrize("lacks", ["type", "entry"])
def test_a_bundle_may_lack_type_and_entries(lacks: str) -> None:
    whole = bundle({"resource": practitioner("a")})
    del whole[lacks]
    assert ids(open_calendar([whole])) == ([] if lacks == "entry" else ["a"])


def test_a_bundle_is_no_resource_of_the_calendar() -> None:
    assert ids(open_calendar([{**bundle(), "id": "b"}]), "Bundle") == []


def test_entries_without_a_resource_add_nothing() -> None:
    entries: list[Resource] = [
        {"request": {"method": "DELETE", "url": "Practitioner/x"}},
        {"response": {"status": "201 Created", "location": "Practitioner/y"}},
        {},
    ]
    assert ids(open_calendar([bundle(*entries, {"resource": practitioner("a")})])) == ["a"]


def test_bundles_inside_bundles_are_unpacked() -> None:
    inner = bundle(entry({"resourceType": "Practitioner"}, URN), entry(schedule("s", actor=URN)))
    calendar = open_calendar([bundle({"resource": bundle({"resource": inner})}, kind="collection")])
    assert ids(calendar) == [UUID] and actors(calendar) == [f"Practitioner/{UUID}"]


@pytest.mark.parametrize(
    "entries",
    [[5], ["Practitioner/a"], [None], [[]], [{"resource": 5}], [{"resource": []}], [{"resource": "a"}]],
)
def test_an_entry_that_is_no_object_names_its_place(entries: list[Any]) -> None:
    assert "resource 0, entry 1" in refused(bundle({"resource": practitioner("a")}, *entries))


@pytest.mark.parametrize("entries", ["x", 5, True, {"resource": practitioner("a")}, {}, 0, False, ""])
def test_the_entries_of_a_bundle_are_a_list(entries: Any) -> None:
    assert "entry must be a list" in refused({"resourceType": "Bundle", "type": "collection", "entry": entries})


@pytest.mark.parametrize("request_", [[], ["POST"], "POST", 5, True])
def test_a_resource_is_never_dropped_for_its_request(request_: Any) -> None:
    """Loaded or refused, whatever stands under `request`: a busy Slot that vanishes would be a wrong offer."""
    try:
        calendar = open_calendar([bundle({"resource": practitioner("a"), "request": request_})])
    except LoadError:
        return
    assert ids(calendar) == ["a"]


def test_a_resource_in_a_bundle_that_is_not_fhir_names_its_place() -> None:
    text = refused(bundle({"resource": practitioner("a")}, {"resource": {"id": "x"}}))
    assert "entry 1" in text and "resourceType" in text


# Ids


def test_a_created_entry_gets_its_uuid_as_id() -> None:
    assert ids(open_calendar([bundle(entry({"resourceType": "Practitioner"}, URN))])) == [UUID]


def test_a_server_ignores_the_id_of_what_is_created() -> None:
    assert ids(open_calendar([bundle(entry(practitioner("x"), URN))])) == [UUID]


@pytest.mark.parametrize("method", ["PUT", ""])
def test_what_is_not_created_keeps_its_id(method: str) -> None:
    calendar = open_calendar([bundle(entry(practitioner("x"), URN, method), entry(schedule("s", actor=URN)))])
    assert ids(calendar) == ["x"] and actors(calendar) == ["Practitioner/x"]


def test_entries_with_a_urn_and_no_request_are_linked_too() -> None:
    nameless = {"fullUrl": URN, "resource": {"resourceType": "Practitioner"}}
    calendar = open_calendar([bundle(nameless, {"resource": schedule("s", actor=URN)}, kind="collection")])
    assert ids(calendar) == [UUID] and actors(calendar) == [f"Practitioner/{UUID}"]


@pytest.mark.parametrize("full_url", ["http://example.org/fhir/Practitioner/77", "https://example.org/Practitioner/77"])
def test_the_url_of_an_entry_names_what_has_no_id(full_url: str) -> None:
    given = {"fullUrl": full_url, "resource": {"resourceType": "Practitioner"}}
    assert ids(open_calendar([bundle(given, kind="searchset")])) == ["77"]


@pytest.mark.parametrize("full_url", [None, "urn:oid:1.2.3", "http://example.org/", "http://example.org/Patient/7"])
def test_an_id_that_nothing_names_is_derived_from_the_content(full_url: str | None) -> None:
    given = bundle(entry({"resourceType": "Practitioner"}, full_url))
    (first,), (second,) = ids(open_calendar([given])), ids(open_calendar([given]))
    assert first == second and uuid.UUID(first)


@pytest.mark.parametrize("name", ["", "a/b", "a b", "a,b", "x" * 65, "a?b", "é\n"])
def test_a_urn_that_is_no_uuid_gives_no_broken_id(name: str) -> None:
    assert "entry 0" in refused(bundle(entry({"resourceType": "Practitioner"}, f"urn:uuid:{name}")))


# References


def test_references_to_entries_are_resolved_at_any_depth() -> None:
    deep = schedule("s", actor=URN)
    deep["extension"] = [{"url": "x", "extension": [{"url": "y", "valueReference": {"reference": OTHER_URN}}]}]
    deep["vendor"] = {"list": [[{"reference": URN, "display": "kept"}]]}
    calendar = open_calendar(
        [
            bundle(
                entry(deep),
                entry({"resourceType": "Practitioner"}, URN),
                entry({"resourceType": "HealthcareService"}, OTHER_URN),
            )
        ]
    )
    loaded = calendar.read("Schedule/s")
    assert loaded is not None
    assert loaded["actor"] == [{"reference": f"Practitioner/{UUID}"}]
    assert loaded["extension"][0]["extension"][0]["valueReference"] == {"reference": f"HealthcareService/{OTHER}"}
    assert loaded["vendor"] == {"list": [[{"reference": f"Practitioner/{UUID}", "display": "kept"}]]}


def test_each_bundle_has_its_own_entries() -> None:
    """The same uuid in two Bundles need not be the same resource."""
    first = bundle(entry(practitioner("x"), URN, "PUT"), entry(schedule("s", actor=URN)))
    second = bundle(entry(practitioner("y"), URN, "PUT"), entry(schedule("t", actor=URN)))
    assert actors(open_calendar([first, second])) == ["Practitioner/x", "Practitioner/y"]


@pytest.mark.parametrize(
    "sources",
    [
        [bundle(entry(schedule("s", actor=URN)))],
        [bundle(entry(schedule("s", actor=URN)), entry({"resourceType": "Practitioner"}, OTHER_URN))],
        [bundle(entry({"resourceType": "Practitioner"}, URN)), bundle(entry(schedule("s", actor=URN)))],
        [schedule("s", actor=URN)],
        [{"resourceType": "Slot", "id": "x", "status": "busy", "schedule": {"reference": URN}}],
    ],
    ids=["alone", "other entry", "other bundle", "resource", "slot"],
)
def test_a_dangling_urn_is_an_error_that_names_it(sources: list[Resource]) -> None:
    text = refused(*sources)
    assert URN in text and f"resource {len(sources) - 1}" in text


def test_other_urns_are_resolved_too() -> None:
    given = bundle(entry({"resourceType": "Practitioner", "id": "x"}, "urn:oid:1.2.3", "PUT"))
    given["entry"].append(entry(schedule("s", actor="urn:oid:1.2.3")))
    assert actors(open_calendar([given])) == ["Practitioner/x"]


@pytest.mark.parametrize("reference", ["urn:oid:1.2.4", URN.replace("urn:uuid", "URN:UUID")])
def test_a_dangling_urn_of_another_kind_is_named_at_least(reference: str) -> None:
    """It cannot lead anywhere: urns are known inside their Bundle only."""
    try:
        calendar = open_calendar([bundle(entry(schedule("s", actor=reference)))])
    except LoadError as error:
        said = [str(error)]
    else:
        said = about(calendar, reference)
    assert [text for text in said if reference in text]


def test_a_uuid_is_the_same_in_capital_letters() -> None:
    """RFC 9562, 4: letters are written small and read in either case."""
    given = bundle(entry({"resourceType": "Practitioner"}, URN), entry(schedule("s", actor=f"urn:uuid:{UUID.upper()}")))
    assert actors(open_calendar([given])) == [f"Practitioner/{UUID}"]


def at_server(kind: str, id: str) -> str:
    return f"http://example.org/fhir/{kind}/{id}"


@pytest.mark.parametrize("extra", [[], [entry({"resourceType": "Location"}, OTHER_URN)]], ids=["plain", "with a urn"])
def test_an_absolute_reference_to_an_entry_leads_there(extra: list[Resource]) -> None:
    """FHIR R4, bundle 2.36.4.1. A busy Slot that loses its Schedule would be a wrong offer."""
    busy = slot("x", "a", "2026-03-16T09:00:00Z", "2026-03-16T09:30:00Z")
    busy["schedule"] = {"reference": at_server("Schedule", "a")}
    resources = [service(), practitioner("a"), schedule("a"), busy]
    entries = [{"fullUrl": at_server(one["resourceType"], one["id"]), "resource": one} for one in resources]
    calendar = open_calendar([bundle(*entries, *extra, kind="searchset")])
    query = {
        "start": "2026-03-16T09:00:00Z",
        "end": "2026-03-16T10:00:00Z",
        "schedule": "Schedule/a",
        "service-type-reference": "HealthcareService/checkup",
    }
    assert times(invoke(calendar, "Appointment/$find", query=query)) == ["09:30"]


# ifNoneExist


@pytest.mark.parametrize(
    ("if_none_exist", "found"),
    [
        ("identifier=http://example.org|dr-a", True),
        ("identifier=http%3A%2F%2Fexample.org%7Cdr-a", True),
        ("Practitioner?identifier=http://example.org|dr-a", True),
        ("?identifier=http://example.org|dr-a", True),
        ("identifier=dr-a", True),
        ("_id=x", True),
        ("_id=x&identifier=dr-a", True),
        ("identifier=|dr-a", False),
        ("identifier=http://example.org|dr-b", False),
        ("identifier=http://example.com|dr-a", False),
        ("_id=y", False),
        ("_id=x&identifier=dr-b", False),
    ],
)
def test_a_conditional_create_finds_what_is_there(if_none_exist: str, found: bool) -> None:
    there = named("http://example.org", "dr-a", id="x")
    conditional = bundle(
        entry({"resourceType": "Practitioner"}, URN, if_none_exist=if_none_exist), entry(schedule("s", actor=URN))
    )
    calendar = open_calendar([there, conditional])
    assert ids(calendar) == (["x"] if found else ["x", UUID])
    assert actors(calendar) == ["Practitioner/x" if found else f"Practitioner/{UUID}"]


def test_an_identifier_without_a_system_is_found_by_a_bar() -> None:
    there = {"resourceType": "Practitioner", "id": "x", "identifier": [{"value": "dr-a"}]}
    assert ids(open_calendar([there, bundle(entry(named("", "dr-a"), URN, if_none_exist="identifier=|dr-a"))])) == ["x"]


def test_a_resource_of_another_type_is_no_match() -> None:
    there = {"resourceType": "Location", "id": "x", "identifier": [{"value": "dr-a"}]}
    given = bundle(entry({"resourceType": "Practitioner"}, URN, if_none_exist="identifier=dr-a"))
    assert ids(open_calendar([there, given])) == [UUID]


def test_the_order_of_sources_does_not_decide_what_a_conditional_create_finds() -> None:
    there = named("s", "v", id="x")
    in_bundle = bundle({"resource": named("s", "w", id="y")}, kind="collection")
    conditional = bundle(entry(named("s", "v"), URN, if_none_exist="identifier=s|v"), entry(schedule("s", actor=URN)))
    for sources in permutations([there, in_bundle, conditional]):
        calendar = open_calendar(sources)
        assert sorted(ids(calendar)) == ["x", "y"] and actors(calendar) == ["Practitioner/x"]


def test_two_conditional_creates_are_one_resource() -> None:
    """The same seed, loaded under two uuids: what the first creates, the second finds."""
    seeds = [
        bundle(entry(named("s", "v"), urn, if_none_exist="identifier=s|v"), entry(schedule(id, actor=urn)))
        for id, urn in (("s", URN), ("t", OTHER_URN))
    ]
    calendar = open_calendar(seeds)
    assert ids(calendar) == [UUID] and actors(calendar) == [f"Practitioner/{UUID}"] * 2


def test_two_conditional_creates_in_one_bundle_are_one_resource() -> None:
    twice = [entry(named("s", "v"), urn, if_none_exist="identifier=s|v") for urn in (URN, OTHER_URN)]
    calendar = open_calendar([bundle(*twice, entry(schedule("s", actor=OTHER_URN)))])
    assert ids(calendar) == [UUID] and actors(calendar) == [f"Practitioner/{UUID}"]


def test_several_matches_are_an_error_that_names_them() -> None:
    given = bundle(entry(named("s", "v"), URN, if_none_exist="identifier=s|v"))
    text = refused(named("s", "v", id="x"), named("s", "v", id="y"), given)
    assert "Practitioner/x" in text and "Practitioner/y" in text and "resource 2, entry 0" in text


@pytest.mark.parametrize("if_none_exist", ["name=Martinez", "identifier=s|v&active=true", "?", "x", "identifier=", 5])
def test_other_conditions_are_refused_with_what_can_be_used(if_none_exist: Any) -> None:
    text = refused(bundle(entry(named("s", "v"), URN, if_none_exist=if_none_exist)))
    assert "entry 0" in text and "identifier" in text and "_id" in text


@pytest.mark.parametrize("identifier", ["dr-a", ["dr-a"], [None], [5], 5, {"value": ["dr-a"]}, [{"value": {}}], True])
def test_odd_identifiers_match_nothing(identifier: Any) -> None:
    there = {"resourceType": "Practitioner", "id": "x", "identifier": identifier}
    try:
        calendar = open_calendar([there, bundle(entry(named("s", "v"), URN, if_none_exist="identifier=s|v"))])
    except LoadError as error:
        said = str(error)
    else:
        said = " ".join(ids(calendar))
    assert said == f"x {UUID}" or "Practitioner/x" in said


def test_thousands_of_conditional_creates_are_settled() -> None:
    entries = [
        entry(named("s", str(number)), f"urn:uuid:{uuid.UUID(int=number)}", if_none_exist=f"identifier=s|{number}")
        for number in range(3_000)
    ]
    assert len(ids(open_calendar([bundle(*entries)]))) == 3_000
