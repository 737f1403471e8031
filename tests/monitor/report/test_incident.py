"""The post-mortem of an incident, as a page and as a PDF."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from pypdf import PdfReader

from alerts.page import Quote
from config.settings import Settings
from monitor.report import fonts
from monitor.report.document import Document, Evidence, Facts, Heading, Paragraph, Rows
from monitor.report.html import html
from monitor.report.incident import post_mortem
from monitor.report.pdf import pdf
from monitor.report.redaction import Redaction
from storage import casework, gaps, incidents, outbox
from storage.database import Database
from storage.ingest import Intake, write
from storage.records import Casework, DeliveryState, Engagement, Gap, Incident, IncidentState
from tests.storage.examples import NOON, after, delivery, incident, mentioned, post, signal

HOSTILE = (
    "<script>alert(1)</script> @ann.example wrote to jo@mail.example, see https://evil.example/x or +46 70 123 45 67"
)


@pytest.fixture
def ended(sqlite_database: Database) -> Incident:
    """An incident that was told, taken, answered and ended, with a post, a gap and a message."""
    over = incident(
        state=IncidentState.RESOLVED,
        resolved_at=after(hours=3),
        updated_at=after(hours=3),
        sources=("forum",),
        origin=("forum", "1"),
        evidence=(("forum", "1"),),
    )
    with sqlite_database.write() as tx:
        first = post("1", text=HOSTILE, author="ann", author_name="Ann Ek", url="https://forum.example/1")
        loud = replace(first, created_at=after(minutes=-20), engagement=Engagement(replies=40), collected_at=NOON)
        others = [mentioned(post(str(n), text=f"late again {n}", created_at=after(minutes=n))) for n in range(2, 9)]
        write(tx, Intake(mentions=[mentioned(loud), *others]))
        incidents.insert(tx, over)
        for minutes, kind, actor, details in (
            (0, "opened", "tocsin", {"why": "40 voices in an hour"}),
            (7, "acknowledged", "slack:Kim", {"note": "writing a statement"}),
            (60, "answered", "Kim", {"link": "https://acme.example/statement"}),
            (180, "resolved", "Kim", {}),
        ):
            incidents.append_event(tx, "i1", after(minutes=minutes), kind, actor, {"episode": 1, **details})
        incidents.add_signals(tx, "i1", [signal(facts={"why": "40 voices in an hour; 5 are usual"})])
        outbox.enqueue(tx, [delivery(state=DeliveryState.SENT, sent_at=after(minutes=2))])
        gaps.add(tx, [Gap("forum", after(minutes=10), after(minutes=40), "refused: 429")])
    return over


def report(database: Database, of: Incident, *, redacted: bool = False) -> Document:
    with database.read() as tx:
        return post_mortem(tx, Settings(), of, after(days=1), redacted=redacted)


def table(document: Document, heading: str) -> Rows:
    """The table under a heading."""
    place = document.blocks.index(Heading(heading))
    found = document.blocks[place + 1]
    assert isinstance(found, Rows)
    return found


def test_what_people_made_of_it_stands_in_the_report(ended: Incident, sqlite_database: Database) -> None:
    with sqlite_database.write() as tx:
        casework.save(tx, Casework("i1", assigned_to="Bo", tags=("legal", "recall"), links=("i7",)))
        incidents.append_event(tx, "i1", after(hours=3), "assigned", "Kim", {"to": "Bo", "was": ""})
        incidents.append_event(tx, "i1", after(hours=4), "undone", "Kim", {"line": 5, "what": "assigned"})
        text = html(post_mortem(tx, Settings(), ended, after(hours=5)))
    for words in ("Carried by", "legal, recall", "i7", "gave it to Bo: taken back", "took back line 5"):
        assert words in text


def test_it_tells_how_fast_people_were(sqlite_database: Database, ended: Incident) -> None:
    document = report(sqlite_database, ended)
    took = {row[0]: row[1:] for row in table(document, "How fast we were").rows}
    assert took["From the first post to the alarm"][0] == "30 minutes"
    assert took["From the alarm to the first message"][0] == "2 minutes"
    assert took["From the first message until somebody took it"] == ("5 minutes", "1 May 12:07", "Kim")
    assert took["From the alarm to the public answer"][0] == "1 hour"
    assert took["From the alarm to its end"][0] == "3 hours"
    assert Paragraph("The public answer: https://acme.example/statement") in document.blocks


def test_it_tells_what_was_done_who_was_told_and_what_was_not_seen(sqlite_database: Database, ended: Incident) -> None:
    document = report(sqlite_database, ended)
    assert table(document, "What happened when").rows[1] == (
        "1 May 12:07",
        "acknowledged",
        "Kim",
        "writing a statement",
    )
    assert table(document, "Who was told").rows[0][2:] == ("slack #press", "sent", "2 minutes")
    assert table(document, "What could not be seen").rows[0][2:] == ("100%", "still missing", "refused: 429")


def test_words_of_outsiders_are_words_in_the_page(sqlite_database: Database, ended: Incident) -> None:
    page = html(report(sqlite_database, ended))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert re.findall(r'(?:src|href)="(?!data:image/png;base64|https://forum\.example/1")', page) == []
    assert page.count("data:image/png;base64,") == 1


def test_a_redacted_report_names_nobody_who_wrote(sqlite_database: Database, ended: Incident) -> None:
    document = report(sqlite_database, ended, redacted=True)
    said = html(document)
    for secret in ("Ann Ek", "ann.example", "jo@mail.example", "evil.example", "123 45 67", "forum.example"):
        assert secret not in said
    assert "account 1" in said
    assert "Kim" in said  # staff are not outsiders


def test_the_pdf_says_what_the_page_says_and_can_be_jumped_through(sqlite_database: Database, ended: Incident) -> None:
    document = report(sqlite_database, ended)
    read = PdfReader(BytesIO(pdf(document, NOON)))
    said = " ".join(" ".join(sheet.extract_text() for sheet in read.pages).split())
    for words in ("parcels are late", "writing a statement", "refused: 429", "https://forum.example/1", "5 minutes"):
        assert words in said
    headings = [block.text for block in document.blocks if isinstance(block, Heading)]
    assert [item.title for item in read.outline] == headings
    assert read.metadata is not None
    assert read.metadata.title == document.title


def test_the_same_report_is_the_same_pdf(sqlite_database: Database, ended: Incident) -> None:
    document = report(sqlite_database, ended)
    assert pdf(document, NOON) == pdf(document, NOON)


def test_letters_that_no_font_has_are_named() -> None:
    drawable = fonts.covered(fonts.own())
    assert fonts.spelled_out("späť Ж ש", drawable) == "späť Ж ש"
    assert fonts.spelled_out("no 😡\u200d!", frozenset(map(ord, "no !"))) == "no [pouting face]!"


@settings(max_examples=12)
@given(st.text(max_size=60))
def test_any_words_at_all_make_a_pdf(text: str) -> None:
    from alerts.render.outside import cleaned

    said = cleaned(text)
    blocks = (Heading(said), Facts(((said, said),)), Evidence(said, said), Rows((said,), ((said,),), (1,)))
    assert pdf(Document(said, said, said, blocks, said), NOON).startswith(b"%PDF")


@given(name=st.text(min_size=3, max_size=12), text=st.text(max_size=40))
def test_no_author_is_left_in_a_redacted_quote(name: str, text: str) -> None:
    shown = Redaction().quote(Quote(f"{text} {name} {text}", "forum", NOON, author=name, url="https://x.example"))
    assert shown.author == "account 1"
    assert shown.url == ""
    if not re.search(r"account|\[|\]", name, re.IGNORECASE) and name.lower() == name.casefold():
        assert name.lower() not in shown.text.lower().replace("[account]", "").replace("[address]", "").replace(
            "[link]", ""
        ).replace("[number]", "")
