"""Pictures of pages, made by a Chromium of this machine (extra `png`)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from ...solver.errors import UnsupportedError

BROWSER = "SLOTWRIGHT_CHROMIUM"
"""The environment's word for which browser to use."""

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

OPTIONS: Sequence[str] = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""It draws what it is given, and speaks with nobody."""


class NoBrowser(UnsupportedError):
    """There is no browser to draw with, or nothing to drive it."""


def browser_path() -> str | None:
    """A Chromium that is installed; None: playwright's own, if it has one."""
    return os.environ.get(BROWSER) or next((found for one in _NAMES if (found := shutil.which(one))), None)


def sandbox_options() -> list[str]:
    """Chromium has no sandbox for the root user, as in containers."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return [*OPTIONS, *(["--no-sandbox"] if is_root else [])]


def picture_of(page: str, *, width: int = 1280) -> bytes:
    """The whole page as PNG, as wide as so many pixels. Raises NoBrowser."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ModuleNotFoundError as error:
        raise NoBrowser("--png needs playwright, which is not installed: pip install 'slotwright[png]'") from error
    with sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=browser_path(), args=sandbox_options())
        except Error as error:
            raise NoBrowser(
                f"--png needs a Chromium that starts: install one (apt-get install chromium), or name it in {BROWSER}."
            ) from error
        try:
            drawn = browser.new_page(viewport={"width": width, "height": 800}, offline=True, java_script_enabled=False)
            drawn.set_content(page)
            return drawn.screenshot(full_page=True)
        finally:
            browser.close()
