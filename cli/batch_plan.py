"""`slotwright batch plan`, and what it shares with `batch replan`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from .options import (
    Amount,
    Bar,
    allow_past_option,
    calendar_option,
    ledger_option,
    load,
    lock_timeout_option,
    login_name,
    now_option,
    source_of,
    timezone_option,
    unsafe_option,
    who_option,
)
from .parts import continuing

if TYPE_CHECKING:
    from ..io.batch.executors import How
    from ..io.plans.movable import Movable
    from ..io.plans.report import Report
    from ..io.store import Store


class Asked(NamedTuple):
    """What `plan` and `replan` are told alike."""

    output: str | None
    html: str | None
    book: bool
    objective: Any
    work_limit: float | None
    time_limit_seconds: float | None
    seed: int
    timezone: str | None
    as_json: bool
    allow_past: bool
    who: str | None


def plan_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `Asked`, which the command gets as its argument `asked`; and those of the store."""

    def command(**given: Any) -> Any:
        asked = Asked(**{name: given.pop(name) for name in Asked._fields})
        return function(asked=asked, **given)

    command.__doc__, command.__name__ = function.__doc__, function.__name__
    options = [
        click.option(
            "-o",
            "--output",
            metavar="PLAN",
            type=click.Path(allow_dash=True),
            help="The file of answers, by suffix; it is replaced when the plan is complete. - is standard output.",
        ),
        click.option("--html", metavar="FILE", help="Write a page: what is served, each day before and after."),
        click.option("--book", is_flag=True, help="Write the plan into the ledger."),
        click.option(
            "--objective",
            type=click.Choice(["weighted", "lexicographic"]),
            default="weighted",
            show_default=True,
            help="Weights against costs, or served by priority first, then preference, earliness and even load.",
        ),
        click.option(
            "--work-limit",
            metavar="N",
            type=Amount(min=0),
            help="How much work to spend; it decides the plan. Default: by the number of requests.",
        ),
        click.option(
            "--time-limit-seconds",
            metavar="N",
            type=Amount(min=0),
            help="Stop after so long with the best plan so far: a guard, as it makes plans depend on the machine.",
        ),
        click.option("--seed", metavar="N", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True,
                     help="Where chance decides."),
        timezone_option("The zone of local times. Default: for each request that of the first schedule it names."),
        click.option("--json", "as_json", is_flag=True, help="Print the report and the answers as JSON."),
        calendar_option(),
        ledger_option(required=False),
        allow_past_option(),
        now_option(),
        who_option(),
        lock_timeout_option(),
        unsafe_option(),
    ]  # fmt: skip
    found: Callable[..., Any] = command
    for option in reversed(options):
        found = option(found)
    return found


def open_store(
    asked: Asked, calendars: tuple[str, ...], ledger: str | None, now: str | None, lock_timeout: float, unsafe: bool
) -> Store:
    """The calendar or the ledger, to be written if the plan is to be booked."""
    calendars, ledger = source_of(calendars, ledger)
    if asked.as_json and asked.output == "-":
        raise click.UsageError("--json and PLAN cannot both be standard output.")
    if asked.book and ledger is None:
        raise click.UsageError("--book needs a --ledger: a calendar is never written.")
    return load(calendars, ledger, now, lock_timeout, not asked.book, unsafe)


def carry_out(asked: Asked, store: Store, requests: str | None, movable: Movable | None) -> int:
    """Plan, write and say; returns the exit code."""
    from ..io.batch.formats import check_files
    from ..io.plans.api import plan, replan

    check_files(requests, plan=asked.output)
    if asked.html is not None:
        from ..io.staging import check_place

        check_place(asked.html)
    with Bar("Planning", "requests") as bar:
        from .plan_report import Watcher

        limits: dict[str, Any] = {
            "book": asked.book,
            "objective": asked.objective,
            "work_limit": asked.work_limit,
            "time_limit_seconds": asked.time_limit_seconds,
            "seed": asked.seed,
            "timezone": asked.timezone,
            "allow_past": asked.allow_past,
            "who": (asked.who or login_name()) if asked.book else None,
            "watch": Watcher(bar),
        }
        if movable is None:
            answer = plan(requests, store, **limits)
        else:
            answer = replan(store, movable, requests if requests is not None else (), **limits)
    from ..io.outcome import EXIT_INTERRUPTED
    from .plan_report import say

    try:
        if asked.output is not None:
            answer.write(asked.output)
        if asked.html is not None:
            from .plan_page import write_plan_page

            write_plan_page(store, answer, asked.html, asked.timezone)
    finally:
        # What is booked is booked, also where the disk has no room left to tell of it.
        say(store, answer, asked)
    return EXIT_INTERRUPTED if answer.is_interrupted else exit_code_of(answer.report)


