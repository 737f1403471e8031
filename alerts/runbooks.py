"""What to do first when the program itself is ill, for whoever is woken by it; `docs/runbooks/` has the rest.

The kind is what stands before the colon of a trouble's topic: `channel:slack` is of the kind `channel`.
"""

from __future__ import annotations

from collections.abc import Mapping

PAGES = "docs/runbooks"

FIRST_STEPS: Mapping[str, str] = {
    "audit": "Read the list and act on the incidents themselves first.",
    "backup": "The copies before it are still there; see whether the disk has room.",
    "brief": "The report is tried again each minute; see whether its folder can be written.",
    "canary": 'Until it is mended assume that no incident comes through; "tocsin fire-drill" shows whether one does.',
    "channel": 'Run "tocsin check --live": it says which channel refuses, and why.',
    "database": "Until it is mended nothing is watched: look at the brand by hand, then at the disk and the database.",
    "scorer": "Detection goes on by the lexicon; nobody has to get up for this.",
    "source": 'Run "tocsin check --live": it says what the platform answers.',
    "storm": 'Look at "tocsin incidents list --live" for what they have in common.',
}


def kind_of(topic: str) -> str:
    """The kind of a trouble."""
    return topic.partition(":")[0]


def advice(topic: str, where: str = "") -> str:
    """The first step and where the rest is written; `where` is the address of the operator's own copy of the pages."""
    kind = kind_of(topic)
    if kind not in FIRST_STEPS:
        return ""
    page = f"{where.rstrip('/')}/{kind}" if where else f"{PAGES}/{kind}.md"
    return f"{FIRST_STEPS[kind]} Runbook: {page}"
