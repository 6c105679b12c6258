"""What is stored and sent: FHIR resources, calendars, the operations.

>>> from slotwright.io import open_calendar, invoke
>>> calendar = open_calendar(["examples/clinic"])
>>> status, resource = invoke(calendar, "Appointment/$find", query={"start": "2026-03-10", ...})
"""

from .calendars import Calendar, open_calendar
from .errors import LoadError, LoadWarning
from .operations import invoke

__all__ = ["Calendar", "LoadError", "LoadWarning", "invoke", "open_calendar"]
