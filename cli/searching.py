"""What the commands that search for free times have in common: options, the parameters of `$find`, offers kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from .busy import all_day_option, busy_option
from .options import read_number


def search_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """How many combinations and visits, in what hours, and beside which other calendars: of `find` and `next`."""
    for option in reversed(
        (
            click.option(
                "--combinations",
                metavar="N",
                help="At most this many combinations for one start, 1 to 100. Default: 1.",
            ),
            click.option("--occurrences", metavar="N", help="Search a weekly series of this many visits, 2 to 6."),
            ignore_option(),
            click.option(
                "--between", metavar="FROM-TO", help="Only visits that lie between these local times: 09:00-12:00."
            ),
            click.option("--weekday", metavar="DAY[,DAY…]", help="Only these local weekdays: tue,thu."),
            click.option("--notice", metavar="LENGTH", help="Only starts at least this long from now: 90min, 2h, 3d."),
            busy_option(),
            all_day_option(),
        )
    ):
        function = option(function)
    return function


def ignore_option() -> Callable[[Any], Any]:
    return click.option("--ignore-appointment", metavar="ID", help="Take the time of this Appointment as free.")


def query_of(
    service_id: str, pools: Sequence[Sequence[str]], occurrences: str | None, ignored: str | None
) -> dict[str, str | list[str]]:
    """The parameters of `$find` that say for what and with whom. Raises InvalidInputError."""
    return {
        "service-type-reference": f"HealthcareService/{service_id}",
        "schedule": [",".join(f"Schedule/{one}" for one in pool) for pool in pools],
        "occurrence-count": read_number("--occurrences", occurrences),
        "ignore-appointment": "" if not ignored else ignored if "/" in ignored else f"Appointment/{ignored}",
    }


def keep_offers(ledger: Any, query: dict[str, Any], proposals: list[dict[str, Any]]) -> None:
    """Keep the offers for --pick. That it fails is no reason to withhold them."""
    from .pick import remember

    fault = remember(ledger, {name: value for name, value in query.items() if value}, proposals)
    if fault is not None:
        click.echo(f"Note: {fault}", err=True)
