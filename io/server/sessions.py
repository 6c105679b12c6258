"""Who uses the page: a session for each browser, the token it has signed in with, and what proves a form is its own.

Both cookies are HttpOnly and SameSite=Strict. A form carries a code that follows from the session and the token under a
key of this process, so that nobody who cannot read the page can send one.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie

from ..errors import NotAllowed, NotAuthenticated
from .head import Head
from .tokens import Holder, Tokens

FORM_CODE = "form-code"
"""The field of every form that carries its code."""

_SESSION = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Visitor:
    """One request's browser: its session, the code of its forms, and who has signed in.

    `is_known` is False where nobody has, and the server requires it.
    """

    session: str
    is_new: bool
    code: str
    holder: Holder | None
    is_known: bool


class Sessions:
    """Knows browsers by their cookies. `port` keeps servers of one machine apart: cookies do not."""

    def __init__(self, tokens: Tokens | None, port: int, *, is_secure: bool) -> None:
        self._tokens = tokens
        self._session_name, self._token_name = f"slotwright-session-{port}", f"slotwright-token-{port}"
        self._attributes = f"; Path=/; HttpOnly; SameSite=Strict{'; Secure' if is_secure else ''}"
        self._key = secrets.token_bytes(32)

    def visitor(self, head: Head) -> Visitor:
        """Who asks. A token that is not known any more is as if there were none."""
        cookies = _cookies(head)
        given = cookies.get(self._session_name, "")
        is_new = _SESSION.fullmatch(given) is None
        session = secrets.token_urlsafe(32) if is_new else given
        token = cookies.get(self._token_name, "")
        holder = None
        if self._tokens is not None and token:
            try:
                holder = self._tokens.known(token)
            except NotAuthenticated:
                token = ""
        is_known = self._tokens is None or holder is not None
        return Visitor(session, is_new, self._code(session, token if holder is not None else ""), holder, is_known)

    def _code(self, session: str, token: str) -> str:
        said = f"{session} {sha256(token.encode('utf-8', 'surrogateescape')).hexdigest()}"
        return hmac.new(self._key, said.encode(), sha256).hexdigest()

    @staticmethod
    def check(visitor: Visitor, code: str) -> None:
        """Was a form made for this browser? Raises NotAllowed."""
        if visitor.is_new or not hmac.compare_digest(visitor.code.encode(), code.encode()):
            raise NotAllowed("This form is not of your session, or older than the server. Send it once more from here")

    def sign_in(self, token: str) -> str:
        """The cookie that keeps a token. Raises NotAuthenticated."""
        if self._tokens is None:
            raise NotAuthenticated("This server asks for no token")
        if not re.fullmatch(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+", token):
            raise NotAuthenticated("The token is not known")  # what no cookie can hold
        self._tokens.known(token)
        return f"{self._token_name}={token}{self._attributes}"

    def sign_out(self) -> str:
        """The cookie that forgets it."""
        return f"{self._token_name}=; Max-Age=0{self._attributes}"

    def remember(self, visitor: Visitor) -> str | None:
        """The cookie of a new session."""
        return f"{self._session_name}={visitor.session}{self._attributes}" if visitor.is_new else None


def _cookies(head: Head) -> dict[str, str]:
    try:
        return {name: one.value for name, one in SimpleCookie(head.headers.get("cookie", "")).items()}
    except CookieError:
        return {}
