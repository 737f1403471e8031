"""The brief of a week or a month: what it tells, what it compares, and what it owns up to."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import pytest
from msgspec import structs
from pypdf import PdfReader

from config.settings import Settings
from monitor.report.brief import brief
from monitor.report.document import Document, Evidence, Facts, Heading, Paragraph, Picture, Rows
from monitor.report.html import html
from monitor.report.pdf import pdf
from monitor.report.period import Period
from storage import casework, gaps, incidents, outbox, runs
from storage.database import Database
from storage.ingest import Intake, write
from storage.records import (
    Casework,
    CollectorRun,
    DeliveryState,
    Gap,
    IncidentState,
    Label,
    MentionedPost,
    RunOutcome,
    Severity,
)
from tests.storage.examples import delivery, incident, mentioned, post

MONDAY = datetime(2024, 5, 6, tzinfo=UTC)
"""The first moment of the week that is looked back on."""
WEEK = Period.up_to("week", date(2024, 5, 13), "UTC")
MADE = datetime(2024, 5, 13, 8, tzinfo=UTC)
ACME = {"name": "Acme", "rivals": ["bolt", "Cog"]}
SETTINGS = Settings.model_validate(
    {"brands": [ACME, {"name": "Bolt"}], "sources": [{"type": "files", "name": "forum", "paths": ["x"]}]}
)


def said(
    number: int, days: float, brand: str = "Acme", label: Label = Label.NEUTRAL, thread: str = ""
) -> MentionedPost:
    """A mention by an author of its own, so many days after the Monday."""
    of = post(
        f"{brand}{number}",
        created_at=MONDAY + timedelta(days=days),
        author=f"a{number}",
        title=f"<b>Late & lost</b> {number}",
        url=f"https://forum.example/{number}",
        thread_id=thread or None,
    )
    return structs.replace(mentioned(of, brand, label), content_key=f"{brand}{number}")


@pytest.fixture
def lived(sqlite_database: Database) -> Database:
    """Two weeks of a forum: twelve mentions in the one told of, four in the week before; one page that was taken."""
    bad, unknown = Label.NEGATIVE, Label.UNSCORED
    now = [
        said(n, n / 2, label=bad if n < 6 else unknown if n > 10 else Label.NEUTRAL, thread="root") for n in range(12)
    ]
    then = [said(100 + n, n - 6) for n in range(4)]
    rival = [said(200 + n, n / 3, "Bolt") for n in range(4)]
    with sqlite_database.write() as tx:
        write(tx, Intake(mentions=[*now, *then, *rival]))
        runs.add(tx, CollectorRun("forum", MONDAY - timedelta(days=30), MONDAY, RunOutcome.COMPLETE))
        gaps.add(
            tx,
            [
                Gap("forum", MONDAY + timedelta(days=1), MONDAY + timedelta(days=1, hours=42), "refused: 429"),
                Gap("forum", MONDAY, MONDAY + timedelta(hours=1), "outage", filled_at=MADE),
            ],
        )
        opened = MONDAY + timedelta(days=2)
        paged = incident(
            severity=Severity.CRITICAL,
            began_at=opened - timedelta(minutes=20),
            opened_at=opened,
            updated_at=opened,
            state=IncidentState.RESOLVED,
            acknowledged_at=opened + timedelta(minutes=9),
            acknowledged_by="slack:Kim",
            resolved_at=opened + timedelta(hours=2),
        )
        old = incident("i0", opened_at=MONDAY - timedelta(days=1), state=IncidentState.ACKNOWLEDGED)
        incidents.insert(tx, paged)
        incidents.insert(tx, old)
        incidents.append_event(tx, "i1", MADE, "verdict", "Kim", {"verdict": "real"})
        outbox.enqueue(tx, [delivery(state=DeliveryState.SENT, sent_at=opened + timedelta(seconds=30))])
    return sqlite_database


def told(database: Database, period: Period = WEEK, settings: Settings = SETTINGS) -> Document:
    with database.read() as tx:
        return brief(tx, settings, "Acme", period, MADE)


def facts(document: Document) -> dict[str, str]:
    found = document.blocks[0]
    assert isinstance(found, Facts)
    return dict(found.items)


def table(document: Document, heading: str) -> Rows:
    found = document.blocks[document.blocks.index(Heading(heading)) + 1]
    assert isinstance(found, Rows)
    return found


def test_it_says_how_much_was_said_against_the_week_before(lived: Database) -> None:
    document = told(lived)
    assert document.title == "Acme: the week of 6 to 12 May 2024"
    assert facts(document)["Mentions"].startswith("12 mentions, 3 times the 4 of the week before; 0 would be usual")
    assert facts(document)["Voices"].startswith("12 independent voices by 12 authors, 3 times")
    assert facts(document)["Mood"] == "55% negative, 0% the week before. 1 mention could not be judged."


def test_it_says_what_rang_and_how_fast_people_were(lived: Database) -> None:
    document = told(lived)
    assert document.tone == "critical"
    assert facts(document)["Incidents"] == "1 incident began, critical; 1 the week before. 1 went on from before."
    response = "Rang 20 minutes after it began; first message 30 seconds, taken 9 minutes and ended 2 hours after that."
    assert facts(document)["Response"] == response
    assert facts(document)["Verdicts"] == "1 real."
    old, paged = table(document, "What rang").rows
    assert (old[0], old[5]) == ("5 May 00:00", "goes on")
    assert paged[1:] == ("critical", "Acme's parcels are late", "30 seconds", "9 minutes by Kim", "2 hours", "real")


@pytest.mark.parametrize("by_people", [True, False])
def test_what_is_part_of_another_incident_is_counted_with_it(lived: Database, by_people: bool) -> None:
    opened = MONDAY + timedelta(days=3)
    facts = {} if by_people else {"merged_into": "i1"}
    part = incident("i2", fingerprint="another", opened_at=opened, resolved_at=opened, facts=facts)
    with lived.write() as tx:
        incidents.insert(tx, replace(part, state=IncidentState.RESOLVED))
        if by_people:
            casework.save(tx, Casework("i2", merged_into="i1", is_member=True))
    document = told(lived)
    assert document.lead.startswith("1 incident, critical")
    assert len(table(document, "What rang").rows) == 2


def test_it_owns_up_to_what_was_not_read(lived: Database) -> None:
    document = told(lived)
    assert facts(document)["Seen"] == "Not wholly read: forum for 75% of the time; the true numbers may be higher."
    assert table(document, "Where it was said").rows == (("forum", "12", "4", "55%", "75%"),)
    rows = table(document, "What could not be seen").rows
    assert [row[2:] for row in rows] == [("100%", "read later", "outage"), ("100%", "still missing", "refused: 429")]


def test_what_was_handed_in_is_not_said_to_be_missing(lived: Database) -> None:
    with lived.write() as tx:
        tx.exec_driver_sql("DELETE FROM run")
        tx.exec_driver_sql("DELETE FROM gap")
    document = told(lived)
    assert (
        facts(document)["Seen"] == "The posts were taken in, not read from their sources: what is missing is not known."
    )
    after = document.blocks[document.blocks.index(Heading("What could not be seen")) + 1]
    assert after == Paragraph("Nothing is known of that.")


def test_it_compares_with_rivals_that_are_watched_and_names_those_that_are_not(lived: Database) -> None:
    document = told(lived)
    assert facts(document)["Against rivals"] == "75% of what was said of it and Bolt, 100% the week before."
    assert [row[:2] for row in table(document, "Share of voice").rows] == [("Acme", "75%"), ("Bolt", "25%")]
    assert any(isinstance(block, Paragraph) and "not counted: Cog" in block.text for block in document.blocks)


def test_threads_are_shown_by_what_was_said_in_them_and_nobody_is_named(lived: Database) -> None:
    document = told(lived)
    (thread,) = [block for block in document.blocks if isinstance(block, Evidence)]
    assert thread.byline == "forum · 12 mentions, 55% negative"
    assert "Late & lost" in thread.text
    page = html(document)
    assert "<b>" not in page
    assert not re.search(r"\ba\d+\b", thread.byline + thread.text)


def test_days_are_those_of_the_readers(lived: Database) -> None:
    elsewhere = told(lived, Period.up_to("week", date(2024, 5, 13), "America/Los_Angeles"))
    (picture,) = [block for block in elsewhere.blocks if isinstance(block, Picture)]
    assert picture.words.startswith("Mentions by day. Mon 6: 2 (2 negative); Tue 7: 2 (2 negative);")
    assert "Sat 11: 1 (0 negative)" in picture.words
    assert facts(elsewhere)["Mentions"].startswith("11 mentions")  # the first was said on their Sunday


def test_what_was_not_known_then_is_not_compared(lived: Database) -> None:
    first = Period.up_to("week", date(2024, 4, 8), "UTC")
    document = told(lived, first)
    assert facts(document)["Mentions"] == "0 mentions; nothing is known of the week before to compare it with."
    assert facts(document)["Incidents"] == "No incident began."
    assert document.tone == "over"
    assert Paragraph("Nothing rang, and nothing went on from before.") in document.blocks


def test_what_is_usual_is_the_median_of_earlier_weeks(sqlite_database: Database) -> None:
    with sqlite_database.write() as tx:
        write(tx, Intake(mentions=[said(n, -7 * (n % 5) - 0.5) for n in range(20)] + [said(99, 1)]))
        runs.add(tx, CollectorRun("forum", MONDAY - timedelta(days=30), MONDAY, RunOutcome.COMPLETE))
    mentions = facts(told(sqlite_database))["Mentions"]
    assert mentions == "1 mention, 75% fewer than the 4 of the week before; 4 would be usual (the median of 4 weeks)."


def test_the_pdf_says_what_the_page_says(lived: Database) -> None:
    document = told(lived)
    read = PdfReader(BytesIO(pdf(document, MADE)))
    text = " ".join(" ".join(sheet.extract_text() for sheet in read.pages).split())
    for words in ("3 times the 4 of the week before", "refused: 429", "9 minutes by Kim", "tocsin backtest"):
        assert words in text
