"""`slotwright next`: the earliest common free times from a day on, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .busy import laid_over
from .options import (
    Bar,
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
    timezone_option,
    unsafe_option,
)
from .searching import keep_offers, query_of, search_options

if TYPE_CHECKING:
    from ..io.earliest import Earliest
    from ..io.store import Store
    from ..solver.civil import Zone


@click.command("next")
@calendar_option()
@ledger_option(required=False)
@service_option(required=True)
@schedules_option(required=True)
@click.option(
    "--from", "begin", metavar="TIME", help="Begin of the search: a day, a local time or an instant. Default: now."
)
@click.option(
    "--within", metavar="LENGTH", default="24mo", show_default=True, help="How far to search: 24mo, 6wk, 90d."
)
@timezone_option("The zone of local days and of the table. Default: that of the first schedule named.")
@click.option("--count", metavar="N", help="At most this many offers, 1 to 1000. Default: 1.")
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
    begin: str | None,
    within: str,
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
    """Find the earliest times at which everyone an appointment needs is free, however far ahead.

    Exits with 3 if there are none until the planning horizons end, or --within does, and says which. In a ledger only
    starts from now on are offered, and the offers are kept for book --pick.

    \b
    Example:
      slotwright next --calendar examples/clinic --service check-up \\
          --schedule dr-novak --schedule exam-1,exam-2 --from 2026-03-12 --between 09:00-12:00
    """
    as_json, as_ndjson = read_format(as_json, as_ndjson)
    calendars, ledger = source_of(calendars, ledger)
    from ..io import names
    from ..io.earliest import Asked, earliest, read_within
    from ..io.errors import Refusal
    from ..io.local import read_bound_ms, zone_named, zone_of_schedule
    from ..io.operations import find
    from ..io.outcome import EXIT_NOTHING_FOUND, EXIT_OK
    from ..io.wishes import Wishes, read_between, read_notice, read_weekdays

    hours = None if between is None else read_between(between)
    days = None if weekday is None else read_weekdays(weekday)
    lead = None if notice is None else read_notice(notice)
    store = load(calendars, ledger, now, lock_timeout, True, unsafe_filesystem)
    instant = store.now()
    now_ms = int(instant.timestamp() * 1000)
    service_id = names.service_id(store, service)
    pools = [[names.schedule_id(store, name) for name in read_pool(pool)] for pool in schedules]
    zone = zone_of_schedule(store, pools[0][0], service_id) if timezone is None else zone_named(store, timezone)
    start_ms = now_ms if begin is None else read_bound_ms("--from", begin, zone, "start")
    end_ms = read_within(within, start_ms, zone)
    only_ahead = ledger is not None and not allow_past
    query: dict[str, str | list[str]] = {
        **query_of(service_id, pools, occurrences, ignore_appointment),
        "combinations": read_number("--combinations", combinations),
    }
    earliest_ms = None if lead is None and not only_ahead else now_ms + (lead or 0) * 60_000
    wanted = _wanted(count)
    asked = Asked(query, service_id, pools, Wishes(hours, days, earliest_ms), zone, wanted, engine)
    searched = laid_over(store, busy, all_day, (start_ms, end_ms), service_id, pools, is_series=bool(occurrences))
    try:
        with Bar("Searching", "days") as bar:
            found = earliest(
                searched, asked, start_ms, end_ms, now=instant,
                progress=lambda done, total: bar.show_of(done // 1440, total // 1440),
            )  # fmt: skip
    except Refusal as error:
        from .refusals import for_people

        raise for_people(error, service_id, pools) from error
    proposals = [one for answer in found.answers for one in find.proposals(answer)]
    if ledger is not None:
        keep_offers(store, query, proposals)
    if as_json:
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
        print_json({**bundle, "entry": [{"resource": one} for one in proposals]} if proposals else bundle)
    elif as_ndjson:
        for proposal in proposals:
            print_json(proposal, pretty=False)
    else:
        _print(store, found, zone, within, wanted, is_ledger=ledger is not None)
    return EXIT_OK if proposals else EXIT_NOTHING_FOUND


def _wanted(count: str | None) -> int:
    """Raises InvalidInputError."""
    from ..solver.errors import InvalidInputError

    number = int(read_number("--count", count) or 1)
    if not 1 <= number <= 1000:
        raise InvalidInputError(f"--count {count} is not between 1 and 1000.")
    return number


def _print(store: Store, found: Earliest, zone: Zone, within: str, wanted: int, *, is_ledger: bool) -> None:
    from .table import offers_table, title_of
    from .text import count, moment_ms

    start, end = (moment_ms(at * 60_000, zone) for at in (found.start, found.end))
    if not found.answers:
        click.echo(f"Nothing free from {start} to {end}: {_why(store, found, within)}")
        if found.ended_by != "length":
            click.echo("slotwright explain --summary counts what stands in the way, 31 days at a time.")
        return
    first = found.answers[0]
    click.echo(f"{title_of(first.service, first.pools[0][0])} · from {start} ({zone.name})\n")
    click.echo(offers_table(store, found.answers, zone, with_year=True), nl=False)
    number = sum(len(answer.offers) for answer in found.answers)
    fewer = f", and no more until {end}: {_why(store, found, within)}" if number < wanted else "."
    hint = " slotwright book --pick N books one." if is_ledger else ""
    click.echo(f"\n{count(number, 'offer')}{fewer}{hint}")


def _why(store: Store, found: Earliest, within: str) -> str:
    """What ended the search."""
    from .describe import schedule_title

    if found.ended_by == "length":
        return "the visit and its buffers are longer than one search can be."
    if found.ended_by == "horizon":
        whose = ", ".join(schedule_title(store, id) for id in found.horizon_of)
        return f"there the planning horizon of {whose} ends." if whose else "no planning horizon reaches further."
    return f"--within {within} ends there."
