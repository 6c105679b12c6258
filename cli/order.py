"""What `book`, `hold` and `reschedule` are asked for, and how it is carried out: a proposal, or a choice from pools."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ..io import booking, names
from ..io.errors import Refusal
from ..io.local import read_moment_ms
from .describe import schedule_title
from .desk import Answer, Desk, Refused
from .options import read_pool, schedules_option, service_option, words
from .pick import pick
from .refusals import blockage_lines, for_people, refused, remedy_for
from .text import moment_ms, printable

if TYPE_CHECKING:
    from ..io.references import Json
    from ..solver.civil import Zone

TRIES = 5
"""How often a combination is chosen anew because somebody took the one chosen before."""

TAKEN = "Requested time slot is not available"
_KNOWN = "Identifier already used by another appointment"
_EXPLAINED = 12
"""Of at most this many schedules it is said why each is not free."""


class Wanted(NamedTuple):
    """A visit asked for by service, schedules and start; a pool of several means any one of them."""

    service_id: str
    pools: list[list[str]]
    start: int
    zone: Zone

    @property
    def is_settled(self) -> bool:
        return all(len(pool) == 1 for pool in self.pools)


class Details(NamedTuple):
    """What people add to a proposal."""

    patient: Json | None
    comment: str | None
    identifiers: list[Json]

    def added_to(self, proposal: Json) -> Json:
        return booking.with_details(proposal, patient=self.patient, comment=self.comment, identifiers=self.identifiers)


def order_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `book` and `hold` that say what, when, with whom and for whom."""
    options = [
        click.option("--pick", "picked", metavar="N", help="The offer with this number of your last find."),
        service_option(),
        schedules_option(),
        click.option("--start", metavar="TIME", help="When the visit starts: a local time or an instant."),
        click.option("--patient", metavar="NAME", help="Whom it is for: Patient/x, an id, or a name that is unique."),
        click.option("--comment", metavar="TEXT", callback=words, help="A comment on the appointment."),
        click.option(
            "--identifier",
            "identifiers",
            multiple=True,
            metavar="[SYSTEM|]VALUE",
            help="A name of your own for this booking. Give one wherever an answer can get lost: the same command "
            "again then answers the booking that was made, instead of making a second one. Repeatable.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def read_details(desk: Desk, patient: str | None, comment: str | None, identifiers: Sequence[str]) -> Details:
    """Raises NameNotFound, AmbiguousName or InvalidInputError."""
    found = [booking.read_identifier(one) for one in identifiers]
    return Details(None if patient is None else _patient(desk, patient), comment, found)


def _patient(desk: Desk, text: str) -> Json:
    """A reference to the patient. `Patient/x` need not be stored here: patients may live elsewhere."""
    ledger = desk.ledger
    bare = text.removeprefix("Patient/")
    is_reference = bare != text and bare and "/" not in bare
    if is_reference and ledger.read(text) is None:
        click.echo(f"Note: {printable(text)} is not stored in the ledger.", err=True)
        return {"reference": text}
    id = names.patient_id(ledger, text)
    reference = f"Patient/{id}"
    name = next(names.resource_names(ledger.read(reference) or {}), None)
    return {"reference": reference} if name is None else {"reference": reference, "display": name}


def read_order(
    desk: Desk, picked: str | None, service: str | None, schedules: Sequence[str], start: str | None
) -> Json | Wanted:
    """The proposal picked or piped in, or what was asked for by name. Raises what cannot be read or found."""
    given = [
        option
        for option, value in (("--service", service), ("--schedule", schedules), ("--start", start))
        if value not in (None, ())
    ]
    if picked is not None:
        if given:
            raise click.UsageError(f"--pick and {given[0]} exclude each other: an offer has its own.")
        return pick(desk.ledger, picked)
    if not given:
        return _piped()
    if service is None or not schedules or start is None:
        raise click.UsageError("--service, --schedule and --start belong together.")
    ledger = desk.ledger
    service_id = names.service_id(ledger, service)
    pools = [[names.schedule_id(ledger, name) for name in read_pool(pool)] for pool in schedules]
    zone = desk.zone_of_schedule(pools[0][0], service_id)
    at = booking.check_minute("--start", read_moment_ms("--start", start, zone))
    return Wanted(service_id, [list(dict.fromkeys(pool)) for pool in pools], at, zone)


def _piped() -> Json:
    if sys.stdin is None or sys.stdin.isatty():  # type: ignore[reportUnnecessaryComparison]
        raise click.UsageError(
            "Say what: a proposal on standard input, --pick N, or --service, --schedule and --start."
        )
    return booking.read_proposal(sys.stdin.buffer.read())


def carry_out(
    desk: Desk,
    operation: str,
    order: Json | Wanted,
    details: Details,
    more: Sequence[Json],
    *,
    allow_past: bool,
    engine: Any,
) -> Answer:
    """Book or hold what was ordered. Raises Refused, or what a search raises."""
    if isinstance(order, Wanted):
        if not order.is_settled:
            return _carry_out_choice(desk, operation, order, details, more, allow_past=allow_past, engine=engine)
        order = _proposed(desk, order, [pool[0] for pool in order.pools])
    proposal = details.added_to(order)
    answer = _ask(desk, operation, proposal, more, allow_past=allow_past)
    if answer.exit:
        raise refused(desk, answer, proposal=proposal, zone=desk.zone_of(proposal))
    return answer


def _proposed(desk: Desk, wanted: Wanted, ids: list[str]) -> Json:
    try:
        return booking.propose(desk.ledger, wanted.service_id, ids, wanted.start)
    except Refusal as error:
        raise for_people(error, wanted.service_id, [[id] for id in ids]) from error


def choose(desk: Desk, wanted: Wanted, engine: Any, *, ignored: str | None = None) -> booking.Choice:
    """What the solver picks. Raises a search's refusal, its places named as they were typed."""
    try:
        return booking.choose(
            desk.ledger,
            wanted.service_id,
            wanted.pools,
            wanted.start,
            wanted.zone,
            now=desk.now(),
            engine=engine,
            ignored=ignored,
        )
    except Refusal as error:
        raise for_people(error, wanted.service_id, wanted.pools) from error


def _ask(desk: Desk, operation: str, proposal: Json, more: Sequence[Json], *, allow_past: bool) -> Answer:
    parameters = [{"name": "appointment", "resource": proposal}, *more]
    if not allow_past:
        at = booking.start_ms(proposal)
        has_passed = at is not None and at < desk.now_ms
        # What was booked already may be asked about at any time.
        if has_passed and not (proposal.get("identifier") and _is_replay(desk, operation, parameters)):
            shown = moment_ms(at or 0, desk.zone_of(proposal))
            booking.check_not_past(at, desk.now(), shown)
    return desk.ask(operation, parameters)


def _is_replay(desk: Desk, operation: str, parameters: Sequence[Json]) -> bool:
    return desk.ask(operation, parameters, dry_run=True).status == 200


def _carry_out_choice(
    desk: Desk, operation: str, wanted: Wanted, details: Details, more: Sequence[Json], *, allow_past: bool, engine: Any
) -> Answer:
    """The solver picks one of each pool; it picks again where somebody else was faster."""
    answer, proposal = None, None
    for _ in range(TRIES):
        choice = choose(desk, wanted, engine)
        if choice.proposal is None:
            break
        proposal = details.added_to(choice.proposal)
        answer = _ask(desk, operation, proposal, more, allow_past=allow_past)
        if answer.text != TAKEN:
            break
    if answer is not None and not answer.exit:
        return answer
    if details.identifiers and (answer is None or answer.text == _KNOWN):
        earlier = _replay(desk, operation, wanted, details, more)
        if earlier is not None:
            return earlier
    if answer is None or proposal is None:
        raise nothing_free(desk, wanted, lambda one: _alone(desk, wanted, one))
    raise refused(desk, answer, proposal=proposal, zone=wanted.zone)


def _replay(desk: Desk, operation: str, wanted: Wanted, details: Details, more: Sequence[Json]) -> Answer | None:
    """The same command again: not a new choice, but the schedules that were chosen then."""
    holder = booking.holder_of(desk.ledger, details.identifiers)
    ids = None if holder is None else booking.schedules_from_pools(desk.ledger, holder, wanted.pools)
    if ids is None:
        return None
    proposal = details.added_to(_proposed(desk, wanted, ids))
    answer = desk.ask(operation, [{"name": "appointment", "resource": proposal}, *more])
    return answer if answer.status == 200 else None


def nothing_free(desk: Desk, wanted: Wanted, alone: Callable[[str], Answer]) -> Refused:
    """Why no combination is free at this start: what is in the way of each schedule of the first pool without one.

    `alone` tells how a schedule by itself would be answered.
    """
    ledger = desk.ledger
    at = moment_ms(wanted.start * 60_000, wanted.zone)
    for pool in wanted.pools:
        answers = {id: alone(id) for id in pool[:_EXPLAINED]}
        if len(pool) > _EXPLAINED or any(not answer.exit for answer in answers.values()):
            continue
        if all(answer.text != TAKEN for answer in answers.values()):
            # No matter of what is free: the same would be said of each schedule alone.
            proposal = _proposed(desk, wanted, pool[:1])
            return refused(desk, answers[pool[0]], proposal=proposal, schedule_ids=pool[:1], zone=wanted.zone)
        who = " or ".join(schedule_title(ledger, id) for id in pool)
        lines = [f"{TAKEN}: at {at} there is no free {who}."]
        for id, answer in answers.items():
            lines.append(f"  {schedule_title(ledger, id)}: {printable(answer.text)}.")
            blockage = booking.read_blockage(ledger, answer.issue.get("diagnostics"))
            if blockage is not None:
                lines += [f"  {line}" for line in blockage_lines(desk, blockage, wanted.zone)]
        return Refused("\n".join([*lines, remedy_for(TAKEN)]), 4)
    return Refused(
        f"{TAKEN}: at {at} no combination of these schedules is free with a different actor for each. "
        f"{remedy_for(TAKEN)}",
        4,
    )


def _alone(desk: Desk, wanted: Wanted, schedule_id: str) -> Answer:
    proposal = _proposed(desk, wanted, [schedule_id])
    return desk.ask("Appointment/$book", [{"name": "appointment", "resource": proposal}], dry_run=True)


def zone_for(desk: Desk, order: Json | Wanted, appointment: Json) -> Zone:
    """The zone in which the answer is shown: the one in which it was asked."""
    return order.zone if isinstance(order, Wanted) else desk.zone_of(appointment)
