"""Charts as SVG: lines on an axis of hours, strips of a day, bars of use. Colours are those of the style sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from ...solver.civil import Zone
from .chart import Chart, Line
from .data import MEANINGS, Kind, Layer, Utilisation
from .markup import Markup, el, text

_WIDTH = 1180
_AXIS = 22
_AGAIN = 20
"""Lines after which the hours are written once more."""

_LETTER = 6.1
"""Pixels of an average letter, generously."""

_NAME_LETTER = 6.7
"""The same in the names of lines, which are larger."""

_BLOCKS: tuple[Kind, ...] = ("blocked", "booking", "hold", "placed")
"""What is drawn in lanes where it overlaps."""


class Lane(NamedTuple):
    """Layers at one place, with the lane they are drawn in and how many there are."""

    layers: tuple[Layer, ...]
    lane: int
    lanes: int


def patterns() -> Markup:
    """Hatchings, once in a page; nothing is seen of them."""
    hatch = el(
        "pattern",
        el("rect", width=7, height=7, class_="hatch-ground"),
        el("path", d="M0 7L7 0M-1 1L1 -1M6 8L8 6", class_="hatch-line"),
        id="hatch",
        width=7,
        height=7,
        patternUnits="userSpaceOnUse",
    )
    cross = el(
        "pattern",
        el("rect", width=8, height=8, class_="cross-ground"),
        el("path", d="M0 8L8 0M0 0L8 8", class_="cross-line"),
        id="cross",
        width=8,
        height=8,
        patternUnits="userSpaceOnUse",
    )
    return el("svg", el("defs", hatch, cross), width=0, height=0, aria_hidden="true", focusable="false")


def chart_svg(chart: Chart, zone: Zone, name: str) -> Markup:
    """The chart; `name` begins the ids in it. A table has to say the same in words."""
    row = 32 if len(chart.lines) <= 40 else 22
    names = min(max([len(line.title) for line in chart.lines] + [8]) * _NAME_LETTER + 20, 240)
    scale = (_WIDTH - names - 8) / max(chart.last - chart.first, 1)
    parts: list[Markup] = []
    y = 0.0
    for place, line in enumerate(chart.lines):
        if place % _AGAIN == 0:
            parts.append(_axis(chart, names, scale, y))
            y += _AXIS
        parts.append(_line(line, chart, zone, _Place(names, y, row, scale)))
        y += row
    hours = f"{chart.first // 60:02} to {chart.last // 60:02} o'clock"
    said = f"{chart.title}: {len(chart.lines)} lines, {hours}. The table below says the same."
    title = el("title", said, id=f"{name}-title")
    return el(
        "svg",
        title,
        parts,
        viewBox=f"0 0 {_WIDTH} {y + 2:.0f}",
        class_="chart",
        role="img",
        aria_labelledby=f"{name}-title",
    )


class _Place(NamedTuple):
    left: float
    top: float
    height: float
    scale: float


def _axis(chart: Chart, names: float, scale: float, y: float) -> Markup:
    every = next((one for one in (1, 2, 3, 4, 6) if one * 60 * scale >= 26), 12)
    marks = [(at, label) for at, label in chart.hours if int(label) % every == 0]
    return el(
        "g",
        [
            el("text", label, x=names + (at - chart.first) * scale, y=y + 15, class_="hour", text_anchor="middle")
            for at, label in marks
            if names + (at - chart.first) * scale <= _WIDTH - 4
        ],
    )


def _line(line: Line, chart: Chart, zone: Zone, place: _Place) -> Markup:
    left, top, height, scale = place
    width = (chart.last - chart.first) * scale
    label = el("text", _fitting(line.title, left - 14, _NAME_LETTER), x=0, y=top + height / 2 + 4)
    full = el("g", el("title", line.title), label)
    ground = el("rect", x=left, y=top + 2, width=width, height=height - 4, class_="ground")
    drawn = [_layer(one, line, chart, zone, place) for one in _under(line.layers, "hours")]
    grid = [
        el("line", x1=x, x2=x, y1=top + 2, y2=top + height - 2, class_="grid")
        for at, _ in chart.hours
        if left < (x := left + (at - chart.first) * scale) < left + width
    ]
    over = [_layer(one, line, chart, zone, place) for one in _under(line.layers, "closure", "buffer")]
    blocks = [_block(one, line, chart, zone, place) for one in lanes_of(line.layers)]
    return el("g", full, ground, drawn, grid, over, blocks, _offers(line, chart, zone, place))


def _under(layers: Sequence[Layer], *kinds: Kind) -> list[Layer]:
    return [one for kind in kinds for one in layers if one.kind == kind]


def _span(layer: Layer, line: Line, chart: Chart, place: _Place) -> tuple[float, float]:
    """Left border and width, cut to the axis; nothing is thinner than a pixel."""
    start = max(layer.start - line.origin, chart.first)
    end = min(layer.end - line.origin, chart.last)
    return place.left + (start - chart.first) * place.scale, max((end - start) * place.scale, 1.0 if end > start else 0)


def _layer(layer: Layer, line: Line, chart: Chart, zone: Zone, place: _Place) -> Markup:
    x, width = _span(layer, line, chart, place)
    if width <= 0:
        return Markup()
    inset = 2 if layer.kind != "buffer" else place.height * 0.28
    box = el("rect", x=x, y=place.top + inset, width=width, height=place.height - 2 * inset, class_=layer.kind)
    return el("g", el("title", said(layer, zone)), box)


def lanes_of(layers: Sequence[Layer]) -> list[Lane]:
    """Blocks that overlap lie in lanes; those of one kind, time and words are one."""
    alike: dict[tuple[int, int, Kind], list[Layer]] = {}
    for one in layers:
        if one.kind in _BLOCKS:
            alike.setdefault((one.start, one.end, one.kind), []).append(one)
    found: list[Lane] = []
    crowd: list[tuple[tuple[int, int, Kind], int]] = []
    ends: list[int] = []

    def settle() -> None:
        found.extend(Lane(tuple(alike[key]), lane, len(ends)) for key, lane in crowd)
        crowd.clear()
        ends.clear()

    for key in sorted(alike):
        if ends and key[0] >= max(ends):
            settle()
        lane = next((place for place, end in enumerate(ends) if end <= key[0]), len(ends))
        ends[lane : lane + 1] = [key[1]]
        crowd.append((key, lane))
    settle()
    return found


def _block(one: Lane, line: Line, chart: Chart, zone: Zone, place: _Place) -> Markup:
    layer = one.layers[0]
    x, width = _span(layer, line, chart, place)
    if width <= 0:
        return Markup()
    height = (place.height - 8) / one.lanes
    y = place.top + 4 + one.lane * height
    parts: list[Markup] = [el("title", "\n".join(said(each, zone) for each in one.layers))]
    parts.append(
        el("rect", x=x, y=y, width=width, height=height - (one.lanes > 1), rx=min(3.0, width / 3), class_=layer.kind)
    )
    shown = _shown(one, width - 8) if height >= 13 else ""
    if shown:
        parts.append(el("text", shown, x=x + 4, y=y + height / 2 + 4, class_=f"in on-{layer.kind}"))
    return el("g", parts)


def _shown(one: Lane, width: float) -> str:
    """What stands in a block: all of its words, or the patient, or the service, or the beginning of these."""
    label = one.layers[0].label
    if len(one.layers) > 1:
        label = f"{len(one.layers)} × {label.partition(' · ')[0]}"
    room = int(width / _LETTER)
    parts = label.split(" · ")
    for words in (label, *parts[1:], parts[0]):
        if len(words) <= room:
            return words
    return _fitting(parts[1 if len(parts) > 1 else 0], width) if room >= 5 else ""


def _fitting(words: str, width: float, letter: float = _LETTER) -> str:
    """As much of the words as has room."""
    room = int(width / letter)
    if len(words) <= room:
        return words
    return f"{words[: room - 1].rstrip(' ·')}…" if room > 2 else ""


def _offers(line: Line, chart: Chart, zone: Zone, place: _Place) -> Markup:
    """A dot at each start that is offered, over a band as long as the visits."""
    offered = _under(line.layers, "offer")
    starts = sorted({one.start for one in offered})
    near = min((later - one for one, later in pairwise(starts)), default=60)
    radius = min(max(near * place.scale * 0.36, 1.2), 4.0)
    y = place.top + place.height - 8
    dots = [
        el(
            "g",
            el("title", said(one, zone)),
            el("circle", cx=_span(one, line, chart, place)[0], cy=y, r=radius, class_="offer"),
        )
        for one in offered
    ]
    return text(dots)


def said(layer: Layer, zone: Zone) -> str:
    """`09:00 – 09:30 Check-up · Ann Lee (booked)`."""
    return f"{clock(layer.start, zone)} – {clock(layer.end, zone)} {layer.label} ({MEANINGS[layer.kind]})"


def clock(minute: int, zone: Zone) -> str:
    second = zone.local(minute).second
    return f"{second // 3600:02}:{second // 60 % 60:02}"


# Small pictures


def strip_svg(line: Line, first: int, last: int, label: str) -> Markup:
    """A day in a hundred pixels."""
    width, height = 112, 18
    scale = width / max(last - first, 1)
    kinds: tuple[Kind, ...] = ("hours", "closure", "buffer", "blocked", "booking", "hold", "placed", "offer")
    boxes = [
        el(
            "rect",
            x=(low - first) * scale,
            y=height - 4 if one.kind == "offer" else 1,
            width=max((high - low) * scale, 1.0),
            height=3 if one.kind == "offer" else height - 2,
            class_=one.kind,
        )
        for one in _under(line.layers, *kinds)
        if (low := max(one.start - line.origin, first)) < (high := min(one.end - line.origin, last))
    ]
    ground = el("rect", width=width, height=height, class_="ground")
    return el(
        "svg", ground, boxes, class_="strip", width=width, height=height, viewBox=f"0 0 {width} {height}", role="img",
        aria_label=label,
    )  # fmt: skip


def bar_svg(one: Utilisation) -> Markup:
    """The use of open time as a bar; numbers beside it say the same."""
    width, height = 220, 14
    boxes = list(_segments(one, width, height)) if one.open else []
    ground = el("rect", width=width, height=height, class_="ground")
    return el(
        "svg", ground, boxes, class_="bar", width=width, height=height, viewBox=f"0 0 {width} {height}",
        aria_hidden="true", focusable="false",
    )  # fmt: skip


def _segments(one: Utilisation, width: float, height: float) -> Iterator[Markup]:
    x = 0.0
    parts: tuple[tuple[Kind, int], ...] = (
        ("booking", one.booked), ("hold", one.held), ("buffer", one.buffer), ("blocked", one.blocked),
        ("hours", one.free),
    )  # fmt: skip
    for kind, minutes in parts:
        long = minutes / one.open * width
        if minutes:
            yield el("rect", x=x, y=0.5, width=long, height=height - 1, class_=kind)
        x += long


def swatch(kind: Kind) -> Markup:
    """A sample for the legend."""
    if kind == "offer":
        inside = [el("rect", width=24, height=14, class_="hours"), el("circle", cx=12, cy=8, r=4, class_="offer")]
    else:
        inside = [el("rect", x=1, y=1, width=22, height=12, class_=kind)]
    return el("svg", inside, width=24, height=14, viewBox="0 0 24 14", aria_hidden="true", focusable="false")
