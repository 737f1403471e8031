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
