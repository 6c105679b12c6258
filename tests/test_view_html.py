"""Pages: what they say and draw, that everybody can read them, and that names in them do no harm."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from desk_support import MORNINGS, Ask, asker, book, called, set_up
from oracle import instant, round_down
from page_support import Node, check_colours, check_names, check_page, check_structure, contrast, parsed
from slotwright.io import open_calendar
from slotwright.io.local import zone_of_schedule
from slotwright.io.view.colours import LIGHT
from slotwright.io.view.data import Kind, Layer
from slotwright.io.view.markup import Markup, el, text
from slotwright.io.view.page import view_page
from slotwright.io.view.style import style_sheet
from slotwright.io.view.svg import lanes_of
from slotwright.io.view.view import Wanted, view
from strategies import SERVICE, numbered_problem
from support import practitioner, slot

ROOT = Path(__file__).resolve().parent.parent
CLINIC = ("--calendar", str(ROOT / "examples" / "clinic"), "--now", "2026-03-09T13:00:00Z")
DAY = ("--day", "2026-03-10")


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    return asker(tmp_path, monkeypatch, capsys)


def page_of(ask: Ask, *options: str) -> Node:
    said = ask("view", *options, "--html", "page.html")
    assert (said.code, said.out, said.err) == (0, "", "Wrote page.html.\n")
    return check_page(Path("page.html").read_text(encoding="utf-8"))


def drawn(page: Node, kind: str) -> list[tuple[float, float, str]]:
    """Left border, width and hover text of what is drawn of a kind in the chart."""
    (chart, *_) = [svg for svg in page.all("svg") if svg.get("class") == "chart"]
    found: list[tuple[float, float, str]] = []
    for group in chart.all("g"):
        boxes = [one for one in group.children if one.name == "rect" and one.get("class") == kind]
        titles = [one.words for one in group.children if one.name == "title"]
        found += [(float(one["x"]), float(one["width"]), titles[0]) for one in boxes if titles]
    return found


@pytest.mark.parametrize(
    "options",
    [
        ("--day", "2026-03-12"),
        ("--week", "2026-03-12"),
        ("--week", "2026-03-12", "--schedule", "dr-novak", "--service", "check-up"),
        ("--day", "2026-03-13", "--service", "tele-consultation"),
        ("--week", "2026-04-03", "--service", "nutrition-class", "--schedule", "studio", "--schedule", "rd-nguyen"),
        ("--day", "2026-03-15", "--service", "mri-scan"),
    ],
)
def test_pages_of_the_clinic_can_be_read_by_everybody(ask: Ask, options: tuple[str, ...]) -> None:
    page_of(ask, *CLINIC, *options)


def test_a_day_is_drawn_to_scale_and_said_in_words(ask: Ask) -> None:
    set_up(ask)
    book(ask, "2026-03-10T09:30", "--patient", "ann")
    page = page_of(ask, *DAY, "--schedule", "ames")
    assert page.all("h1")[0].words == "Tuesday 10 March 2026"
    ((left, width, hours),) = drawn(page, "hours")
    ((at, long, booked),) = drawn(page, "booking")
    assert hours == "09:00 – 12:00 Check-up, Talk (open)"
    assert booked == "09:30 – 10:00 Check-up · Ann Lee (booked)"
    # Half an hour of three, half an hour after their begin.
    assert (at - left, long) == (pytest.approx(width / 6, abs=0.02), pytest.approx(width / 6, abs=0.02))
    rows = [[cell.words for cell in row.children] for row in page.all("details")[0].all("tr")]
    assert rows[1:] == [
        ["Dr. Ames", "09:00 – 12:00", "open", "Check-up, Talk"],
        ["Dr. Ames", "09:30 – 10:00", "booked", "Check-up · Ann Lee"],
    ]
    (heat,) = [one for one in page.all("table") if one.get("class") == "heat"]
    tuesday = [cell for row in heat.all("tr") if row.children[0].words == "Tuesday" for cell in row.children[1:]]
    # Four Tuesdays, half an hour of one of them.
    assert [(one.words, one["class"]) for one in tuesday] == [("87", "h4"), ("100", "h4"), ("100", "h4")]
    assert tuesday[0]["title"] == "Tuesday 09:00, 3 h 30 of 4 h free"
    use = [[cell.words for cell in row.children] for row in page.all("table")[-1].all("tr")]
    assert use[1] == ["Dr. Ames", "", "84:00", "0:30", "0:00", "0:00", "0:00", "83:30", "1%"]


def test_a_week_at_a_glance_counts_bookings_and_free_hours(ask: Ask) -> None:
    set_up(ask)
    book(ask, "2026-03-10T09:30")
    assert ask("close", "bell", "--from", "2026-03-11", "--to", "2026-03-11").code == 0
    page = page_of(ask, "--week", "2026-03-10", "--schedule", "ames", "--schedule", "bell")
    (week,) = [one for one in page.all("table") if one.get("class") == "week"]
    head, ames, bell = week.all("tr")
    assert [one.words for one in head.children][:3] == ["Schedule", "Mon 9 Mar", "Tue 10 Mar"]
    assert [one.words for one in ames.children][:3] == ["Dr. Ames", "3 h free", "1 booked, 2 h 30 free"]
    assert [one.words for one in bell.children][2:5] == ["3 h free", "0 min free", "3 h free"]
    assert ames.all("svg")[1]["aria-label"] == "Tue 10 Mar: 1 booked, 2 h 30 free"


def test_offers_are_dots_at_their_starts(ask: Ask) -> None:
    set_up(ask)
    book(ask, "2026-03-10T09:30")
    page = page_of(ask, *DAY, "--schedule", "ames", "--service", "checkup")
    ((left, width, _),) = drawn(page, "hours")
    dots = [float(one["cx"]) for one in page.all("circle") if one.get("class") == "offer"][1:]
    # 9:00, 10:00, 10:30, 11:00 and 11:30 of 9 to 12; the first circle is the legend's.
    assert [round((one - left) / width * 6) for one in dots] == [0, 2, 3, 4, 5]


def test_no_patient_is_named_where_that_is_asked_for(ask: Ask) -> None:
    set_up(ask)
    book(ask, "2026-03-10T09:30", "--patient", "ann")
    assert "Ann" not in page_of(ask, *DAY, "--without-patients").words
    assert "Ann" not in Path("page.html").read_text()


EVIL = "<script>alert(1)</script> \"'&amp; </title></style> ]]> \x1b[0m"


def test_names_are_text_wherever_they_stand(ask: Ask) -> None:
    hurt = {
        "resourceType": "Schedule",
        "id": "evil",
        "actor": [{"reference": "Practitioner/ames", "display": EVIL}],
        "serviceType": [],
    }
    taken = slot("evil-1", "evil", "2026-03-10T13:00:00Z", "2026-03-10T14:00:00Z", "busy", comment=EVIL)
    set_up(ask, hurt, taken)
    page = page_of(ask, *DAY)
    shown = EVIL.replace("\x1b", " ")
    assert any(" ".join(shown.split()) == one.words for one in page.all("title"))
    page_of(ask, "--week", "2026-03-10")


def test_an_empty_calendar_is_a_page_too(ask: Ask) -> None:
    assert ask("ledger", "init", "--identity", "x").code == 0
    page = page_of(ask)
    assert "There are no schedules to show." in page.words


@pytest.mark.parametrize("schedules", [10, 200])
def test_many_schedules_still_have_room(ask: Ask, schedules: int) -> None:
    docs = [f"doc-{one:03}" for one in range(schedules)]
    people = [practitioner(id, "America/New_York") for id in docs]
    set_up(ask, *people, *(called(id, f"Dr. {'Very ' * (one % 9)}Long {one}", MORNINGS) for one, id in enumerate(docs)))
    page = page_of(ask, *DAY, "--service", "checkup")
    (chart,) = [svg for svg in page.all("svg") if svg.get("class") == "chart"]
    lines = [one for one in chart.all("text") if one.get("class") is None]
    tops = [float(one["y"]) for one in lines]
    height = float(chart["viewbox"].split()[3])
    assert len(lines) == schedules + 4
    assert all(later - one >= 22 for one, later in pairwise(tops)) and tops[-1] < height
    left = min(float(one["x"]) for one in chart.all("rect"))
    assert all(6.6 * len(one.words) < left for one in lines), "names end before the axis"
    page_of(ask, "--week", "2026-03-10", "--service", "checkup")


@pytest.mark.parametrize("seed", range(6))
def test_days_on_which_clocks_change_are_drawn_inside_their_axis(seed: int) -> None:
    problem = numbered_problem(seed)
    calendar = open_calendar(problem.resources, clock=lambda: problem.now)
    ids = [one["id"] for one in problem.resources if one["resourceType"] == "Schedule"]
    zone = zone_of_schedule(calendar, ids[0], SERVICE)
    day = zone.local_day(round_down(instant(problem.start)))
    for days, several in ((1, ids), (7, ids), (7, ids[:1])):
        wanted = Wanted([[id] for id in several], zone, day, days, weeks=1, service=SERVICE)
        page = check_page(view_page(view(calendar, wanted), "Drawn."))
        for chart in (svg for svg in page.all("svg") if svg.get("class") == "chart"):
            ground = next(one for one in chart.all("rect") if one.get("class") == "ground")
            left, right = float(ground["x"]), float(ground["x"]) + float(ground["width"])
            for box in chart.all("rect"):
                assert left - 0.01 <= float(box["x"])
                assert float(box["x"]) + float(box["width"]) <= right + 1.01
            for dot in chart.all("circle"):
                assert left - 0.01 <= float(dot["cx"]) <= right + 0.01


# A file is written whole


def test_a_page_takes_the_place_of_an_earlier_one_when_it_is_whole(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(ask)
    Path("page.html").write_text("earlier")

    def broken(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", broken)
        said = ask("view", *DAY, "--html", "page.html")
    assert (said.code, Path("page.html").read_text()) == (1, "earlier")
    assert "No space left on device" in said.err and "page.html" in said.err
    page_of(ask, *DAY)
    assert not [one for one in os.listdir() if "partial" in one]
    said = ask("view", *DAY, "--html", "nowhere/page.html")
    assert said.code == 5
    assert "nowhere is no folder; make it first." in said.err


def test_json_goes_beside_a_page(ask: Ask) -> None:
    set_up(ask)
    said = ask("view", *DAY, "--html", "page.html", "--json")
    assert said.json["timeline"]["timezone"] == "America/New_York"
    check_page(Path("page.html").read_text())


# Plans


def test_a_plan_shows_what_is_served_and_each_day_before_and_after(ask: Ask) -> None:
    said = ask("batch", "plan", str(ROOT / "examples" / "plan.csv"), *CLINIC, "--html", "plan.html")
    assert said.code == 0, said.err
    page = check_page(Path("plan.html").read_text())
    assert "9 of 12 served" in [one.words for one in page.all("h2")]
    missing, placed = page.all("table")[:2]
    assert [one.children[0].words for one in missing.all("tr")[1:]] == ["checkup-1", "checkup-2", "checkup-4"]
    surgery = next(row for row in placed.all("tr") if row.children[0].words == "surgery-1")
    assert [one.words for one in surgery.children][1:4] == ["placed", "Wed 11 Mar", "12:30 – 14:30"]
    charts = [svg for svg in page.all("svg") if svg.get("class") == "chart"]
    assert [one.words for one in page.all("h3")] == [
        "Tuesday 10 March 2026",
        "Wednesday 11 March 2026",
        "Tuesday 17 March 2026",
    ]
    assert len(charts) == 6
    boxes = [[one for one in svg.all("rect") if one.get("class") == "placed"] for svg in charts]
    # Tuesday has six visits on two schedules each and a video, Wednesday a surgery on four.
    assert [len(one) for one in boxes][:4] == [0, 13, 0, 4]


def test_a_booked_plan_shows_the_same_before_and_after(ask: Ask) -> None:
    set_up(ask)
    book(ask, "2026-03-10T09:00")
    Path("requests.csv").write_text("request_id,service,schedules,windows\nr1,checkup,ames,2026-03-10\n")
    counts: list[list[int]] = []
    for options in ((), ("--book",)):
        said = ask("batch", "plan", "requests.csv", "--html", "plan.html", *options)
        assert said.code == 0, said.err
        page = check_page(Path("plan.html").read_text())
        charts = [svg for svg in page.all("svg") if svg.get("class") == "chart"]
        kinds: tuple[Kind, ...] = ("booking", "placed")
        counts.append(
            [len([one for one in svg.all("rect") if one.get("class") == kind]) for svg in charts for kind in kinds]
        )
    assert counts == [[1, 0, 1, 1]] * 2


def test_a_moved_booking_is_where_it_was_and_where_it_goes(ask: Ask) -> None:
    set_up(ask)
    id = book(ask, "2026-03-10T09:00", "--patient", "ann")
    for options in ((), ("--book",)):
        said = ask(
            "batch",
            "replan",
            "--drop",
            "ames",
            "--pool",
            "ames,bell",
            "--to",
            "2026-03-12",
            "--html",
            "plan.html",
            *options,
        )
        assert said.code == 0, said.err
        page = check_page(Path("plan.html").read_text())
        (table,) = [one for one in page.all("table") if one.all("caption")]
        assert next(one.words for one in table.all("tr")[1].children) == id
        before, after = [svg for svg in page.all("svg") if svg.get("class") == "chart"]
        for svg, kind in ((before, "booking"), (after, "placed")):
            assert len([one for one in svg.all("rect") if one.get("class") in ("booking", "placed")]) == 1
            assert [one for one in svg.all("rect") if one.get("class") == kind]


def test_a_plan_in_parts_has_no_page(ask: Ask) -> None:
    set_up(ask)
    said = ask("batch", "plan", "requests.csv", "--partitions", "2", "-o", "plan.csv", "--html", "plan.html")
    assert said.code == 2
    assert "--html and --partitions exclude each other" in said.err


# Parts


def test_markup_escapes_what_is_no_markup() -> None:
    made = el("p", "a < b & c", el("b", "x"), class_="q\"'<", hidden=True, title=None, data_x=1)
    assert made == '<p class="q&quot;&#x27;&lt;" hidden data-x="1">a &lt; b &amp; c<b>x</b></p>'
    assert text(["<", Markup("<br>")]) == "&lt;<br>"
    assert el("rect", x=1.5, y=2.0) == '<rect x="1.5" y="2"/>'


def test_what_overlaps_lies_in_lanes() -> None:
    layers = [
        Layer("booking", 0, 60, "a"),
        Layer("booking", 0, 60, "b"),
        Layer("booking", 30, 90, "c"),
        Layer("blocked", 60, 70, "d"),
        Layer("booking", 90, 100, "e"),
        Layer("hours", 0, 500, "open"),
    ]
    found = [([one.label for one in lane.layers], lane.lane, lane.lanes) for lane in lanes_of(layers)]
    assert found == [(["a", "b"], 0, 2), (["c"], 1, 2), (["d"], 0, 2), (["e"], 0, 1)]


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert contrast("#ffffff", "#0072b2") == pytest.approx(5.19, abs=0.01)


def test_the_judge_sees_faults() -> None:
    with pytest.raises(AssertionError):
        parsed("<p><b></p></b>")
    for body, fault in (
        ("<h1>a</h1><h3>b</h3>", check_structure),
        ("<h1>a</h1><h1>b</h1>", check_structure),
        ("<h1 id='x'>a</h1><p id='x'></p>", check_structure),
        ("<svg role='img'></svg>", check_names),
        ("<input name='x'>", check_names),
        ("<div class='scroll'></div>", check_names),
    ):
        html = parsed(f"<html lang='en'><title>t</title><header></header><main>{body}</main></html>")
        with pytest.raises((AssertionError, KeyError)):
            fault(html)
    with pytest.raises(AssertionError):
        check_colours(style_sheet().replace(LIGHT["quiet"], "#aaaaaa"))


def test_a_picture_needs_a_browser(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(ask)
    monkeypatch.setenv("SLOTWRIGHT_CHROMIUM", "/nowhere/chromium")
    said = ask("view", *DAY, "--png", "page.png")
    assert (said.code, said.out) == (2, "")
    assert "--png needs" in said.err
    assert not Path("page.png").exists()
