"""What was read stands beside every number, on every page and in the API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from config.settings import Settings
from monitor.sharing import HELD_FOR, SOURCE
from monitor.web.desk import Desk
from monitor.web.seen import Seen, seen
from storage import gaps, leases, schedule, spending
from storage.database import Database
from storage.ingest import Intake, write
from storage.records import CollectorRun, Gap, RunOutcome, Spent
from tests.monitor.web.desks import NOW, browser, desk
from tests.storage.examples import mentioned, post

SETTINGS = Settings.model_validate(
    {
        "brands": [{"name": "Acme", "rivals": ["Bolt"]}, {"name": "Bolt"}],
        "sources": [
            {"type": "hackernews", "requests_per_day": 5_000, "dollars_per_day": 4.0},
            {"type": "files", "name": "archive", "paths": ["x"], "brands": ["Bolt"]},
        ],
    }
)
GAP = Gap("hackernews", NOW - timedelta(hours=12), NOW - timedelta(hours=6), "refused: 429")
PAGES = ("/", "/incidents", "/explore", "/tune", "/sources", "/review")


@pytest.fixture(scope="module")
def of() -> Iterator[Desk]:
    """Hacker News was read, but for six hours of the last day; the archive never was."""
    with Database.open("sqlite://") as database:
        with database.write() as tx:
            schedule.plan(tx, "hackernews", timedelta(minutes=5), NOW)
            run = CollectorRun("hackernews", NOW - timedelta(minutes=5), NOW, RunOutcome.COMPLETE)
            schedule.finish(tx, "hackernews", run, NOW + timedelta(minutes=5))
            leases.acquire(tx, f"{SOURCE}hackernews", "desk-7-ab12cd", NOW, HELD_FOR)
            gaps.add(tx, [GAP])
            spending.add(tx, Spent("hackernews", NOW.date(), 1_250, 900, 1.5))
            said = [post(str(n), source="hackernews", created_at=NOW - timedelta(hours=n)) for n in (1, 2, 20)]
            write(tx, Intake(mentions=[*map(mentioned, said), mentioned(said[0], "Bolt")]))
        yield Desk.build(SETTINGS, database, lambda: NOW)


@pytest.mark.parametrize(
    ("outcomes", "share"),
    [
        ((), 0.0),
        ((RunOutcome.FAILED,), 0.0),
        ((RunOutcome.FAILED, RunOutcome.FAILED), 0.0),
        ((RunOutcome.PARTIAL,), 1.0),
        ((RunOutcome.COMPLETE, RunOutcome.FAILED), 1.0),
    ],
)
def test_a_source_that_never_answered_was_not_read_though_no_gap_says_so(
    outcomes: tuple[RunOutcome, ...], share: float
) -> None:
    with Database.open("sqlite://") as database, database.write() as tx:
        schedule.plan(tx, "hackernews", timedelta(minutes=5), NOW)
        for place, outcome in enumerate(outcomes):
            ended = NOW + place * timedelta(minutes=5)
            run = CollectorRun("hackernews", ended - timedelta(minutes=1), ended, outcome)
            schedule.finish(tx, "hackernews", run, ended + timedelta(minutes=5))
        found = seen(tx, SETTINGS, NOW - timedelta(hours=1), NOW, source="hackernews")
    assert found.shares == {"hackernews": share}


@pytest.mark.parametrize("path", PAGES)
def test_every_page_says_what_was_read_of_the_last_day(of: Desk, path: str) -> None:
    page = browser(of).get(path).text
    assert "Not wholly read: hackernews 75% and archive not at all; the true numbers may be higher." in page


def test_explore_says_it_of_the_span_and_the_brand_and_leaves_a_hole_where_nothing_was_read(of: Desk) -> None:
    page = browser(of).get("/explore?brand=Acme&span=24h").text
    assert "Not wholly read: hackernews 75%; the true" in page
    assert '<td class="num">75%</td>' in page
    drawn = page.partition('<script type="application/json">')[2].partition("</script>")[0]
    assert drawn.count("null") >= 12  # half hours of the gap


def test_brands_are_compared_with_their_rivals(of: Desk) -> None:
    page = browser(of).get("/explore?brand=Acme&span=24h").text
    shares = page.partition('id="h-share"')[2].partition("</section>")[0]
    assert 'value="0.75"' in shares
    assert shares.count('<span class="tag">rival</span>') == 1
    assert "75%" in shares
    assert "25%" in shares


def test_counts_come_with_their_coverage(of: Desk) -> None:
    asked = {"brand": "Acme", "since": (NOW - timedelta(hours=24)).isoformat(), "until": NOW.isoformat(), "every": 3600}
    told = browser(of).get("/api/v1/pulse", params=asked).json()
    assert told["coverage"] == {"hackernews": 0.75}
    assert [one["coverage"] for one in told["bins"]] == [1.0] * 12 + [0.0] * 6 + [1.0] * 6
    rival = browser(of).get("/api/v1/pulse", params={**asked, "brand": "Bolt"}).json()
    assert rival["coverage"] == {"hackernews": 0.75, "archive": 0.0}
    assert rival["bins"][0]["coverage"] == 0.5


def test_sources_show_what_they_took_of_what_they_may_and_every_hour(of: Desk) -> None:
    page = browser(of).get("/sources").text
    assert "1,250 of 5,000 requests, $1.50 of $4.00; 25% is kept for incidents" in page
    assert page.count('class="part" title="2 Jun 2024, ') == 6
    assert "refused: 429" in page
    assert "0 requests; no budget of its own" in page
    assert page.count("<dt>Read by</dt>") == 1
    assert "<dd>desk-7-ab12cd</dd>" in page


def test_an_installation_without_sources_says_so() -> None:
    with desk() as without:
        pages = [browser(without).get(path).text for path in ("/", "/sources")]
    for page in pages:
        assert "No source is configured: nothing is read here." in page
        assert "No source is configured; this database is looked at, not watched." in page
        assert "<table" not in page


def test_words_for_what_was_read() -> None:
    assert Seen({}).words == "No source is configured: nothing is read here."
    assert Seen({"a": 1.0, "b": 0.999}).words == "Every source was read throughout, as far as we know."
    assert not Seen({}).is_whole
    assert Seen({"a": 1.0, "b": 0.5}).share == 0.75
