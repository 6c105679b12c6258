"""Findings as rows and as files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arrow import arrow
from ..batch.formats import check_files, write_batches
from ..instants import utc_text_ms
from ..references import Json
from .finding import Finding


def check_output(path: str) -> None:
    """Before any work. Raises InvalidInputError if no table can be written there."""
    check_files(None, findings=path)


def as_rows(found: Sequence[Finding]) -> list[Json]:
    """As JSON: `kind`, `schedule`, `appointment`, `slot`, `start`, `end` (instants) and `text`; None is left out."""
    return [
        {
            name: value
            for name, value in (
                ("kind", one.kind),
                ("schedule", one.schedule),
                ("appointment", one.appointment),
                ("slot", one.slot),
                ("start", None if one.start_ms is None else utc_text_ms(one.start_ms)),
                ("end", None if one.end_ms is None else utc_text_ms(one.end_ms)),
                ("text", one.text),
            )
            if value is not None
        }
        for one in found
    ]


def write(found: Sequence[Finding], path: str) -> None:
    """The same columns as Parquet, CSV, NDJSON or Arrow, by suffix. Raises InvalidInputError, OSError."""
    schema = _schema()
    columns = {
        "kind": [one.kind for one in found],
        "schedule": [one.schedule for one in found],
        "appointment": [one.appointment for one in found],
        "slot": [one.slot for one in found],
        "start": [None if one.start_ms is None else one.start_ms * 1000 for one in found],
        "end": [None if one.end_ms is None else one.end_ms * 1000 for one in found],
        "text": [one.text for one in found],
    }
    write_batches([arrow().table(columns, schema=schema)], schema, path)


def _schema() -> Any:
    text, instant = arrow().string(), arrow().timestamp("us", tz="UTC")
    names = {"kind": text, "schedule": text, "appointment": text, "slot": text, "start": instant, "end": instant}
    return arrow().schema({**names, "text": text}.items())
