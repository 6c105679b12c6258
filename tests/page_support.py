"""Pages judged by parsing them: structure, names for screen readers, colours, and that nothing is loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

from slotwright.io.view.colours import DARK, LIGHT

VOID = {"meta", "input", "br", "hr", "link", "img"}
LEAST = 4.5
"""The contrast of text (WCAG 2.2, 1.4.3); drawings need 3 (1.4.11)."""


@dataclass
class Node:
    name: str
    attributes: dict[str, str]
    parent: Node | None = None
    children: list[Node] = field(default_factory=list["Node"])
    text: str = ""

    def all(self, *names: str) -> list[Node]:
        """Elements of these names inside, in order; of none: all."""
        found: list[Node] = []
        for one in self.children:
            found += [one] if not names or one.name in names else []
            found += one.all(*names)
        return found

    @property
    def words(self) -> str:
        return " ".join(f"{self.text} {' '.join(one.words for one in self.children)}".split())

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    def get(self, name: str) -> str | None:
        return self.attributes.get(name)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self.here = Node("", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = self._added(tag, attrs)
        if tag not in VOID:
            self.here = node

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._added(tag, attrs)

    def _added(self, tag: str, attrs: list[tuple[str, str | None]]) -> Node:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        node = Node(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.children.append(node)
        return node

    def handle_endtag(self, tag: str) -> None:
        assert self.here.name == tag, f"</{tag}> closes <{self.here.name}>"
        assert self.here.parent is not None
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.text += data


def parsed(page: str) -> Node:
    """The document; its elements must be closed in order."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.here is reader.root
    (html,) = reader.root.children
    return html


def check_page(page: str) -> Node:
    """Everything that holds for every page; returns the document."""
    assert page.startswith("<!DOCTYPE html>\n")
    html = parsed(page)
    check_structure(html)
    check_names(html)
    check_alone(page, html)
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1))
    check_colours(html.all("style")[0].text)
    return html


def check_structure(html: Node) -> None:
    assert html["lang"] == "en"
    assert len(html.all("h1")) == len(html.all("main")) == len(html.all("header")) == len(html.all("title")[:1]) == 1
    levels = [int(one.name[1]) for one in html.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1 and all(later <= one + 1 for one, later in pairwise(levels))
    ids = [one["id"] for one in html.all() if one.get("id") is not None]
    assert len(ids) == len(set(ids)), "ids are unique"
    for one in html.all():
        for name in ("aria-labelledby", "aria-describedby", "for"):
            assert all(id in ids for id in (one.get(name) or "").split()), f"{name} leads nowhere"
        if one.name == "a" and one["href"].startswith("#"):
            assert one["href"][1:] in ids
        if one.name == "th":
            assert one["scope"] in ("row", "col")
    for table in html.all("table"):
        assert table.all("caption") or table.parent is None or table.parent.name == "details"
        lengths = {sum(int(cell.get("colspan") or 1) for cell in row.children) for row in table.all("tr")}
        assert len(lengths) <= 1, "rows of a table are of one length"


def check_names(html: Node) -> None:
    """Every drawing, region, field and button says what it is."""
    titles = {one["id"]: one.words for one in html.all() if one.get("id") is not None}
    labels = {one["for"] for one in html.all("label") if one.get("for") is not None}
    for svg in html.all("svg"):
        if svg.get("aria-hidden") == "true":
            continue
        assert svg["role"] == "img"
        assert (svg.get("aria-label") or titles[svg.get("aria-labelledby") or ""]).strip()
    for one in html.all():
        if one.get("role") in ("region", "alert", "status") or one.name == "nav":
            assert one.get("aria-label") or one.words
        if one.name in ("a", "button", "summary", "option", "legend") and one.get("value") != "":
            assert one.words, f"<{one.name}> says nothing"
        if one.name in ("input", "select") and one.get("type") != "hidden":
            assert one.get("id") in labels or one.get("aria-label"), f"<{one.name}> has no label"
        # Whoever scrolls by keyboard has to be able to reach it; and nobody's order is changed.
        if one.get("class") == "scroll":
            assert (one["tabindex"], one["role"]) == ("0", "region")
        assert one.get("tabindex") in (None, "0", "-1")


def check_alone(page: str, html: Node) -> None:
    """No script, nothing from elsewhere, no style that its policy forbids."""
    assert not html.all("script", "link", "iframe", "object", "embed", "img", "base")
    assert not [
        one for one in html.all() if "style" in one.attributes or any(key[:2] == "on" for key in one.attributes)
    ]
    assert not [one for one in html.all() if one.get("src") or (one.get("xlink:href") is not None)]
    shown = re.sub(r' value="[^"]*"', "", page)
    assert "http://" not in shown and "https://" not in shown and "@import" not in shown
    assert not re.findall(r"url\((?!#)", page)


# Colours


def check_colours(sheet: str) -> None:
    """Text can be read on what it stands on, and drawings can be seen, in light and in dark."""
    roots = re.findall(r":root\{(.*?)\}", sheet)
    assert len(roots) == 2
    light, dark = (dict(re.findall(r"--([\w-]+):(#[0-9a-f]{6})", one)) for one in roots)
    assert (light, dark) == (LIGHT, DARK)
    rules = re.findall(r"([^{}]+)\{([^{}]*)\}", sheet.split("@media print")[0])
    for colours in (light, {**light, **dark}):
        for selector, body in rules:
            said = dict(re.findall(r"(?<![\w-])(background|color|fill):var\(--([\w-]+)\)", body))
            if "color" in said:
                assert "background" in said, f"{selector} names a colour and not what it stands on"
                assert contrast(colours[said["color"]], colours[said["background"]]) >= LEAST, selector
            if "text" in selector and "fill" in said:
                ground = said["fill"].removeprefix("on-") if said["fill"].startswith("on-") else "page"
                assert contrast(colours[said["fill"]], colours[ground]) >= LEAST, selector
        for name in ("booking", "hold-edge", "buffer-edge", "closure-edge", "blocked-edge", "placed-edge", "offer"):
            for ground in ("open", "page"):
                assert contrast(colours[name], colours[ground]) >= 3, f"{name} on {ground}"


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio of two colours such as #0072b2."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
