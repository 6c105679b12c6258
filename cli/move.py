"""Where an appointment is to be moved, and the move itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..io import booking, names
from ..io.instants import utc_text_ms
from ..io.local import read_moment_ms, schedule_ids, service_ids
from ..solver.errors import ConflictError, InvalidInputError
from .desk import Answer, Desk
from .order import TAKEN, TRIES, Wanted, choose, nothing_free
from .pick import pick
from .refusals import refused, remedy_for
from .text import moment_ms

if TYPE_CHECKING:
    from ..io.references import Json
    from ..solver.civil import Zone


class Goal(NamedTuple):
    """The new start in milliseconds, and pools of schedules."""

    start_ms: int
    pools: list[list[str]]
    zone: Zone


def read_goal(
    desk: Desk,
    id: str,
    appointment: Json,
    zone: Zone,
    start: str | None,
    schedules: list[list[str]],
    picked: str | None,
) -> Goal:
    """Raises InvalidInputError, NameNotFound or AmbiguousName."""
    ledger = desk.ledger
    if picked is not None:
        offer = pick(ledger, picked, moves=id)
        at = booking.start_ms(offer)
        if at is None:
            raise InvalidInputError(f"--pick {picked}: that offer has no start. Run slotwright find again.")
        if service_ids(offer) != service_ids(appointment):
            raise InvalidInputError(
                f"--pick {picked}: the last find was for another service than Appointment/{id}. "
                "Run slotwright find for its service."
            )
        return Goal(at, [[one] for one in schedule_ids(ledger, offer)], zone)
    assert start is not None, "one of the two is given"
    pools = [[names.schedule_id(ledger, name) for name in pool] for pool in schedules]
    pools = pools or [[one] for one in schedule_ids(ledger, appointment)]
    if not pools and appointment.get("status") not in ("booked", "pending"):
        text = f"Appointment cannot be rescheduled in '{appointment.get('status')}' status"
        raise ConflictError(f"{text}. {remedy_for(text)}")
    if not pools:
        raise InvalidInputError(f"Appointment/{id} has no Slots that say on which schedules it is. Give --schedule.")
    return Goal(read_moment_ms("--start", start, zone), pools, zone)


def move(desk: Desk, id: str, goal: Goal, *, allow_past: bool, engine: Any) -> Answer:
    """Reschedule; with pools the solver picks. Raises Refused, or what a search raises."""
    if not allow_past:
        booking.check_not_past(goal.start_ms, desk.now(), moment_ms(goal.start_ms, goal.zone))
    if all(len(pool) == 1 for pool in goal.pools):
        chosen = [pool[0] for pool in goal.pools]
        answer = _ask(desk, id, goal, chosen)
    else:
        answer, chosen = _choose(desk, id, goal, engine)
    if answer.exit:
        raise refused(desk, answer, schedule_ids=chosen, appointment_id=id, zone=goal.zone)
    return answer


def _choose(desk: Desk, id: str, goal: Goal, engine: Any) -> tuple[Answer, list[str]]:
    appointment = desk.ledger.read(f"Appointment/{id}") or {}
    services = service_ids(appointment)
    first = [pool[0] for pool in goal.pools]
    # In other states, and without exactly one service, the operation says why not.
    if len(services) != 1 or appointment.get("status") not in ("booked", "pending"):
        return _ask(desk, id, goal, first), first
    wanted = Wanted(services[0], goal.pools, booking.check_minute("--start", goal.start_ms), goal.zone)
    answer = None
    for _ in range(TRIES):
        choice = choose(desk, wanted, engine, ignored=id)
        if not choice.schedule_ids:
            raise nothing_free(desk, wanted, lambda one: _ask(desk, id, goal, [one], dry_run=True))
        answer = _ask(desk, id, goal, choice.schedule_ids)
        if answer.text != TAKEN:
            return answer, choice.schedule_ids
        first = choice.schedule_ids
    assert answer is not None
    return answer, first


def _ask(desk: Desk, id: str, goal: Goal, schedule_ids: list[str], *, dry_run: bool | None = None) -> Answer:
    parameters: list[Json] = [{"name": "start", "valueDateTime": utc_text_ms(goal.start_ms)}]
    parameters += [{"name": "schedule", "valueReference": {"reference": f"Schedule/{one}"}} for one in schedule_ids]
    return desk.ask(f"Appointment/{id}/$reschedule", parameters, dry_run=dry_run)
