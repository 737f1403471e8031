"""Whoever is woken by the program itself reads what to do first, and where the rest is written."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.policy import Rules
from alerts.routing import Routing
from alerts.runbooks import FIRST_STEPS, advice, kind_of
from alerts.speak import Speaker
from alerts.system import Failing, SystemIncidents
from tests.alerts.examples import NOW

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "runbooks"
KINDS = {
    "alerts/outbox.py": {"channel"},
    "alerts/storm.py": {"storm"},
    "monitor/audit.py": {"audit"},
    "monitor/backups.py": {"backup"},
    "monitor/briefs.py": {"brief"},
    "monitor/drill.py": set(),
    "monitor/last_word.py": {"database"},
    "monitor/sources/health.py": {"source"},
    "monitor/vigil.py": {"canary", "scorer"},
}
"""The kinds of trouble that each module raises; a drill and a canary that sings are rehearsals."""
WRITER = {"alerts/system.py"}


def raisers() -> Iterator[str]:
    """Every module that says that something is wrong with the program."""
    for package in ("alerts", "monitor", "collectors"):
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            tree = ast.parse(text if "Failing" in text else "")
            calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
            if any(isinstance(call.func, ast.Name) and call.func.id == "Failing" for call in calls):
                yield path.relative_to(ROOT).as_posix()


def test_of_every_module_that_raises_a_trouble_it_is_known_which() -> None:
    assert set(raisers()) - WRITER == set(KINDS)


def test_every_kind_of_trouble_has_a_first_step_and_a_page() -> None:
    kinds = {kind for raised in KINDS.values() for kind in raised}
    assert kinds == set(FIRST_STEPS)
    for kind in kinds:
        text = (PAGES / f"{kind}.md").read_text(encoding="utf-8")
        for part in ("**Meanwhile**", "**Look**", "**It is over**"):
            assert part in text, f"{kind}.md says nothing of {part}"


BEGINNINGS = {
    "alerts/outbox.py": ["Messages cannot be delivered through the channel"],
    "alerts/storm.py": ["incidents began within 5 minutes", "messages are late", ": messages are bundled"],
    "monitor/audit.py": ["Nobody was told of"],
    "monitor/backups.py": ["The database could not be copied"],
    "monitor/briefs.py": ["could not be written"],
    "monitor/last_word.py": ["Nothing can be stored"],
    "monitor/sources/health.py": [
        "cannot be read until somebody mends it",
        "has not been read for",
        "gives what cannot be read",
        "has had nothing new for",
        "is spent",
    ],
    "monitor/vigil.py": [
        "A made incident did not come through",
        "Sentiment is judged by the lexicon, not by the configured model",
    ],
}
"""How the message of each trouble begins."""


def test_whoever_is_woken_finds_the_words_of_the_message_in_the_list() -> None:
    listed = (PAGES / "index.md").read_text(encoding="utf-8")
    assert set(BEGINNINGS) == {module for module, kinds in KINDS.items() if kinds}
    for module, sentences in BEGINNINGS.items():
        source = (ROOT / module).read_text(encoding="utf-8")
        assert [one for one in sentences if one not in source or one not in listed] == [], module


def test_every_page_is_reached_from_the_list() -> None:
    linked = set(re.findall(r"\]\((\w+)\.md\)", (PAGES / "index.md").read_text(encoding="utf-8")))
    assert linked == {path.stem for path in PAGES.glob("*.md")} - {"index"}


@pytest.mark.parametrize(
    ("where", "told"),
    [("", "docs/runbooks/channel.md"), ("https://wiki.example/run/", "https://wiki.example/run/channel")],
)
def test_a_message_names_its_page(where: str, told: str) -> None:
    system = SystemIncidents(Speaker(Rules(), Routing((), {})), runbooks=where)
    page = system.unstored(Failing("channel:slack", "It takes no messages", "token_revoked"), NOW, NOW)
    assert page.why[0] == "token_revoked"
    assert page.why[1].endswith(f"Runbook: {told}")


def test_a_rehearsal_has_none() -> None:
    assert advice("canary sings 2026-03-02T09:00:00+00:00") == ""
    assert advice("drill:0a1b2c") == ""
    assert kind_of("source:reddit") == "source"
