"""Pages in a real browser: drawn without a fault, used by keyboard, on paper, and clicked through.

They need Chromium and playwright; without them they are skipped, unless SLOTWRIGHT_REQUIRE_BROWSER is set.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from server_support import COMMAND, serving, token_file
from slotwright.cli.main import run
from slotwright.io import open_ledger
from slotwright.io.view.png import browser_path, sandbox_options

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent
CLINIC = ("--calendar", str(ROOT / "examples" / "clinic"))
NOW = "2026-03-09T13:00:00Z"
TOKEN = "b" * 24


@pytest.fixture(scope="module", name="browser")
def browser_fixture() -> Iterator[Browser]:
    is_required = bool(os.environ.get("SLOTWRIGHT_REQUIRE_BROWSER"))
    try:
        from playwright.sync_api import Error, sync_playwright
    except ModuleNotFoundError:
        if is_required:
            raise
        pytest.skip("playwright is not installed: pip install 'slotwright[png]'")
    with sync_playwright() as driver:
        try:
            found = driver.chromium.launch(executable_path=browser_path(), args=sandbox_options())
        except Error:
            if is_required:
                raise
            pytest.skip("there is no Chromium: apt-get install chromium")
        yield found
        found.close()


class Seen:
    """A page, what it complained of, and what it asked the network for."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))


@pytest.fixture(name="seen")
def seen_fixture(browser: Browser) -> Iterator[Seen]:
    found = Seen(browser)
    yield found
    assert found.complaints == []
    found.context.close()


