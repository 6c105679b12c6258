"""`slotwright explain`: why times are not offered, and where rules come from, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .busy import all_day_option, busy_option, laid_over
from .options import (
    Bar,
    calendar_option,
    ledger_option,
    load,
    lock_timeout_option,
    now_option,
    print_json,
    read_pool,
    schedules_option,
    service_option,
    source_of,
    timezone_option,
    unsafe_option,
)
from .searching import ignore_option, query_of

if TYPE_CHECKING:
    from ..io.store import Store
    from ..io.wishes import Window
    from ..solver.civil import Zone


@click.command("explain")
@calendar_option()
@ledger_option(required=False)
@service_option("The HealthcareService, by id or name. Only --parameters needs none: it prints the rules for each.")
@schedules_option(required=True)
@click.option("--at", metavar="TIME", help="The one start to explain: a local time or an instant.")
@click.option("--start", metavar="TIME", help="Begin of a window to explain: a local day or an instant.")
@click.option("--end", metavar="TIME", help="End of the window: a local day, included, or an instant.")
@timezone_option("The zone of local times and of what is printed. Default: that of the first schedule named.")
@click.option("--occurrences", metavar="N", help="Explain a weekly series of this many visits, 2 to 6.")
@ignore_option()
@busy_option()
@all_day_option()
@click.option("--summary", is_flag=True, help="Count the starts that are lost in the window, by reason.")
@click.option("--parameters", is_flag=True, help="Print every rule of the schedules, and where it comes from.")
@click.option("--json", "as_json", is_flag=True, help="Print the FHIR Parameters.")
@now_option()
@lock_timeout_option()
@unsafe_option()
def command(
    calendars: tuple[str, ...],
    ledger: str | None,
    service: str | None,
    schedules: tuple[str, ...],
    at: str | None,
    start: str | None,
    end: str | None,
    timezone: str | None,
    occurrences: str | None,
    ignore_appointment: str | None,
    busy: tuple[str, ...],
    all_day: str,
    summary: bool,
    parameters: bool,
    as_json: bool,
    now: str | None,
    lock_timeout: float,
    unsafe_filesystem: bool,
) -> None:
    """Say why a time is not offered: what is against one start, or against every start of a window.

    With --parameters it needs no time, and prints the rules that are in force with the layer each comes from.

    \b
    Example:
      slotwright explain --calendar examples/clinic --service check-up \\
          --schedule dr-novak --schedule exam-1,exam-2 --at 2026-03-10T09:15
    """
    calendars, ledger = source_of(calendars, ledger)
    _check(service, at, start, end, summary=summary, parameters=parameters)
    from ..io import names
    from ..io.local import zone_named, zone_of_schedule

    store = load(calendars, ledger, now, lock_timeout, True, unsafe_filesystem)
    service_id = None if service is None else names.service_id(store, service)
    pools = [[names.schedule_id(store, name) for name in read_pool(pool)] for pool in schedules]
    if parameters or service_id is None:
        from .rules import print_rules

        print_rules(store, service_id, list(dict.fromkeys(one for pool in pools for one in pool)), as_json=as_json)
        return
    zone = zone_of_schedule(store, pools[0][0], service_id) if timezone is None else zone_named(store, timezone)
    window, minute = _window(store, service_id, pools, zone, at, start, end, occurrences)
    query = _query(service_id, pools, window, minute, occurrences, ignore_appointment)
    searched = (window.start_ms, window.end_ms)
    with laid_over(store, busy, all_day, searched, service_id, pools, is_series=bool(occurrences)).reading() as state:
        _explain(state, query, service_id, pools, window, zone, summary=summary, as_json=as_json)
    first_ms = window.start_ms if minute is None else minute * 60_000
    if ledger is not None and first_ms < store.now().timestamp() * 1000:
        text = "starts before now are judged too; in a ledger find offers them only with --allow-past."
        click.echo(f"Note: {text}", err=True)


def _check(
    service: str | None, at: str | None, start: str | None, end: str | None, *, summary: bool, parameters: bool
) -> None:
    """Raises UsageError for options that are missing or contradict each other."""
    if parameters:
        return
    if service is None:
        raise click.UsageError("Missing option '--service'; only --parameters needs none.")
    if at and summary:
        raise click.UsageError("--summary counts a window; give --start and --end instead of --at.")
    if not at and not (start and end):
        raise click.UsageError("Give --at, or --start and --end, or --parameters.")
    if bool(start) != bool(end):
        raise click.UsageError("--start and --end go together.")


def _window(
    store: Store,
    service_id: str,
    pools: list[list[str]],
    zone: Zone,
    at: str | None,
    start: str | None,
    end: str | None,
    occurrences: str | None,
) -> tuple[Window, int | None]:
    """The search window, that of the days the visit touches if none is given, and the minute asked about."""
    from ..io.booking import check_minute, days_of
    from ..io.local import read_moment_ms
    from ..io.operations.find import RANGE_MOST_MS, SERIES_RANGE_MOST_MS
    from ..io.wishes import Window, read_window

    minute = None if at is None else check_minute("--at", read_moment_ms("--at", at, zone))
    if start and end:
        return read_window(start, end, zone, SERIES_RANGE_MOST_MS if occurrences else RANGE_MOST_MS), minute
    assert minute is not None
    return Window(*days_of(store, service_id, pools, minute, zone)), minute


def _query(
    service_id: str,
    pools: list[list[str]],
    window: Window,
    minute: int | None,
    occurrences: str | None,
    ignored: str | None,
) -> dict[str, str | list[str]]:
    from ..io.instants import utc_text, utc_text_ms

    return {
        "start": utc_text_ms(window.start_ms),
        "end": utc_text_ms(window.end_ms),
        **query_of(service_id, pools, occurrences, ignored),
        "at": "" if minute is None else utc_text(minute),
    }


def _explain(
    store: Store,
    query: dict[str, str | list[str]],
    service_id: str,
    pools: list[list[str]],
    window: Window,
    zone: Zone,
    *,
    summary: bool,
    as_json: bool,
) -> None:
    from ..io.errors import Refusal
    from ..io.operations.explain import explain, read_request
    from ..io.operations.request import QueryRequest

    try:
        asked = read_request(QueryRequest(query))
        with Bar("Judging", "starts") as bar:
            found = explain(store, asked, now=store.now(), verdicts_most=None, progress=bar.show_of)
    except Refusal as error:
        from .refusals import for_people

        raise for_people(error, service_id, pools) from error
    if as_json:
        from ..io.operations.explained import write_parameters, write_summary

        print_json(write_summary(found) if summary else write_parameters(store, found))
        return
    from .explained import print_one, print_summary, print_window

    if query["at"]:
        print_one(store, found, zone)
    elif summary:
        print_summary(store, found, window, zone)
    else:
        print_window(store, found, window, zone)
