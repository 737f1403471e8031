"""A page as named facts, for platforms that show a table of them beside a message of one line."""

from __future__ import annotations

from alerts.page import Page
from alerts.render.outside import cut
from alerts.render.story import tell
from alerts.render.told import Story, ToldQuote

LONGEST = 1_000


def details(page: Page) -> dict[str, str]:
    """Label and sentence of everything that a page says, without markup, in the order in which it is read."""
    story = tell(page)
    pairs = [
        ("Severity", story.badge),
        ("Brand", story.brand),
        ("What", story.headline),
        ("Now", story.lead),
        ("Began", story.began),
        ("New", " ".join(story.changed)),
        ("Note", " ".join(story.notes)),
        *story.facts,
        *_quotes(story),
        (story.why_title, " ".join(story.why)),
        ("Before", " ".join(sentence for sentence, _ in story.similar)),
        ("Take it", next((command for action, command in story.actions if action == "Take it"), "")),
        ("Incident", story.incident),
        ("As of", story.at),
        ("Page", story.url),
    ]
    return {label: cut(sentence, LONGEST) for label, sentence in pairs if sentence}


def links(page: Page) -> list[tuple[str, str]]:
    """Address and label of what a reader may want to open: the incident, its origin, the telling posts."""
    story = tell(page)
    found = [(story.url, "Open the incident")]
    if story.origin is not None:
        found.append((story.origin.url, f"Where it began: {story.origin.byline}"))
    found += [(quote.url, quote.byline) for quote in story.quotes[:4]]
    return [(url, label) for url, label in found if url]


def _quotes(story: Story) -> list[tuple[str, str]]:
    quotes = [("Where it began", story.origin)] if story.origin else []
    quotes += [(f"Post {number}", quote) for number, quote in enumerate(story.quotes[:4], 1)]
    return [(label, _quoted(quote)) for label, quote in quotes]


def _quoted(quote: ToldQuote) -> str:
    echo = f" ({quote.echo})" if quote.echo else ""
    return f"“{quote.text}” {quote.byline}{echo}"
