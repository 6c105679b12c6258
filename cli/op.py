"""`slotwright op`: every operation as programs call it, FHIR in and FHIR out."""

from __future__ import annotations

import sys
from typing import Any

import click

from .options import (
    calendar_option,
    dry_run_option,
    engine_option,
    ledger_option,
    load,
    lock_timeout_option,
    login_name,
    now_option,
    print_json,
    source_of,
    unsafe_option,
    who_option,
)

_NO_BODY = "no Parameters resource"


@click.command("op")
@click.argument("operation")
@calendar_option()
@ledger_option(required=False)
@click.option("--query", metavar="QUERY", help="Parameters as in a URL; without it, a Parameters resource is read.")
@click.option("--body", metavar="FILE", help="The Parameters resource. Default: standard input.")
@engine_option()
@now_option()
@dry_run_option()
@who_option()
@lock_timeout_option()
@unsafe_option()
@click.pass_context
def command(
    ctx: click.Context,
    operation: str,
    calendars: tuple[str, ...],
    ledger: str | None,
    query: str | None,
    body: str | None,
    engine: Any,
    now: str | None,
    dry_run: bool,
    who: str | None,
    lock_timeout: float,
    unsafe_filesystem: bool,
) -> None:
    """Carry out one FHIR operation and print its answer, a resource or an OperationOutcome.

    OPERATION is a path such as 'Appointment/$find' or 'Appointment/booking-074/$confirm'. Those that write need a
    ledger. The exit code says which group an error belongs to.

    \b
    Example:
      slotwright op 'Appointment/$find' --calendar examples/clinic --query \\
          'start=2026-03-10&end=2026-03-12&service-type-reference=HealthcareService/check-up&schedule=Schedule/dr-novak'
      slotwright op 'Appointment/booking-074/$confirm' --ledger clinic.ledger </dev/null
    """
    from ..io.operations import answer_call
    from ..io.outcome import fault_of, outcome_of
    from ..solver.errors import SlotwrightError

    if query is not None and body is not None:
        raise click.UsageError("--query and --body exclude each other.")
    calendars, ledger = source_of(calendars, ledger)
    if query is None and body in (None, "-"):
        if "-" in calendars:
            raise click.UsageError(
                "Standard input cannot be both --calendar and the body. Give --query, or --body FILE."
            )
        if sys.stdin.isatty() and not _needs_no_body(operation):
            raise click.UsageError("Give the parameters by --query, or a Parameters resource on standard input.")
    try:
        parameters = _read_query(query) if query is not None else None
        is_typed = query is None and body is None and sys.stdin.isatty()
        content = None if query is not None or is_typed else _read_body(body or "-")
        reads = operation.endswith(("/$find", "/$explain"))
        store = load(calendars, ledger, now, lock_timeout, reads, unsafe_filesystem)
    except SlotwrightError as error:
        print_json(outcome_of(error))
        ctx.exit(fault_of(error).exit)
    answer = answer_call(
        store,
        operation,
        query=parameters,
        body=content,
        engine=engine,
        who=who or login_name(),
        dry_run=dry_run,
    )
    print_json(answer.resource)
    ctx.exit(answer.exit)


def _needs_no_body(operation: str) -> bool:
    """Is all said by the path already, as by `Appointment/{id}/$confirm`?"""
    from ..io.errors import Refusal
    from ..io.operations.call import Operation

    try:
        return not Operation.named(operation).declaration.needs_body
    except Refusal:
        return False


def _read_query(query: str) -> dict[str, list[str]]:
    from urllib.parse import parse_qs

    return parse_qs(query.removeprefix("?"), keep_blank_values=True)


def _read_body(path: str) -> object:
    """The parsed body; None if there is none, and text that no operation accepts if it is not JSON."""
    import orjson

    from ..io.errors import LoadError

    if path == "-":
        content = sys.stdin.buffer.read()
    else:
        try:
            with open(path, "rb") as file:
                content = file.read()
        except (OSError, ValueError) as error:
            raise LoadError(f"{path} cannot be read: {error.args[-1]}.") from error
    if not content.strip():
        return None
    try:
        parsed = orjson.loads(content)
    except orjson.JSONDecodeError:
        return _NO_BODY
    return _NO_BODY if parsed is None else parsed
