"""A page as Slack shows it: the message of an incident, and the replies in its thread.

Posts stand in `rich_text`, which Slack takes literally: no markup and no mention in it can come alive. In our own
sentences, which are `mrkdwn`, everything that came from outside is escaped. Limits are those of Slack's Block Kit
reference and of `chat.postMessage`, with some room left.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from alerts.page import Curve, Page
from alerts.render import gathered
from alerts.render.curve import alternative
from alerts.render.line import summary
from alerts.render.outside import cut
from alerts.render.slack_buttons import pressed
from alerts.render.story import tell
from alerts.render.told import Entry, Story, ToldQuote

Block = dict[str, Any]

MOST_BLOCKS = 45
LONGEST_SECTION = 2_900
LONGEST_HEADER = 150
LONGEST_ALL = 12_000
LONGEST_TEXT = 3_000
LONGEST_ALTERNATIVE = 2_000
MOST_QUOTES = 4

_MARK = {"critical": "🔴", "warning": "🟠", "watch": "🔵", "over": "✅"}
_LEVELS = "▁▂▃▄▅▆▇█"
_LOOKALIKES = str.maketrans({char: unicodedata.normalize("NFKC", char) for char in "＜＞＆＠﹤﹥﹠﹫"})
_CALLS = re.compile(r"@(?=(?:here|channel|everyone|group)\b)", re.IGNORECASE)
_WORD_JOINER = "\u2060"


def escaped(text: str) -> str:
    """Outside words inside of `mrkdwn`: no link, no mention and no entity can begin in them."""
    calm = _CALLS.sub(f"@{_WORD_JOINER}", text.translate(_LOOKALIKES))
    return calm.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def link(url: str, label: str) -> str:
    """A link of ours; `url` has passed `safe_link`, which leaves nothing in it that could end it early."""
    return f"<{url.replace('|', '%7C').replace('>', '%3E')}|{escaped(label)}>"


def root(page: Page, mentions: Sequence[str] = (), *, buttons: bool = False, file: str = "") -> list[Block]:
    """The incident's one message, as it stands now; `mentions` are Slack's own forms, such as `<!here>`.

    With `buttons` people act by pressing (alerts/render/slack_buttons.py), else they read the commands. `file` is the
    picture of the curve, by its name at Slack; without one the curve is a row of bars.
    """
    story = tell(page)
    if story.entries:
        return gathered.fitted(lambda room: _digest(story, room), lambda made: size(made) <= LONGEST_ALL)
    return _within_limits(list(_root(page, story, mentions, file, buttons=buttons)))


def reply(page: Page, mentions: Sequence[str] = ()) -> list[Block]:
    """What is new, in the thread of the incident's message."""
    story = tell(page)
    lines = [*_called(mentions), f"{_MARK[story.tone]} *{escaped(story.badge)}*"]
    lines += [f"• {escaped(sentence)}" for sentence in (*story.changed, *story.notes)]
    if story.lead and story.tone != "over":
        lines.append(escaped(story.lead))
    return _within_limits([_section("\n".join(lines)), _small([f"As of {escaped(story.at)}"])])


def text(page: Page, mentions: Sequence[str] = ()) -> str:
    """The page without blocks: what notifications show, and the second rung of the ladder."""
    story = tell(page)
    lines = [*_called(mentions), f"{_MARK[story.tone]} {escaped(summary(story))}", escaped(story.lead)]
    lines += [f"• {escaped(sentence)}" for sentence in (*story.changed, *story.notes, *story.why)]
    room = 1_500 // max(1, len(story.entries))
    lines += [f"• {escaped(entry.badge)}: {escaped(gathered.headline(entry, room))}" for entry in story.entries]
    named = f"Incident {escaped(story.incident)}" if story.incident else escaped(story.foot)
    lines.append(" ".join([named, *([link(story.url, "open it")] if story.url else [])]))
    return _cut_lines([line for line in lines if line], LONGEST_TEXT)


def notification(page: Page, mentions: Sequence[str] = ()) -> str:
    """The one line that a telephone shows, beside the blocks."""
    story = tell(page)
    said = f"{summary(story)}{f' {story.changed[0]}' if story.changed else ''}"
    return " ".join([*mentions, f"{_MARK[story.tone]} {escaped(cut(said, 600))}"])


def _root(page: Page, story: Story, mentions: Sequence[str], file: str, *, buttons: bool) -> Iterator[Block]:
    yield _header(f"{_MARK[story.tone]} {story.badge} · {story.brand}")
    yield _section("\n".join([*_called(mentions), f"*{escaped(story.headline)}*", escaped(story.lead)]))
    if news := [*story.notes, *story.changed]:
        yield _section("\n".join(["*What is new*", *(f"• {escaped(sentence)}" for sentence in news)]))
    yield from _curve(page, file)
    yield _small([escaped(f"{story.began}. {story.standing}".rstrip())])
    if buttons and story.offers:
        yield pressed(page)
    if story.quotes:
        yield from _quotes("What people say", story.quotes[:MOST_QUOTES])
    if story.facts:
        yield _section("\n".join(f"*{label}:* {escaped(sentence)}" for label, sentence in story.facts))
    if story.origin is not None:
        yield from _quotes("Where it began", [story.origin])
    if story.why:
        yield _section("\n".join([f"*{story.why_title}*", *(f"• {escaped(sentence)}" for sentence in story.why)]))
    if story.similar:
        yield _section("\n".join(["*Like this before*", *(_past(said, url) for said, url in story.similar)]))
    yield {"type": "divider"}
    if story.actions and not (buttons and story.offers):
        yield _section("\n".join(_action(action, command) for action, command in story.actions))
    ends = [f"Incident {escaped(story.incident)}"] if story.incident else []
    ends += [f"{'as' if ends else 'As'} of {escaped(story.at)}"]
    yield _small([*ends, *([link(story.url, "Open it")] if story.url else [])])


