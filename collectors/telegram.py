"""Telegram as a bot sees it: what is posted in the channels and groups that it was made a member of.

Limits: Telegram keeps what a bot has not fetched for 24 hours and gives it once, a hundred at a time, oldest first;
what is older is lost, and a gap. A bot sees channels where it is an administrator, and groups where its privacy mode is
off; it can neither search nor read what was written before it came. Views are not told, forwards are not counted, and
nobody tells a bot that something was deleted. Reactions are told in numbers where the bot is an administrator.

Terms: people in a group are to know that a bot reads along. Of groups without a public name nothing is kept unless they
are named in `chats`. Public channels of others are read by `telegram_channels`, which needs a person's account.

Messages are named by chat and number (`-100123/7`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import Field

from collectors.contract import CollectorError, Page, Quarantined, SourceContext, SourceOptions, set_aside
from collectors.egress import Answer
from collectors.interface import Interface, secret
from collectors.moments import from_epoch, not_after
from collectors.plain import tidy
from collectors.rounds import ODD
from config.references import SecretReference
from storage.records import Engagement, EngagementSample, Gap, Post, PostKind

PAGE = 100
KEPT_FOR = timedelta(hours=24)
_MESSAGES = ("message", "edited_message", "channel_post", "edited_channel_post")
_REACTIONS = "message_reaction_count"


class Options(SourceOptions):
    """Keys of a `[[sources]]` table of type `telegram`."""

    bot_token: SecretReference
    """The bot's token, from @BotFather."""
    chats: list[str] = Field(default_factory=list)
    """Channels and groups that are read, by public name or number; without any, all public ones the bot is in."""
    brand: str | None = None
    """The brand that everything there is about, such as for a company's own channel."""
    base_url: str = Field(default="https://api.telegram.org", pattern=r"^https?://")
    """Address of the interface."""


