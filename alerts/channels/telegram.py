"""Telegram, through a bot: one message an incident in each chat, kept up to date by editing, with its curve below.

A bot cannot read what it sent, so what may have arrived is sent again under the same reference, and says so. Errors and
limits: https://core.telegram.org/bots/api.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import structlog
from pydantic import Field, field_validator

from alerts.buckets import Pace
from alerts.channels.contract import ChannelContext, ChannelError, ChannelOptions, Message, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.exchange import Answer
from alerts.render import telegram as render
from alerts.render.curve import picture
from alerts.render.ladder import rungs
from alerts.web_channel import (
    WAIT_WHEN_UNSAID,
    Line,
    RootLostError,
    TooMuchError,
    WebChannel,
    as_json,
    as_parts,
    is_edit_only,
    read_json,
    reference,
)
from config.references import SecretReference
from storage.records import Reason, Severity

_log = structlog.get_logger(__name__)

_CHAT = re.compile(r"-?\d{1,20}|@[A-Za-z]\w{3,31}")
_TOO_MUCH = ("can't parse entities", "too long", "message text is empty", "entity")
_ROOT_LOST = ("message to edit not found", "message can't be edited", "message_id_invalid")
_LOUD = (Reason.OPENED, Reason.ESCALATED, Reason.REMINDER)

Form = dict[str, Any]


class MigratedError(ChannelError):
    """The group became a supergroup, whose id is `chat`."""

    def __init__(self, said: str, chat: str) -> None:
        super().__init__(said, Outcome.BROKEN)
        self.chat = chat


class Options(ChannelOptions):
    """The keys of a `[[channels]]` table of the type `telegram`."""

    edits: ClassVar[bool] = True
    draws: ClassVar[bool] = True
    pace: ClassVar[Pace | None] = Pace(every=3, burst=5)

    token: SecretReference
    """Where the bot's token lies (digits, a colon, letters)."""
    chats: list[str] = Field(min_length=1, examples=[["-1001234567890"]])
    """Ids of the chats to write to, such as -1001234567890, or names of public channels, such as @halden_alerts."""
    topic: int | None = Field(default=None, ge=1)
    """Number of a topic in a group that has topics; unset for the group itself."""
    quiet_below: Severity = Severity.WARNING
    """Messages about anything less bad than this make no sound."""
    base_url: str = Field(default="https://api.telegram.org", pattern=r"^https?://[^/\s]+$")
    """Address of the API."""
    proxy: str = Field(default="", pattern=r"^(http://\S+)?$")
    """Address of an HTTP proxy to go through."""

    @field_validator("chats")
    @classmethod
    def _are_chats(cls, chats: list[str]) -> list[str]:
        for chat in chats:
            if not _CHAT.fullmatch(chat):
                raise ValueError(f"{chat!r} is no chat; write its id in quotes, or @name of a public channel")
        return list(dict.fromkeys(chats))

    @property
    def targets(self) -> tuple[str, ...]:
        """The chats."""
        return tuple(self.chats)


