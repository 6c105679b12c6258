"""Events into busy time: series expanded, overrides in place of what they replace, free and cancelled ones left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, NamedTuple

from .components import Component
from .recurrence import starts
from .values import Length, Moment, Reader, Unreadable, length_of, moment, needed, period

AllDay = Literal["busy", "free", "as-marked"]


class Busy(NamedTuple):
    """Time that is taken: [start, end) in milliseconds; `recurrence` says which of the occurrences of `uid` it is."""

    uid: str
    recurrence: str
    start_ms: int
    end_ms: int
    is_tentative: bool


class Unread(NamedTuple):
    """What could not be read, and why. `uid` is empty for what has none."""

    place: str
    uid: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}{f', UID {self.uid}' if self.uid else ''}: {self.reason}."


@dataclass(frozen=True, slots=True)
class Placed:
    """A component, where it stands, and what its times are read with."""

    component: Component
    place: str
    reader: Reader

    @property
    def uid(self) -> str:
        """Its UID, or what stands for it: the same text gives the same again."""
        return self.component.text("UID") or sha256("\n".join(self.component.lines()).encode()).hexdigest()[:32]

    @property
    def age(self) -> tuple[int, str]:
        """Of two that say different things about one event the one with the greater age counts."""
        sequence = self.component.text("SEQUENCE")
        return int(sequence) if sequence.isascii() and sequence.isdigit() else 0, self.component.text("DTSTAMP")

    def unread(self, reason: object) -> Unread:
        return Unread(self.place, self.component.text("UID"), str(reason))


def busy_of(events: Sequence[Placed], window: tuple[int, int], all_day: AllDay) -> tuple[list[Busy], list[Unread]]:
    """The busy time of VEVENTs that meets the window, in order of start, and what could not be read."""
    groups: dict[str, list[Placed]] = {}
    for one in events:
        groups.setdefault(one.uid, []).append(one)
    found: list[Busy] = []
    unread: list[Unread] = []
    for uid, group in groups.items():
        found += _Group(uid, window, all_day, unread).expand(group)
    return sorted(set(found), key=lambda one: (one.start_ms, one.end_ms, one.uid, one.recurrence)), unread


@dataclass(frozen=True, slots=True)
class _Group:
    """All that is said about one UID."""

    uid: str
    window: tuple[int, int]
    all_day: AllDay
    unread: list[Unread]

    def expand(self, events: Iterable[Placed]) -> Iterator[Busy]:
        series: Placed | None = None
        overrides: dict[str, Placed] = {}
        for one in events:
            self.unread.extend(one.unread(reason) for reason in one.component.faults)
            if one.component.first("RECURRENCE-ID") is None:
                if series is None or one.age >= series.age:
                    series = one
                continue
            key = self._key(one)
            if key is not None and (key not in overrides or one.age >= overrides[key].age):
                overrides[key] = one
        if series is not None:
            yield from self._series(series, overrides)
        for key, one in overrides.items():
            yield from self._single(key, one)

    def _key(self, one: Placed) -> str | None:
        found = needed(one.component, "RECURRENCE-ID")
        try:
            key = moment(found, found.value, one.reader).key()
        except Unreadable as error:
            self.unread.append(one.unread(error))
            return None
        if found.parameters.get("RANGE", "").upper() == "THISANDFUTURE":
            self.unread.append(
                one.unread("RANGE=THISANDFUTURE is not supported; only this occurrence is changed, later ones stay")
            )
        return key

    def _series(self, one: Placed, overrides: dict[str, Placed]) -> Iterator[Busy]:
        try:
            first = _start(one)
            long = length_of(one.component, first, one.reader)
            if not _is_busy(one.component, first, self.all_day):
                return
            found = starts(one.component, first, one.reader, self.window[1])
        except Unreadable as error:
            self.unread.append(one.unread(error))
            return
        repeats = any(True for name in ("RRULE", "RDATE") for _ in one.component.all(name))
        for key, start in found.items():
            # Where only the day of an override is given, it means the occurrence on that day.
            if key in overrides or _day_key(start.moment) in overrides:
                continue
            end_ms = _end(start.moment, long) if start.end_ms is None else start.end_ms
            yield from self._piece(one, key if repeats else "", start.moment.at_ms(), end_ms)

    def _single(self, key: str, one: Placed) -> Iterator[Busy]:
        try:
            start = _start(one)
            long = length_of(one.component, start, one.reader)
        except Unreadable as error:
            self.unread.append(one.unread(error))
            return
        if _is_busy(one.component, start, self.all_day):
            yield from self._piece(one, key, start.at_ms(), _end(start, long))

    def _piece(self, one: Placed, key: str, start_ms: int, end_ms: int) -> Iterator[Busy]:
        if start_ms < end_ms and start_ms < self.window[1] and self.window[0] < end_ms:
            yield Busy(self.uid, key, start_ms, end_ms, one.component.text("STATUS").upper() == "TENTATIVE")


def _start(one: Placed) -> Moment:
    found = needed(one.component, "DTSTART")
    return moment(found, found.value, one.reader)


def _end(start: Moment, long: Length) -> int:
    return start.plus(long.days, long.seconds)


def _day_key(start: Moment) -> str:
    return Moment(start.day, 0, start.zone, True).key()


def _is_busy(event: Component, start: Moment, all_day: AllDay) -> bool:
    """Does it take time? Free is what says so, and what is cancelled."""
    if event.text("STATUS").upper() == "CANCELLED":
        return False
    if start.is_date and all_day != "as-marked":
        return all_day == "busy"
    shown = event.text("TRANSP").upper()
    if not shown:
        return event.text("X-MICROSOFT-CDO-BUSYSTATUS").upper() != "FREE"
    return shown != "TRANSPARENT"


def busy_periods(one: Placed, window: tuple[int, int]) -> tuple[list[Busy], list[Unread]]:
    """The busy periods of a VFREEBUSY that meet the window."""
    found: list[Busy] = []
    unread = [one.unread(reason) for reason in one.component.faults]
    for line in one.component.all("FREEBUSY"):
        kind = line.parameters.get("FBTYPE", "BUSY").upper()
        if kind == "FREE":
            continue
        for text in line.value.split(","):
            try:
                start, end_ms = period(line, text, one.reader)
            except Unreadable as error:
                unread.append(one.unread(error))
                continue
            start_ms = start.at_ms()
            if start_ms < end_ms and start_ms < window[1] and window[0] < end_ms:
                found.append(Busy(one.uid, start.key(), start_ms, end_ms, kind == "BUSY-TENTATIVE"))
    return found, unread
