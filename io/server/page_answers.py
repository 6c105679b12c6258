"""What the live page answers: pages with their headers, and what went wrong as a sentence."""

from __future__ import annotations

from collections.abc import Mapping

from ...solver.errors import SlotwrightError
from ..errors import LedgerError, NotWritable
from ..outcome import INTERNAL, fault_of
from ..view.markup import el
from ..view.page import Section, document
from ..view.style import style_digest
from .answers import Answer

_POLICY = f"default-src 'none'; style-src {style_digest()}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_HEADERS: Mapping[str, str] = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # Not no-referrer: browsers would send forms with `Origin: null` then.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
AGAIN = "Find times once more"
"""What helps where offers are out of date."""

_PLAINER = {
    "Requested time slot is not available": f"This time has been taken meanwhile. {AGAIN}",
    "Internal server error": "Something went wrong here. It has been logged; try again",
    "Not found": "There is no such appointment",
}
"""What the operations say, for people."""


def sentence(error: Exception, *, is_operator: bool) -> str:
    """What went wrong, ending with a full stop. Where the ledger lies is for operators."""
    expected = isinstance(error, SlotwrightError) and fault_of(error) is not INTERNAL
    said = str(error) if expected else "Internal server error"
    if isinstance(error, (LedgerError, NotWritable)) and not is_operator:
        said = error.text
    said = _PLAINER.get(said, said)
    return said if said.endswith((".", "?", "!", "…")) else f"{said}."


def alone(said: str) -> str:
    """A page that says nothing else."""
    content = [el("p", said, class_="alert", role="alert"), el("p", el("a", "Try again", href="/"))]
    return document("slotwright", "", [Section("said", "This did not work", content)], policy=None)


def html(status: int, content: str) -> Answer:
    """A page as an answer."""
    return Answer(status, _HEADERS, content.encode("utf-8", "replace"))


def onward(address: str, cookie: str | None = None) -> Answer:
    """To a page that can be loaded again without sending the form again."""
    more = {} if cookie is None else {"set-cookie": cookie}
    return Answer(303, {**_HEADERS, "location": address, **more}, b"")
