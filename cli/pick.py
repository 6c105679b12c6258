"""The offers of the last `find` on a ledger, kept for `book --pick N`: one small file for each user."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..io.ledger.ledger import Ledger
    from ..io.references import Json

_FORMAT = 1
_NAME = "last-find.json"


class Offers(NamedTuple):
    """What was found, in which ledger, and by what search."""

    ledger: str
    search: dict[str, Any]
    proposals: list[Json]


def state_folder() -> Path:
    """Where programs keep such things: $XDG_STATE_HOME, or what the system has for it. Raises RuntimeError."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return Path(base) / "slotwright" if base else Path.home() / "AppData" / "Local" / "slotwright"
    base = os.environ.get("XDG_STATE_HOME", "")
    # A relative path is to be ignored (XDG Base Directory Specification).
    root = Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state"
    return root / "slotwright"


def remember(ledger: Ledger, search: dict[str, Any], proposals: list[Json]) -> str | None:
    """Keep these offers in place of earlier ones; says why if that is not possible."""
    import orjson

    content = {"format": _FORMAT, "ledger": ledger.identity, "search": search, "proposals": proposals}
    try:
        folder = state_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{_NAME}.", dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(orjson.dumps(content))
            os.replace(temporary, folder / _NAME)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    except (OSError, RuntimeError) as error:
        return f"The offers could not be kept for --pick: {_why(error)}."
    return None


def recall() -> Offers | None:
    """The offers of the last find; None if there was none. Raises LoadError if they cannot be read."""
    import orjson

    from ..io.errors import LoadError

    try:
        path = state_folder() / _NAME
        content: Any = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError, orjson.JSONDecodeError) as error:
        raise LoadError(f"The offers of the last find cannot be read: {_why(error)}. Run find again.") from error
    try:
        if content["format"] == _FORMAT:
            search, proposals = content["search"], content["proposals"]
            if isinstance(search, dict) and isinstance(proposals, list):
                return Offers(str(content["ledger"]), search, proposals)  # type: ignore[reportUnknownArgumentType]
    except (KeyError, TypeError):
        pass
    raise LoadError(f"{path} is not what this version of slotwright writes. Run find again.")


def pick(ledger: Ledger, text: str, *, moves: str | None = None) -> Json:
    """The offer with this number; `moves` is the Appointment to be moved, if that is what it is for.

    Raises NotFoundError or InvalidInputError.
    """
    from ..solver.errors import InvalidInputError, NotFoundError

    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise InvalidInputError(f"--pick {text!r} is not the number of an offer. Give 1 for the first one.")
    offers = recall()
    if offers is None:
        raise NotFoundError(f"--pick {text}: there is no find to pick from. Run slotwright find --ledger first.")
    if offers.ledger != ledger.identity:
        raise InvalidInputError(
            f"--pick {text}: the last find searched another ledger, {offers.ledger!r}; this one is "
            f"{ledger.identity!r}. Run slotwright find on this ledger first."
        )
    count = len(offers.proposals)
    if int(text) > count:
        if not count:
            raise InvalidInputError(f"--pick {text}: the last find found nothing. Ask it for other times.")
        made = f"made {count} offer{'' if count == 1 else 's'}"
        raise InvalidInputError(f"--pick {text}: the last find {made}. Pick one of these, or run find again.")
    ignored = offers.search.get("ignore-appointment")
    if ignored and moves is None:
        raise InvalidInputError(
            f"--pick {text}: the last find took {ignored} as free. Move that one with slotwright reschedule "
            f"{str(ignored).removeprefix('Appointment/')} --pick {text}, or run find without --ignore-appointment."
        )
    return offers.proposals[int(text) - 1]


def _why(error: BaseException) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"
    return str(error)
