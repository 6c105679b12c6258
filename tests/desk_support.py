"""A small practice in a ledger, and short ways to ask the command line about it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from slotwright.cli.main import run
from support import Resource, hours, parameters, practitioner, schedule, service, slot

NEW_YORK = "America/New_York"
NOW = "2026-03-09T12:00:00Z"
"""Monday, 08:00 in New York."""
MORNINGS = parameters(availability=[hours("mon tue wed thu fri sat sun", "09:00:00", "12:00:00")])


class Said(NamedTuple):
    """The exit code, and what was printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def ids(self) -> list[str]:
        """The Appointments named below a headline."""
        return [line.split()[1] for line in self.out.splitlines() if line.startswith("  Appointment ")]


Ask = Callable[..., Said]


class Terminal(io.TextIOWrapper):
    """Standard input that somebody types into."""

    def isatty(self) -> bool:
        return True


def asker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs `slotwright` in an empty folder, at NOW, as user tester, with the ledger practice.ledger."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("CALENDAR", "TIMEZONE", "ENGINE", "DEBUG", "WHO", "LOCK_TIMEOUT"):
        monkeypatch.delenv(f"SLOTWRIGHT_{name}", raising=False)
    monkeypatch.setenv("SLOTWRIGHT_NOW", NOW)
    monkeypatch.setenv("SLOTWRIGHT_LEDGER", "practice.ledger")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("LOGNAME", "tester")

    def ask(*arguments: str, stdin: str | bytes = b"", terminal: bool = False) -> Said:
        capsys.readouterr()
        content = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", (Terminal if terminal else io.TextIOWrapper)(io.BytesIO(content)))
        code = run([str(one) for one in arguments])
        printed = capsys.readouterr()
        assert "Internal" not in printed.err and "Traceback" not in printed.err
        return Said(code, printed.out, printed.err)

    return ask


def called(id: str, display: str, *params: Resource, kind: str = "Practitioner", **elements: Any) -> Resource:
    """A Schedule whose actor is shown as `display`."""
    found = schedule(id, *params, **elements)
    return found | {"actor": [{"reference": f"{kind}/{id}", "display": display}]}


def patient(id: str, name: str) -> Resource:
    return {"resourceType": "Patient", "id": id, "name": [{"text": name}]}


def practice() -> list[Resource]:
    """Dr. Ames and Dr. Bell in the mornings of New York, two rooms; Check-up of half an hour on half hours."""
    return [
        service(name="Check-up"),
        service("talk", name="Talk", params=parameters(duration=30, alignmentInterval=30, holdDuration=20)),
        *(practitioner(one, NEW_YORK) for one in ("ames", "bell")),
        *(practitioner(one, NEW_YORK, kind="Location") for one in ("room-1", "room-2")),
        called("ames", "Dr. Ames", MORNINGS, services=("checkup", "talk")),
        called("bell", "Dr. Bell", MORNINGS),
        called("room-1", "Room 1", kind="Location"),
        called("room-2", "Room 2", kind="Location"),
        patient("ann", "Ann Lee"),
        patient("bo", "Bo Park"),
        patient("sam-1", "Sam Roe"),
        patient("sam-2", "Sam Roe"),
        # 10:00 to 10:30 in New York.
        slot("paint", "room-1", "2026-03-10T14:00:00Z", "2026-03-10T14:30:00Z", "busy-unavailable", comment="painting"),
    ]


def save(resources: list[Resource], name: str = "practice.ndjson") -> str:
    Path(name).write_text("".join(f"{json.dumps(one)}\n" for one in resources), encoding="utf-8")
    return name


def set_up(ask: Ask, *more: Resource, ledger: str = "practice.ledger", identity: str = "practice") -> None:
    """The practice in a new ledger."""
    assert ask("ledger", "init", "--ledger", ledger, "--identity", identity).code == 0
    said = ask("ledger", "load", "--ledger", ledger, save([*practice(), *more]))
    assert (said.code, said.err) == (0, "")


AMES = ("--service", "checkup", "--schedule", "ames")


def book(ask: Ask, start: str, *options: str, schedules: tuple[str, ...] = ("ames",)) -> str:
    """Books a check-up; returns the id of the Appointment."""
    pools = (argument for one in schedules for argument in ("--schedule", one))
    said = ask("book", "--service", "checkup", *pools, "--start", start, *options)
    assert said.code == 0, said.err
    (id,) = said.ids
    return id


def stored(ask: Ask, id: str) -> Resource:
    """The Appointment as it stands."""
    return ask("show", id, "--json").json


def entries(ask: Ask) -> list[Resource]:
    return ask("ledger", "log", "--ndjson").lines
