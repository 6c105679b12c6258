"""What clients with credentials ask for before anything else: a token, and who they are.

`oauth2/token` is OAuth 2.0's client credentials grant (RFC 6749, 4.4): the id is a token's subject, the secret is the
token, and so is what is answered. `auth/me` names the holder in the form that `MedplumClient` reads.
"""

from __future__ import annotations

import base64
import hmac
from hashlib import sha256
from urllib.parse import unquote_plus

import orjson

from ..errors import InvalidRequest, NotAuthenticated
from ..outcome import fault_of, outcome_of
from .answers import FHIR, Answer, in_json
from .head import Head, fields_of
from .tokens import Holder, Tokens

_EXPIRES_S = 3600


def token(tokens: Tokens, head: Head, content: bytes) -> Answer:
    """The answer to a request for a token."""
    try:
        fields = {name: values[0] for name, values in fields_of(content).items()}
        if fields.get("grant_type") != "client_credentials":
            return _refused("unsupported_grant_type", InvalidRequest("grant_type must be client_credentials"))
        subject, secret = _credentials(head, fields)
        holder = tokens.known(secret)
        if not hmac.compare_digest(sha256(holder.subject.encode()).digest(), sha256(subject.encode()).digest()):
            raise NotAuthenticated("The token is not known")
    except NotAuthenticated as error:
        return _refused("invalid_client", error)
    reference = {"reference": f"ClientApplication/{_id(holder)}", "display": holder.subject}
    granted = {
        "access_token": secret,
        "token_type": "Bearer",
        "expires_in": _EXPIRES_S,
        "scope": holder.role.name.lower(),
        "profile": reference,
        "project": {"reference": "Project/slotwright"},
    }
    return in_json(200, granted, {"pragma": "no-cache"})


def me(holder: Holder) -> Answer:
    """Who asks."""
    profile = {"resourceType": "ClientApplication", "id": _id(holder), "name": holder.subject}
    return in_json(
        200,
        {
            "profile": profile,
            "project": {"resourceType": "Project", "id": "slotwright", "name": "slotwright"},
            "membership": {
                "resourceType": "ProjectMembership",
                "id": _id(holder),
                "admin": holder.role.name == "ADMIN",
                "profile": {"reference": f"ClientApplication/{_id(holder)}", "display": holder.subject},
            },
            "role": holder.role.name.lower(),
            "config": {"resourceType": "UserConfiguration"},
        },
    )


def _credentials(head: Head, fields: dict[str, str]) -> tuple[str, str]:
    """From the form, or from the header of basic authentication. Raises NotAuthenticated."""
    scheme, _, coded = head.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            subject, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
        except ValueError as error:  # letters, bytes or their number
            raise NotAuthenticated("The credentials cannot be read") from error
        return unquote_plus(subject), unquote_plus(secret)
    if not fields.get("client_id") or not fields.get("client_secret"):
        raise NotAuthenticated("client_id and client_secret are needed: a token's subject and the token")
    return fields["client_id"], fields["client_secret"]


def _id(holder: Holder) -> str:
    """An id that a subject always has, and that shows nothing of its token."""
    return sha256(holder.subject.encode()).hexdigest()[:32]


def _refused(code: str, error: Exception) -> Answer:
    """An OperationOutcome that is also what OAuth's clients read."""
    said = {**outcome_of(error), "error": code, "error_description": str(error)}
    status = fault_of(error).status
    headers = {"content-type": FHIR, "cache-control": "no-store"}
    if status == 401:
        headers["www-authenticate"] = 'Basic realm="slotwright"'
    return Answer(status, headers, orjson.dumps(said))
