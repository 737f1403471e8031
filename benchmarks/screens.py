"""Draws the web page as people see it: `python -m benchmarks.screens [--out DIR]`.

The made story of `tocsin demo` is served, opened in Chromium, and drawn in few colours, so that no picture is large.
One line a picture with its size; for the telephone also at which of its 844 pixels the buttons end.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from config.load import load
from monitor.demo.serving import story_desk
from monitor.demo.show import CONFIGURATION, show
from monitor.web.serving import Serving
from storage import incidents
from storage.database import Database
from storage.records import Severity

CHROMIUM = "/usr/bin/chromium"
COLOURS = 48
PATIENCE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Screen:
    """One picture: which page, how large, light or dark, and what must be there before it is taken."""

    name: str
    path: str
    width: int
    height: int
    scheme: str
    wait_for: str
    click: str = ""


SCREENS = (
    Screen("web-now-desk-light", "/", 1280, 560, "light", ".spark"),
    Screen("web-incident-phone-dark", "INCIDENT", 390, 844, "dark", "#curve canvas"),
    Screen("web-incident-desk-light", "INCIDENT", 1280, 1000, "light", "#curve canvas"),
    Screen("web-explore-desk-dark", "/explore", 1280, 900, "dark", "#pulse canvas"),
    Screen("web-tune-desk-light", "/tune", 1280, 900, "light", "#trial pre", "Try"),
    Screen("web-review-phone-light", "/review", 390, 844, "light", ".rows"),
)


def main() -> None:
    """Draw every screen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="where the pictures go")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with served() as (address, incident), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for screen in SCREENS:
            print(draw(browser, screen, address, incident, out), flush=True)
        browser.close()


@contextmanager
def served() -> Iterator[tuple[str, str]]:
    """The story, told and served: where, and the page of its incident."""
    with tempfile.TemporaryDirectory(prefix="tocsin-screens-") as name:
        folder = Path(name)
        show(folder)
        settings = load(folder / CONFIGURATION, complete=False)
        settings = settings.model_copy(update={"web": settings.web.model_copy(update={"port": 0})})
        with Database.open(settings.database.resolved_url()) as database:
            with database.read() as tx:
                worst = next(one for one in incidents.recent(tx) if one.severity is Severity.CRITICAL)
            serving = Serving(story_desk(folder, database, settings))
            serving.start()
            try:
                yield serving.address, f"/incidents/{worst.id}"
            finally:
                serving.stop()


def draw(browser: Browser, screen: Screen, address: str, incident: str, out: Path) -> str:
    """Draw one screen; the line about it."""
    context = browser.new_context(
        viewport={"width": screen.width, "height": screen.height},
        color_scheme="dark" if screen.scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(address + (incident if screen.path == "INCIDENT" else screen.path))
    if screen.click:
        page.get_by_label("Sensitivity").select_option("relaxed")
        page.get_by_role("button", name=screen.click).click()
    page.locator(screen.wait_for).first.wait_for()
    page.locator("#lamp.on").wait_for()
    bar = page.locator(".bar").bounding_box() if page.locator(".bar").count() else None
    path = out / f"{screen.name}.png"
    page.screenshot(path=path)
    context.close()
    few = Image.open(path).convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    told = f"; the buttons end at {bar['y'] + bar['height']:.0f}" if bar else ""
    return f"{path.name}: {path.stat().st_size / 1024:.0f} kB{told}"


if __name__ == "__main__":
    main()
