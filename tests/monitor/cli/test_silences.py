"""`tocsin silences`: made by people, for a time, with a look at what was, and on record."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from storage import audit, incidents, silences
from storage.database import Database
from storage.records import Severity
from tests.monitor.cli.conftest import Run
from tests.storage.examples import NOON, after, alert, incident

LAUNCH = ("--brand", "Acme", "--for", "2h", "--why", "product  launch")


def history(database: Database) -> None:
    """Two incidents of the last days and an old one, each with a message."""
    with database.write() as tx:
        for name, opened, severity in (
            ("i1", after(days=-1), Severity.WARNING),
            ("i2", after(days=-2), Severity.CRITICAL),
            ("i3", after(days=-9), Severity.WARNING),
        ):
            incidents.insert(tx, incident(name, opened_at=opened, severity=severity))
            incidents.add_alert(tx, alert(incident_id=name, at=opened, severity=severity))


def test_a_silence_is_stored_with_who_made_it_and_why(tocsin: Run, stored: Database) -> None:
    history(stored)
    result = tocsin("silences", "add", *LAUNCH)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[0].startswith("Silent until 2024-05-01 14:00: about Acme (")
    assert result.output.splitlines()[1] == "In the last 7 days it would have held back 1 message about 1 incident."
    with stored.read() as tx:
        (rule,) = silences.active(tx, after(minutes=1))
        (line,) = audit.recent(tx)
    assert (rule.author, rule.comment, rule.brand, rule.ends_at) == ("Ada", "product launch", "Acme", after(hours=2))
    assert (line.actor, line.action, line.subject) == ("Ada", "silence added", rule.id)


def test_a_preview_names_the_incidents_and_stores_nothing(tocsin: Run, stored: Database) -> None:
    history(stored)
    said = tocsin("silences", "preview", "--brand", "Acme", "--include-critical", "--json").output
    assert [json.loads(line)["incident"] for line in said.splitlines()] == ["i1", "i2"]
    assert "held back 2 messages about 2 incidents" in tocsin(
        "silences", "preview", "--brand", "Acme", "--include-critical"
    ).output  # fmt: skip
    with stored.read() as tx:
        assert silences.every(tx) == []
        assert audit.recent(tx) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--for", "2h", "--why", "so"), "it would silence everything; name a brand"),
        (("--brand", "Acme", "--for", "31d", "--why", "so"), "it would last 31 days; 30 days are the longest"),
        (("--brand", "Acme", "--for", "0s", "--why", "so"), "it would be over before it begins"),
        (("--brand", "Acme", "--for", "a while", "--why", "so"), "is not a duration"),
        (("--brand", "Acme", "--for", "2h", "--why", " "), "say why"),
        (("--incident", "nowhere", "--for", "2h", "--why", "so"), 'no incident is called "nowhere"'),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused(
    tocsin: Run, stored: Database, arguments: tuple[str, ...], complaint: str
) -> None:
    result = tocsin("silences", "add", *arguments)
    assert result.exit_code == 2
    assert complaint in result.output
    with stored.read() as tx:
        assert silences.every(tx) == []


def test_silences_are_listed_until_they_are_over_and_can_be_ended(tocsin: Run, stored: Database) -> None:
    name = json.loads(tocsin("silences", "add", *LAUNCH, "--kind", "outage", "--json").output)["id"]
    assert "outage about Acme" in tocsin("silences", "list").output
    ended = tocsin("silences", "end", name[:5], "--by", "Kim").output
    assert ended == f"The silence {name} (outage about Acme) is over.\n"
    assert tocsin("silences", "list").output == "No silences.\n"
    assert name in tocsin("silences", "list", "--all").output
    assert tocsin("silences", "end", name).exit_code == 2
    with stored.read() as tx:
        assert silences.active(tx, NOON + timedelta(seconds=1)) == []
        assert [(line.actor, line.action) for line in audit.recent(tx, limit=1)] == [("Kim", "silence ended")]