def _curve(page: Page, file: str) -> Iterator[Block]:
    if file:
        yield {"type": "image", "slack_file": {"id": file}, "alt_text": cut(alternative(page), LONGEST_ALTERNATIVE)}
    elif page.curve is not None and (line := sparkline(page.curve)):
        yield _small([f"{line}  {escaped(_curve_words(page.curve))}"])


def _digest(story: Story, room: int) -> list[Block]:
    """Several alerts, one section each."""
    blocks = [_header(f"{_MARK[story.tone]} {story.badge} · {story.brand}"), _section(f"*{escaped(story.headline)}*")]
    blocks.append(_small([escaped(sentence) for sentence in (f"{story.began}.", *story.notes)]))
    airy: list[Block] = [{"type": "divider"}] if 2 * len(story.entries) + len(blocks) < MOST_BLOCKS else []
    for entry in story.entries:
        blocks += [*airy, _section("\n".join(_entry(entry, room)))]
    ends = [escaped(story.foot), *([link(story.url, story.opens)] if story.url else [])]
    return [*blocks, {"type": "divider"}, _small(ends)]


def _entry(entry: Entry, room: int) -> Iterator[str]:
    yield f"{_MARK[entry.tone]} {escaped(entry.badge)} · {escaped(entry.brand)}"
    said, url = f"*{escaped(gathered.headline(entry, room))}*", gathered.link(entry, room)
    yield f"{said}  {link(url, 'Open it')}" if url else said
    yield from map(escaped, gathered.details(entry, room))


def _past(said: str, url: str) -> str:
    return f"• {link(url, said) if url else escaped(said)}"


def _action(action: str, command: str) -> str:
    return f"{escaped(action)}: `{escaped(command)}`"


def _called(mentions: Sequence[str]) -> list[str]:
    return [" ".join(mentions)] if mentions else []


def _quotes(title: str, quotes: Sequence[ToldQuote]) -> Iterator[Block]:
    yield _section(f"*{title}*")
    for quote in quotes:
        yield {"type": "rich_text", "elements": [_quote(quote)]}


def _quote(quote: ToldQuote) -> Block:
    context = [_literal(f"in answer to: {quote.context}\n", italic=True)] if quote.context else []
    elements: list[Block] = [*context, _literal(f"{quote.text}\n"), _literal(quote.byline, italic=True)]
    if quote.echo:
        elements.append(_literal(f" ({quote.echo})"))
    if quote.url:
        elements += [_literal(" "), {"type": "link", "url": quote.url, "text": "read it"}]
    return {"type": "rich_text_quote", "elements": elements}


def _literal(said: str, *, italic: bool = False) -> Block:
    return {"type": "text", "text": said, **({"style": {"italic": True}} if italic else {})}


def _header(said: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": cut(said, LONGEST_HEADER), "emoji": True}}


def _section(said: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": _cut_lines(said.split("\n"), LONGEST_SECTION)}}


def _small(parts: Sequence[str]) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": part} for part in parts]}


def _cut_lines(lines: Sequence[str], limit: int) -> str:
    """As many whole lines as fit: a cut inside of a line could cut an entity or a link in two."""
    kept: list[str] = []
    for line in lines:
        if sum(map(len, kept)) + len(kept) + len(line) > limit - 2:
            return "\n".join([*kept, "…"])
        kept.append(line)
    return "\n".join(kept) or "…"


def _within_limits(blocks: list[Block]) -> list[Block]:
    """Without the last quotes until it fits; the beginning and the end of a message are what a reader acts on."""
    while len(blocks) > MOST_BLOCKS or size(blocks) > LONGEST_ALL:
        quotes = [number for number, block in enumerate(blocks) if block["type"] == "rich_text"]
        del blocks[quotes[-1] if quotes else len(blocks) // 2]
    return blocks


def size(blocks: Sequence[Block]) -> int:
    """Characters of text in the blocks."""
    return sum(len(said) for said in _texts(blocks))


def _texts(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key in ("text", "url") and isinstance(value, str):
                yield value
            else:
                yield from _texts(value)
    elif isinstance(part, (list, tuple)):
        for item in part:
            yield from _texts(item)


def sparkline(curve: Curve, width: int = 32) -> str:
    """The curve's last bins as a row of bars, a point for a bin that nobody read; nothing where all is zero."""
    observed = curve.observed[-width:]
    highest = max((value for value in observed if value is not None), default=0)
    if highest <= 0:
        return ""
    return "".join("·" if value is None else _LEVELS[round(value / highest * (len(_LEVELS) - 1))] for value in observed)


def _curve_words(curve: Curve, width: int = 32) -> str:
    hours = min(len(curve.observed), width) * curve.bin_seconds / 3600
    return f"{curve.unit}, last {hours:.0f} h" if hours >= 1 else curve.unit
