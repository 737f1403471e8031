"""The mail as a browser shows it on a telephone: readable by everybody, and what matters on the first screen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from alerts.actions import Action
from alerts.render.preview import mail_preview, page_preview
from tests.alerts.examples import page

TELEPHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_accessibility_checker_finds_nothing_in_the_mail(browser: Browser, scheme: str) -> None:
    tab = browser.new_page(viewport=TELEPHONE, color_scheme="dark" if scheme == "dark" else "light")
    tab.set_content(mail_preview(page(changed=("It has reached reddit.",)), dict.fromkeys(Action, "https://x.example")))
    found = Axe().run(tab).response["violations"]
    tab.close()
    assert [(one["id"], one["impact"]) for one in found] == []


def test_headline_buttons_curve_and_the_first_quote_begin_on_the_first_screen(browser: Browser) -> None:
    tab = browser.new_page(viewport=TELEPHONE)
    for document, marks in (
        (mail_preview(page(), dict.fromkeys(Action, "https://x.example")), ("h1", ".button", ".curve", "blockquote")),
        (page_preview([page()], buttons=True), (".header", ".button", "blockquote")),
    ):
        tab.set_content(document)
        tops = [box["y"] for mark in marks if (box := tab.locator(mark).first.bounding_box())]
        assert tops == sorted(tops)
        assert len(tops) == len(marks)
        assert tops[-1] < TELEPHONE["height"]
        assert tab.evaluate("document.documentElement.scrollWidth") == TELEPHONE["width"]
    tab.close()
