"""One partition: requests as Parquet in, answers as Parquet out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from ..arrow import parquet
from ..errors import LoadError
from ..staging import new_file
from .answers import Counts, encoded_schema
from .find import Progress, origin_of, solve
from .formats import read_table
from .requests import Requests
from .slots import arrow_faults
from .tables import TableStore

COUNTS_KEY = "slotwright.counts"

_ENCODED = ["request_id", "status", "reason", "schedules.list.element"]


def solve_partition(path_in: str, path_out: str, options: dict[str, Any], progress: Progress | None = None) -> None:
    """Answer the requests of one file in another, which appears when it is complete.

    The same requests, tables and options give the same bytes.

    Parameters
    ----------
    options
        `tables`, the folder of tables; `now_ms`, when holds are judged, in milliseconds; `engine`.

    Raises
    ------
    LoadError
        For what cannot be read.
    """
    requests = Requests(read_table(path_in), path_in)
    now = datetime.fromtimestamp(options["now_ms"] / 1000, UTC)
    store = TableStore(Path(options["tables"]), origin_of(requests), now)
    answers = solve(requests, store, engine=options["engine"], progress=progress)
    write_answers(answers.tables(), answers.counts(), path_out)


def write_answers(tables: Iterable[Any], counts: Counts, path: str) -> None:
    """Answers as a Parquet file of the declared columns, which says in its metadata how many there are."""
    with (
        new_file(path, replace=True) as file,
        # Texts are handed over encoded. Without Arrow's own schema in the file its readers see plain text.
        parquet().ParquetWriter(
            file,
            encoded_schema(),
            compression="zstd",
            use_dictionary=_ENCODED,
            write_statistics=["row"],
            store_schema=False,
            write_page_checksum=True,
        ) as writer,
    ):
        for table in tables:
            writer.write_table(table.cast(encoded_schema()), row_group_size=2**31 - 1)
        writer.add_key_value_metadata({COUNTS_KEY: orjson.dumps(counts._asdict()).decode()})


def counts_of(path: Path) -> Counts:
    """How many answers of which kind a file holds. Raises LoadError."""
    with arrow_faults(path):
        metadata: dict[bytes, bytes] = parquet().read_metadata(path).metadata or {}
    if COUNTS_KEY.encode() not in metadata:
        raise LoadError(f"{path} holds no answers of a batch.")
    return Counts(**orjson.loads(metadata[COUNTS_KEY.encode()]))
