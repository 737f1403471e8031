"""Telegram's Bot API on loopback: its HTML, its limits and errors, chats, and what in a message would be alive."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any

from tests.servers.platform import Platform, Reply, Request, said

TOKEN = "123456:canary-telegram-token"
_REFERENCE = re.compile(r"ref ([\w-]+)")
_ALIVE = re.compile(r"@\w{3,}|#\w+|(?<!\w)/\w+|\w+://\w|\w\.(?:com|example|org|net)\b|\w+@\w+")
_TAGS = {"b", "i", "u", "s", "a", "code", "pre", "blockquote"}


@dataclass
class Posted:
    """A message as it stands: its text without markup, the tags in it, and how often it was edited."""

    id: int
    chat: str
    text: str
    tags: list[str]
    links: list[str]
    answers: int | None
    silent: bool
    alive: list[str]
    edits: int = 0
    picture: bytes = b""
    first: str = ""
    topic: int | None = None


class _Markup(HTMLParser):
    """Telegram's HTML: known tags, closed in order, nothing else."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.loose = ""
        self.wrong = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.wrong |= tag not in _TAGS
        self.open.append(tag)
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        self.wrong |= not self.open or self.open.pop() != tag

    def handle_data(self, data: str) -> None:
        self.text += data
        self.loose += " " if {"a", "code", "pre"} & set(self.open) else data


@dataclass
class _Chat:
    is_blocked: bool = False
    moved_to: str = ""
    messages: list[Posted] = field(default_factory=list)


class Telegram(Platform):
    """The API, one bot, and its chats."""

    busy = said(
        {
            "ok": False,
            "error_code": 429,
            "description": "Too Many Requests: retry after 3",
            "parameters": {"retry_after": 3},
        },
        429,
    )

    def __init__(self, token: str = TOKEN) -> None:
        super().__init__()
        self.token = token
        self.chats = {"-100200": _Chat(), "@halden_alerts": _Chat()}
        self._last = 0

    def may_fail(self, request: Request) -> bool:
        """Messages are troubled, pictures are not."""
        return not request.path.endswith("/sendPhoto")

    def messages(self, chat: str = "-100200") -> list[Posted]:
        """What people see in a chat, pictures aside."""
        return [one for one in self.chats[chat].messages if not one.picture]

    def pictures(self, chat: str = "-100200") -> list[Posted]:
        """The pictures in a chat."""
        return [one for one in self.chats[chat].messages if one.picture]

    def shown(self) -> list[str]:
        """The reference of every message that people see, as it was first sent."""
        return [one.first for chat in self.chats for one in self.messages(chat)]

    def handle(self, request: Request) -> Reply:
        """Call a method."""
        token, _, method = request.path.removeprefix("/bot").partition("/")
        if token != self.token:
            return _refused(401, "Unauthorized")
        arguments: dict[str, Any] = (
            {name: value if name == "photo" else value.decode() for name, value in request.parts().items()}
            if request.headers["content-type"].startswith("multipart/")
            else request.json()
        )
        if method == "getMe":
            return said({"ok": True, "result": {"id": 1, "is_bot": True, "username": "tocsin_bot"}})
        return self._in_chat(method, arguments)

    def _in_chat(self, method: str, arguments: dict[str, Any]) -> Reply:
        chat = self.chats.get(str(arguments.get("chat_id")))
        if chat is None:
            return _refused(400, "Bad Request: chat not found")
        if chat.moved_to:
            moved = {"migrate_to_chat_id": int(chat.moved_to)}
            return _refused(400, "Bad Request: group chat was upgraded to a supergroup chat", parameters=moved)
        if method == "getChat":
            return said({"ok": True, "result": {"id": 1, "type": "group"}})
        if chat.is_blocked:
            return _refused(403, "Forbidden: bot was blocked by the user")
        known = {"sendMessage": self._send, "editMessageText": self._edit, "sendPhoto": self._photo}
        return known[method](chat, arguments) if method in known else _refused(404, "Not Found")

    def _send(self, chat: _Chat, sent: dict[str, Any]) -> Reply:
        made = self._made(sent, str(sent.get("text", "")), 4096)
        if isinstance(made, Reply):
            return made
        made.first = _REFERENCE.findall(made.text)[-1]
        chat.messages.append(made)
        return said({"ok": True, "result": {"message_id": made.id, "text": made.text}})

    def _photo(self, chat: _Chat, sent: dict[str, Any]) -> Reply:
        made = self._made(sent, str(sent.get("caption", "")), 1024)
        if isinstance(made, Reply):
            return made
        made.picture = sent["photo"]
        chat.messages.append(made)
        return said({"ok": True, "result": {"message_id": made.id}})

    def _edit(self, chat: _Chat, sent: dict[str, Any]) -> Reply:
        before = next((one for one in chat.messages if one.id == sent["message_id"]), None)
        if before is None:
            return _refused(400, "Bad Request: message to edit not found")
        made = self._made(sent, str(sent.get("text", "")), 4096)
        if isinstance(made, Reply):
            return made
        if made.text == before.text:
            return _refused(400, "Bad Request: message is not modified: the content is the same")
        before.text, before.alive, before.links, before.edits = made.text, made.alive, made.links, before.edits + 1
        return said({"ok": True, "result": {"message_id": before.id, "text": made.text}})

    def _made(self, sent: dict[str, Any], text: str, limit: int) -> Posted | Reply:
        markup = _Markup()
        if sent.get("parse_mode") == "HTML":
            if re.search(r"&(?!(?:lt|gt|amp|quot|#\d+|#x[0-9a-f]+);)", text):
                return _refused(400, "Bad Request: can't parse entities: unknown entity")
            markup.feed(text)
            markup.close()
        else:
            markup.text = markup.loose = unescape(text)
        if markup.wrong or markup.open:
            return _refused(400, "Bad Request: can't parse entities: unclosed or unknown tag")
        if len(markup.text.encode("utf-16-le", "surrogatepass")) // 2 > limit:
            return _refused(400, "Bad Request: message is too long")
        if not markup.text.strip():
            return _refused(400, "Bad Request: message text is empty")
        self._last += 1
        answers = sent.get("reply_parameters") or {}
        number = re.search(r"\d+", str(answers))
        return Posted(
            id=self._last,
            chat=str(sent["chat_id"]),
            text=markup.text,
            tags=markup.tags,
            links=markup.links,
            answers=int(number[0]) if number else None,
            silent=str(sent.get("disable_notification")).lower() == "true",
            alive=_ALIVE.findall(markup.loose),
            topic=sent.get("message_thread_id"),
        )


def _refused(status: int, words: str, **more: Any) -> Reply:
    return said({"ok": False, "error_code": status, "description": words, **more}, status)
