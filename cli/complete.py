"""What a shell offers behind an option: names out of the ledger or calendar that the line or the environment names.

A shell asks while somebody types: so anything that goes wrong is no offer, and large calendars are not read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from ..io.references import Json
    from ..io.store import Store

_MOST = 200
"""Offers; nobody reads more."""

_BYTES_MOST = 20_000_000
"""Of a calendar's files: to read more takes longer than a shell waits."""


def schedules(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of Schedules, also behind the commas of a pool."""
    before, comma, last = incomplete.rpartition(",")
    found = _ids(ctx, "Schedule", last, lambda store, one: _names().schedule_names(store, one))
    return [CompletionItem(f"{before}{comma}{item.value}", help=item.help) for item in found]


def services(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of HealthcareServices."""
    return _ids(ctx, "HealthcareService", incomplete, lambda _store, one: _names().service_names(one))


def _names() -> Any:
    from ..io import names

    return names


def _ids(
    ctx: click.Context, kind: str, incomplete: str, called: Callable[[Store, Json], Iterator[str]]
) -> list[CompletionItem]:
    from ..solver.errors import SlotwrightError

    try:
        with _store(ctx) as store:
            if store is None:
                return []
            found = sorted((one for one in store.resources(kind) if one["id"].startswith(incomplete)), key=_id)
            return [CompletionItem(one["id"], help=next(called(store, one), None)) for one in found[:_MOST]]
    except (SlotwrightError, OSError):
        return []


def _id(resource: Json) -> str:
    return resource["id"]


@contextmanager
def _store(ctx: click.Context) -> Generator[Store | None]:
    """What the line names, else the environment, else the file of settings."""
    ledger = _named(ctx, "ledger")
    if ledger:
        from ..io.ledger.ledger import open_ledger

        with open_ledger(ledger, read_only=True, create=False) as opened, opened.reading() as state:
            yield state
        return
    calendars: Any = _named(ctx, "calendars")
    paths = [str(path) for path in calendars or ()]
    if not paths or sum(map(_size, paths)) > _BYTES_MOST:
        yield None
        return
    import warnings

    from ..io.calendars import open_calendar

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield open_calendar(paths)


def _named(ctx: click.Context, name: str) -> Any:
    given = ctx.params.get(name)
    if given:
        return given
    parameter = next((one for one in ctx.command.params if one.name == name), None)
    if parameter is None:
        return None
    return parameter.value_from_envvar(ctx) or (ctx.default_map or {}).get(name)


def _size(path: str) -> int:
    """Bytes of a file, or of the files in a folder."""
    if not os.path.isdir(path):
        return os.path.getsize(path)
    with os.scandir(path) as entries:
        return sum(entry.stat().st_size for entry in entries if entry.is_file())
