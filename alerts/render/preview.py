"""Messages as files that a person can open: what Slack would show, and the mail with its picture inside.

For the demo, for documentation and for looking at: the shapes are Slack's, the drawing is ours.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from alerts.actions import Action
from alerts.page import Page
from alerts.render import slack
from alerts.render.curve import PAPER, picture
from alerts.render.html import html, template
from alerts.words import moment

Posted = tuple[str, Sequence[slack.Block]]
"""When and how a message was posted, in words, and its blocks."""

_LINK = re.compile(r"&lt;(https?://[^|\s]+?)\|(.+?)&gt;")
_CALL = re.compile(r"&lt;(?:!(\w+)(?:\^\w+)?|@(\w+))&gt;")
_BOLD = re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])")
_CODE = re.compile(r"`([^`\n]+)`")
_FILE = "F0PREVIEW"
_STYLES = {"bold": "b", "italic": "i", "strike": "s", "code": "code"}


def mail_preview(page: Page, links: Mapping[Action, str] | None = None) -> str:
    """The HTML mail with its picture inside, as one file."""
    return html(page, _inlined(picture(page)), links)


def slack_preview(
    messages: Sequence[Posted], room: str = "#pr-alerts", title: str = "Slack", drawn_curve: bytes | None = None
) -> str:
    """A channel with these messages as one HTML file, the first as root and the others as its thread; `drawn_curve` is
    what stands where a block shows a file."""
    source = _inlined(drawn_curve)
    drawn = [(said, [_block(block, source) for block in blocks]) for said, blocks in messages]
    return template("slack.html.j2").render(messages=drawn, room=room, title=title)


def page_preview(pages: Sequence[Page], room: str = "#pr-alerts", *, buttons: bool = False) -> str:
    """What Slack would show of an incident's pages: the newest state of its message, its picture, and its thread."""
    if not pages:
        return slack_preview([], room)
    first, newest = pages[0], pages[-1]
    thread = [(_said(page), slack.reply(page)) for page in pages[1:] if page.changed]
    drawn = picture(newest, PAPER)
    root = slack.root(newest, buttons=buttons, file=_FILE if drawn else "")
    return slack_preview([(_said(first), root), *thread], room, newest.headline, drawn)


def _said(page: Page) -> str:
    return f"{moment(page.at, page.timezone)}, {page.reason.value}"


def _inlined(drawn: bytes | None) -> str:
    return f"data:image/png;base64,{base64.b64encode(drawn).decode()}" if drawn else ""


def _block(block: slack.Block, source: str) -> Markup:
    kind = block["type"]
    if kind == "header":
        return Markup('<h3 class="header">{}</h3>').format(block["text"]["text"])
    if kind == "section":
        return Markup('<div class="section">{}</div>').format(_mrkdwn(block["text"]["text"]))
    if kind == "context":
        parts = Markup(" &nbsp; ").join(_mrkdwn(part["text"]) for part in block["elements"])
        return Markup('<div class="context">{}</div>').format(parts)
    if kind == "rich_text":
        return Markup("").join(_rich(element) for element in block["elements"])
    if kind == "actions":
        return Markup('<div class="actions">{}</div>').format(Markup(" ").join(map(_button, block["elements"])))
    return _plain_block(block, source)


def _plain_block(block: slack.Block, source: str) -> Markup:
    if block["type"] == "image":
        return Markup('<img class="picture" src="{}" alt="{}">').format(source, block["alt_text"])
    return Markup("<hr>") if block["type"] == "divider" else Markup("")


def _button(element: dict[str, Any]) -> Markup:
    if element["type"] == "overflow":
        return Markup('<span class="button" title="{}">⋯</span>').format(
            ", ".join(option["text"]["text"] for option in element["options"])
        )
    return Markup('<span class="button {}">{}</span>').format(element.get("style", ""), element["text"]["text"])


def _rich(element: dict[str, Any]) -> Markup:
    said = Markup("").join(_literal(part) for part in element["elements"])
    return Markup("<blockquote>{}</blockquote>").format(said)


def _literal(part: dict[str, Any]) -> Markup:
    if part["type"] == "link":
        return Markup('<a href="{}" rel="noopener noreferrer nofollow">{}</a>').format(part["url"], part["text"])
    said = Markup("<br>").join(part["text"].split("\n"))
    for style in part.get("style", {}):
        said = Markup(f"<{_STYLES[style]}>{{}}</{_STYLES[style]}>").format(said)  # noqa: S704  (names of our own)
    return said


def _mrkdwn(said: str) -> Markup:
    """Slack's own markup as HTML. `&lt;` in it is escaped outside text; `<…>` is a link or a call of ours."""
    text = str(escape(said))
    text = _LINK.sub(r'<a href="\1" rel="noopener noreferrer nofollow">\2</a>', text)
    text = _CALL.sub(lambda call: f"<mark>@{call[1] or call[2]}</mark>", text)
    text = _CODE.sub(r"<code>\1</code>", _BOLD.sub(r"<b>\1</b>", text))
    text = re.sub(r"&amp;(amp|lt|gt);", r"&\1;", text)
    return Markup(text.replace("\n", "<br>"))  # noqa: S704  (escaped above)
