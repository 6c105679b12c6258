"""The types of resources that are served, and what a name of a type looks like."""

from __future__ import annotations

import re

from ..errors import UnknownType

SERVED = (
    "Schedule",
    "Slot",
    "Appointment",
    "HealthcareService",
    "Practitioner",
    "PractitionerRole",
    "Location",
    "Device",
    "Patient",
    "Organization",
)
"""They can be read and written. Whatever else a ledger has loaded can be read."""

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}", re.ASCII)


def check_readable(kind: str) -> None:
    """Raises UnknownType for what is no name of a type."""
    if _TYPE.fullmatch(kind) is None:
        raise UnknownType(f"Resource type '{kind:.64}' is not supported")


def check_writable(kind: str) -> None:
    """Raises UnknownType."""
    check_readable(kind)
    if kind not in SERVED:
        raise UnknownType(f"Resource type '{kind}' is not written here; {', '.join(SERVED)} are")
