"""The commands of `slotwright`, in the groups in which the help lists them, and the modules they stand in."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

GROUPS: dict[str, dict[str, str]] = {
    "Ask": {
        "find": "Find common free times for a service.",
        "next": "Find the earliest free times from a day on.",
        "explain": "Say why a time is not offered, or what limits a window.",
        "freebusy": "Show when schedules are busy and when they are free.",
    },
    "Book": {
        "book": "Book an appointment.",
        "hold": "Hold an appointment until it is confirmed.",
        "confirm": "Turn a hold into a booking.",
        "cancel": "Cancel a booking or a hold.",
        "reschedule": "Move a booking or a hold.",
        "status": "Record who arrived, was seen, or did not come.",
        "close": "Close a schedule for leave or sickness.",
        "reopen": "Take back what close closed.",
    },
    "Look": {
        "show": "Show one appointment.",
        "list": "List appointments.",
        "view": "Show a day or a week, and how much is free.",
        "ics": "Write appointments as a calendar file.",
        "audit": "List bookings that break rules, and schedules nobody can book.",
    },
    "Many at once": {
        "batch": "Answer many requests at once.",
        "compile": "Write a calendar as tables that batches read fast.",
        "bench": "Measure how long this machine takes on your calendar.",
    },
    "Keep and serve": {
        "ledger": "Make, fill, read, check and copy a ledger.",
        "serve": "Serve a ledger over HTTP.",
        "publish": "Write free times as a feed for a web server.",
        "op": "Carry out one FHIR operation, for programs.",
        "completion": "Let a shell complete commands and names.",
    },
}

COMMANDS = {name: text for group in GROUPS.values() for name, text in group.items()}

LEDGER_COMMANDS = {
    "init": "Make a new ledger.",
    "load": "Load FHIR resources into it.",
    "show": "Say what is in it.",
    "log": "List what happened, or follow it.",
    "verify": "Check that everything in it holds.",
    "backup": "Make a copy while others write.",
    "export": "Write its resources as NDJSON or Parquet.",
    "erase": "Remove a person's data for good.",
}
"""The commands below `slotwright ledger`."""

BATCH_COMMANDS = {
    "find": "Find free times for a table of requests.",
    "plan": "Place as many requests as possible at once.",
    "replan": "Move bookings where somebody drops out, or to make room.",
}
"""The commands below `slotwright batch`."""

BATCH_HOMES = {name: f"batch_{name}" for name in BATCH_COMMANDS}
LEDGER_HOMES = dict.fromkeys(LEDGER_COMMANDS, "ledger") | {"log": "ledger_log", "export": "ledger_export"}
HOMES = {
    "hold": "book",
    "confirm": "change",
    "cancel": "change",
    "reschedule": "change",
    "status": "change",
    "list": "show",
    "reopen": "close",
}
"""The modules of commands that share one; the others have a module of their name."""


class Commands(click.Group):
    """Commands by name, listed in groups; a command's module is imported when it is used."""

    def __init__(
        self, *args: Any, groups: Mapping[str, Mapping[str, str]], homes: Mapping[str, str], **others: Any
    ) -> None:
        super().__init__(*args, **others)
        self._groups = groups
        self._homes = homes

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for group in self._groups.values() for name in group]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if not any(cmd_name in group for group in self._groups.values()):
            return None
        module = importlib.import_module(f".{self._homes.get(cmd_name, cmd_name)}", __package__)
        return getattr(module, "commands", {}).get(cmd_name) or module.command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # One width for all groups, so that their texts stand in one column.
        width = max(map(len, self.list_commands(ctx)))
        for title, group in self._groups.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, text in group.items()])
