"""Rows that wait to be inserted together.

Nothing of a booking reads the tables they are for, so that those of many bookings are inserted in a few statements. A
savepoint takes back what was inserted since; so whatever waited when it began is kept until it is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Rows = list[tuple[Any, ...]]


class _Table:
    """Rows of one table; the first `inserted` of them stand in it already."""

    __slots__ = ("inserted", "rows", "statement")

    def __init__(self, statement: str) -> None:
        self.statement = statement
        self.rows: Rows = []
        self.inserted = 0


class Waiting:
    """The rows of several tables, one for each statement that inserts them."""

    def __init__(self, statements: Sequence[str]) -> None:
        self._tables = [_Table(one) for one in statements]
        self._marks: list[list[tuple[int, int]]] = []

    def rows(self, place: int) -> Rows:
        """Those of one statement, to be added to; the list stays the same."""
        return self._tables[place].rows

    def insert(self, executemany: Callable[..., Any]) -> None:
        """Insert what waits."""
        for table in self._tables:
            if table.inserted < len(table.rows):
                rows, table.inserted = table.rows[table.inserted :], len(table.rows)
                executemany(table.statement, rows)
        if not self._marks:
            self.clear()

    def clear(self) -> None:
        self._marks.clear()
        for table in self._tables:
            table.rows.clear()
            table.inserted = 0

    @property
    def is_marked(self) -> bool:
        return bool(self._marks)

    def mark(self) -> None:
        """A savepoint begins."""
        self._marks.append([(len(table.rows), table.inserted) for table in self._tables])

    def keep(self) -> None:
        """The last savepoint is forgotten."""
        self._marks.pop()

    def undo(self) -> None:
        """All is as it was when the last savepoint began, which is forgotten: what it took back waits again."""
        for table, (length, inserted) in zip(self._tables, self._marks.pop(), strict=True):
            del table.rows[length:]
            table.inserted = inserted
