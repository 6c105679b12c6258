"""Elements of resources as search sees them: what lies at a path, and as tokens, texts, references and times."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

from ...solver.civil import DAY_MS
from ..instants import dates, instant_ms
from ..references import Json

FOREVER = 2**62
_WITH_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_NAME_PARTS = ("text", "family", "given", "prefix", "suffix")


class Span(NamedTuple):
    """The time [low, high) that a value may mean, in milliseconds."""

    low: int
    high: int


def walk(resource: Json, path: Sequence[str]) -> list[Any]:
    """What lies at a path, lists unfolded; a step that is a URL means the extensions of this URL."""
    found: list[Any] = [resource]
    for step in path:
        found = [one for element in found if isinstance(element, dict) for one in _step(cast(Json, element), step)]
    return found


def _step(element: Json, step: str) -> list[Any]:
    if step.startswith("http"):
        return [one for one in _listed(element.get("extension")) if isinstance(one, dict) and one.get("url") == step]  # type: ignore[reportUnknownMemberType]
    return _listed(element.get(step))


def _listed(value: Any) -> list[Any]:
    if isinstance(value, list):
        return cast("list[Any]", value)
    return [] if value is None else [value]


def tokens(value: Any) -> Iterator[tuple[str | None, str]]:
    """System and code of a code, boolean, Coding, CodeableConcept or Identifier; a code's own system is not known."""
    if isinstance(value, bool):
        yield None, "true" if value else "false"
    elif isinstance(value, str):
        yield None, value
    elif isinstance(value, dict):
        element = cast(Json, value)
        for coding in _listed(element.get("coding")):
            yield from tokens(coding)
        for name in ("code", "value"):
            code = element.get(name)
            if isinstance(code, str):
                yield str(element.get("system") or ""), code


def texts(value: Any) -> Iterator[str]:
    """The texts of a string or a HumanName."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name in _NAME_PARTS:
            yield from (one for one in _listed(cast(Json, value).get(name)) if isinstance(one, str))


def folded(text: str) -> str:
    """A text without case and accents (FHIR R4, search.html, 3.1.1.4.8)."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def reference_text(value: Any) -> str | None:
    text: Any = cast(Json, value).get("reference") if isinstance(value, dict) else value
    return text if isinstance(text, str) else None


def stored_span(value: Any) -> Span | None:
    """When something stored is: an instant is a point in time, a date its days in UTC, a Period from bound to bound."""
    if isinstance(value, dict):
        period = cast(Json, value)
        low, high = _bound(period.get("start")), _bound(period.get("end"))
        if (low, high) == (None, None):
            return None
        return Span(-FOREVER if low is None else low.low, FOREVER if high is None else high.high)
    return _bound(value)


def _bound(text: Any) -> Span | None:
    if not isinstance(text, str):
        return None
    days = dates(text)
    if days is not None:
        return Span(days.first * DAY_MS, days.last * DAY_MS)
    at = instant_ms(text)
    return None if at is None else Span(at, at + 1)


def sought_span(text: str) -> Span | None:
    """The time that a value of a search means, as wide as it is precise; without an offset it is UTC."""
    days = dates(text)
    if days is not None:
        return Span(days.first * DAY_MS, days.last * DAY_MS)
    text = re.sub(r" (?=\d\d:\d\d$)", "+", text)
    match = _WITH_TIME.fullmatch(text)
    at = None if match is None else instant_ms(text if match[3] else f"{text}Z")
    if match is None or at is None:
        return None
    seconds, fraction = match[1], match[2]
    width = 60_000 if seconds is None else 10 ** max(0, 3 - len(fraction or ""))
    return Span(at, at + width)
