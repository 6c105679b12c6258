"""Which formats a request is in and asks for: all are JSON (FHIR R4, http.html 3.1.0.1.9)."""

from __future__ import annotations

from ..errors import InvalidRequest, NotAcceptable, WrongMediaType
from .head import Head

_JSON = frozenset({"application/fhir+json", "application/json", "text/json", "application/json+fhir", "json"})
_ANY = frozenset({"*/*", "application/*"})
FORM = "application/x-www-form-urlencoded"


def check_accept(head: Head, formats: list[str] | None) -> None:
    """Is JSON among what is asked for? `_format` wins over the header. Raises NotAcceptable."""
    wanted = [one.replace(" ", "+") for one in formats] if formats else [head.headers.get("accept") or "*/*"]
    if not any(_is_json(one) for several in wanted for one in several.split(",")):
        raise NotAcceptable(f"Answers are application/fhir+json, {', '.join(wanted)!r} was asked for")


def _is_json(accepted: str) -> bool:
    kind, *parameters = (one.strip().lower() for one in accepted.split(";"))
    return (kind in _JSON or kind in _ANY) and not any(_is_never(one) for one in parameters)


def _is_never(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() == "q" and not value.strip().strip("0.")


def check_content(head: Head, *, forms: bool) -> bool:
    """Is the body, if there is one, in JSON, or a form where `forms` are taken? Returns whether it is a form.

    Raises WrongMediaType, also for a body that is compressed, and InvalidRequest where the letters are others than
    UTF-8.
    """
    coding = head.headers.get("content-encoding", "identity")
    if coding.strip().lower() not in ("", "identity"):
        raise WrongMediaType(f"The body must come as it is, Content-Encoding is {coding!r:.80}")
    given = head.headers.get("content-type")
    if given is None:
        return False
    kind, *parameters = (one.strip().lower() for one in given.split(";"))
    is_form = kind == FORM
    if is_form != forms or not (is_form or kind in _JSON):
        taken = FORM if forms else "application/fhir+json"
        raise WrongMediaType(f"The body must be {taken}, Content-Type is {given!r}")
    charsets = [one.partition("=")[2].strip(' "') for one in parameters if one.partition("=")[0].strip() == "charset"]
    if any(one not in ("utf-8", "utf8", "us-ascii") for one in charsets):
        raise InvalidRequest("Invalid request body", diagnostics=f"Its charset must be utf-8, and is {charsets[0]!r}")
    return is_form
