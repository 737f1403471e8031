"""`tocsin brief`."""

from __future__ import annotations

from pathlib import Path

from storage.database import Database
from tests.monitor.cli.conftest import Run


def test_the_brief_of_a_week_is_written_under_the_name_of_its_brand(
    tocsin: Run, stored: Database, folder: Path
) -> None:
    assert "Wrote acme-week-2024-04-24.html." in tocsin("brief", "acme", "--week").output
    page = (folder / "acme-week-2024-04-24.html").read_text(encoding="utf-8")
    assert "Acme: the week of 24 to 30 April 2024" in page
    assert "Weekly brief · Acme" in page


def test_the_brief_of_a_month_is_made_as_on_another_day(tocsin: Run, stored: Database, folder: Path) -> None:
    tocsin("brief", "Bolt", "--month", "--at", "2024-02-10", "--out", "bolt.html")
    assert "Bolt: January 2024" in (folder / "bolt.html").read_text(encoding="utf-8")


def test_what_cannot_be_made_is_said(tocsin: Run, stored: Database) -> None:
    assert "say which: --week or --month" in tocsin("brief", "Acme").output
    assert 'there is no brand "Cog"' in tocsin("brief", "Cog", "--week").output
    ahead = tocsin("brief", "Acme", "--week", "--at", "2030-01-01")
    assert (ahead.exit_code, "has not begun yet" in ahead.output) == (2, True)
