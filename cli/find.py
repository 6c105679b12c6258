"""`slotwright find`: common free times, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .options import calendar_option, engine_option, load, now_option, print_json

if TYPE_CHECKING:
    from ..io.calendars import Calendar
    from ..io.errors import Refusal
    from ..io.parameters import Resolved
    from ..solver.civil import Zone


_OPTIONS = {
    "_count": "--count",
    "combinations": "--combinations",
    "occurrence-count": "--occurrences",
    "ignore-appointment": "--ignore-appointment",
}

_REMEDIES = {
    "No timezone specified and": "Load the actor too, or state a timezone in the SchedulingParameters.",
    "No timezone specified": "Give the actor a timezone extension, or state one in the SchedulingParameters.",
    "Schedule is not schedulable": "Its serviceType must refer to the service.",
    "Scheduling only supported": "Make a Schedule for each actor.",
    "Scheduling parameters attribute": "Schedules of one search must agree in it.",
    "Search range cannot exceed": "Search in parts, one after the other.",
    "Search range ends before": "Ask for a later window.",
    "Search range starts after": "Ask for an earlier window.",
    "All schedules must share": "Search the series with schedules of one zone.",
    "Appointment not found": "Give the id of an Appointment in the calendar.",
    "Slot/": "Mend or remove this Slot.",
}
"""What to do about a refusal, by how its text begins."""


@click.command("find")
@calendar_option()
@click.option("--service", required=True, metavar="NAME", help="The HealthcareService, by id or name.")
@click.option(
    "--schedule",
    "schedules",
    required=True,
    multiple=True,
    metavar="NAME[,NAME…]",
    help="A Schedule that is needed, by id or by the name of its actor; commas mean any one of these. Repeatable: all.",
)
@click.option("--start", required=True, metavar="TIME", help="Begin of the search: a local day or an instant.")
@click.option("--end", required=True, metavar="TIME", help="End of the search: a local day, included, or an instant.")
@click.option(
    "--timezone",
    metavar="ZONE",
    envvar="SLOTWRIGHT_TIMEZONE",
    help="The zone of local days and of the table. Default: that of the first schedule named.",
)
@click.option("--count", metavar="N", help="At most this many offers, 1 to 1000. Default: 20.")
@click.option("--combinations", metavar="N", help="At most this many combinations for one start, 1 to 100. Default: 1.")
@click.option("--occurrences", metavar="N", help="Search a weekly series of this many visits, 2 to 6.")
@click.option("--ignore-appointment", metavar="ID", help="Take the time of this Appointment as free.")
@click.option("--between", metavar="FROM-TO", help="Only visits that lie between these local times: 09:00-12:00.")
@click.option("--weekday", metavar="DAY[,DAY…]", help="Only these local weekdays: tue,thu.")
@click.option("--notice", metavar="LENGTH", help="Only starts at least this long from now: 90min, 2h, 3d.")
@click.option("--json", "as_json", is_flag=True, help="Print the FHIR Bundle.")
@click.option("--ndjson", "as_ndjson", is_flag=True, help="Print one Appointment a line.")
@engine_option()
@now_option()
def command(
    calendars: tuple[str, ...],
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
    as_json: bool,
    as_ndjson: bool,
    engine: Any,
    now: str | None,
) -> int:
    """Find times at which everyone an appointment needs is free.

    Exits with 3 if there are none, and says which schedule or pool left the fewest starts.

    \b
    Example:
      slotwright find --calendar examples/clinic --service bariatric-surgery \\
          --schedule dr-martinez --schedule or-1,or-2,or-3 --schedule dr-kim,dr-osei \\
          --start 2026-03-10 --end 2026-03-14
    """
    as_json, as_ndjson = _format(as_json, as_ndjson)
    from ..io import names
    from ..io.errors import Refusal
    from ..io.instants import utc_text_ms
    from ..io.operations import find
    from ..io.operations.request import QueryRequest
    from ..io.outcome import EXIT_NOTHING_FOUND, EXIT_OK
    from ..io.wishes import Wishes, read_between, read_notice, read_weekdays, read_window

    hours = None if between is None else read_between(between)
    days = None if weekday is None else read_weekdays(weekday)
    lead = None if notice is None else read_notice(notice)
    calendar = load(calendars, now)
    instant = calendar.now()
    service_id = names.service_id(calendar, service)
    pools = [[names.schedule_id(calendar, name) for name in _members(pool)] for pool in schedules]
    zone = _zone(calendar, timezone, service_id, pools[0][0])
    most_ms = find.RANGE_MOST_MS if not occurrences else find.SERIES_RANGE_MOST_MS
    window = read_window(start, end, zone, most_ms)
    query: dict[str, str | list[str]] = {
        "start": utc_text_ms(window.start_ms),
        "end": utc_text_ms(window.end_ms),
        "service-type-reference": f"HealthcareService/{service_id}",
        "schedule": [",".join(f"Schedule/{one}" for one in pool) for pool in pools],
        "_count": _number("--count", count),
        "combinations": _number("--combinations", combinations),
        "occurrence-count": _number("--occurrences", occurrences),
        "ignore-appointment": _appointment(ignore_appointment),
    }
    try:
        request = find.read_request(QueryRequest(query))
        earliest_ms = None if lead is None else int(instant.timestamp() * 1000) + lead * 60_000
        wishes = Wishes(hours, days, earliest_ms)
        answer = find.find(
            calendar, request, now=instant, engine=engine, wish=lambda duration: wishes.starts(window, zone, duration)
        )
    except Refusal as error:
        raise _for_people(error, service_id, pools) from error
    if timezone is None:
        _note_other_zones(calendar, service_id, pools, zone)
    if as_json:
        print_json(find.write_bundle(answer))
    elif as_ndjson:
        for proposal in find.proposals(answer):
            print_json(proposal, pretty=False)
    else:
        from .table import print_answer

        print_answer(calendar, answer, window, zone)
    return EXIT_OK if answer.offers else EXIT_NOTHING_FOUND


def _format(as_json: bool, as_ndjson: bool) -> tuple[bool, bool]:
    """What was typed wins over what a file sets; two of one kind contradict each other."""
    if as_json and as_ndjson:
        context = click.get_current_context()
        typed = [
            context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE
            for name in ("as_json", "as_ndjson")
        ]
        if typed[0] == typed[1]:
            raise click.UsageError("--json and --ndjson exclude each other.")
        return typed[0], typed[1]
    return as_json, as_ndjson


def _number(option: str, text: str | None) -> str:
    """The operation itself reads leading digits; who types 1e3 must not get 1."""
    from ..solver.errors import InvalidInputError

    if text and not (text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()):
        raise InvalidInputError(f"{option} {text!r} is not a whole number.")
    return text or ""


def _members(pool: str) -> list[str]:
    members = [name.strip() for name in pool.split(",") if name.strip()]
    if not members:
        raise click.UsageError(f"--schedule {pool!r} names no schedule.")
    return members


def _appointment(text: str | None) -> str:
    if not text:
        return ""
    return text if "/" in text else f"Appointment/{text}"


def _zone(calendar: Calendar, name: str | None, service_id: str, schedule_id: str) -> Zone:
    """The zone of --timezone, else the resolved one of the first schedule. Raises InvalidInputError."""
    from ..solver.errors import InvalidInputError

    zones = calendar.prepared.zones
    if name is None:
        resolved = _parameters(calendar, service_id, schedule_id)
        name = "Etc/UTC" if resolved is None else resolved.timezone.name
    found = zones.get(name)
    if found is None:
        import difflib

        near = difflib.get_close_matches(name, zones.names(), n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else "Give an IANA name such as America/New_York."
        raise InvalidInputError(f"--timezone {name!r} is no time zone. {hint}")
    return found


def _parameters(calendar: Calendar, service_id: str, schedule_id: str) -> Resolved | None:
    """None where they do not resolve: then the operation itself says why."""
    from ..io.parameters import Resolved

    service = calendar.prepared.service(service_id)
    examined = None if service is None else calendar.prepared.examine(schedule_id, service)
    found = None if examined is None else examined.parameters
    return found if isinstance(found, Resolved) else None


def _as_typed(text: str) -> str:
    """The operation's parameters by the names of the options."""
    import re

    for parameter, option in _OPTIONS.items():
        text = re.sub(rf"(?<![\w-]){parameter}(?![\w-])", option, text)
    return text


