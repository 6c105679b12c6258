"""The page of a plan, for `batch plan --html` and `batch replan --html`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .plan_report import report_lines
from .text import moment_ms

if TYPE_CHECKING:
    from ..io.plans.api import PlanAnswer
    from ..io.store import Store


def write_plan_page(store: Store, answer: PlanAnswer, path: str, timezone: str | None) -> None:
    """Write the page; an earlier file is replaced. Raises InvalidInputError, OSError."""
    from ..io.listing import commonest_zone
    from ..io.local import zone_named
    from ..io.staging import new_file
    from ..io.view.plan import plan_page

    zone = commonest_zone(store) if timezone is None else zone_named(store, timezone)
    at = moment_ms(int(store.now().timestamp() * 1000), zone)
    report = [line for line in report_lines(answer.report, with_stages=False) if line.endswith(".")]
    with store.reading() as state:
        # Calendars and ledgers, which is all that plans are made for, tell who uses a Slot.
        page = plan_page(state, answer.answers, report, zone, f"Made {at}.")
    with new_file(path, replace=True) as file:
        file.write(page.encode())