class Telegram:
    """Reads what a bot is told."""

    def __init__(self, options: Options, context: SourceContext) -> None:
        self.name = context.name
        self._options, self._clock = options, context.clock
        self._chats = {chat.removeprefix("@").casefold() for chat in options.chats}
        self._interface = Interface("Telegram", options.base_url, context.clock, _judged)

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """Pages until there is nothing more; asking for the next one tells Telegram that the last one is stored."""
        kept = dict(cursor or {"offset": 0, "read_at": self._clock().timestamp()})
        gaps = self._forgotten(kept["read_at"])
        with self._interface.session():
            while True:
                asked = {"offset": kept["offset"], "limit": PAGE, "timeout": 0, "allowed_updates": _allowed()}
                updates = self._ask("getUpdates", asked)
                if not isinstance(updates, list):
                    raise CollectorError("Telegram gave an answer without the documented list")
                posts, samples, bad = self._read(updates)
                following = max((number + 1 for number in _numbers(updates)), default=kept["offset"])
                if updates and following <= kept["offset"]:
                    raise CollectorError("Telegram gave updates again that it was told are stored")
                kept = {"offset": following, "read_at": self._clock().timestamp()}
                is_last = len(updates) < PAGE
                yield Page(dict(kept), posts, samples, gaps, bad, self._interface.asked(), complete=is_last)
                gaps = []
                if is_last:
                    return

    def probe(self) -> str:
        """Ask who the bot is."""
        with self._interface.session():
            bot = self._ask("getMe", {})
        if not isinstance(bot, dict):
            raise CollectorError("Telegram did not say who the bot is")
        reads_groups = bot.get("can_read_all_group_messages")
        privacy = "" if reads_groups else "; in groups it sees only what is said to it, see /setprivacy of @BotFather"
        return f"Telegram knows the bot as @{bot.get('username')}{privacy}"

    def _forgotten(self, read_at: float) -> list[Gap]:
        """A gap for what Telegram no longer keeps."""
        bound = self._clock() - KEPT_FOR
        if from_epoch(read_at) >= bound:
            return []
        return [Gap(self.name, from_epoch(read_at), bound, "Telegram keeps what a bot has not read for 24 hours", 1.0)]

    def _ask(self, method: str, params: Mapping[str, Any]) -> Any:
        token = secret(self._options.bot_token, "the token of the bot")
        answer = self._interface.get(f"/bot{token}/{method}", params)
        if answer.get("ok") is not True:
            raise CollectorError("Telegram gave an answer that is not ok")
        return answer.get("result")

    def _read(self, updates: Sequence[Any]) -> tuple[list[Post], list[EngagementSample], list[Quarantined]]:
        posts: list[Post] = []
        samples: list[EngagementSample] = []
        bad: list[Quarantined] = []
        for update in updates:
            try:
                said, counted = self._understood(update)
            except ODD as error:
                bad.append(set_aside("update", repr(error), json.dumps(update)))
            else:
                posts += said
                samples += counted
        return posts, samples, bad

    def reread(self, raw: bytes) -> list[Post | EngagementSample]:
        """An update that was set aside."""
        try:
            said, counted = self._understood(json.loads(raw))
        except ODD as error:
            raise ValueError(repr(error)) from error
        return [*said, *counted]

    def _understood(self, update: Mapping[str, Any]) -> tuple[list[Post], list[EngagementSample]]:
        message = next((update[kind] for kind in _MESSAGES if kind in update), None)
        posts = self._posts(message) if message is not None and self._is_ours(message["chat"]) else []
        reactions = update.get(_REACTIONS)
        is_counted = reactions is not None and self._is_ours(reactions["chat"])
        return posts, [self._sample(reactions)] if reactions is not None and is_counted else []

    def _is_ours(self, chat: Mapping[str, Any]) -> bool:
        """Whether the chat is to be read: it is named, or none is named and it is public."""
        names = {str(chat.get("username") or "").casefold(), str(chat["id"])}
        return bool(names & self._chats) if self._chats else bool(chat.get("username"))

    def _sample(self, reactions: Mapping[str, Any]) -> EngagementSample:
        total = sum(int(each["total_count"]) for each in reactions["reactions"])
        name = f"{reactions['chat']['id']}/{reactions['message_id']}"
        return EngagementSample(
            self.name, name, not_after(from_epoch(reactions["date"]), self._clock()), Engagement(total)
        )

    def _posts(self, message: Mapping[str, Any]) -> list[Post]:
        """The message as a post, if it has words."""
        chat, words = message["chat"], message.get("text") or message.get("caption")
        if not words:
            return []
        now, name = self._clock(), f"{chat['id']}/{message['message_id']}"
        sender = message.get("from") or message.get("sender_chat") or chat
        above, origin = message.get("reply_to_message"), _origin(message)
        parent = (_origin(above) or f"{chat['id']}/{above['message_id']}") if above else None
        root = message.get("message_thread_id")
        thread = parent if above and _origin(above) else f"{chat['id']}/{root}" if root else parent or name
        kind = PostKind.POST if chat.get("type") == "channel" else PostKind.MESSAGE
        edited_at = message.get("edit_date")
        post = Post(
            source=self.name,
            external_id=name,
            created_at=not_after(from_epoch(message["date"]), now),
            text=tidy(words),
            kind=PostKind.REPOST if origin else PostKind.REPLY if above else kind,
            url=f"https://t.me/{chat['username']}/{message['message_id']}" if chat.get("username") else None,
            author=str(sender["id"]),
            author_name=sender.get("username") or sender.get("title") or sender.get("first_name"),
            thread_id=thread,
            parent_id=parent,
            repost_of=origin,
            edited_at=from_epoch(edited_at) if edited_at else None,
            collected_at=now,
            brands=(self._options.brand,) if self._options.brand else (),
        )
        return [post]


def _allowed() -> str:
    return '["' + '","'.join((*_MESSAGES, _REACTIONS)) + '"]'


def _numbers(updates: Sequence[Any]) -> Iterator[int]:
    return (item["update_id"] for item in updates if isinstance(item, dict) and isinstance(item.get("update_id"), int))


def _origin(message: Mapping[str, Any]) -> str | None:
    """The post of a channel that the message carries on, such as into the group where it is talked about."""
    origin = message.get("forward_origin") or {}
    return f"{origin['chat']['id']}/{origin['message_id']}" if origin.get("type") == "channel" else None


def _judged(answer: Answer, content: Any) -> CollectorError | None:
    """Errors in Telegram's words, with the seconds to wait in the body."""
    if answer.status < 400 or not isinstance(content, dict):
        return None
    status, said = answer.status, str(content.get("description", ""))[:200]
    wait = (content.get("parameters") or {}).get("retry_after")
    if status == 429 and wait:
        return CollectorError(f"Telegram answered 429: next in {wait} s", retry_after=float(wait), status=429)
    if status == 409:
        message = f"Telegram answered 409: another program fetches for this bot, or it has a webhook ({said})"
        return CollectorError(message, permanent=True, status=409)
    if status in (401, 404):
        message = f"Telegram answered {status}: it knows no bot with this token; see @BotFather"
        return CollectorError(message, permanent=True, status=status)
    return None


def build(options: Options, context: SourceContext) -> Telegram:
    """The source as configured."""
    return Telegram(options, context)