def _note_other_zones(calendar: Calendar, service_id: str, pools: list[list[str]], zone: Zone) -> None:
    """Local days and times are read in one zone; say so where schedules have others."""
    others: dict[str, list[str]] = {}
    for id in dict.fromkeys(one for pool in pools for one in pool):
        resolved = _parameters(calendar, service_id, id)
        if resolved is not None and resolved.timezone.zone.name != zone.name:
            others.setdefault(resolved.timezone.zone.name, []).append(id)
    for name, ids in others.items():
        click.echo(f"Note: days and times are those of {zone.name}; {', '.join(ids)}: {name}.", err=True)


def _for_people(error: Refusal, service_id: str, pools: list[list[str]]) -> Refusal:
    """The same refusal, its places named as they were typed."""
    import re

    places: list[str] = []
    for expression in error.expression:
        match = re.match(r"Parameters\.schedule\[(\d+)\](?:\.part\[(\d+)\])?(.*)", expression)
        if match is not None:
            pool = pools[int(match[1])]
            places.append(f"Schedule/{pool[int(match[2] or 0)]}{match[3]}")
        elif expression.startswith("Parameters.service-type-reference"):
            rest = expression.removeprefix("Parameters.service-type-reference")
            places.append(f"HealthcareService/{service_id}{rest}")
        else:
            places.append(_as_typed(expression.removeprefix("Parameters.")))
    text = _as_typed(error.text)
    if places:
        text = f"{text} ({', '.join(places)})"
    remedy = next((remedy for begin, remedy in _REMEDIES.items() if error.text.startswith(begin)), "")
    return type(error)(f"{text}. {remedy}".rstrip(), error.expression)
