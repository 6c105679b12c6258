"""What a file slotwright.toml in the current folder sets: options as defaults of the commands."""

from __future__ import annotations

import os
from typing import Any

from .listed import BATCH_COMMANDS, COMMANDS, LEDGER_COMMANDS

SETTINGS = (
    "calendar", "ledger", "service", "schedule", "start", "end", "timezone", "count", "combinations", "occurrences",
    "ignore-appointment", "between", "weekday", "notice", "busy", "all-day", "json", "ndjson", "engine", "now",
    "query", "body", "allow-past", "dry-run", "who", "lock-timeout", "unsafe-filesystem",
)  # fmt: skip
"""The options of commands that search which slotwright.toml may set."""

SERVING = (
    "host", "port", "base-url", "token-file", "cors-origin", "allowed-host", "max-body", "max-entries", "queue",
    "body-timeout", "stop-timeout", "quiet", "days", "booking-url", "booking-phone",
)  # fmt: skip
"""The options of `serve` that it may set. What opens a server to everybody has to be typed."""

SHARED = (
    "ledger", "timezone", "json", "ndjson", "engine", "now", "allow-past", "dry-run", "who", "lock-timeout",
    "unsafe-filesystem",
)  # fmt: skip
"""Those that hold for every command. What is searched for is no default of what is booked or closed."""

_PARAMETERS = {
    "calendar": "calendars", "schedule": "schedules", "json": "as_json", "ndjson": "as_ndjson",
    "cors-origin": "origins", "allowed-host": "hosts", "queue": "max_waiting", "body-timeout": "body_s",
    "stop-timeout": "stop_s",
}  # fmt: skip
"""The names of parameters that are not those of their options."""

_SEARCHING = ("find", "next", "explain", "freebusy", "op", "bench", "serve")
"""The commands that take all of SETTINGS."""

_READING = ("view", "audit", "ics", "publish")
"""The commands that take the calendar and those that are SHARED."""

_READING_BATCHES = ("find", "plan")
"""The batches that do so."""

_SEVERAL = ("calendar", "schedule", "busy", "cors-origin", "allowed-host")
"""Settings that may be a list."""


def file_defaults() -> dict[str, Any]:
    """The options in slotwright.toml, if there is one: `calendar = ["examples/clinic"]`."""
    if not os.path.exists("slotwright.toml"):
        return {}
    import tomllib

    from ..io.errors import LoadError

    try:
        with open("slotwright.toml", "rb") as file:
            found = tomllib.load(file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LoadError(f"slotwright.toml: {error}.") from error
    unknown = [name for name in found if name.replace("_", "-") not in (*SETTINGS, *SERVING)]
    if unknown:
        raise LoadError(f"slotwright.toml sets {', '.join(unknown)}; settings are {', '.join((*SETTINGS, *SERVING))}.")
    return {(option := name.replace("_", "-")): _as_typed(option, value) for name, value in found.items()}


def default_map(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings as each command's parameters: all of them where they say what to search, else the shared ones."""
    searching = {_PARAMETERS.get(name, name.replace("-", "_")): value for name, value in settings.items()}
    parameters = {_PARAMETERS.get(name, name.replace("-", "_")) for name in SHARED}
    shared = {name: value for name, value in searching.items() if name in parameters}
    defaults: dict[str, Any] = {name: searching if name in _SEARCHING else shared for name in COMMANDS}
    read = {name: value for name, value in searching.items() if name in (*parameters, "calendars")}
    defaults |= dict.fromkeys(_READING, read)
    defaults["ledger"] = dict.fromkeys(LEDGER_COMMANDS, shared)
    defaults["batch"] = {name: read if name in _READING_BATCHES else shared for name in BATCH_COMMANDS}
    return defaults


def _as_typed(name: str, value: Any) -> Any:
    """A TOML value as it would be typed: one path or schedule is a list of one, a date is its text."""
    from ..io.errors import LoadError

    if name in _SEVERAL:
        several: list[Any] = value if isinstance(value, list) else [value]  # type: ignore[reportUnknownVariableType]
        if not all(isinstance(one, str) for one in several):
            raise LoadError(f"slotwright.toml: {name} is a text or a list of texts, got {value!r:.60}.")
        return several
    return value if isinstance(value, bool | str) else value.isoformat() if hasattr(value, "isoformat") else str(value)
