"""A page as Telegram shows it: HTML of Telegram's small kind, in which no word from outside comes alive.

Telegram also makes names with @, words with #, commands and bare addresses clickable by itself, in any text; a word
joiner inside of them, which nobody sees, keeps them words. Limits: https://core.telegram.org/bots/api#sendmessage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from alerts.page import Page
from alerts.render import gathered
from alerts.render.curve import alternative
from alerts.render.line import line, summary
from alerts.render.outside import cut
from alerts.render.story import tell
from alerts.render.told import Story, ToldQuote

LONGEST_TEXT, LONGEST_CAPTION = 4_096, 1_024
MOST_QUOTES = 4

_MARKS = {"critical": "🔴", "warning": "🟠", "watch": "🔵", "over": "✅"}
_WORD_JOINER = "\u2060"
_ALIVE = re.compile(r"([@#$/])(?=\w)|(?<=\w)([.:@])(?=[\w/])")
_TAG = re.compile(r"<[^>]*>")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|#x27);")


def escaped(text: str) -> str:
    """Outside words: no tag, no entity, no mention, no hashtag, no command and no address can begin in them."""
    return escape(_calm(text))


def _calm(text: str) -> str:
    return _ALIVE.sub(lambda found: f"{found[0]}{_WORD_JOINER}", text)


def text(page: Page, reference: str) -> str:
    """The whole page, with as many quotes as fit."""
    story = tell(page)
    if story.entries:
        return gathered.fitted(lambda room: _digest(story, reference, room), lambda made: length(made) <= LONGEST_TEXT)
    for quotes in range(MOST_QUOTES, -1, -1):
        made = "\n".join(_lines(story, reference, quotes))
        if length(made) <= LONGEST_TEXT:
            return made
    return _whole_lines(list(_lines(story, reference, 0)), LONGEST_TEXT)


def update(page: Page, reference: str) -> str:
    """What is new since people were last told."""
    story = tell(page)
    lines = [f"{_MARKS[story.tone]} <b>{escaped(story.badge)}</b>"]
    lines += [f"• {escaped(sentence)}" for sentence in (*story.changed, *story.notes)]
    lines += [escaped(story.lead)] if story.lead else []
    return _whole_lines([*lines, f"<i>As of {escaped(story.at)} · ref {reference}</i>"], LONGEST_TEXT)


def one_line(page: Page, reference: str) -> str:
    """The last rung, without markup."""
    said, url = line(page), tell(page).url
    words = said.removesuffix(url)
    return f"{_calm(words)}{said[len(words) :]} · ref {reference}"


def length(made: str) -> int:
    """Length as Telegram counts it, in UTF-16 units: after the markup has become formatting."""
    return len(_ENTITY.sub("x", _TAG.sub("", made)).encode("utf-16-le")) // 2


def _lines(story: Story, reference: str, quotes: int) -> Iterator[str]:
    yield f"{_MARKS[story.tone]} <b>{escaped(summary(story))}</b>"
    if story.lead:
        yield escaped(story.lead)
    yield f"<i>{escaped(f'{story.began}. {story.standing}'.rstrip())}</i>"
    yield from (f"• {escaped(sentence)}" for sentence in (*story.notes, *story.changed))
    yield from _part("What people say", [_quoted(quote) for quote in story.quotes[:quotes]])
    yield from _part("", [f"<b>{escaped(label)}:</b> {escaped(sentence)}" for label, sentence in story.facts])
    yield from _part("Where it began", [_quoted(story.origin)] if story.origin else [])
    yield from _part(story.why_title, [f"• {escaped(sentence)}" for sentence in story.why])
    yield from _part("Like this before", [f"• {_linked(said, url)}" for said, url in story.similar])
    yield from _part("", [f"{escaped(action)}: <code>{escape(command)}</code>" for action, command in story.actions])
    if story.url:
        yield _linked("Open the incident", story.url)
    yield f"<i>{escaped(story.foot)} · ref {reference}</i>"


def _digest(story: Story, reference: str, room: int) -> str:
    """Several alerts, one paragraph each."""
    lines = [f"{_MARKS[story.tone]} <b>{escaped(summary(story))}</b>", f"<i>{escaped(story.began)}.</i>"]
    lines += [f"• {escaped(sentence)}" for sentence in story.notes]
    for entry in story.entries:
        said = _linked(gathered.headline(entry, room), gathered.link(entry, room))
        lines += ["", f"{_MARKS[entry.tone]} {escaped(f'{entry.badge} · {entry.brand}')}", f"<b>{said}</b>"]
        lines += map(escaped, gathered.details(entry, room))
    ends = [_linked(story.opens, story.url)] if story.url else []
    return "\n".join([*lines, "", *ends, f"<i>{escaped(story.foot)} · ref {reference}</i>"])


def _part(title: str, lines: Sequence[str]) -> Iterator[str]:
    """An empty line, the title and the lines; nothing where there are none."""
    if lines:
        yield ""
        if title:
            yield f"<b>{title}</b>"
        yield from lines


def _quoted(quote: ToldQuote) -> str:
    echo = f" ({escaped(quote.echo)})" if quote.echo else ""
    link = f" {_linked('read it', quote.url)}" if quote.url else ""
    context = f"<i>in answer to: {escaped(quote.context)}</i>\n" if quote.context else ""
    return f"<blockquote>{context}{escaped(quote.text)}</blockquote>{escaped(quote.byline)}{echo}{link}"


def _linked(said: str, url: str) -> str:
    """A link of ours; `url` has passed `safe_link`."""
    return f'<a href="{escape(url)}">{escaped(said)}</a>' if url else escaped(said)


def _whole_lines(lines: Sequence[str], limit: int) -> str:
    """As many whole lines as fit, and always the last: a cut inside of one could cut a tag in two."""
    *body, last = lines
    kept: list[str] = []
    for each in body:
        if length("\n".join([*kept, each, "…", last])) > limit:
            return "\n".join([*kept, "…", last])
        kept.append(each)
    return "\n".join([*kept, last])


def caption(page: Page) -> str:
    """What stands below the picture of the curve, and says it to those who do not see it."""
    return escaped(cut(alternative(page), 500))
