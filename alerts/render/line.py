"""One line: for a lock screen, a terminal, a text message, and the last rung of every ladder."""

from __future__ import annotations

from alerts.page import Page
from alerts.render.outside import cleaned, cut
from alerts.render.story import tell
from alerts.render.told import Story

LENGTH = 300


def line(page: Page) -> str:
    """The page in one line: how bad, who, what, and where to find it. Never longer than `LENGTH`."""
    story = tell(page)
    ends = [story.incident, story.url if len(story.url) < 150 else ""]
    tail = "".join(f" · {end}" for end in ends if end)
    return cut(f"{summary(story)}", LENGTH - len(tail)) + tail


def summary(story: Story) -> str:
    """How bad, who and what, in one sentence; the brand once, as most headlines begin with it."""
    word = story.badge.split(":", 1)[0]
    if story.headline.startswith(f"{story.brand}:"):
        return f"{word} · {story.headline}"
    return f"{word} · {story.brand}: {story.headline}"


def label(page: Page) -> str:
    """The few words that a mail's subject begins with: what this message is to the one before."""
    return cleaned(tell(page).badge.split(":", 1)[0])
