"""The file of bearer tokens: whom each belongs to, and what that one may do.

[[token]]
subject = "front desk"
role = "booker"                # reader, booker or admin
token = "…"                    # or sha256 = "…", the SHA-256 of the token in hexadecimal
"""

from __future__ import annotations

import hmac
import logging
import os
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ..errors import LoadError, NotAuthenticated
from .roles import Role

_LOOK_S = 1.0
"""Seconds between two looks at the file."""

_LEAST = 16
"""Letters of a token that is not easily guessed."""

_ROLES = {role.name.lower(): role for role in Role}
_KEYS = ("subject", "role", "token", "sha256")


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a token belongs to; the digest is that of the token."""

    subject: str
    role: Role
    digest: bytes


class Tokens:
    """The tokens of a file, read again when it changes. A broken file leaves those that were known."""

    def __init__(self, path: str) -> None:
        """Raises LoadError."""
        self._path = path
        self._mark = self._marked()
        self._holders = read(path)
        self._looked = time.monotonic()

    def holder(self, authorization: str | None) -> Holder:
        """Who asks with this `Authorization` header. Raises NotAuthenticated."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise NotAuthenticated("A bearer token is needed")
        return self.known(token.strip())

    def known(self, token: str) -> Holder:
        """The holder of a token. Raises NotAuthenticated."""
        self._look()
        found: Holder | None = None
        digest = sha256(token.encode("utf-8", "surrogateescape")).digest()
        for one in self._holders:  # all of them, so that the time tells nothing
            if hmac.compare_digest(one.digest, digest):
                found = one
        if found is None:
            raise NotAuthenticated("The token is not known")
        return found

    def _look(self) -> None:
        now = time.monotonic()
        if now < self._looked + _LOOK_S:
            return
        self._looked = now
        mark = self._marked()
        if mark == self._mark:
            return
        self._mark = mark
        log = logging.getLogger("slotwright.server")
        try:
            self._holders = read(self._path)
        except LoadError as error:
            log.error("%s The tokens known before hold on.", error)
        else:
            log.info("%s is read again: %d tokens.", self._path, len(self._holders))

    def _marked(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def read(path: str) -> list[Holder]:
    """The tokens of a file. Raises LoadError."""
    try:
        with open(path, "rb") as file:
            content: dict[str, Any] = tomllib.load(file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        # What a parser says of a line could show a token.
        said = error.strerror if isinstance(error, OSError) else "it is no TOML"
        raise LoadError(f"{path} cannot be read: {said}.") from None
    entries: Any = content.get("token")
    if set(content) != {"token"} or not isinstance(entries, list) or not entries:
        raise LoadError(f"{path} must consist of [[token]] tables, at least one.")
    several: list[Any] = entries  # type: ignore[reportUnknownVariableType]
    found = [_holder(f"{path}, token {number}", one) for number, one in enumerate(several, 1)]
    _check_different(path, found)
    return found


def _holder(where: str, entry: Any) -> Holder:
    given: dict[str, Any] = entry if isinstance(entry, dict) else {"": entry}  # type: ignore[reportUnknownVariableType]
    unknown = sorted(set(given).difference(_KEYS))
    if unknown:
        raise LoadError(f"{where}: {', '.join(map(repr, unknown))} is no key; keys are {', '.join(_KEYS)}.")
    subject, role = given.get("subject"), given.get("role")
    if not isinstance(subject, str) or not subject.strip():
        raise LoadError(f"{where}: subject must be a text that says whose it is.")
    if not isinstance(role, str) or role not in _ROLES:
        raise LoadError(f"{where}: role must be one of {', '.join(_ROLES)}.")
    return Holder(subject, _ROLES[role], _digest(where, given))


def _digest(where: str, given: dict[str, Any]) -> bytes:
    token, digest = given.get("token"), given.get("sha256")
    if (token is None) == (digest is None):
        raise LoadError(f"{where}: give either token or sha256.")
    if token is not None:
        if not isinstance(token, str) or len(token) < _LEAST or token != token.strip():
            raise LoadError(f"{where}: token must be a text of at least {_LEAST} letters (try `openssl rand -hex 32`).")
        return sha256(token.encode()).digest()
    try:
        found = bytes.fromhex(digest) if isinstance(digest, str) else b""
    except ValueError:
        found = b""
    if len(found) != sha256().digest_size:
        raise LoadError(f"{where}: sha256 must be 64 hexadecimal digits.")
    return found


def _check_different(path: str, holders: Sequence[Holder]) -> None:
    for kind, values in (
        ("subject", [one.subject for one in holders]),
        ("token", [one.digest for one in holders]),
    ):
        if len({*values}) < len(values):
            raise LoadError(f"{path}: two entries have the same {kind}.")