@pytest.fixture(scope="module", name="pages")
def pages_fixture(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Addresses of written pages: a day, a week at a glance, a week of one, and a plan."""
    folder = tmp_path_factory.mktemp("pages")
    views = {
        "day": ("--day", "2026-03-12"),
        "week": ("--week", "2026-03-12"),
        "one": ("--week", "2026-03-12", "--schedule", "dr-novak", "--service", "check-up"),
    }
    for name, options in views.items():
        assert run(["view", *CLINIC, *options, "--now", NOW, "--html", str(folder / f"{name}.html")]) == 0
    plan = ("batch", "plan", str(ROOT / "examples" / "plan.csv"), *CLINIC, "--now", NOW)
    assert run([*plan, "--html", str(folder / "plan.html")]) == 0
    return {name: (folder / f"{name}.html").as_uri() for name in (*views, "plan")}


@pytest.mark.parametrize("name", ["day", "week", "one", "plan"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_overflows_or_overlaps(seen: Seen, pages: dict[str, str], name: str, width: int) -> None:
    seen.page.set_viewport_size({"width": width, "height": 800})
    seen.page.goto(pages[name])
    assert seen.requests == [pages[name]], "it loads nothing"
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "only charts and tables scroll"
    assert seen.page.evaluate(WORDS_OUTSIDE) == [], "words in a block end before it does"
    assert seen.page.evaluate(NAMES_OUTSIDE) == [], "names of lines end before the axis"


WORDS_OUTSIDE = """[...document.querySelectorAll('text.in')].filter(text => {
  const block = text.parentNode.querySelector('rect').getBoundingClientRect(), words = text.getBoundingClientRect();
  return words.right > block.right + 1 || words.top < block.top - 2 || words.bottom > block.bottom + 2;
}).map(text => text.textContent)"""

NAMES_OUTSIDE = """[...document.querySelectorAll('svg.chart')].flatMap(chart => {
  const left = Math.min(...[...chart.querySelectorAll('rect.ground')].map(one => one.getBoundingClientRect().left));
  const names = [...chart.querySelectorAll('text:not(.in):not(.hour)')];
  return names.filter(name => name.getBoundingClientRect().right > left).map(name => name.textContent);
})"""


def test_light_and_dark_are_as_the_reader_has_them(browser: Browser, pages: dict[str, str]) -> None:
    grounds: list[str] = []
    for scheme in ("light", "dark"):
        seen = Seen(browser, color_scheme=scheme)
        seen.page.goto(pages["day"])
        grounds.append(seen.page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
        seen.context.close()
    assert grounds == ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]


def test_the_keyboard_reaches_everything_in_order(seen: Seen, pages: dict[str, str]) -> None:
    seen.page.goto(pages["one"])
    focused: list[str] = []
    for _ in range(8):
        seen.page.keyboard.press("Tab")
        focused.append(
            seen.page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.innerText")
        )
    assert focused == [
        "Skip to the content", "The week", "Free capacity", "Utilisation",
        "Dr. Petra Novak", "Dr. Petra Novak as a table", "Heat map", "Use of open time",
    ]  # fmt: skip
    seen.page.locator("summary").focus()
    assert not seen.page.locator("details table").is_visible()
    seen.page.keyboard.press("Enter")
    assert seen.page.locator("details table").is_visible()


def test_screen_readers_get_names(seen: Seen, pages: dict[str, str]) -> None:
    session: Any = seen.context.new_cdp_session(seen.page)
    for address in pages.values():
        seen.page.goto(address)
        nodes: list[dict[str, Any]] = session.send("Accessibility.getFullAXTree")["nodes"]
        told: list[tuple[str, str]] = [
            (one["role"]["value"], one.get("name", {}).get("value", "")) for one in nodes if not one["ignored"]
        ]
        roles = [role for role, _ in told]
        assert roles.count("main") == 1 and roles.count("banner") == 1
        unnamed = {role for role, name in told if role in ("image", "region", "link", "button", "heading") and not name}
        assert unnamed == set()


def test_on_paper_there_are_no_controls(seen: Seen, pages: dict[str, str]) -> None:
    seen.page.goto(pages["day"])
    seen.page.emulate_media(media="print")
    assert not seen.page.locator("nav").is_visible()
    assert not seen.page.locator("summary").is_visible()
    assert seen.page.locator("svg.chart").is_visible()
    assert seen.page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_a_picture_of_a_page(browser: Browser, tmp_path: Path) -> None:
    assert browser.is_connected()
    # Playwright has one driver for each thread: the command gets a process of its own.
    done = subprocess.run(
        [COMMAND, "view", *CLINIC, "--day", "2026-03-12", "--png", str(tmp_path / "day.png")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    content = (tmp_path / "day.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(content[16:20]) == 1280


# The live page


@pytest.fixture(scope="module", name="ledger")
def ledger_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("live") / "clinic.ledger"
    assert run(["ledger", "init", "--ledger", str(path)]) == 0
    assert run(["ledger", "load", str(ROOT / "examples" / "clinic"), "--ledger", str(path)]) == 0
    return path


def test_find_book_and_cancel_with_clicks(seen: Seen, ledger: Path) -> None:
    page = seen.page
    with serving(ledger, "--quiet", now=NOW) as server:
        page.goto(f"{server.root}/")
        page.get_by_role("navigation", name="Services").get_by_role("link", name="Bariatric surgery").click()
        page.get_by_label("Practitioner").select_option(label="Dr. Maria Martinez")
        page.get_by_label("And also").select_option(label="Dr. Daniel Kim")
        page.get_by_role("button", name="Find times").click()
        page.locator("caption", has_text="offers").wait_for()
        page.get_by_label("Patient").fill("Aisha Tran")
        page.keyboard.press("Enter")
        page.wait_for_timeout(300)
        assert page.url == f"{server.root}/find", "the Enter key books nothing"
        page.get_by_role("button", name="Book Tue 10 Mar, 12:30 – 14:30").click()
        said = page.get_by_role("status").inner_text()
        assert said.startswith(
            "Booked: Bariatric surgery · Aisha Tran, Tuesday 10 March 2026, 12:30 – 14:30, with Dr. Maria"
        )
        assert "Aisha" not in page.url and "Tran" not in page.url
        picture = page.screenshot(full_page=True)
        assert picture.startswith(b"\x89PNG") and len(picture) > 20_000
        page.reload()
        page.get_by_role("link", name="Dr. Maria Martinez").click()
        page.get_by_role("button", name="Cancel: Bariatric surgery · Aisha Tran, Tue 10 Mar, 12:30 – 14:30").click()
        assert page.get_by_role("status").inner_text().startswith("Cancelled: Bariatric surgery · Aisha Tran")
        assert page.evaluate("document.cookie") == ""
        assert all(one["httpOnly"] and one["sameSite"] == "Strict" for one in seen.context.cookies())  # type: ignore[reportTypedDictNotRequiredAccess]
        assert all(url.startswith(server.root) for url in seen.requests)
    with open_ledger(ledger, read_only=True, create=False) as opened:
        statuses = [
            one["status"]
            for one in opened.resources("Appointment")
            if any("page-booking" in str(identifier) for identifier in one.get("identifier", []))
        ]
    assert statuses == ["cancelled"]


def test_a_token_is_asked_for_and_kept_from_scripts(seen: Seen, ledger: Path, tmp_path: Path) -> None:
    page = seen.page
    tokens = token_file(tmp_path / "tokens.toml", ("front desk", "booker", TOKEN))
    with serving(ledger, "--quiet", "--token-file", tokens, now=NOW) as server:
        page.goto(f"{server.root}/")
        page.locator("#token").fill("wrong" * 5)
        page.get_by_role("button", name="Sign in").click()
        assert page.get_by_role("alert").inner_text() == "The token is not known."
        seen.complaints.clear()  # the browser notes the status 401
        page.locator("#token").fill(TOKEN)
        page.keyboard.press("Enter")
        page.get_by_text("Signed in as front desk (booker).").wait_for()
        assert page.evaluate("document.cookie") == ""
        page.get_by_role("button", name="Sign out").click()
        page.locator("#token").wait_for()
        assert [one["name"] for one in seen.context.cookies() if "token" in one["name"]] == []  # type: ignore[reportTypedDictNotRequiredAccess]
