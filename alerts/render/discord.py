"""A page as Discord shows it: one embed, with every word from outside as a word.

Limits: https://discord.com/developers/docs/resources/message#embed-object-embed-limits. Discord's markdown is switched
off in outside words by a backslash before whatever could begin it, an address or a mention included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from alerts.page import Page
from alerts.render import gathered
from alerts.render.line import line, summary
from alerts.render.outside import cut
from alerts.render.story import tell
from alerts.render.told import Entry, Story, ToldQuote

Embed = dict[str, Any]

LONGEST_TITLE, LONGEST_TEXT, LONGEST_ALL = 256, 4_096, 6_000
LONGEST_NAME, LONGEST_VALUE, LONGEST_FOOTER, MOST_FIELDS = 256, 1_024, 2_048, 25
LONGEST_CONTENT, LONGEST_ADDRESS = 2_000, 250
MOST_QUOTES = 4
PICTURE = "curve.png"
_UNNAMED = "\u200b"
"""A field must have a name; nobody sees this one."""

_COLOURS = {"critical": 0xE5484D, "warning": 0xF5A524, "watch": 0x3E63DD, "over": 0x30A46C}
_MARKS = {"critical": "🔴", "warning": "🟠", "watch": "🔵", "over": "✅"}
_ALIVE = re.compile(r"([\\*_~`|>#<\[\]():@\-+])")
_NUMBERED = re.compile(r"^(\d+)\.")


def escaped(text: str) -> str:
    """Outside words in which no markup, link, mention, emoji or time stamp of Discord's can begin."""
    return _NUMBERED.sub(r"\1\\.", _ALIVE.sub(r"\\\1", text))


def embed(page: Page, reference: str, *, has_picture: bool = False, quotes: int = MOST_QUOTES) -> Embed:
    """The whole page; with fewer quotes where it would be too long."""
    story = tell(page)
    if story.entries:
        return gathered.fitted(lambda room: _digest(story, reference, room), _fits)
    made = _embed(story, reference, quotes, has_picture=has_picture)
    while size(made) > LONGEST_ALL and quotes > 0:
        quotes -= 1
        made = _embed(story, reference, quotes, has_picture=has_picture)
    while size(made) > LONGEST_ALL and made["fields"]:
        made["fields"].pop()
    return made


def embeds(page: Page, reference: str, *, has_picture: bool) -> list[Embed]:
    """The whole page as the embeds of one message.

    Discord shows a picture at the end of its embed, a long way down on a telephone. So it ends one of its own, which
    holds what a reader needs first, and the rest follows.
    """
    made = embed(page, reference, has_picture=has_picture)
    if not has_picture or not made.get("fields"):
        return [made]
    head = {name: value for name, value in made.items() if name not in ("fields", "footer")}
    return [head, {name: made[name] for name in ("color", "fields", "footer")}]


def update(page: Page, reference: str) -> Embed:
    """What is new since people were last told."""
    story = tell(page)
    lines = [f"- {escaped(sentence)}" for sentence in (*story.changed, *story.notes)]
    lines += [escaped(story.lead)] if story.lead else []
    return {
        "title": cut(f"{_MARKS[story.tone]} {story.badge} · {story.brand}", LONGEST_TITLE),
        "description": _whole_lines([f"**{escaped(story.headline)}**", *lines], LONGEST_TEXT),
        "color": _COLOURS[story.tone],
        "footer": {"text": _footer(story, reference)},
        **({"url": story.url} if story.url else {}),
    }


def content(page: Page, mentions: Sequence[str] = ()) -> str:
    """What a notification shows, and who is called."""
    story = tell(page)
    return " ".join([*mentions, f"{_MARKS[story.tone]} {escaped(cut(summary(story), 500))}"])


def one_line(page: Page, reference: str, mentions: Sequence[str] = ()) -> str:
    """The last rung."""
    return " ".join([*mentions, f"{escaped(line(page))} · ref {reference}"])


def size(made: Embed) -> int:
    """Characters that Discord counts together."""
    fields = sum(len(field["name"]) + len(field["value"]) for field in made.get("fields", ()))
    return len(made["title"]) + len(made["description"]) + len(made["footer"]["text"]) + fields


