"""What strangers write, on every page and in every answer: words, never elements, handlers or addresses of theirs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from monitor.web.desk import Desk
from storage import incidents, outbox
from storage.database import Database
from storage.ingest import Intake, write
from storage.records import PostKind
from tests.monitor.web.desks import NOW, browser, desk
from tests.storage.examples import alert, delivery, incident, mentioned, post, signal

TAGS = ("script", "img", "svg", "iframe", "math", "details", "style", "base", "object", "form", "a", "video")
SHAPES = (
    "<{0} src=x onerror=alert(1) onload=alert(1)>x</{0}>",
    "<{0}\n/onfocus='alert(1)' autofocus href=javascript:alert(1)>",
    '"><{0} onmouseover=alert(1)>',
    "'><{0}/**/onclick=`alert(1)`>",
    "</textarea></title></script><{0} href='data:text/html,x'>",
    "<<{0}>alert(1)//<</{0}>",
    "<!--><{0} onload=alert(1)>-->",
    "<![CDATA[<{0} onload=alert(1)>]]>",
    "&lt;{0} onload=alert(1)&gt;",
    "＜{0} onload=alert(1)＞",
    "<\x00{0} onload=alert(1)>",
    "{{{{ '<{0}>' | safe }}}}{{% raw %}}<{0}>",
    "\\u003c{0} onload=alert(1)\\u003e",
    "%3C{0}%20onload=alert(1)%3E",
    "x\u202e\u2066<{0} style='position:fixed' onload=alert(1)>",
    "](javascript:alert(1)) <{0} formaction=javascript:alert(1)>",
)
VECTORS = [shape.format(tag) for shape, tag in itertools.product(SHAPES, TAGS)]
LINKS = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>", "vbscript:x", "//evil.example/x", "https://a.example/\"onload='x'",
    "http://a.example/<script>", "blob:x", "file:///etc/passwd", "\x01javascript:alert(1)",
)  # fmt: skip
HARMLESS = ["Parcels are late", "Nobody answers the telephone"]
PATHS = ("/", "/incidents", "/incidents/i1", "/explore?span=7d", "/explore?span=24h&q=alert", "/sources", "/review")
ANSWERS = ("/api/v1/posts", "/api/v1/incidents", "/api/v1/incidents/i1", "/api/v1/incidents/i1/timeline", "/metrics")


class Elements(HTMLParser):
    """Everything that a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses |= {value or "" for name, value in attrs if name in ("href", "src", "action", "formaction")}

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def fill(database: Database, words: Sequence[str], links: Sequence[str]) -> None:
    """Posts and an incident in which strangers wrote everything that strangers can write."""
    said = [
        post(
            f"p{number}",
            text=word,
            title=word[:80],
            author=word[:60],
            url=links[number % len(links)],
            thread_id="p0",
            kind=PostKind.REPLY if number else PostKind.POST,
            created_at=NOW - timedelta(minutes=number),
        )
        for number, word in enumerate(words)
    ]
    first = words[0]
    begun = incident(
        headline=first, kind=first[:40], topic=first[:40], origin=("forum", "p0"), began_at=NOW - timedelta(hours=1),
        opened_at=NOW, updated_at=NOW, evidence=tuple(("forum", one.external_id) for one in said),
        facts={"headline": first, "why": first, "terms": [first], "origin": ["forum", "p0"]},
    )  # fmt: skip
    with database.write() as tx:
        write(tx, Intake(mentions=[mentioned(one) for one in said]))
        incidents.insert(tx, begun)
        incidents.append_event(tx, "i1", NOW, "note", first, {"note": first})
        incidents.add_signals(tx, "i1", [signal(at=NOW, facts={"headline": first, "why": first})])
        incidents.add_alert(tx, alert(why=first, page={"headline": first}))
        outbox.enqueue(tx, [delivery(page={"headline": first}, target=first)])


def read(of: Desk) -> Elements:
    """All pages together."""
    elements, client = Elements(), browser(of)
    for path in PATHS:
        answer = client.get(path)
        assert answer.status_code == 200, path
        elements.feed(answer.text)
    return elements


@pytest.fixture(scope="module")
def ours() -> Iterator[Elements]:
    """What our pages are made of when nobody is up to anything."""
    with desk() as of:
        fill(of.database, HARMLESS * 8, ["https://forum.example/1"])
        yield read(of)


def test_there_are_enough_of_them() -> None:
    assert len(VECTORS) + len(LINKS) >= 200


@pytest.mark.parametrize("part", range(2))
def test_no_page_lets_a_stranger_in(part: int, ours: Elements) -> None:
    with desk() as of:
        fill(of.database, VECTORS[part::2], LINKS)
        found = read(of)
    assert sum("alert(1)" in words for words in found.words) > 50, "hardly any is shown, so nothing was shown"
    assert found.tags <= ours.tags
    assert found.attributes <= ours.attributes
    assert not [name for name in found.attributes if name.startswith("on")]
    strange = [address for address in found.addresses if not address.startswith(("/", "#", "?", "https://"))]
    assert [address for address in strange if not address.startswith("http://a.example/")] == []
    assert not [address for address in found.addresses if address.startswith("//")]


def test_answers_for_programs_are_never_taken_for_pages(ours: Elements) -> None:
    with desk() as of:
        fill(of.database, VECTORS[:8], LINKS)
        client = browser(of)
        for path in ANSWERS:
            answer = client.get(path)
            assert answer.status_code == 200, path
            assert "html" not in answer.headers["content-type"]
            assert answer.headers["x-content-type-options"] == "nosniff"
