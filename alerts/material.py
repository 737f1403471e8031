"""What is new between two pages, in sentences: the changes that are worth a new message.

Everything else (a few voices more, another quote) only edits the message that people already have.
"""

from __future__ import annotations

from collections.abc import Iterator

from alerts.page import Page, Quote
from alerts.words import count, severity_words, span_words


def changes(before: Page, now: Page, growth: float, reach: int) -> tuple[str, ...]:
    """Sentences on what is new in `now` for one who knows `before`; empty when nothing merits a message.

    Material are: a higher severity, `growth` times the volume, a source that had not carried it, an author with an
    audience of `reach` or more, and a kind of trouble that was not known.
    """
    found = (
        _severity(before, now),
        _kind(before, now),
        _volume(before, now, growth),
        _sources(before, now),
        _authors(before, now, reach),
    )
    return tuple(sentence for sentences in found for sentence in sentences)


def _severity(before: Page, now: Page) -> Iterator[str]:
    if now.severity.rank > before.severity.rank:
        yield f"It is {severity_words(now.severity)} now; it was {severity_words(before.severity)}."


def _kind(before: Page, now: Page) -> Iterator[str]:
    if now.kind and now.kind != before.kind:
        yield f"What it is about has a name now: {now.about}."


def _volume(before: Page, now: Page, growth: float) -> Iterator[str]:
    if now.observed is None or not before.observed or now.unit != before.unit:
        return
    if now.observed >= growth * before.observed:
        yield (
            f"{count(now.observed)} {now.unit} in {span_words(now.window_seconds)}, "
            f"up from {count(before.observed)} when you were last told."
        )


def _sources(before: Page, now: Page) -> Iterator[str]:
    known = {share.source for share in before.sources}
    new = [share.source for share in now.sources if share.source not in known]
    if known and new:
        yield f"It has reached {' and '.join(new)}."


def _authors(before: Page, now: Page, reach: int) -> Iterator[str]:
    known = {_identity(quote) for quote in (*before.quotes, before.origin) if quote}
    for quote in now.quotes:
        if quote.reach is not None and quote.reach >= reach and _identity(quote) not in known:
            author = quote.author or "An author"
            yield f"{author} on {quote.source}, with an audience of {count(quote.reach)}, joined in."


def _identity(quote: Quote) -> tuple[str, str]:
    return (quote.source, quote.author or quote.url or quote.text)
