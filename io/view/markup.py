"""HTML and SVG written safely: text is escaped unless it is markup already."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

_VOID = frozenset({"meta", "input", "br", "hr"})
_EMPTY = frozenset({"rect", "line", "circle", "path", "polygon"})


class Markup(str):
    """Text that is markup: what `el` makes, and nothing that anybody typed."""

    __slots__ = ()


Child = str | Iterable["Child"]


def el(name: str, /, *children: Child, **attributes: object) -> Markup:
    """An element. `class_` and `for_` lose their last letter, other `_` become `-`; None and False leave out.

    True writes the attribute alone.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    inside = text(children)
    if not inside and name in _EMPTY:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{inside}</{name}>")


def _attribute(key: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = key[:-1] if key.endswith("_") else key.replace("_", "-")
    if value is True:
        return f" {name}"
    shown = number(value) if isinstance(value, float) else str(value)
    return f' {name}="{escape(shown, quote=True)}"'


def number(value: float) -> str:
    """At most two decimals: a hundredth of a pixel."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def text(child: Child) -> Markup:
    """Children one after another."""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return Markup(escape(child, quote=False))
    return Markup("".join(map(text, child)))
