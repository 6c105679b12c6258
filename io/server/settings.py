"""How the server is to listen, whom it is to trust, and what it takes at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..publish.feed import Wanted

BASE = "/fhir/R4"
"""The path below which FHIR begins."""

PORT = 8103


@dataclass(frozen=True, slots=True)
class Settings:
    """What `slotwright serve` was told.

    Attributes
    ----------
    host, port
        The address that is listened on; port 0: one that is free.
    base_url
        How clients reach the base, where that is not the host they name: behind a proxy.
    token_file
        Bearer tokens; None: whoever reaches the server may do everything.
    who
        Whom the ledger's entries name where there are no tokens.
    origins
        Origins of web pages that may ask, beside our own.
    hosts
        Names by which clients may call the server beside the one it is bound to; with or without a port.
    max_body, max_entries, max_waiting
        Bytes of a body, entries of a Bundle, and requests that may wait for their turn.
    body_s, stop_s
        Seconds in which a request must have arrived, and in which what has begun is answered when the server stops.
    logs
        Whether a line is logged for each request.
    feed, is_feed_public
        What `$bulk-publish` lists, and whether it can be read without a token.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    base_url: str | None = None
    token_file: str | None = None
    who: str | None = None
    origins: Sequence[str] = ()
    hosts: Sequence[str] = ()
    max_body: int = 10_000_000
    max_entries: int = 1000
    max_waiting: int = 1024
    body_s: float = 30.0
    stop_s: float = 30.0
    logs: bool = True
    feed: Wanted = field(default_factory=Wanted)
    is_feed_public: bool = False