@dataclass(frozen=True, slots=True)
class TelegramChannel(WebChannel[Options]):
    """One bot."""

    def send(self, message: Message, deadline: Deadline) -> Receipt:
        """Send the incident's message, or edit it and answer it with what is new."""
        way, token = self._way(deadline)
        if message.root is not None:
            try:
                self._edit(way, token, message, message.root)
                if is_edit_only(message):
                    return Receipt(message.root)
                return self._answer(way, token, message, message.root)
            except RootLostError:
                pass
        return self._begin(way, token, message)

    def probe(self, deadline: Deadline) -> str:
        """Ask Telegram who we are, and look at each chat."""
        way, token = self._way(deadline)
        who = self._call(way, token, "getMe", {})
        for chat in self.options.chats:
            self._call(way, token, "getChat", {"chat_id": chat})
        chats = f"{len(self.options.chats)} chat{'s' if len(self.options.chats) != 1 else ''}"
        return f"signed in as @{who.get('username', '?')}; knows {chats}"

    def _way(self, deadline: Deadline) -> tuple[Line, str]:
        token = self.secret(self.options.token)
        return self.line(deadline, token, token.partition(":")[2]), token

    def _begin(self, way: Line, token: str, message: Message) -> Receipt:
        ref = reference(message)
        chat, forms = message.target, _forms(message, render.text, ref)
        try:
            receipt = self.first_taken(forms, lambda form: self._post(way, token, chat, message, form))
        except MigratedError as moved:
            _log.warning("a Telegram group has another id now; write it into the configuration", now=moved.chat)
            chat, forms = moved.chat, _forms(message, render.text, ref)
            receipt = self.first_taken(forms, lambda form: self._post(way, token, chat, message, form))
        self._picture(way, token, message, receipt)
        return receipt

    def _answer(self, way: Line, token: str, message: Message, root: str) -> Receipt:
        chat, number = _split(root)
        below = {"reply_parameters": {"message_id": number, "allow_sending_without_reply": True}}
        forms = ({**form, **below} for form in _forms(message, render.update, reference(message)))
        receipt = self.first_taken(forms, lambda form: self._post(way, token, chat, message, form))
        if message.page.reason is Reason.ESCALATED:
            self._picture(way, token, message, receipt)
        return receipt

    def _post(self, way: Line, token: str, chat: str, message: Message, form: Form) -> Receipt:
        sent = self._call(way, token, "sendMessage", {"chat_id": chat, **self._manner(message), **form})
        if "message_id" not in sent:
            raise ChannelError(f"{self.name}: the answer was no message", Outcome.AMBIGUOUS)
        return Receipt(f"{chat}:{sent['message_id']}")

    def _edit(self, way: Line, token: str, message: Message, root: str) -> None:
        """Bring the incident's message up to date; to do so twice shows nothing twice, so doubt is no matter here."""
        chat, number = _split(root)
        edit = {"chat_id": chat, "message_id": number, "link_preview_options": {"is_disabled": True}}

        def send(form: Form) -> Receipt:
            self._call(way, token, "editMessageText", {**edit, **form})
            return Receipt(root)

        try:
            self.first_taken(_forms(message, render.text, reference(message)), send)
        except MigratedError as moved:
            raise RootLostError(str(moved), Outcome.NOT_DELIVERED) from moved
        except ChannelError as error:
            if error.outcome is Outcome.AMBIGUOUS:
                raise ChannelError(str(error), Outcome.NOT_DELIVERED) from error
            raise

    def _picture(self, way: Line, token: str, message: Message, receipt: Receipt) -> None:
        """The curve below its message. The message has arrived: whatever becomes of the picture changes nothing."""
        chat, number = _split(receipt.remote_id)
        below = json.dumps({"message_id": number, "allow_sending_without_reply": True})
        try:
            if (drawn := picture(message.page)) is None:
                return
            fields = {
                "chat_id": chat,
                "caption": render.caption(message.page),
                "parse_mode": "HTML",
                "reply_parameters": below,
                "disable_notification": "true",
                **({"message_thread_id": str(self.options.topic)} if self.options.topic else {}),
            }
            body, headers = as_parts(fields, {"photo": ("curve.png", drawn, "image/png")})
            self._read(way, way.ask(self._address(token, "sendPhoto"), body, headers), "sendPhoto")
        except Exception as error:  # noqa: BLE001  (a picture that fails must not make a delivered page fail)
            _log.warning("the curve could not be sent", channel=self.name, error=str(error))

    def _manner(self, message: Message) -> Form:
        page = message.page
        is_loud = page.severity.rank >= self.options.quiet_below.rank and page.reason in _LOUD
        topic = {"message_thread_id": self.options.topic} if self.options.topic else {}
        return {"disable_notification": not is_loud, "link_preview_options": {"is_disabled": True}, **topic}

    def _address(self, token: str, method: str) -> str:
        return f"{self.options.base_url}/bot{token}/{method}"

    def _call(self, way: Line, token: str, method: str, arguments: Form) -> dict[str, Any]:
        return self._read(way, way.ask(self._address(token, method), *as_json(arguments)), method)

    def _read(self, way: Line, answer: Answer, what: str) -> dict[str, Any]:
        said = read_json(answer)
        result = said.get("result")
        if answer.status == 200 and said.get("ok") is True:
            return result if isinstance(result, dict) else {}
        if "message is not modified" in str(said.get("description")):
            return {}
        raise _failure(way, answer, said, what)


def build(options: Options, context: ChannelContext) -> TelegramChannel:
    """The channel of one configuration."""
    return TelegramChannel(options, context)


def _forms(message: Message, make: Any, ref: str) -> Iterator[Form]:
    page = message.page
    return rungs(
        message.delivery_id,
        [
            lambda: {"text": make(page, ref), "parse_mode": "HTML"},
            lambda: {"text": render.one_line(page, ref)},
        ],
    )


def _split(remote_id: str) -> tuple[str, int]:
    chat, _, number = remote_id.rpartition(":")
    return chat, int(number)


def _failure(way: Line, answer: Answer, said: dict[str, Any], what: str) -> ChannelError:
    words = f"{what}: {said.get('description') or f'status {answer.status}'}"
    parameters = said.get("parameters")
    asked: dict[str, Any] = parameters if isinstance(parameters, dict) else {}
    if answer.status == 429:
        wait = asked.get("retry_after", way.wait(answer))
        wait = min(float(wait), 3_600) if isinstance(wait, (int, float)) else WAIT_WHEN_UNSAID
        return way.failure(answer, words, Outcome.NOT_DELIVERED, wait=wait)
    if moved := asked.get("migrate_to_chat_id"):
        return MigratedError(f"{way.name}: {words}; the chat is now {moved}", str(moved))
    return _meaning(way, answer, words)


def _meaning(way: Line, answer: Answer, words: str) -> ChannelError:
    """What a refusal means, by its status and, where several have the same one, by Telegram's words."""
    low = words.lower()
    if any(part in low for part in _ROOT_LOST):
        return way.failure(answer, words, Outcome.NOT_DELIVERED, kind=RootLostError)
    if answer.status == 413 or (answer.status == 400 and any(part in low for part in _TOO_MUCH)):
        return way.failure(answer, words, Outcome.REFUSED, kind=TooMuchError)
    if answer.status == 403:
        return way.failure(answer, f"{words}; the bot was blocked or put out of the chat", Outcome.REFUSED)
    if answer.status in (401, 404):
        return way.failure(answer, f"{words}; check the bot's token", Outcome.BROKEN, whole_channel=True)
    if answer.status < 500 and answer.status != 200:
        return way.failure(answer, f"{words}; check the chat's id, and add the bot to it", Outcome.BROKEN)
    return way.failure(answer, words, Outcome.AMBIGUOUS)
