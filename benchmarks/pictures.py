"""Draws the messages as people see them: `python -m benchmarks.pictures [--out DIR] [--whole] [--life]`.

The made story of `tocsin demo` goes through the real pipeline; the page that interrupted people, and the digest of what
did not, are drawn as a mail, as a Slack message from its blocks, and as Discord and Telegram show them (lookalikes.py),
in Chromium, light and dark, as wide as a telephone and as a desk. `--life` draws what comes after it: taken, over, a
drill. Teams' card is drawn by Microsoft's library where `--adaptivecards FILE` names it (adaptivecards.min.js of npm).
One line a picture: its name, its size, and at which height (of a telephone's 844 pixels) a reader finds what matters.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page as Tab
from playwright.sync_api import sync_playwright

from alerts.actions import OFFERS
from alerts.digests import digest_page
from alerts.page import Page, from_json
from alerts.render.preview import mail_preview, page_preview
from benchmarks.lookalikes import discord_document, teams_document, telegram_document
from monitor.demo.show import Shown, show
from storage.records import IncidentState, Reason

CHROMIUM = "/usr/bin/chromium"
WIDTHS = {"phone": (390, 844), "desk": (900, 1000)}
SCHEMES = ("light", "dark")
MARKS = {
    "mail": ("h1", ".button", ".curve", "blockquote"),
    "slack": (".header", ".button", "blockquote"),
    "digest-mail": ("h1", ".entry", ".button"),
    "digest-slack": (".header", ".section"),
    "teams": (".ac-richTextBlock",),
    "discord": (".title", "img", "blockquote"),
    "telegram": ("b", "blockquote", "img"),
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """One picture, and where in it the first of each thing ends, in pixels from the top."""

    path: Path
    ends: dict[str, int]

    def __str__(self) -> str:
        """One line."""
        ends = ", ".join(f"{name} ends at {height}" for name, height in self.ends.items())
        return f"{self.path.name}: {self.path.stat().st_size / 1024:.0f} kB; {ends}"


def documents(shown: Shown, scheme: str, library: str, *, life: bool) -> dict[str, str]:
    """The page that interrupted people, and with `life` what came after it, in every program that is drawn."""
    first = shown.first_page
    if first is None:
        raise SystemExit("the demo told nobody anything")
    pages = [from_json(alert.page) for alert in shown.result.alerts if alert.incident_id == first.incident_id]
    page = from_json(first.page)
    gathered = digest(shown, page)
    found = {"digest-mail": mail_preview(gathered), "digest-slack": page_preview([gathered])}
    found |= {f"{name}-digest": one for name, one in others(gathered, scheme, library).items()}
    found |= _named("", page, until(pages, page), scheme, library)
    for stage, later in stages(page).items() if life else ():
        found |= _named(f"-{stage}", later, [page, later], scheme, library)
    return found


def stages(page: Page) -> dict[str, Page]:
    """What a page becomes: somebody takes it, it ends; and the same as a drill."""
    later = page.at + timedelta(hours=2)
    taken = replace(
        page,
        reason=Reason.UPDATE,
        state=IncidentState.ACKNOWLEDGED,
        acknowledged_by="slack:kim",
        acknowledged_at=page.at,
        changed=("Kim took it.",),
    )
    over = replace(
        page,
        reason=Reason.RESOLVED,
        state=IncidentState.RESOLVED,
        at=later,
        resolved_at=later,
        changed=("No further sign of it for half an hour.",),
    )
    return {"taken": taken, "over": over, "drill": replace(page, drill=True)}


def others(page: Page, scheme: str, library: str) -> dict[str, str]:
    """The page where neither a mail nor Slack shows it."""
    drawn = {"discord": discord_document(page, scheme), "telegram": telegram_document(page, scheme)}
    return drawn | ({"teams": teams_document(page, library, scheme)} if library else {})


def _named(suffix: str, page: Page, pages: list[Page], scheme: str, library: str) -> dict[str, str]:
    links = {offer.action: f"https://tocsin.example/act/{offer.action.value}" for offer in OFFERS}
    drawn = {"mail": mail_preview(page, links), "slack": page_preview(pages, buttons=True)}
    return {f"{name}{suffix}": one for name, one in (drawn | others(page, scheme, library)).items()}


def digest(shown: Shown, until: Page) -> Page:
    """What a reader of a digest would have got just before the page that interrupted people."""
    earlier = [from_json(alert.page) for alert in shown.result.alerts if alert.at < until.at]
    newest = {page.incident_id: page for page in earlier}
    return digest_page(list(newest.values()), "Ada's morning", earlier[0].at, earlier[-1].at, "https://tocsin.example")


def until(pages: list[Page], page: Page) -> list[Page]:
    """The pages of an incident up to this one."""
    return [one for one in pages if one.at <= page.at]


def draw(found: Callable[[str], dict[str, str]], out: Path, *, whole: bool) -> Iterator[Drawn]:
    """Draw the documents of both schemes at every width."""
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for scheme in SCHEMES:
            made = found(scheme)
            for place, (width, height) in WIDTHS.items():
                size: Any = {"width": width, "height": height}
                tab = browser.new_page(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
                for name, document in made.items():
                    tab.set_content(document, wait_until="load")
                    path = out / f"{name}-{place}-{scheme}.png"
                    tab.screenshot(path=path, full_page=whole)
                    _shrink(path)
                    yield Drawn(path, _ends(tab, MARKS.get(name) or MARKS[name.partition("-")[0]]))
                tab.close()
        browser.close()


def _shrink(path: Path) -> None:
    """Few colours: half of the size, and nobody sees it."""
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(64)
    few.save(path, optimize=True)


def _ends(tab: Tab, marks: tuple[str, ...]) -> dict[str, int]:
    boxes = {mark: tab.locator(mark).first.bounding_box() for mark in marks if tab.locator(mark).count()}
    return {mark: round(box["y"] + box["height"]) for mark, box in boxes.items() if box}


def main() -> None:
    """Run the story and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="where the pictures go")
    parser.add_argument("--whole", action="store_true", help="the whole message, not only what the first screen shows")
    parser.add_argument("--life", action="store_true", help="also what comes after the page: taken, over, a drill")
    parser.add_argument("--adaptivecards", type=Path, help="Microsoft's library, to draw the card of Teams as well")
    chosen = parser.parse_args()
    library = chosen.adaptivecards.read_text(encoding="utf-8") if chosen.adaptivecards else ""
    with tempfile.TemporaryDirectory() as folder:
        shown = show(Path(folder))
    found = partial(documents, shown, library=library, life=chosen.life)
    for one in draw(found, chosen.out, whole=chosen.whole):
        print(one)


if __name__ == "__main__":
    main()
