"""What of a request is known before its body is read (ASGI's HTTP scope)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from ..errors import TooLarge

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_FIELDS_MOST = 1000
"""Parameters of one query or form."""


@dataclass(frozen=True, slots=True)
class Head:
    """Method, decoded path, query as it came, headers by their names in small letters, and where it arrived.

    Several headers of one name are joined by a comma (RFC 9110, 5.3), so that two `Host` are none that is known.
    """

    method: str
    path: str
    query_string: bytes
    headers: Mapping[str, str]
    local: tuple[str, int | None] | None = None

    @classmethod
    def of(cls, scope: Scope) -> Head:
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            key = name.decode("latin-1")
            text = value.decode("latin-1")
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
        server = scope.get("server")
        return cls(scope["method"], scope["path"], scope["query_string"], headers, None if server is None else server)

    def query(self) -> dict[str, list[str]]:
        """Every parameter's values. Raises TooLarge."""
        return fields_of(self.query_string)


def fields_of(text: bytes) -> dict[str, list[str]]:
    """The fields of a query or of a form; what is no UTF-8 is replaced. Raises TooLarge."""
    if not text:
        return {}
    try:
        return parse_qs(text.decode("latin-1"), keep_blank_values=True, errors="replace", max_num_fields=_FIELDS_MOST)
    except ValueError as error:
        raise TooLarge(f"More than {_FIELDS_MOST} parameters in one request") from error