def exit_code_of(report: Report) -> int:
    """5 where a row is at fault, 3 where nothing has a time, else 0."""
    from ..io.outcome import EXIT_NOTHING_FOUND, EXIT_OK

    if report.counts.get("error"):
        return 5
    return EXIT_OK if report.served or not report.requests else EXIT_NOTHING_FOUND


@click.command("plan")
@click.argument("requests", metavar="REQUESTS", type=click.Path(allow_dash=True))
@click.option(
    "--partitions",
    metavar="N",
    type=click.IntRange(1, 99_999),
    help="Plan in so many parts that share nothing. An interrupted run is continued by the same command.",
)
@click.option(
    "--executor",
    type=click.Choice(["serial", "processes", "dask"]),
    default="serial",
    show_default=True,
    help="Where parts are planned: here, in several processes, or on a Dask cluster.",
)
@click.option(
    "--workers", metavar="N", type=click.IntRange(1, 1024), help="How many processes. Default: one for each processor."
)
@click.option("--scheduler-address", metavar="URL", help="The Dask scheduler. Default: a cluster on this machine.")
@plan_options
def command(
    asked: Asked,
    requests: str,
    partitions: int | None,
    executor: Any,
    workers: int | None,
    scheduler_address: str | None,
    calendars: tuple[str, ...],
    ledger: str | None,
    now: str | None,
    lock_timeout: float,
    unsafe_filesystem: bool,
) -> int:
    """Place as many requests as possible without conflict.

    REQUESTS and PLAN are Parquet, CSV, NDJSON or Arrow, by suffix. Without --book nothing is written but PLAN. What is
    wrong with a row costs that row; then the exit code is 5. In a ledger only starts from now on are planned.

    \b
    Example:
      slotwright batch plan examples/plan.csv --calendar examples/clinic --now 2026-03-09T13:00:00Z
    """
    if partitions is None:
        if executor != "serial":
            raise click.UsageError(f"--executor {executor} needs --partitions.")
        store = open_store(asked, calendars, ledger, now, lock_timeout, unsafe_filesystem)
        return carry_out(asked, store, requests, None)
    if asked.html is not None:
        raise click.UsageError("--html and --partitions exclude each other: a page is drawn of a whole plan.")
    if asked.output in (None, "-") or asked.book:
        raise click.UsageError("--partitions needs -o PLAN, beside which the parts lie, and writes no bookings.")
    if executor != "dask" and scheduler_address is not None:
        raise click.UsageError("--scheduler-address is for --executor dask.")
    with continuing(asked.output):
        store = open_store(asked, calendars, ledger, now, lock_timeout, unsafe_filesystem)
        from ..io.batch.executors import How

        return _in_parts(asked, store, requests, partitions, How(executor, workers, scheduler_address), now)


def _in_parts(asked: Asked, store: Store, requests: str, partitions: int, how: How, now: str | None) -> int:
    from ..io.batch.formats import check_files
    from ..io.plans.parts import plan_in_parts
    from ..io.plans.planning import earliest_of
    from ..io.plans.solving import Limits
    from ..io.plans.tables import read_rows
    from .plan_report import say_parts

    assert asked.output is not None
    check_files(requests, plan=asked.output)
    limits = Limits(asked.work_limit, asked.time_limit_seconds, asked.seed, asked.objective)
    with Bar("Planning", "partitions") as bar:
        parts = plan_in_parts(
            store,
            read_rows(requests),
            asked.output,
            limits,
            timezone=asked.timezone,
            earliest=earliest_of(store, allow_past=asked.allow_past),
            count=partitions,
            how=how,
            progress=bar.show_of,
            is_now_given=now is not None,
        )
    say_parts(parts, partitions, asked)
    return exit_code_of(parts.report)
