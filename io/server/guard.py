"""Who may reach the server at all: judged by Host and Origin, before anything is read.

A web page that somebody has open can send requests to any address of this machine. It is kept away twice: pages of
other origins are refused by their `Origin`, and pages that let their own name point here (DNS rebinding) by `Host`.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from ..errors import NotAllowed
from .head import Head

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

_HEADERS = (
    "authorization, content-type, accept, if-match, if-none-match, if-none-exist, if-modified-since, prefer, "
    "x-medplum, x-requested-with, x-request-id, traceparent, tracestate, cache-control"
)
"""What a page of an allowed origin may send."""

_METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
_EXPOSED = "etag, location, content-location"


class Guard:
    """Knows the server's own names and the origins that may ask."""

    def __init__(
        self, host: str, port: int, *, hosts: Sequence[str], origins: Sequence[str], base_url: str | None = None
    ) -> None:
        self._port = port
        self._hosts = {with_port for name in (bracketed(host), *LOOPBACK) for with_port in self._spelled(name)}
        self._further = {name.lower() for name in hosts}
        self._own: str | None = None
        if base_url is not None:  # what a proxy tells clients is ours
            address = urlsplit(base_url.lower())
            self._further.add(address.netloc)
            self._own = f"{address.scheme}://{address.netloc}"
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)

    def _spelled(self, name: str) -> list[str]:
        """Clients leave out the port 80."""
        spelled = [f"{name.lower()}:{self._port}"]
        return [*spelled, name.lower()] if self._port == 80 else spelled

    def check(self, head: Head) -> None:
        """Raises NotAllowed."""
        host = head.headers.get("host", "").lower()
        if not self._is_ours(host, head):
            raise NotAllowed(f"Host {host!r} is not served here; allow it with --allowed-host")
        origin = head.headers.get("origin")
        if origin is not None and not self._may_ask(origin.lower(), host):
            raise NotAllowed(f"Origin {origin!r} may not ask; allow it with --cors-origin")

    def check_own(self, head: Head) -> None:
        """The page is for its own origin only, whoever else may ask. Raises NotAllowed."""
        origin = head.headers.get("origin")
        if origin is not None and not self._is_own(origin.lower(), head.headers.get("host", "").lower()):
            raise NotAllowed("The page is not for other web pages")

    def check_form(self, head: Head) -> None:
        """A form must say that it comes from our own page. Raises NotAllowed."""
        self.check_own(head)
        if "origin" not in head.headers or head.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise NotAllowed("This form was not sent by this page")

    def _is_ours(self, host: str, head: Head) -> bool:
        if host in self._hosts or host in self._further or _without_port(host) in self._further:
            return True
        # The address that was connected to: no name that somebody could have made lead here.
        return head.local is not None and host in self._spelled(bracketed(head.local[0]))

    def _may_ask(self, origin: str, host: str) -> bool:
        return origin in self._origins or self._is_own(origin, host)

    def _is_own(self, origin: str, host: str) -> bool:
        if origin in (f"http://{host}", self._own):
            return True
        # A proxy that speaks TLS for us is one that we were told the name of.
        return origin == f"https://{host}" and (host in self._further or _without_port(host) in self._further)

    def headers(self, head: Head) -> dict[str, str]:
        """What a browser has to be told, with every answer."""
        if not self._origins:
            return {}
        origin = head.headers.get("origin")
        if origin is None or origin.lower() not in self._origins:
            return {"vary": "Origin"}
        return {
            "vary": "Origin",
            "access-control-allow-origin": origin,
            "access-control-allow-credentials": "true",
            "access-control-expose-headers": _EXPOSED,
        }

    @staticmethod
    def preflight(head: Head) -> dict[str, str]:
        """What is said beside that when a browser asks before it sends."""
        if head.method != "OPTIONS" or "access-control-request-method" not in head.headers:
            return {}
        found = {
            "access-control-allow-methods": _METHODS,
            "access-control-allow-headers": _HEADERS,
            "access-control-max-age": "600",
        }
        if "access-control-request-private-network" in head.headers:
            found["access-control-allow-private-network"] = "true"
        return found


def bracketed(host: str) -> str:
    """As it stands in an address: `[::1]`."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def is_loopback(host: str) -> bool:
    """Can only this machine reach it?"""
    import ipaddress

    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_origin(text: str) -> str | None:
    """What is wrong with an origin; None if nothing is."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        return f"{text!r} is no origin; write it as https://clinic.example"
    return None
