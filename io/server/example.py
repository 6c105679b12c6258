"""A question that can be asked of a ledger at once."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from ..ledger.ledger import Ledger
from ..ledger.state import service_ids

_DAYS = 7


def question(ledger: Ledger) -> str:
    """A `$find` below the base, for the first schedule that offers a service; what the server can do if none does."""
    for schedule in ledger.resources("Schedule"):
        services = service_ids(schedule)
        if services and schedule.get("active", True) is True:
            begin = ledger.now().date() + timedelta(days=1)
            return (
                f"Appointment/$find?start={begin}&end={begin + timedelta(days=_DAYS)}"
                f"&service-type-reference=HealthcareService/{quote(services[0])}&schedule=Schedule/{quote(schedule['id'])}"
            )
    return "metadata"
