"""The pages as people use them: a real browser, a real server, and the story of the demo in a real database."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect, sync_playwright

from alerts.actions import Action, offer
from config.load import load
from monitor.backtest.variants import Variant
from monitor.demo.serving import story_desk
from monitor.demo.story import SCENE
from monitor.web import explore, incident, trials
from monitor.web.serving import Serving
from storage import erasure
from storage import incidents as incident_store
from storage.database import Database
from storage.records import Incident, Severity

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
PAGES = ("/", "/incidents", "INCIDENT", "/explore", "/tune", "/sources", "/review", "/login", "/nothing/here")
DARK = ("/", "INCIDENT", "/explore", "/review")
"""Pages that have every colour between them."""
PATIENCE = 30_000
EVERYTHING: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
"""All rules; what passes is not told of, and no style sheet is fetched again."""
ONLY_COLOURS = {**EVERYTHING, "runOnly": ["color-contrast"]}
"""What differs in the dark."""
KEPT_FOR = timedelta(days=2)
"""How much of the story's posts is kept: enough for its incident, and to judge it again."""

SOURCES = """
[web]
port = 0
write_configuration = true
[[sources]]
type = "files"
name = "history"
paths = ["*.jsonl"]
"""


@pytest.fixture(scope="module")
def told(story_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Database, Path]]:
    """The end of the story, served: where, its database and its folder. Long lists are cut short: they are more of the
    same to a browser and to the checker."""
    folder = tmp_path_factory.mktemp("served") / "story"
    shutil.copytree(story_folder, folder)
    file = folder / "tocsin.toml"
    file.write_text(file.read_text() + SOURCES)
    settings = load(file, complete=False)
    with Database.open(settings.database.resolved_url()) as database, pytest.MonkeyPatch.context() as patch:
        with database.write() as tx:
            for source in tx.exec_driver_sql("SELECT DISTINCT source FROM stored_day").scalars().all():
                erasure.prune(tx, source, SCENE - KEPT_FOR, limit=100_000)
            tx.exec_driver_sql("DELETE FROM signal WHERE at < (SELECT max(at) FROM signal) - 1800000000")
        patch.setattr(explore, "ON_A_PAGE", 12)
        patch.setattr(incident, "MOST_OF_THREAD", 30)
        serving = Serving(story_desk(folder, database, settings))
        serving.start()
        yield serving.address, database, folder
        serving.stop()


expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def opened(chromium: Any, told: tuple[str, Database, Path]) -> Iterator[Any]:
    """Opens pages, and says at the end when one of them complained."""
    complaints: list[str] = []
    with contextlib.ExitStack() as stack:

        def open_page(path: str, width: int = 1280, height: int = 900, scheme: str = "light") -> Page:
            context = chromium.new_context(
                base_url=told[0],
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                reduced_motion="reduce",
            )
            stack.callback(context.close)
            context.set_default_timeout(PATIENCE)
            made: Page = context.new_page()
            made.on("pageerror", lambda error: complaints.append(str(error)))
            made.on("console", lambda said: complaints.append(said.text) if _is_complaint(said) else None)
            made.goto(path)
            return made

        yield open_page
    assert complaints == []


def _is_complaint(said: Any) -> bool:
    return said.type == "error" and "404" not in said.text


def incidents(database: Database) -> list[Incident]:
    with database.read() as tx:
        return incident_store.recent(tx)


@pytest.fixture
def worst(told: tuple[str, Database, Path]) -> Incident:
    """The incident of the story."""
    return next(one for one in incidents(told[1]) if one.severity is Severity.CRITICAL)


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_a_serious_barrier_in_light_or_dark_or_is_wider_than_a_telephone(
    opened: Any, worst: Incident, path: str
) -> None:
    page = opened(path.replace("INCIDENT", f"/incidents/{worst.id}"))
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert barriers(page, EVERYTHING) == []
    if path in DARK:
        page.emulate_media(color_scheme="dark")
        assert barriers(page, ONLY_COLOURS) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("[...document.querySelectorAll('.top nav')].every(one => one.scrollWidth <= one.clientWidth)")
    broken = "[...document.querySelectorAll('td.num')].filter(one => getComputedStyle(one).whiteSpace !== 'nowrap')"
    assert page.evaluate(f"{broken}.length") == 0, "a number and its unit stay on one line"


