"""The starts of a series: RRULE, RDATE, EXRULE and EXDATE, up to the end of a window.

Rules are expanded on the clock of the event's zone; instants follow from it, so that a visit at nine stays at nine
when the clocks change (RFC 5545, 3.3.10).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from dateutil.rrule import rrule, rrulestr

from .components import Component, Property
from .values import Moment, Reader, Unreadable, moment, moments, period

STARTS_MOST = 100_000
"""Starts of one rule that are looked at, from its first on."""

_EPOCH = datetime(1970, 1, 1)
_OFTEN = ("SECONDLY", "MINUTELY")


class Start(NamedTuple):
    """A start; `end_ms` where an RDATE states a period."""

    moment: Moment
    end_ms: int | None = None


def starts(component: Component, first: Moment, reader: Reader, end_ms: int) -> dict[str, Start]:
    """The starts before `end_ms`, by key, DTSTART always among them. Raises Unreadable."""
    found: dict[str, Start] = {}
    for rule in component.all("RRULE"):
        found |= {one.key(): Start(one) for one in _rule(rule, first, reader, end_ms, counts_first=True)}
    found.setdefault(first.key(), Start(first))
    for extra in component.all("RDATE"):
        found |= {one.moment.key(): one for one in _extra(extra, reader) if one.moment.at_ms() < end_ms}
    for rule in component.all("EXRULE"):
        for one in _rule(rule, first, reader, end_ms, counts_first=False):
            found.pop(one.key(), None)
    for excluded in component.all("EXDATE"):
        for one in moments(excluded, reader):
            _exclude(found, one)
    return {key: one for key, one in found.items() if one.moment.at_ms() < end_ms}


def _exclude(found: dict[str, Start], excluded: Moment) -> None:
    """A day without a time excludes all starts on it: some programs write no more."""
    if not excluded.is_date or excluded.key() in found:
        found.pop(excluded.key(), None)
        return
    for key in [key for key, one in found.items() if one.moment.day == excluded.day]:
        del found[key]


def _extra(found: Property, reader: Reader) -> Iterator[Start]:
    if found.parameters.get("VALUE", "").upper() != "PERIOD":
        yield from (Start(one) for one in moments(found, reader))
        return
    for text in found.value.split(","):
        yield Start(*period(found, text, reader))


def parts_of(found: Property) -> dict[str, str]:
    """The parts of a rule by upper-case name."""
    parts: dict[str, str] = {}
    for part in filter(None, found.value.strip().rstrip(";").split(";")):
        name, equals, value = part.partition("=")
        if not equals or not value or name.upper() in parts:
            raise Unreadable(f"{found.name} has the part {part!r:.40}, which cannot be read")
        parts[name.upper()] = value.upper()
    return parts


def _rule(found: Property, first: Moment, reader: Reader, end_ms: int, *, counts_first: bool) -> Iterator[Moment]:
    parts = parts_of(found)
    until = parts.pop("UNTIL", None)
    last = None if until is None else moment(found._replace(name=f"{found.name} UNTIL"), until, reader)
    wall = _EPOCH + timedelta(days=first.day, seconds=first.second)
    rule = _parsed(found, parts, wall)
    left = int(parts["COUNT"]) if "COUNT" in parts else None
    if left is not None and counts_first and next(_given(found, rule), None) != wall:
        # DTSTART counts as the first start, also where the rule would not give it.
        left -= 1
    for number, at in enumerate(_given(found, rule)):
        if number >= STARTS_MOST:
            raise Unreadable(f"{found.name} gives more than {STARTS_MOST:,} starts until the window ends")
        day, second = divmod(round((at - _EPOCH).total_seconds()), 86_400)
        one = Moment(day, second, first.zone, first.is_date)
        if (
            one.at_ms() >= end_ms
            or (last is not None and _is_after(one, last))
            or (left is not None and number >= left)
        ):
            return
        yield one


def _given(found: Property, rule: rrule) -> Iterator[datetime]:
    """What the library gives; some parts that it takes make it fail later."""
    try:
        yield from rule
    except (ValueError, IndexError, OverflowError) as error:
        raise Unreadable(f"{found.name} {found.value!r:.60} cannot be expanded: {error}") from error


def _is_after(one: Moment, last: Moment) -> bool:
    """Is a start after UNTIL? A day includes all of its starts."""
    return one.day > last.day if last.is_date or one.is_date else one.at_ms() > last.at_ms()


def _alike(days: str, parts: dict[str, str]) -> str:
    """The days of BYDAY, all of them with a number if some have one.

    The library takes `1MO,MO` as Mondays that are first ones; the union of both is meant (RFC 5545, 3.3.10).
    """
    several = days.split(",")
    if all(len(one) == 2 for one in several):
        return days
    most = 53 if parts.get("FREQ") == "YEARLY" and "BYMONTH" not in parts else 5
    numbered = ([one] if len(one) > 2 else [f"{number}{one}" for number in range(1, most + 1)] for one in several)
    return ",".join(one for same in numbered for one in same)


def _parsed(found: Property, parts: dict[str, str], wall: datetime) -> rrule:
    text = ";".join(f"{name}={_alike(value, parts) if name == 'BYDAY' else value}" for name, value in parts.items())
    if parts.get("FREQ") in _OFTEN:
        raise Unreadable(f"{found.name} FREQ={parts['FREQ']} is not expanded")
    if "FREQ" not in parts:
        raise Unreadable(f"{found.name} {found.value!r:.60} has no FREQ")
    for name in ("INTERVAL", "COUNT"):
        if name in parts and not (parts[name].isascii() and parts[name].isdigit() and int(parts[name]) > 0):
            raise Unreadable(f"{found.name} has {name}={parts[name]:.20}; expected a whole number from 1")
    try:
        rule = rrulestr(text, dtstart=wall)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as error:
        raise Unreadable(f"{found.name} {found.value!r:.60} cannot be read: {error}") from error
    if not isinstance(rule, rrule):
        raise Unreadable(f"{found.name} {found.value!r:.60} is no single rule")
    return rule
