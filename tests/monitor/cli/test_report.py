"""`tocsin report`."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import incidents
from storage.database import Database
from tests.monitor.cli.conftest import Run
from tests.storage.examples import incident

NAME = "01HWRX5Z00AAAAAAAAAAAAAAA1"


@pytest.fixture
def known(stored: Database) -> Database:
    with stored.write() as tx:
        incidents.insert(tx, incident(NAME))
    return stored


def test_the_report_of_an_incident_is_written_in_the_form_that_its_name_tells(
    tocsin: Run, known: Database, folder: Path
) -> None:
    assert "Wrote late.pdf." in tocsin("report", NAME[:8], "--out", "late.pdf").output
    assert (folder / "late.pdf").read_bytes().startswith(b"%PDF")
    assert f"Wrote report-{NAME}.html." in tocsin("report", NAME, "--redact").output
    assert "redacted" in (folder / f"report-{NAME}.html").read_text(encoding="utf-8")


def test_a_form_that_is_not_known_is_refused(tocsin: Run, known: Database) -> None:
    result = tocsin("report", NAME, "--out", "late.docx")
    assert result.exit_code == 2
    assert '"late.docx" does not tell its form; end it with .html or .pdf' in result.output


def test_an_incident_that_is_not_known_is_said(tocsin: Run, known: Database) -> None:
    assert 'no incident is called "01ZZZZ"' in tocsin("report", "01ZZZZ").output
