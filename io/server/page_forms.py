"""What the live page is asked to show, and how its forms are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode

from ..references import Json
from ..view.markup import Child, Markup, el, text
from .sessions import FORM_CODE, Visitor


class Shown(NamedTuple):
    """What the page is to show: fields of its address or of the form that was sent."""

    week: str = ""
    schedule: str = ""
    service: str = ""
    first: str = ""
    done: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, Sequence[str]]) -> Shown:
        return cls(*(next(iter(fields.get(name, ())), "") for name in cls._fields))

    def address(self, **changed: str) -> str:
        """Where it is shown with something else; what is done is told once."""
        said = self._replace(done="")._replace(**changed)
        given = {name: value for name, value in said._asdict().items() if value}
        return f"/?{urlencode(given)}" if given else "/"


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to the find form: what was asked, the proposed Appointments, and the patient typed beside them."""

    pools: Sequence[str] = ()
    start: str = ""
    patient: str = ""
    offers: Sequence[Json] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One page to be made: for whom, of what, and what happened before. `key` names what is booked from it."""

    visitor: Visitor
    shown: Shown
    can_book: bool
    key: str
    found: Found | None = None
    alert: str = ""


def form(action: str, visitor: Visitor, *content: Child, is_card: bool = True) -> Markup:
    """A form with the code that proves it is of this browser."""
    code = field(FORM_CODE, visitor.code)
    return el("form", code, content, action=action, method="post", class_="card" if is_card else None)


def field(name: str, value: str) -> Markup:
    return el("input", type="hidden", name=name, value=value)


def hidden(shown: Shown) -> Markup:
    """Where the page goes on after the form."""
    given = ((name, value) for name, value in shown._asdict().items() if value and name != "done")
    return text([field(name, value) for name, value in given])
