"""`pymedplum` and `fhirpy` as they are published, waiting and beside an event loop, against a server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import server_support
from clients_support import CuttingProxy, Server, serving
from fhirpy import AsyncFHIRClient, SyncFHIRClient
from fhirpy.base.exceptions import AuthorizationError as UnknownToken
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound
from pymedplum import AsyncMedplumClient, MedplumClient
from pymedplum.exceptions import AuthorizationError, BadRequestError, NotFoundError
from support import Resource

WINDOW = {
    "start": "2026-03-16T09:00:00Z",
    "end": "2026-03-16T11:00:00Z",
    "service-type-reference": "HealthcareService/checkup",
    "schedule": "Schedule/a",
}
MOVED: Resource = {
    "resourceType": "Parameters",
    "parameter": [
        {"name": "start", "valueDateTime": "2026-03-16T10:30:00Z"},
        {"name": "schedule", "valueReference": {"reference": "Schedule/b"}},
    ],
}
IDENTIFIER = [{"system": "http://example.org/bookings", "value": "17"}]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, "--allowed-host", "127.0.0.1") as one:
        yield one


def resources(bundle: Any) -> list[Resource]:
    return [entry["resource"] for entry in bundle.get("entry", [])]


def starts(offers: list[Resource]) -> list[str]:
    return [one["start"][11:16] for one in offers]


# pymedplum


def medplum(url: str) -> MedplumClient:
    return MedplumClient(base_url=f"{url}/", access_token="nobody asks for it", allow_insecure_http=True)


def test_pymedplum_from_the_question_to_the_cancelled_visit(server: Server) -> None:
    with medplum(server.url) as client:
        offers = resources(client.execute_operation("Appointment", "find", params=WINDOW, method="GET"))
        assert starts(offers) == ["09:00", "09:30", "10:00", "10:30"]
        parameters: Resource = {
            "resourceType": "Parameters",
            "parameter": [{"name": "appointment", "resource": offers[0]}],
        }
        [held, slot] = resources(client.execute_operation("Appointment", "hold", params=parameters))
        assert (held["status"], slot["status"]) == ("pending", "busy-tentative")
        # Its message never has the server's text, which may be about a patient; the outcome is kept.
        with pytest.raises(BadRequestError) as refused:
            client.execute_operation("Appointment", "book", params=parameters)
        outcome: Any = refused.value.response_data
        assert outcome["issue"][0]["details"] == {"text": "Requested time slot is not available"}
        [confirmed, _] = resources(client.execute_operation("Appointment", "confirm", held["id"]))
        assert confirmed["status"] == "booked"
        [moved, slot] = resources(client.execute_operation("Appointment", "reschedule", held["id"], MOVED))
        assert (moved["start"], slot["schedule"]) == ("2026-03-16T10:30:00.000Z", {"reference": "Schedule/b"})
        assert client.execute_operation("Appointment", "cancel", held["id"], {})["status"] == "cancelled"
        assert starts(resources(client.execute_operation("Appointment", "find", params=WINDOW, method="GET"))) == [
            "09:00", "09:30", "10:00", "10:30",
        ]  # fmt: skip


def test_pymedplum_writes_reads_and_searches(server: Server) -> None:
    with medplum(server.url) as client:
        made = client.create_resource({"resourceType": "Patient", "identifier": IDENTIFIER, "active": True})
        again = client.create_resource_if_none_exist(
            {"resourceType": "Patient", "identifier": IDENTIFIER}, "identifier=http://example.org/bookings|17"
        )
        assert again == made
        changed = client.update_resource({**made, "active": False})
        assert client.read_resource("Patient", made["id"]) == changed
        found = client.search_one("Patient", {"active": "false"})
        assert found == changed
        pages = list(client.search_resource_pages("Schedule", {"_count": "1"}))
        assert [one["id"] for one in pages] == ["a", "b"]
        client.delete_resource("Patient", made["id"])
        with pytest.raises(NotFoundError):
            client.read_resource("Patient", "nobody")


def test_pymedplum_beside_an_event_loop(server: Server) -> None:
    async def story() -> list[str]:
        async with AsyncMedplumClient(
            base_url=f"{server.url}/", access_token="nobody asks for it", allow_insecure_http=True
        ) as client:
            offers = resources(await client.execute_operation("Appointment", "find", params=WINDOW, method="GET"))
            booked = await asyncio.gather(
                *(client.execute_operation("Appointment", "book", params=one) for one in offers)
            )
            return [resources(one)[0]["status"] for one in booked]

    assert asyncio.run(story()) == ["booked"] * 4
    assert server.count("Slot") == 4


def test_pymedplum_and_fhirpy_with_credentials(tmp_path: Path) -> None:
    secret = "the secret of the front desk"
    tokens = server_support.token_file(tmp_path / "tokens.toml", ("front desk", "booker", secret))
    with serving(tmp_path, "--token-file", tokens) as server:
        with MedplumClient(
            base_url=f"{server.url}/", client_id="front desk", client_secret=secret, allow_insecure_http=True
        ) as client:
            [offer, *_] = resources(client.execute_operation("Appointment", "find", params=WINDOW, method="GET"))
            assert resources(client.execute_operation("Appointment", "book", params=offer))[0]["status"] == "booked"
            with pytest.raises(AuthorizationError):
                client.create_resource({"resourceType": "Organization"})
        fhir: Any = SyncFHIRClient(server.base, authorization=f"Bearer {secret}")
        assert fhir.resources("Slot").count() == 1
        with pytest.raises(UnknownToken):
            SyncFHIRClient(server.base, authorization="Bearer another").get("Schedule", "a")  # type: ignore[reportUnknownMemberType]


# fhirpy


def test_fhirpy_from_the_question_to_the_cancelled_visit(server: Server) -> None:
    client: Any = SyncFHIRClient(server.base)
    offers = resources(client.execute("Appointment/$find", "get", params=WINDOW))
    assert starts(offers) == ["09:00", "09:30", "10:00", "10:30"]
    [booked, _] = resources(client.execute("Appointment/$book", data=offers[0]))
    stored = client.reference("Appointment", booked["id"]).to_resource()
    assert (stored["status"], stored.get_by_path(["slot", 0, "reference"])) == (
        "booked",
        booked["slot"][0]["reference"],
    )
    [held, _] = resources(client.execute("Appointment/$hold", data=offers[1]))
    [confirmed, _] = resources(client.execute(f"Appointment/{held['id']}/$confirm"))
    assert confirmed["status"] == "booked"
    [moved, _] = resources(stored.execute("$reschedule", data=MOVED))
    assert moved["start"] == "2026-03-16T10:30:00.000Z"
    assert stored.execute("$cancel")["status"] == "cancelled"


def test_fhirpy_shows_refusals(server: Server) -> None:
    client: Any = SyncFHIRClient(server.base)
    [offer, *_] = resources(client.execute("Appointment/$find", "get", params=WINDOW))
    client.execute("Appointment/$book", data=offer)
    with pytest.raises(OperationOutcome, match="Requested time slot is not available"):
        client.execute("Appointment/$book", data=offer)
    with pytest.raises(OperationOutcome, match=r"use Appointment/\$find"):
        client.execute("Schedule/a/$find", "get", params=WINDOW)
    with pytest.raises(ResourceNotFound):
        client.get("Patient", "nobody")


def test_fhirpy_saves_searches_and_deletes(server: Server) -> None:
    client: Any = SyncFHIRClient(server.base)
    patient = client.resource("Patient", name=[{"family": "Weber"}], identifier=IDENTIFIER)
    patient.save()
    assert patient["id"] and patient["meta"]["versionId"] == "1"
    patient["active"] = True
    patient.save()
    assert patient["meta"]["versionId"] == "2"
    assert [one["id"] for one in client.resources("Patient").search(name="web", active="true")] == [patient["id"]]
    once = client.resources("Patient").search(identifier="http://example.org/bookings|17")
    found, is_new = once.get_or_create(client.resource("Patient", identifier=IDENTIFIER))
    assert (found["id"], is_new) == (patient["id"], False)
    assert client.resources("Schedule").limit(1).count() == 2
    assert [one["id"] for one in client.resources("Schedule").limit(1).fetch_all()] == ["a", "b"]
    patient.delete()
    assert client.resources("Patient").first() is None


def test_fhirpy_beside_an_event_loop(server: Server) -> None:
    async def story() -> list[str]:
        client: Any = AsyncFHIRClient(server.base)
        offers = resources(await client.execute("Appointment/$find", "get", params=WINDOW))
        booked = await asyncio.gather(*(client.execute("Appointment/$book", data=one) for one in offers))
        schedules = await client.resources("Schedule").fetch_all()
        return [*(resources(one)[0]["status"] for one in booked), *(one["id"] for one in schedules)]

    assert asyncio.run(story()) == ["booked", "booked", "booked", "booked", "a", "b"]


# A connection that is cut after the commit: these clients leave the repeating to whoever uses them.


@pytest.mark.parametrize("name", ["pymedplum", "fhirpy"])
def test_a_booking_repeated_after_a_cut_connection_is_the_same(server: Server, name: str) -> None:
    with CuttingProxy(server.port, "$book") as proxy:
        python = medplum(proxy.url)
        fhir: Any = SyncFHIRClient(f"{proxy.url}/fhir/R4")
        [offer, *_] = resources(fhir.execute("Appointment/$find", "get", params=WINDOW))
        wanted = {**offer, "identifier": IDENTIFIER}

        def book() -> Any:
            if name == "pymedplum":
                return python.execute_operation("Appointment", "book", params=wanted)
            return fhir.execute("Appointment/$book", data=wanted)

        with pytest.raises(Exception, match=r"(?i)aborted|RemoteProtocolError"):
            book()
        [booked, _] = resources(book())
        python.close()
    assert proxy.asked == 2
    assert server.get(f"Appointment/{booked['id']}")["identifier"] == IDENTIFIER
    assert (server.count("Appointment"), server.count("Slot")) == (1, 1)
