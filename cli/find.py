"""`slotwright find`: common free times, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .busy import laid_over
from .options import (
    allow_past_option,
    calendar_option,
    engine_option,
    ledger_option,
    load,
    lock_timeout_option,
    now_option,
    print_json,
    read_format,
    read_number,
    read_pool,
    schedules_option,
    service_option,
    source_of,
    unsafe_option,
)
from .searching import keep_offers, query_of, search_options

if TYPE_CHECKING:
    from ..io.store import Store
    from ..io.wishes import Window
    from ..solver.civil import Zone


_EXPLAINED = (
    "calendars", "ledger", "service", "schedules", "start", "end", "timezone", "occurrences", "ignore_appointment",
    "busy", "all_day", "now",
)  # fmt: skip
"""The options that `slotwright explain` has too."""


@click.command("find")
@calendar_option()
@ledger_option(required=False)
@service_option(required=True)
@schedules_option(required=True)
@click.option("--start", required=True, metavar="TIME", help="Begin of the search: a local day or an instant.")
@click.option("--end", required=True, metavar="TIME", help="End of the search: a local day, included, or an instant.")
@click.option(
    "--timezone",
    metavar="ZONE",
    envvar="SLOTWRIGHT_TIMEZONE",
    help="The zone of local days and of the table. Default: that of the first schedule named.",
)
@click.option("--count", metavar="N", help="At most this many offers, 1 to 1000. Default: 20.")
@search_options
@click.option("--json", "as_json", is_flag=True, help="Print the FHIR Bundle.")
@click.option("--ndjson", "as_ndjson", is_flag=True, help="Print one Appointment a line.")
@allow_past_option()
@engine_option()
@now_option()
@lock_timeout_option()
@unsafe_option()
def command(
    calendars: tuple[str, ...],
    ledger: str | None,
    service: str,
    schedules: tuple[str, ...],
    start: str,
    end: str,
    timezone: str | None,
    count: str | None,
    combinations: str | None,
    occurrences: str | None,
    ignore_appointment: str | None,
    between: str | None,
    weekday: str | None,
    notice: str | None,
    busy: tuple[str, ...],
    all_day: str,
    as_json: bool,
    as_ndjson: bool,
    allow_past: bool,
    engine: Any,
    now: str | None,
    lock_timeout: float,
    unsafe_filesystem: bool,
) -> int:
    """Find times at which everyone an appointment needs is free.

    Exits with 3 if there are none, and says which schedule or pool left the fewest starts. In a ledger only starts
    from now on are offered, and the offers are kept for book --pick.

    \b
    Example:
      slotwright find --calendar examples/clinic --service bariatric-surgery \\
          --schedule dr-martinez --schedule or-1,or-2,or-3 --schedule dr-kim,dr-osei \\
          --start 2026-03-10 --end 2026-03-14
    """
    as_json, as_ndjson = read_format(as_json, as_ndjson)
    calendars, ledger = source_of(calendars, ledger)
    from ..io import names
    from ..io.errors import Refusal
    from ..io.instants import utc_text_ms
    from ..io.local import zone_named, zone_of_schedule
    from ..io.operations import find
    from ..io.operations.request import QueryRequest
    from ..io.outcome import EXIT_NOTHING_FOUND, EXIT_OK
    from ..io.wishes import Wishes, read_between, read_notice, read_weekdays, read_window

    hours = None if between is None else read_between(between)
    days = None if weekday is None else read_weekdays(weekday)
    lead = None if notice is None else read_notice(notice)
    store = load(calendars, ledger, now, lock_timeout, True, unsafe_filesystem)
    instant = store.now()
    service_id = names.service_id(store, service)
    pools = [[names.schedule_id(store, name) for name in read_pool(pool)] for pool in schedules]
    zone = zone_of_schedule(store, pools[0][0], service_id) if timezone is None else zone_named(store, timezone)
    most_ms = find.RANGE_MOST_MS if not occurrences else find.SERIES_RANGE_MOST_MS
    window = read_window(start, end, zone, most_ms)
    query: dict[str, str | list[str]] = {
        "start": utc_text_ms(window.start_ms),
        "end": utc_text_ms(window.end_ms),
        **query_of(service_id, pools, occurrences, ignore_appointment),
        "_count": read_number("--count", count),
        "combinations": read_number("--combinations", combinations),
    }
    searched = laid_over(
        store, busy, all_day, (window.start_ms, window.end_ms), service_id, pools, is_series=bool(occurrences)
    )
    now_ms = int(instant.timestamp() * 1000)
    only_ahead = ledger is not None and not allow_past
    try:
        request = find.read_request(QueryRequest(query))
        earliest_ms = None if lead is None and not only_ahead else now_ms + (lead or 0) * 60_000
        wishes = Wishes(hours, days, earliest_ms)
        with searched.reading() as state:
            answer = find.find(
                state, request, now=instant, engine=engine, wish=lambda duration: wishes.starts(window, zone, duration)
            )
    except Refusal as error:
        from .refusals import for_people

        raise for_people(error, service_id, pools) from error
    if timezone is None:
        _note_other_zones(store, service_id, pools, zone)
    if only_ahead and (not answer.offers or window.start_ms < zone.day_start_ms(zone.local_day(now_ms // 60_000))):
        _note_past(window, now_ms, zone)
    if ledger is not None:
        keep_offers(store, query, list(find.proposals(answer)))
    if as_json:
        print_json(find.write_bundle(answer))
    elif as_ndjson:
        for proposal in find.proposals(answer):
            print_json(proposal, pretty=False)
    else:
        from .table import print_answer

        hint = _hint(ignore_appointment) if ledger is not None else ""
        print_answer(store, answer, window, zone, hint=hint, why=_explain_command())
    return EXIT_OK if answer.offers else EXIT_NOTHING_FOUND


def _explain_command() -> str:
    """The command that counts what stands in the way, with what was typed here."""
    import shlex

    context = click.get_current_context()
    typed: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        if name in _EXPLAINED and context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            value: Any = context.params[name]
            for one in value if isinstance(value, tuple) else (value,):  # type: ignore[reportUnknownVariableType]
                typed += [parameter.opts[0], str(one)]  # type: ignore[reportUnknownArgumentType]
    return shlex.join(["slotwright", "explain", *typed, "--summary"])


def _hint(moved: str | None) -> str:
    """What can be done with the offers."""
    if not moved:
        return "slotwright book --pick N books one."
    return f"slotwright reschedule {moved.removeprefix('Appointment/')} --pick N moves it there."


def _note_past(window: Window, now_ms: int, zone: Zone) -> None:
    """Where the window begins before now, less is searched than was asked for. That today has begun needs no note."""
    if window.start_ms < now_ms:
        from .text import moment_ms

        text = f"only starts from now on are offered, {moment_ms(now_ms, zone)}; --allow-past offers all."
        click.echo(f"Note: {text}", err=True)


def _note_other_zones(store: Store, service_id: str, pools: list[list[str]], zone: Zone) -> None:
    """Local days and times are read in one zone; say so where schedules have others."""
    from ..io.local import resolved as resolved_of

    others: dict[str, list[str]] = {}
    for id in dict.fromkeys(one for pool in pools for one in pool):
        resolved = resolved_of(store, service_id, id)
        if resolved is not None and resolved.timezone.zone.name != zone.name:
            others.setdefault(resolved.timezone.zone.name, []).append(id)
    for name, ids in others.items():
        click.echo(f"Note: days and times are those of {zone.name}; {', '.join(ids)}: {name}.", err=True)
