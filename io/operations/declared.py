"""The scheduling operations as data: what reads requests and what describes the interface both take it from here.

Names, cardinalities, value kinds and bounds are those of the specification (find 1, operations 1 to 8); the words are
those of FHIR's OperationDefinition.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Level = Literal["type", "instance"]

_REFERENCES = ("valueReference", "valueString", "valueUri")
INTEGERS = ("valueInteger", "valuePositiveInt", "valueUnsignedInt")
_KINDS = {
    "dateTime": ("valueDateTime", "valueInstant", "valueDate", "valueString"),
    "Reference": _REFERENCES,
    "integer": INTEGERS,
    "positiveInt": INTEGERS,
    "code": ("valueCode", "valueString"),
    "CodeableConcept": ("valueCodeableConcept",),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes
    ----------
    type
        A FHIR data type, or a type of resource.
    target
        The type of resource that a Reference is to.
    least, most, default
        Of integers. None: no bound, or nothing that stands for an absent value.
    values
        The codes there are; the first stands for an absent value.
    part
        The parameters it may consist of instead of having a value.
    """

    name: str
    type: str
    min: int
    max: Literal["1", "*"]
    documentation: str
    target: str | None = None
    least: int | None = None
    most: int | None = None
    default: int | None = None
    values: tuple[str, ...] = ()
    part: tuple[Parameter, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The value[x] it is read from, the usual one first; none for a resource."""
        return _KINDS.get(self.type, ())

    @property
    def cardinality(self) -> str:
        """As errors write it: `1`, `0..1`, `1..*`."""
        return self.max if str(self.min) == self.max else f"{self.min}..{self.max}"

    @property
    def path(self) -> str:
        """The expression of errors."""
        return f"Parameters.{self.name}"


@dataclass(frozen=True, slots=True)
class Removed:
    """A parameter of earlier interfaces, refused where its replacement is not given, and what to use instead."""

    name: str
    replacement: str
    hint: str


@dataclass(frozen=True, slots=True)
class Declaration:
    """One operation at one level.

    Attributes
    ----------
    id
        Of its OperationDefinition.
    name
        With its `$`.
    changes_state
        Does it write? What does not can be asked for by GET too.
    body
        The type of resource that may be sent bare, instead of Parameters.
    success
        The HTTP status of its answer; a replay answers 200 always.
    returns
        The answer: a resource, sent bare.
    """

    id: str
    name: str
    level: Level
    changes_state: bool
    title: str
    documentation: str
    parameters: tuple[Parameter, ...]
    returns: Parameter
    success: int = 200
    body: str | None = None
    removed: tuple[Removed, ...] = ()

    def __getitem__(self, name: str) -> Parameter:
        return next(one for one in self.parameters if one.name == name)

    @property
    def needs_body(self) -> bool:
        """Is there anything that must be sent?"""
        return any(one.min for one in self.parameters)

    @property
    def path(self) -> str:
        return f"Appointment/{'{id}/' if self.level == 'instance' else ''}{self.name}"


def _returns(type: str, documentation: str) -> Parameter:
    return Parameter("return", type, 1, "1", documentation)


_SCHEDULE = Parameter("schedule", "Reference", 1, "1", "A schedule of the pool.", target="Schedule")

FIND = Declaration(
    "Appointment-find",
    "$find",
    "type",
    False,
    "Find free times",
    "Proposes Appointments for one service at times when one schedule of each pool is free. It never writes.",
    (
        Parameter("start", "dateTime", 1, "1", "Start of the search window; a bare date is midnight UTC."),
        Parameter("end", "dateTime", 1, "1", "End of the search window, at most 31 days later (7 for a series)."),
        Parameter(
            "service-type-reference", "Reference", 1, "1", "The service to be booked.", target="HealthcareService"
        ),
        Parameter(
            "schedule",
            "Reference",
            1,
            "*",
            "A pool: one schedule, or several of which any will do, as a comma list or by parts. All pools are needed.",
            target="Schedule",
            part=(_SCHEDULE,),
        ),
        Parameter("_count", "integer", 0, "1", "Most proposals in the answer.", least=1, most=1000, default=20),
        Parameter(
            "combinations", "positiveInt", 0, "1", "Most combinations for one start.", least=1, most=100, default=1
        ),
        Parameter(
            "occurrence-count", "positiveInt", 0, "1", "Search a weekly series of so many visits.", least=2, most=6
        ),
        Parameter(
            "ignore-appointment",
            "Reference",
            0,
            "1",
            "An Appointment whose Slots count as free, as when it is to be moved.",
            target="Appointment",
        ),
    ),
    _returns("Bundle", "A searchset of proposed Appointments with contained Slots, by start."),
    removed=(Removed("service-type", "service-type-reference", "the reference of a HealthcareService"),),
)

EXPLAIN = Declaration(
    "Appointment-explain",
    "$explain",
    "type",
    False,
    "Say why a time is not offered",
    "Judges one start, or every start of the grid in the search window, as $find does, and gives every reason against "
    "it on each schedule. It never writes.",
    (
        *(one for one in FIND.parameters if one.name not in ("_count", "combinations")),
        Parameter("_count", "integer", 0, "1", "Most starts in the answer.", least=1, most=1000),
        replace(FIND["combinations"], documentation="As for $find; it changes nothing here."),
        Parameter("at", "dateTime", 0, "1", "The one start asked about, on the grid and in the window or not."),
    ),
    _returns("Parameters", "For each start whether it is offered and what is against it, and a summary."),
    removed=FIND.removed,
)

_APPOINTMENT = Parameter(
    "appointment",
    "Appointment",
    1,
    "1",
    "A proposal of $find, with whatever is to be stored beside it; it may also be the body itself.",
)
_SLOT = Removed("slot", "appointment", "an Appointment with contained Slots as $find proposes it")

BOOK = Declaration(
    "Appointment-book",
    "$book",
    "type",
    True,
    "Book a proposal",
    "Stores a proposed Appointment as booked, with its Slots, if they are still free. With an identifier it may be "
    "repeated: the answer is the earlier booking.",
    (_APPOINTMENT,),
    _returns("Bundle", "A transaction-response with the Appointment and its Slots; of a series, all of them in turn."),
    success=201,
    body="Appointment",
    removed=(_SLOT,),
)

HOLD = Declaration(
    "Appointment-hold",
    "$hold",
    "type",
    True,
    "Hold a proposal",
    "Stores a proposed Appointment as pending: its Slots are taken until it is confirmed, cancelled, or lapses. With "
    "an identifier it may be repeated: the answer is the earlier hold.",
    (
        _APPOINTMENT,
        Parameter(
            "hold-minutes",
            "positiveInt",
            0,
            "1",
            "Minutes until the hold lapses; without it holdDuration of the schedules counts.",
            least=1,
        ),
    ),
    _returns("Bundle", "A transaction-response with the Appointment and its Slots; of a series, all of them in turn."),
    success=201,
    body="Appointment",
    removed=(_SLOT,),
)

CONFIRM = Declaration(
    "Appointment-confirm",
    "$confirm",
    "instance",
    True,
    "Confirm a hold",
    "Makes a pending or proposed Appointment a booked one. Availability is not checked again.",
    (
        Parameter(
            "occurrences",
            "code",
            0,
            "1",
            "Which Appointments of a series are meant.",
            values=("this", "this-and-following", "all"),
        ),
    ),
    _returns("Bundle", "A transaction-response with each confirmed Appointment and its Slots."),
)

RESCHEDULE = Declaration(
    "Appointment-reschedule",
    "$reschedule",
    "instance",
    True,
    "Move an Appointment",
    "Gives a booked or pending Appointment another start or other schedules, if free; its Slots are made anew.",
    (
        Parameter("start", "dateTime", 1, "1", "The new start; a bare date is midnight UTC."),
        Parameter("schedule", "Reference", 1, "*", "The complete new set of schedules.", target="Schedule"),
    ),
    _returns("Bundle", "A transaction-response with the Appointment and its new Slots."),
)

_REASON = Parameter("cancelationReason", "CodeableConcept", 0, "1", "Why; without it the stored reason is kept.")

CANCEL_BY_REFERENCE = Declaration(
    "Appointment-cancel-by-reference",
    "$cancel",
    "type",
    True,
    "Cancel an Appointment named in the body",
    "Cancels a booked or pending Appointment and deletes its Slots.",
    (
        Parameter("appointment-reference", "Reference", 1, "1", "The Appointment to cancel.", target="Appointment"),
        _REASON,
    ),
    _returns("Bundle", "A transaction-response with the Appointment."),
)

CANCEL = Declaration(
    "Appointment-cancel",
    "$cancel",
    "instance",
    True,
    "Cancel an Appointment",
    "Cancels a booked or pending Appointment and deletes its Slots.",
    (_REASON,),
    _returns("Appointment", "The cancelled Appointment."),
)

OPERATIONS = (FIND, EXPLAIN, BOOK, HOLD, CONFIRM, RESCHEDULE, CANCEL_BY_REFERENCE, CANCEL)

REMOVED_OPERATIONS = {"Schedule/{id}/$find": FIND.path}
"""Operations of earlier interfaces, and those that took their place."""


def declared(name: str, level: Level) -> Declaration | None:
    """The operation of a name, such as `$find`, at a level."""
    return next((one for one in OPERATIONS if one.name == name and one.level == level), None)
