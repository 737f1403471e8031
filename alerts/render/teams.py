"""A page as an Adaptive Card for Microsoft Teams.

Everything stands in `RichTextBlock`s, which are taken literally: no Markdown, no date function and no mention in them
can come alive. The curve is drawn by Teams itself from its counts (`Chart.Line`), since a picture would not fit into
the 28 KB that a message may have; where a program cannot draw it, it falls back to a row of bars.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from alerts.page import Page
from alerts.render import gathered
from alerts.render.curve import alternative, shown
from alerts.render.line import line, summary
from alerts.render.outside import cut
from alerts.render.slack import sparkline
from alerts.render.story import tell
from alerts.render.told import Entry, Story, ToldQuote
from alerts.words import clock

Card = dict[str, Any]

VERSION = "1.5"
LARGEST = 27_000
"""Bytes: Teams takes 28 KB, envelope included."""
MOST_QUOTES = 4
_MOST_POINTS = 48

_MARKS = {"critical": "🔴", "warning": "🟠", "watch": "🔵", "over": "✅"}
_COLOURS = {"critical": "attention", "warning": "warning", "watch": "accent", "over": "good"}


def card(page: Page, reference: str) -> Card:
    """The whole page; without its curve, and with fewer quotes, where it would be too large."""
    story = tell(page)
    if story.entries:
        return gathered.fitted(lambda room: _digest(story, reference, room), lambda made: size(made) <= LARGEST)
    drawn = chart(page)
    for quotes in range(MOST_QUOTES, -1, -1):
        for picture in [drawn, None] if drawn else [None]:
            made = _card(story, [*_head(story), *([picture] if picture else []), *_rest(story, quotes)], reference)
            if size(made) <= LARGEST:
                return made
    return brief(page, reference)


def brief(page: Page, reference: str) -> Card:
    """The beginning of the page, and what is new."""
    story = tell(page)
    return _card(story, list(_head(story)), reference)


def least(page: Page, reference: str) -> Card:
    """One line."""
    return _card(tell(page), [_block([_run(line(page))])], reference)


def envelope(made: Card) -> dict[str, Any]:
    """The message that a workflow is given, with the card in it."""
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": made}
    return {"type": "message", "attachments": [attachment]}


def size(made: Card) -> int:
    """Bytes of the whole message."""
    return len(json.dumps(envelope(made)).encode())


def chart(page: Page) -> Card | None:
    """The end of the curve as Teams draws it; `None` where there is none."""
    if page.curve is None or sum(value is not None for value in page.curve.observed) < 2:
        return None
    curve = shown(page)
    step = -(-len(curve.observed) // _MOST_POINTS)
    at = [curve.start + number * timedelta(seconds=curve.bin_seconds) for number in range(len(curve.observed))]
    points = [number for number in range(len(at)) if number % step == 0 or number == len(at) - 1]
    counted = [
        {"x": clock(at[number], page.timezone, page.at), "y": value}
        for number in points
        if (value := curve.observed[number]) is not None
    ]
    usual = [
        {"x": clock(at[number], page.timezone, page.at), "y": round(value, 1)}
        for number in points
        if number < len(curve.expected) and (value := curve.expected[number]) is not None
    ]
    lines = [{"legend": curve.unit, "values": counted, "color": "categoricalRed"}]
    lines += [{"legend": "usual", "values": usual, "color": "neutral"}] if usual else []
    bars = " ".join(filter(None, (sparkline(curve), alternative(page))))
    return {
        "type": "Chart.Line",
        "title": alternative(page),
        "data": lines,
        "fallback": _block([_run(bars, isSubtle=True)]),
    }


def _card(story: Story, body: list[Card], reference: str) -> Card:
    foot = f"{story.foot} · ref {reference}"
    actions = [{"type": "Action.OpenUrl", "title": story.opens, "url": story.url}] if story.url else []
    return {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": VERSION,
        "msteams": {"width": "Full"},
        "fallbackText": cut(summary(story), 300),
        "body": [*body, _block([_run(foot, isSubtle=True, size="small")])],
        **({"actions": actions} if actions else {}),
    }


def _digest(story: Story, reference: str, room: int) -> Card:
    """Several alerts, one container each."""
    badge = f"{_MARKS[story.tone]} {story.badge} · {story.brand}"
    body = [
        _block([_run(badge, weight="bolder", color=_COLOURS[story.tone])]),
        _block([_run(story.headline, weight="bolder", size="large")]),
        *(_block([_run(sentence, isSubtle=True)], spacing="none") for sentence in (f"{story.began}.", *story.notes)),
    ]
    return _card(story, [*body, *(_entry(entry, room) for entry in story.entries)], reference)


def _entry(entry: Entry, room: int) -> Card:
    url = gathered.link(entry, room)
    opens = {"underline": True, "selectAction": {"type": "Action.OpenUrl", "url": url}} if url else {}
    badge = f"{_MARKS[entry.tone]} {entry.badge} · {entry.brand}"
    items = [
        _block([_run(badge, color=_COLOURS[entry.tone])]),
        _block([_run(gathered.headline(entry, room), weight="bolder", **opens)], spacing="none"),
        *(_block([_run(sentence)], spacing="none") for sentence in gathered.details(entry, room)),
    ]
    return {"type": "Container", "separator": True, "items": items}


def _head(story: Story) -> Iterator[Card]:
    badge = f"{_MARKS[story.tone]} {story.badge} · {story.brand}"
    yield _block([_run(badge, weight="bolder", color=_COLOURS[story.tone])])
    yield _block([_run(story.headline, weight="bolder", size="large")])
    if story.lead:
        yield _block([_run(story.lead)])
    yield _block([_run(f"{story.began}. {story.standing}".rstrip(), isSubtle=True)])
    if news := [*story.notes, *story.changed]:
        yield from _list("What is new", news)


def _rest(story: Story, quotes: int) -> Iterator[Card]:
    if story.quotes[:quotes]:
        yield _quotes("What people say", list(story.quotes[:quotes]))
    if story.facts:
        yield {"type": "Container", "separator": True, "items": [_fact(*pair) for pair in story.facts]}
    if story.origin is not None:
        yield _quotes("Where it began", [story.origin])
    if story.why:
        yield from _list(story.why_title, list(story.why))
    if story.similar:
        yield from _list("Like this before", [sentence for sentence, _ in story.similar])
    items = [_block([_run(f"{action}: "), _run(command, fontType="monospace")]) for action, command in story.actions]
    if items:
        yield {"type": "Container", "separator": True, "items": items}


def _list(title: str, sentences: list[str]) -> Iterator[Card]:
    yield _block([_run(title, weight="bolder")], separator=True)
    for sentence in sentences:
        yield _block([_run(f"• {sentence}")], spacing="none")


def _fact(label: str, sentence: str) -> Card:
    return _block([_run(f"{label}: ", weight="bolder"), _run(sentence)], spacing="small")


def _quotes(title: str, quotes: list[ToldQuote]) -> Card:
    items = [_block([_run(title, weight="bolder")])]
    for quote in quotes:
        echo = f" ({quote.echo})" if quote.echo else ""
        context = [_run(f"in answer to: {quote.context} ", isSubtle=True)] if quote.context else []
        runs = [*context, _run(f"“{quote.text}” "), _run(f"{quote.byline}{echo}", isSubtle=True)]
        if quote.url:
            opens = {"type": "Action.OpenUrl", "url": quote.url}
            runs += [_run(" "), _run("read it", underline=True, color="accent", selectAction=opens)]
        items.append(_block(runs, spacing="small"))
    return {"type": "Container", "separator": True, "items": items}


def _block(runs: list[Card], **more: Any) -> Card:
    return {"type": "RichTextBlock", "inlines": runs, **more}


def _run(text: str, **more: Any) -> Card:
    return {"type": "TextRun", "text": text or "…", **more}
