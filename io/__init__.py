"""What is stored and sent: FHIR resources, calendars, the ledger, the operations.

>>> from slotwright.io import open_calendar, invoke
>>> calendar = open_calendar(["examples/clinic"])
>>> status, resource = invoke(calendar, "Appointment/$find", query={"start": "2026-03-10", ...})
"""

from typing import TYPE_CHECKING, Any

from .calendars import Calendar, open_calendar
from .errors import LoadError, LoadWarning
from .ledger.ledger import Ledger, open_ledger
from .operations import Call, invoke, invoke_all

if TYPE_CHECKING:
    from .plans.api import plan, replan

__all__ = [
    "Calendar",
    "Call",
    "Ledger",
    "LoadError",
    "LoadWarning",
    "invoke",
    "invoke_all",
    "open_calendar",
    "open_ledger",
    "plan",
    "replan",
]


def __getattr__(name: str) -> Any:
    # Planning brings NumPy and Arrow with it.
    if name in ("plan", "replan"):
        from .plans import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
