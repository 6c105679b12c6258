"""The search parameters of each type, as data (FHIR R4, the tables `Search Parameters` of the resources)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .. import urls

Kind = Literal["token", "reference", "date", "string"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter.

    Attributes
    ----------
    name, kind
        As FHIR has them.
    path
        Where its values lie; a step that is a URL means the extensions of this URL.
    absent
        The value that is meant where there is none.
    """

    name: str
    kind: Kind
    path: tuple[str, ...]
    absent: str | bool | None = None


def _several(kind: Kind, *paths: str) -> tuple[Parameter, ...]:
    """`name` alone lies at its name, `name=a.b` at a.b."""
    found: list[Parameter] = []
    for one in paths:
        name, _, path = one.partition("=")
        found.append(Parameter(name, kind, tuple((path or name).split("."))))
    return tuple(found)


_ID = Parameter("_id", "token", ("id",))
_COMMON = (_ID, Parameter("_lastUpdated", "date", ("meta", "lastUpdated")), *_several("token", "identifier"))
_ACTIVE = Parameter("active", "token", ("active",), absent=True)
_SERVICE = Parameter(
    "service-type-reference", "reference", ("serviceType", urls.SERVICE_TYPE_REFERENCE, "valueReference")
)
_SERVICES = (*_several("token", "service-type=serviceType"), _SERVICE)
_SPECIALTY = _several("token", "specialty")
_PERSON = (_ACTIVE, *_several("string", "name", "family=name.family", "given=name.given"))

PARAMETERS: Mapping[str, Sequence[Parameter]] = {
    "Schedule": (*_COMMON, _ACTIVE, *_several("reference", "actor"), *_SERVICES, *_SPECIALTY,
                 *_several("date", "date=planningHorizon")),
    "Slot": (*_COMMON, *_several("reference", "schedule"), *_several("token", "status"), *_several("date", "start"),
             *_SERVICES, *_SPECIALTY, *_several("token", "appointment-type=appointmentType")),
    "Appointment": (*_COMMON, *_several("token", "status"), *_several("date", "date=start"),
                    *_several("reference", "actor=participant.actor", "patient=participant.actor",
                              "practitioner=participant.actor", "location=participant.actor", "slot"),
                    *_SERVICES, *_SPECIALTY, *_several("token", "part-status=participant.status")),
    "HealthcareService": (*_COMMON, _ACTIVE, *_several("string", "name"),
                          *_several("token", "service-type=type", "service-category=category"), *_SPECIALTY,
                          *_several("reference", "organization=providedBy", "location")),
    "Practitioner": (*_COMMON, *_PERSON),
    "PractitionerRole": (*_COMMON, _ACTIVE, *_several("reference", "practitioner", "organization", "location",
                                                      "service=healthcareService"),
                         *_several("token", "role=code"), *_SPECIALTY),
    "Location": (*_COMMON, *_several("string", "name"), *_several("token", "status", "type"),
                 *_several("reference", "organization=managingOrganization", "partof=partOf")),
    "Device": (*_COMMON, *_several("string", "device-name=deviceName.name"), *_several("token", "status", "type"),
               *_several("reference", "patient", "location", "organization=owner")),
    "Patient": (*_COMMON, *_PERSON, *_several("date", "birthdate=birthDate"), *_several("token", "gender")),
    "Organization": (*_COMMON, _ACTIVE, *_several("string", "name"), *_several("token", "type"),
                     *_several("reference", "partof=partOf")),
}  # fmt: skip
"""By type; `_id`, `_lastUpdated` and `identifier` are known of every other type too."""

TARGETS: Mapping[str, str] = {"patient": "Patient", "practitioner": "Practitioner", "location": "Location"}
"""The type that these parameters of an Appointment look for among its participants."""


def parameters_of(kind: str) -> Mapping[str, Parameter]:
    """The parameters of a type by name."""
    return {one.name: one for one in PARAMETERS.get(kind, _COMMON)}
