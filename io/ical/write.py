"""What is booked as iCalendar text: one appointment, or all that takes time of a schedule in a window.

It knows no library: the text is written here, and `read_feed` takes it back as the same busy time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .. import mapping, names
from ..instants import MINUTE_MS, instant_ms, utc_text_ms
from ..local import service_ids
from ..parameters import Layer
from ..prepared import Service
from ..references import Json, child, children, target
from ..store import Store
from ..vfreebusy import escaped, folded

_TENTATIVE = ("pending", "proposed", "waitlist")
_CANCELLED = ("cancelled", "entered-in-error")


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes what a store says.

    Patients are named only if `with_patients`; `now_ms` stamps what has no time of its own.
    """

    store: Store
    now_ms: int
    with_patients: bool

    def appointment(self, appointment: Json, start_ms: int, end_ms: int) -> str:
        """The calendar of one Appointment; of a cancelled one a cancellation (METHOD:CANCEL)."""
        method = ["METHOD:CANCEL"] if appointment.get("status") in _CANCELLED else []
        return _calendar([*method, *self._visit(appointment, start_ms, end_ms)])

    def schedule(self, schedule_id: str, title: str, window: tuple[int, int]) -> str:
        """The calendar of all time taken of a schedule that meets the window, in milliseconds, without lapsed holds."""
        lines = [f"X-WR-CALNAME:{escaped(title)}"]
        written: set[str] = set()
        service = Service({"resourceType": "HealthcareService", "id": "-"}, Layer())
        claims = self.store.claims(schedule_id, service)
        for claim in sorted(claims, key=lambda one: (one.start, one.end, one.label)):
            span = claim.start * MINUTE_MS, claim.end * MINUTE_MS
            is_held = claim.expires_ms is None or claim.expires_ms > self.now_ms
            if not claim.free and is_held and span[0] < window[1] and window[0] < span[1]:
                lines += self._taken(self.store.read(claim.label) or {}, span, written)
        return _calendar(lines)

    def _taken(self, slot: Json, span: tuple[int, int], written: set[str]) -> Iterator[str]:
        """The visits of a Slot; where it is none, or each of them stands there already, the Slot itself."""
        users = self.store.users_of(slot["id"]) if slot["status"] in mapping.BOOKED else []
        fresh = [one for one in users if one["id"] not in written and one.get("status") not in _CANCELLED]
        written.update(one["id"] for one in fresh)
        for one in fresh:
            yield from self._visit(one, *span)
        if not fresh:
            yield from self._block(slot, span)

    def _visit(self, appointment: Json, start_ms: int, end_ms: int) -> Iterator[str]:
        status = str(appointment.get("status"))
        state = "CANCELLED" if status in _CANCELLED else "TENTATIVE" if status in _TENTATIVE else "CONFIRMED"
        yield from self._event(appointment, appointment["id"], (start_ms, end_ms), self._summary(appointment), state)

    def _block(self, slot: Json, span: tuple[int, int]) -> Iterator[str]:
        """Buffers, closures and other time that is taken. What they say of themselves may be of no one's business."""
        users = self.store.users_of(slot["id"])
        summary = f"{self._service(users[0])} (buffer)" if users else "Busy"
        state = "TENTATIVE" if slot["status"] == "busy-tentative" else "CONFIRMED"
        yield from self._event(slot, f"slot-{slot['id']}", span, summary, state)

    def _event(self, resource: Json, id: str, span: tuple[int, int], summary: str, state: str) -> Iterator[str]:
        meta = child(resource, "meta")
        version, updated = str(meta.get("versionId", "")), instant_ms(meta.get("lastUpdated"))
        sequence = int(version) - 1 if version.isascii() and version.isdigit() and int(version) > 0 else 0
        yield "BEGIN:VEVENT"
        yield f"UID:{escaped(id)}@slotwright"
        yield f"DTSTAMP:{stamp(self.now_ms if updated is None else updated)}"
        yield f"SEQUENCE:{sequence}"
        yield f"DTSTART:{stamp(span[0])}"
        # Rounded outward: seconds are the finest there is.
        yield f"DTEND:{stamp(-(-span[1] // 1000) * 1000)}"
        yield f"SUMMARY:{escaped(summary)}"
        places = self._named(resource, "Location")
        if places:
            yield f"LOCATION:{escaped(', '.join(places))}"
        yield f"STATUS:{state}"
        yield "TRANSP:OPAQUE"
        yield "END:VEVENT"

    def _summary(self, appointment: Json) -> str:
        people = self._named(appointment, "Patient") if self.with_patients else []
        return f"{self._service(appointment)}: {', '.join(people)}" if people else self._service(appointment)

    def _service(self, appointment: Json) -> str:
        for id in service_ids(appointment):
            found = self.store.read(f"HealthcareService/{id}")
            if found is not None:
                return names.show(names.service_names(found), id)
        return "Appointment"

    def _named(self, resource: Json, kind: str) -> list[str]:
        """The participants of a type, by name."""
        found: list[str] = []
        for participant in children(resource, "participant"):
            actor = child(participant, "actor")
            named = target(actor.get("reference"))
            if named is not None and named.type == kind:
                stored = self.store.read(str(named)) or {}
                called = [*names.resource_names(stored), str(actor.get("display") or named.id)]
                found.append(called[0])
        return found


def _calendar(lines: Sequence[str]) -> str:
    whole = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//slotwright//ics//EN", *lines, "END:VCALENDAR"]
    return "".join(f"{folded(line)}\r\n" for line in whole)


def stamp(at_ms: int) -> str:
    """An instant in UTC, cut to seconds: `20260310T130000Z`."""
    return f"{utc_text_ms(at_ms)[:19]}Z".replace("-", "").replace(":", "")
