"""All tables of one load together: schedules and hours first, for the bookings are read with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import LoadError
from ..sources import Document
from ..store import Store
from . import bookings, schedules
from .layout import BOOKINGS, HOURS, SCHEDULES, Sheet
from .reading import Opened, Row, known_sheets, open_sheet


class File(NamedTuple):
    """A CSV file, and whether it was named itself or lies in a folder that was."""

    path: Path
    is_named: bool


def read_sheets(files: Sequence[File], known: Callable[[], Store], *, alone: bool) -> Iterator[Document]:
    """The resources of the tables among these files; `known` gives all that was read before.

    `alone`: nothing else was read, so that one of them has to be a table. Raises LoadError.
    """
    rows: dict[Sheet, list[Row]] = {SCHEDULES: [], HOURS: [], BOOKINGS: []}
    found: list[Opened] = []
    for file in files:
        opened = open_sheet(file.path, is_named=file.is_named)
        if opened is not None:
            found.append(opened)
            rows[opened.sheet] += opened.rows
    if alone and not found:
        raise LoadError(
            f"{files[0].path.parent} holds CSV files, but none is a table that can be loaded. {known_sheets()}"
        )
    yield from schedules.resources_of(rows[SCHEDULES], rows[HOURS])
    if rows[BOOKINGS]:
        yield from bookings.resources_of(rows[BOOKINGS], known())
