"""Loading resources into a ledger: what is new, what the source has changed since, and what may stay as it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import orjson

from .calendars import read_resources
from .errors import LoadError
from .references import Json, Target
from .resources import fault
from .sources import Source

if TYPE_CHECKING:
    from .ledger.transaction import Transaction

CHUNK = 1000
"""Resources of one entry."""


class Loaded(NamedTuple):
    """How many resources a load created and updated, and how many it left as they were."""

    created: int
    updated: int
    unchanged: int
    warnings: tuple[str, ...]


class Readable(Protocol):
    """What is there already."""

    def kinds(self) -> list[str]: ...

    def resources(self, kind: str) -> Iterator[Json]: ...

    def read(self, reference: str) -> Json | None: ...


@dataclass(frozen=True, slots=True)
class Loading:
    """Resources read and judged, still to be written."""

    resources: list[Json]
    warnings: tuple[str, ...]
    progress: Callable[[int], None] | None

    @staticmethod
    def read(sources: Iterable[Source] | Source, stored: Readable, progress: Callable[[int], None] | None) -> Loading:
        """Raises LoadError for what `open_calendar` refuses."""

        def everything() -> Iterator[Json]:
            return (resource for kind in stored.kinds() for resource in stored.resources(kind))

        def rules() -> Iterator[Json]:
            kinds = (kind for kind in stored.kinds() if kind not in ("Slot", "Appointment", "Patient"))
            return (resource for kind in kinds for resource in stored.resources(kind))

        resources, warnings = read_resources(
            sources,
            progress=progress,
            stored=everything,
            is_stored=lambda name: stored.read(str(name)) is not None,
            rules=rules,
        )
        flat = [resource for by_id in resources.values() for resource in by_id.values()]
        return Loading(flat, tuple(warnings), progress)

    @staticmethod
    def judged(resource: object) -> Json:
        """A copy of one resource with an id. Raises LoadError."""
        try:
            # orjson refuses what is beyond 64 bits or no UTF-8, json what orjson would write as null or as a text.
            orjson.dumps(resource)
            copy: Json = orjson.loads(json.dumps(resource, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise LoadError(f"The resource is not JSON: {error}.") from error
        found = fault(copy)
        if found is not None:
            raise LoadError(f"The resource {found}.")
        if copy.get("id") is None:
            raise LoadError(f"The {copy['resourceType']} has no id.")
        return copy

    def into(self, transaction: Transaction, who: str | None) -> Loaded:
        """Write what is new or changed, in entries of at most CHUNK resources."""
        lapses = transaction.lapse()
        created = updated = pending = 0
        for number, resource in enumerate(self.resources):
            outcome = _load_one(transaction, resource)
            created += outcome == "created"
            updated += outcome == "updated"
            pending += outcome != "unchanged"
            if pending == CHUNK:
                transaction.append("load", {"who": who})
                pending = 0
            if self.progress is not None and number % 4096 == 4095:
                self.progress(number + 1)
        transaction.finish("load", {"who": who}, lapses)
        return Loaded(created, updated, len(self.resources) - created - updated, self.warnings)


def _load_one(transaction: Transaction, resource: Json) -> str:
    name = Target(resource["resourceType"], resource["id"])
    database = transaction.state.database
    digest = sha256(orjson.dumps(content_of(resource), option=orjson.OPT_SORT_KEYS)).digest()
    if database.loaded_digest(*name) == digest:
        return "unchanged"
    database.set_loaded(*name, digest)
    transaction.notes_only = True
    row = database.resource(*name)
    if row is not None and row.content is not None and content_of(orjson.loads(row.content)) == content_of(resource):
        return "unchanged"
    transaction.put(resource)
    return "created" if row is None or row.content is None else "updated"


def content_of(resource: Json) -> Json:
    """A resource without what the ledger itself says about it."""
    given: Any = resource.get("meta")
    said = cast(Json, given) if isinstance(given, dict) else Json()
    meta = {name: value for name, value in said.items() if name not in ("versionId", "lastUpdated")}
    rest = {name: value for name, value in resource.items() if name != "meta"}
    return {**rest, "meta": meta} if meta else rest