def test_a_drawing_that_is_still_as_wide_as_the_page_was_holds_it_not_open(opened: Any, worst: Incident) -> None:
    page = opened(f"/incidents/{worst.id}", 390, 844)
    expect(page.locator("#curve canvas")).to_be_visible()
    page.evaluate("document.querySelector('#curve .plot').firstElementChild.style.width = '900px'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def barriers(page: Page, options: dict[str, Any]) -> list[Any]:
    """What the checker finds that is serious."""
    return [
        (one["id"], [node["html"][:120] for node in one["nodes"][:2]])
        for one in Axe().run(page, options=options).response["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def test_on_a_telephone_all_that_matters_is_above_the_fold(opened: Any, worst: Incident) -> None:
    page = opened(f"/incidents/{worst.id}", 390, 844)
    expect(page.locator("#curve canvas")).to_be_visible()
    for what in ("h1", "#curve .plot", ".quotes >> li >> nth=2", "text=Take it"):
        box = page.locator(what).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 844, what
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_on_a_telephone_a_report_is_read_without_moving_its_sentences(opened: Any, worst: Incident) -> None:
    page = opened(f"/incidents/{worst.id}/report", 390, 844)
    timeline = page.locator(".prose")
    expect(timeline).to_contain_text("escalated")
    assert timeline.evaluate("one => one.scrollWidth <= one.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_incident_is_taken_and_other_pages_follow_without_loading_again(
    opened: Any, worst: Incident, told: tuple[str, Database, Path]
) -> None:
    wall, mine = opened("/"), opened(f"/incidents/{worst.id}")
    wall.evaluate("window.loaded = 'once'")
    expect(wall.locator("#lamp.on")).to_be_attached()
    mine.get_by_role("button", name="Take it").click()
    expect(mine.get_by_role("status")).to_contain_text("You took it")
    expect(wall.get_by_text("acknowledged by local").first).to_be_visible()
    assert wall.evaluate("window.loaded") == "once"


def test_every_action_is_behind_a_button_that_says_what_it_does(
    opened: Any, worst: Incident, told: tuple[str, Database, Path]
) -> None:
    page = opened(f"/incidents/{worst.id}", 390, 844)
    page.locator(".bar").get_by_role("button", name="More").click()
    page.locator("#act-more").get_by_role("button", name="Write a note").click()
    dialog = page.get_by_role("dialog", name="Write a note")
    dialog.get_by_label("Note").fill("Calling <b>the</b> hotline.")
    dialog.get_by_role("button", name="Write a note").click()
    expect(page.get_by_text("Calling <b>the</b> hotline.")).to_be_visible()
    page.locator(".bar").get_by_role("button", name=offer(Action.ANSWERED).label).click()
    dialog = page.locator("#act-answered")
    dialog.get_by_label("Address of the answer").fill("https://norrvik.example/sorry")
    dialog.locator("button.first").click()
    answer = page.locator("dl.facts a[href='https://norrvik.example/sorry']")
    expect(answer).to_have_attribute("rel", "noopener noreferrer nofollow")
    kinds = [event.kind for event in _events(told[1], worst.id)]
    assert {"note", "answered"} <= set(kinds)


def test_what_is_half_typed_stays_while_others_work_on_the_incident(opened: Any, worst: Incident) -> None:
    mine, theirs = (opened(f"/incidents/{worst.id}") for _ in range(2))
    expect(mine.locator("#lamp.on")).to_be_attached()
    for page in (mine, theirs):
        page.get_by_text("Work on it").click()
    mine.locator("#work textarea[name=headline]").fill("Half typed")
    theirs.get_by_label("Tags, with commas between").fill("urgent")
    theirs.get_by_role("button", name="Tag", exact=True).click()
    expect(mine.get_by_text("tagged it urgent")).to_be_visible()
    expect(mine.locator("#work textarea[name=headline]")).to_have_value("Half typed")
    mine.get_by_role("button", name="Correct", exact=True).click()
    expect(mine.locator("h1")).to_have_text("Half typed")
    for _ in range(2):
        mine.get_by_role("button", name="Take back").first.click()
    expect(mine.locator("h1")).to_have_text(worst.headline)


def test_other_sensitivities_and_the_thread_are_there_when_asked_for(opened: Any, worst: Incident) -> None:
    page = opened(f"/incidents/{worst.id}")
    page.get_by_text("The thread on").click()
    expect(page.locator(".tree li").nth(20)).to_be_visible()
    page.get_by_text("As a table").first.click()
    expect(page.locator("#curve table tr").nth(5)).to_be_visible()
    page.get_by_role("button", name="And at other sensitivities?").click()
    expect(page.locator("#others li").first).to_contain_text("at ")


def test_what_other_sensitivities_say_stays_while_the_page_follows_what_happens(opened: Any, worst: Incident) -> None:
    page = opened(f"/incidents/{worst.id}")
    page.get_by_role("button", name="And at other sensitivities?").click()
    expect(page.locator("#others li").first).to_contain_text("at ")
    page.evaluate(
        "document.body.dataset.swapped = ''; "
        "document.body.addEventListener('htmx:after:swap', () => document.body.dataset.swapped = 'yes')"
    )
    page.evaluate("htmx.trigger(document.body, 'tocsin:changed')")
    expect(page.locator("body[data-swapped=yes]")).to_be_attached()
    expect(page.locator("#others li").first).to_contain_text("at ", timeout=1000)


def test_posts_are_searched_and_views_are_kept(opened: Any) -> None:
    page = opened("/explore")
    expect(page.locator("#pulse canvas")).to_be_visible()
    page.get_by_label("Words").fill('"cease and desist" -apology')
    page.get_by_label("Sentiment").select_option("negative")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".quotes li").first).to_contain_text("cease and desist")
    page.get_by_label("Keep this one as").fill("letters")
    page.get_by_role("button", name="Keep", exact=True).click()
    page.goto("/explore")
    page.get_by_role("link", name="letters").click()
    expect(page.get_by_label("Words")).to_have_value('"cease and desist" -apology')
    page.get_by_role("button", name="Remove the view letters").click()
    expect(page.get_by_text("None yet.")).to_be_visible()
    page.get_by_role("link", name="Older ones").click()
    expect(page.locator(".quotes li").first).to_be_visible()


def test_a_threshold_is_moved_tried_and_saved(opened: Any, told: tuple[str, Database, Path]) -> None:
    page = opened("/tune")
    page.get_by_label("On the last").select_option("7d")
    page.get_by_label("Sensitivity").select_option("relaxed")
    page.get_by_role("button", name="Try").click()
    expect(page.get_by_text("To make it so")).to_be_visible(timeout=4 * PATIENCE)  # a week is judged meanwhile
    expect(page.locator("#trial pre")).to_contain_text('sensitivity = "relaxed"')
    expect(page.locator("#trial")).to_contain_text("as configured")
    page.get_by_role("button", name="Save into the configuration file").click()
    expect(page.get_by_role("status")).to_contain_text("Saved")
    assert load(told[2] / "tocsin.toml", complete=False).detection.sensitivity == "relaxed"


def test_the_late_answer_of_an_earlier_trial_does_not_hide_the_newer_one(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_asked_for, is_answered = threading.Event(), threading.Event()
    held: list[Route] = []

    def judged(_database: Database, tried: Sequence[Variant], *_: object) -> None:
        (is_asked_for if len(tried) == 1 else is_answered).wait(PATIENCE / 1000)

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    monkeypatch.setattr(trials, "backtest", judged)
    page = opened("/tune")
    page.route("**/tune/trials/*", hold_the_first)
    with page.expect_request("**/tune/trials/*") as asked:
        page.get_by_label("On the last").select_option("7d")
    is_asked_for.set()
    page.get_by_label("Sensitivity").select_option("relaxed")
    first = urlsplit(asked.value.url).path
    expect(page.locator("#trial [hx-get]")).not_to_have_attribute("hx-get", first)
    held[0].fulfill(body="<p>What is over</p>")
    is_answered.set()
    expect(page.locator("#trial")).to_contain_text("Nothing is stored in that span yet")


def test_past_pages_are_judged(opened: Any, worst: Incident) -> None:
    page = opened("/review")
    expect(page.locator(".head")).to_contain_text("1 of 1 incident of the last year waits for a verdict")
    page.locator(f"#i-{worst.id}").get_by_role("button", name="Real").click()
    expect(page.locator(f"#i-{worst.id}")).to_contain_text("real, says local")


def test_the_page_is_used_by_keyboard(opened: Any) -> None:
    page = opened("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_sources_show_what_was_never_read(opened: Any) -> None:
    page = opened("/sources")
    expect(page.get_by_role("heading", name="history never read")).to_be_visible()


def test_what_strangers_write_is_text(opened: Any, told: tuple[str, Database, Path]) -> None:
    bad = json.dumps("<script>alert(1)</script><img src=x onerror=alert(2)>")[1:-1]
    with told[1].write() as tx:
        tx.exec_driver_sql(
            "UPDATE post SET text = ?, url = 'javascript:alert(3)', author_name = '<svg onload=alert(4)>'"
            " WHERE id = (SELECT max(id) FROM post)",
            (bad,),
        )
    page = opened("/explore?span=24h")
    expect(page.get_by_text("<script>alert(1)</script>").first).to_be_visible()
    expect(page.get_by_text("<svg onload=alert(4)>").first).to_be_visible()
    assert page.locator("a[href^='javascript']").count() == 0
    assert page.locator(".quotes script, .quotes img, .quotes svg").count() == 0


def _events(database: Database, incident_id: str) -> list[Any]:
    with database.read() as tx:
        return incident_store.events(tx, incident_id)
