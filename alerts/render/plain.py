"""Plain text: the twin of the HTML mail, and what a channel shows that knows no markup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import wrap

from alerts.actions import Action
from alerts.page import Page
from alerts.render.story import tell
from alerts.render.told import Story, ToldQuote

WIDTH = 76


def plain(page: Page, links: Mapping[Action, str] | None = None) -> str:
    """The whole page as text, in lines that fit a mail, ending with a line end.

    `links` are addresses at which this reader can act; without them the commands are shown.
    """
    return "\n".join(_lines(tell(page), links or {})) + "\n"


def _lines(story: Story, links: Mapping[Action, str]) -> Iterator[str]:
    yield f"{story.badge.upper()} · {story.brand}"
    yield ""
    if story.entries:
        yield from _gathered(story)
        return
    yield from wrap(story.headline, WIDTH)
    yield from _block("", (story.lead, f"{story.began}.", story.standing))
    yield from _block("What is new", story.changed, "* ")
    yield from _block("About this message", story.notes, "* ")
    yield from _block("", tuple(f"{label}: {sentence}" for label, sentence in story.facts))
    if story.origin:
        yield from ("", "WHERE IT BEGAN", *_quoted(story.origin))
    if story.quotes:
        yield from ("", "WHAT PEOPLE SAY")
        for quote in story.quotes:
            yield from _quoted(quote)
    yield from _block(story.why_title, story.why, "* ")
    yield from _block("Like this before", tuple(sentence for sentence, _ in story.similar), "* ")
    ways = [(offer.label, links[offer.action]) for offer in story.offers if offer.action in links] or story.actions
    yield from ("", "WHAT YOU CAN DO") if ways else ()
    for action, way in ways:
        yield f"{action}:"
        yield f"    {way}"
    if story.url:
        yield from ("", story.url)
    yield from ("", f"{story.foot}.")


def _gathered(story: Story) -> Iterator[str]:
    """The alerts of a digest, one block each."""
    yield from wrap(f"{story.headline}.", WIDTH)
    yield from _block("", (f"{story.began}.", *story.notes))
    for entry in story.entries:
        yield from ("", f"{entry.badge.upper()} · {entry.brand}")
        for sentence in filter(None, (entry.headline, entry.lead, entry.standing)):
            yield from wrap(sentence, WIDTH)
        for sentence in entry.news:
            yield from wrap(sentence, WIDTH, initial_indent="* ", subsequent_indent="  ")
        yield f"    {entry.link or entry.command}"
    yield from ("", *([story.url] if story.url else []), f"{story.foot}.")


def _block(title: str, sentences: tuple[str, ...], bullet: str = "") -> Iterator[str]:
    said = [sentence for sentence in sentences if sentence]
    if not said:
        return
    yield ""
    if title:
        yield title.upper()
    for sentence in said:
        yield from wrap(sentence, WIDTH, initial_indent=bullet, subsequent_indent=" " * len(bullet))


def _quoted(quote: ToldQuote) -> Iterator[str]:
    if quote.context:
        yield from wrap(f"in answer to: {quote.context}", WIDTH, initial_indent="  ", subsequent_indent="  ")
    yield from wrap(quote.text, WIDTH, initial_indent="> ", subsequent_indent="> ")
    yield f"  {quote.byline}{f' ({quote.echo})' if quote.echo else ''}"
    if quote.url:
        yield f"  {quote.url}"
