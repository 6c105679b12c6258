"""What the commands for people share: their options, the ledger they work on, and how an operation is carried out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, NamedTuple

from ..io.references import child, children
from ..solver.errors import SlotwrightError
from .options import (
    dry_run_option,
    json_option,
    ledger_option,
    lock_timeout_option,
    login_name,
    now_option,
    open_existing,
    timezone_option,
    unsafe_option,
    who_option,
)

if TYPE_CHECKING:
    from ..io.ledger.ledger import Ledger
    from ..io.references import Json
    from ..solver.civil import Zone


class Answer(NamedTuple):
    """What an operation answered: HTTP status and resource, and the exit code of its group."""

    status: int
    resource: Json
    exit: int

    @property
    def issue(self) -> Json:
        """The issue of a refusal; empty if it is none."""
        issues = children(self.resource, "issue")
        return issues[0] if issues else {}

    @property
    def text(self) -> str:
        """The text of a refusal."""
        return str(child(self.issue, "details").get("text", ""))


class Refused(SlotwrightError):
    """An operation said no; the text is for people, the exit code is that of the error's group."""

    def __init__(self, text: str, exit: int) -> None:
        super().__init__(text)
        self.exit = exit


class Desk:
    """One command's ledger, opened when it is first asked for, and the options that every command has."""

    def __init__(
        self,
        path: str,
        *,
        now: str | None,
        lock_timeout: float,
        timezone: str | None,
        as_json: bool,
        writes: bool,
        who: str | None,
        dry_run: bool,
        unsafe_filesystem: bool,
    ) -> None:
        self._path, self._now, self._lock_timeout = path, now, lock_timeout
        self._unsafe_filesystem = unsafe_filesystem
        self._timezone = timezone
        self._writes = writes
        self._who = who
        self.as_json = as_json
        self.dry_run = dry_run

    @cached_property
    def ledger(self) -> Ledger:
        return open_existing(
            self._path,
            self._now,
            lock_timeout=self._lock_timeout,
            read_only=not self._writes,
            unsafe_filesystem=self._unsafe_filesystem,
        )

    @cached_property
    def who(self) -> str:
        return self._who or login_name()

    def now(self) -> datetime:
        return self.ledger.now()

    @property
    def now_ms(self) -> int:
        return int(self.now().timestamp() * 1000)

    @cached_property
    def zone(self) -> Zone | None:
        """That of --timezone, if it was given. Raises InvalidInputError."""
        from ..io.local import zone_named

        return None if self._timezone is None else zone_named(self.ledger, self._timezone)

    def zone_of_schedule(self, schedule_id: str, service_id: str | None = None) -> Zone:
        """That of --timezone, else the schedule's. Raises InvalidInputError."""
        from ..io.local import zone_of_schedule

        return self.zone or zone_of_schedule(self.ledger, schedule_id, service_id)

    def zone_of(self, appointment: Json) -> Zone:
        """That of --timezone, else the Appointment's. Raises InvalidInputError."""
        from ..io.local import zone_of_appointment

        return self.zone or zone_of_appointment(self.ledger, appointment)

    def ask(self, operation: str, parameters: Sequence[Json], *, dry_run: bool | None = None) -> Answer:
        """Carry out an operation; a refusal is an answer too."""
        from ..io.operations import answer_call

        body = {"resourceType": "Parameters", "parameter": list(parameters)}
        dry = self.dry_run if dry_run is None else dry_run
        found = answer_call(self.ledger, operation, body=body, who=self.who, dry_run=dry)
        return Answer(found.status, found.resource, found.exit)


def for_desk(*, writes: bool, json: str, timezone: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives a command its Desk as first argument, and the options for it."""
    options = [ledger_option(required=True), timezone_option(timezone), json_option(json), now_option()]
    options += [dry_run_option(), who_option()] if writes else []
    options += [lock_timeout_option(), unsafe_option()]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def command(
            *,
            ledger: str,
            timezone: str | None,
            as_json: bool,
            now: str | None,
            lock_timeout: float,
            unsafe_filesystem: bool,
            who: str | None = None,
            dry_run: bool = False,
            **others: Any,
        ) -> Any:
            desk = Desk(
                ledger,
                now=now,
                lock_timeout=lock_timeout,
                timezone=timezone,
                as_json=as_json,
                writes=writes,
                who=who,
                dry_run=dry_run,
                unsafe_filesystem=unsafe_filesystem,
            )
            return function(desk, **others)

        found: Callable[..., Any] = command
        for option in reversed(options):
            found = option(found)
        return found

    return decorate


def appointments_in(resource: Json) -> list[Json]:
    """The Appointments an operation answered."""
    if resource.get("resourceType") == "Appointment":
        return [resource]
    entries = (child(entry, "resource") for entry in children(resource, "entry"))
    return [one for one in entries if one.get("resourceType") == "Appointment"]