def _embed(story: Story, reference: str, quotes: int, *, has_picture: bool) -> Embed:
    return {
        "title": cut(f"{_MARKS[story.tone]} {story.badge} · {story.brand}", LONGEST_TITLE),
        "description": _whole_lines(list(_description(story)), LONGEST_TEXT // 2),
        "color": _COLOURS[story.tone],
        "fields": list(_fields(story, quotes))[:MOST_FIELDS],
        "footer": {"text": _footer(story, reference)},
        **({"url": story.url} if story.url else {}),
        **({"image": {"url": f"attachment://{PICTURE}"}} if has_picture else {}),
    }


def _digest(story: Story, reference: str, room: int) -> Embed:
    """Several alerts, one paragraph each."""
    head = [f"**{escaped(story.headline)}**", escaped(f"{story.began}."), *(f"- {escaped(one)}" for one in story.notes)]
    entries = [_entry(entry, room) for entry in story.entries]
    return {
        "title": cut(f"{_MARKS[story.tone]} {story.badge} · {story.brand}", LONGEST_TITLE),
        "description": "\n\n".join(["\n".join(head), *entries]),
        "color": _COLOURS[story.tone],
        "footer": {"text": _footer(story, reference)},
        **({"url": story.url} if story.url else {}),
    }


def _entry(entry: Entry, room: int) -> str:
    said = _linked(gathered.headline(entry, room), gathered.link(entry, room))
    lines = [f"{_MARKS[entry.tone]} {escaped(f'{entry.badge} · {entry.brand}')}", f"**{said}**"]
    return "\n".join([*lines, *map(escaped, gathered.details(entry, room))])


def _fits(made: Embed) -> bool:
    return len(made["description"]) <= LONGEST_TEXT and size(made) <= LONGEST_ALL


def _description(story: Story) -> Iterator[str]:
    """Without the headline, which stands above the embed, where notifications show it."""
    if story.lead:
        yield f"**{escaped(story.lead)}**"
    yield escaped(f"{story.began}. {story.standing}".rstrip())
    for sentence in (*story.notes, *story.changed):
        yield f"- {escaped(sentence)}"


def _fields(story: Story, quotes: int) -> Iterator[dict[str, Any]]:
    yield from _parts("What people say", [_quoted(quote) for quote in story.quotes[:quotes]])
    facts = [f"**{escaped(label)}:** {escaped(cut(sentence, 480))}" for label, sentence in story.facts]
    yield from _parts("What is known", facts)
    if story.origin is not None:
        yield _field("Where it began", _quoted(story.origin))
    if story.why:
        yield _field(story.why_title, _whole_lines([f"- {escaped(one)}" for one in story.why], LONGEST_VALUE))
    if story.similar:
        past = [f"- {_linked(said, url)}" for said, url in story.similar]
        yield _field("Like this before", _whole_lines(past, LONGEST_VALUE))
    if story.actions:
        yield _field("What you can do", _whole_lines([f"{one}: `{how}`" for one, how in story.actions], LONGEST_VALUE))


def _parts(name: str, parts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The parts below one another in as few fields as take them; the name stands above the first."""
    held = ""
    for part in parts:
        if held and len(held) + 1 + len(part) > LONGEST_VALUE:
            yield _field(name, held)
            name, held = _UNNAMED, ""
        held = f"{held}\n{part}" if held else part
    if held:
        yield _field(name, held)


def _field(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value or "…", "inline": False}


def _quoted(quote: ToldQuote) -> str:
    """With what it replies to, and with its address, where there is room for that beside its words."""
    forms = (quote, replace(quote, context=""), replace(quote, context="", url=""))
    return next((made for one in forms if len(made := _quote(one)) <= LONGEST_VALUE), _quote(forms[-1]))


def _quote(quote: ToldQuote) -> str:
    by = " ".join(filter(None, (escaped(cut(quote.byline, 120)), f"({escaped(quote.echo)})" if quote.echo else "")))
    link = f" {_linked('read it', quote.url)}" if _is_short(quote.url) else ""
    context = f"> *in answer to: {escaped(quote.context)}*\n" if quote.context else ""
    return f"{context}> {escaped(quote.text)}\n{by}{link}"


def _linked(said: str, url: str) -> str:
    """A link of ours; `url` has passed `safe_link`, and brackets in it are encoded, which could end it early."""
    return f"[{escaped(said)}]({_address(url)})" if _is_short(url) else escaped(said)


def _address(url: str) -> str:
    return url.replace("(", "%28").replace(")", "%29")


def _is_short(url: str) -> bool:
    """Whether there is an address, and it leaves room for words beside it."""
    return 0 < len(_address(url)) <= LONGEST_ADDRESS


def _footer(story: Story, reference: str) -> str:
    return cut(f"{story.foot} · ref {reference}", LONGEST_FOOTER)


def _whole_lines(lines: Sequence[str], limit: int) -> str:
    """As many whole lines as fit: a cut inside of one could cut an escape or a link in two."""
    kept: list[str] = []
    for each in lines:
        if sum(map(len, kept)) + len(kept) + len(each) > limit - 2:
            return "\n".join([*kept, "…"])
        kept.append(each)
    return "\n".join(kept) or "…"
