"""Reports on the web page: files of their own, which load nothing and run nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from monitor.web.desk import Desk
from storage import incidents
from tests.monitor.web.desks import browser, desk
from tests.storage.examples import incident


@pytest.fixture(scope="module")
def of() -> Iterator[Desk]:
    with desk() as made:
        with made.database.write() as tx:
            incidents.insert(tx, incident("i1", headline="<script>alert(1)</script>"))
        yield made


def test_a_brief_is_read_on_the_page_and_as_a_file(of: Desk) -> None:
    page = browser(of).get("/briefs/week/2024-06-03/Acme")
    assert page.status_code == 200
    assert "Acme: the week of 27 May to 2 June 2024" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'; img-src data:;")
    file = browser(of).get("/briefs/month/2024-06-03/Acme?form=pdf&zone=Asia/Tokyo")
    assert file.headers["content-type"] == "application/pdf"
    assert file.headers["content-disposition"] == 'inline; filename="acme-month-2024-05-01.pdf"'
    assert file.content.startswith(b"%PDF")


def test_the_page_of_an_incident_leads_to_its_post_mortem(of: Desk) -> None:
    page = browser(of).get("/incidents/i1").text
    for query in ("", "?form=pdf", "?redact=true"):
        assert f'href="/incidents/i1/report{query}"' in page


def test_the_post_mortem_holds_what_strangers_wrote_as_text(of: Desk) -> None:
    page = browser(of).get("/incidents/i1/report?redact=true").text
    assert "&lt;script&gt;" in page
    assert "<script" not in page


def test_a_report_that_is_read_on_the_page_does_not_wait_for_what_makes_a_pdf(
    of: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "monitor.report.pdf", None)
    asked = browser(of)
    assert [asked.get(f"/incidents/i1/report{query}").status_code for query in ("", "?form=pdf")] == [200, 500]


@pytest.mark.parametrize(
    "path",
    [
        "week/2024-06-03/Cog",
        "week/2024-06-20/Acme",
        "month/0001-01-01/Acme",
        "week/2024-06-03/Acme?zone=Mars/Olympus",
        "week/2024-06-03/Acme?zone=../../etc/passwd",
    ],
)
def test_what_nobody_knows_is_not_found(of: Desk, path: str) -> None:
    assert browser(of).get(f"/briefs/{path}").status_code == 404


@pytest.mark.parametrize(
    "path", ["/briefs/day/2024-06-03/Acme", "/briefs/week/soon/Acme", "/incidents/i1/report?form=doc"]
)
def test_what_makes_no_sense_is_refused(of: Desk, path: str) -> None:
    assert browser(of).get(path).status_code == 422


def test_the_review_leads_to_the_briefs(of: Desk) -> None:
    page = browser(of).get("/review?all=true").text
    assert "nobody took it" in page
    for address in ("/briefs/week/2024-06-02/Acme", "/briefs/week/2024-05-27/Acme", "/briefs/month/2024-06-02/Acme"):
        assert f'href="{address}"' in page
        assert browser(of).get(address).status_code == 200
