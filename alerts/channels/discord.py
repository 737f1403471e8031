"""Discord, through a channel's webhook: one message an incident, kept up to date by editing, with what is new below.

A webhook may edit its own messages but cannot list them: what may have arrived is sent again under the same reference,
and says so. Errors and limits: https://discord.com/developers/docs/resources/webhook.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field, field_validator

from alerts.buckets import Pace
from alerts.channels.contract import ChannelContext, ChannelError, ChannelOptions, Message, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.exchange import Answer
from alerts.page import Page
from alerts.render import discord as render
from alerts.render.curve import alternative, picture
from alerts.render.ladder import rungs
from alerts.render.outside import cut
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

_MENTION = re.compile(r"(role|user):\d{5,20}|here|everyone")
_LOUD = (Reason.OPENED, Reason.ESCALATED, Reason.REMINDER)
_UNKNOWN_MESSAGE, _INVALID_FORM, _TOO_LARGE = 10008, 50035, 40005

Form = tuple[dict[str, Any], bytes | None]
"""The message, and its picture."""


class Options(ChannelOptions):
    """The keys of a `[[channels]]` table of the type `discord`."""

    edits: ClassVar[bool] = True
    draws: ClassVar[bool] = True
    pace: ClassVar[Pace | None] = Pace(every=2, burst=5)

    url: SecretReference
    """Where the webhook's address lies (https://discord.com/api/webhooks/…); it is a secret."""
    room: str = Field(default="channel", min_length=1)
    """What the channel behind it is called in our own messages."""
    thread: str = Field(default="", pattern=r"^\d*$")
    """Id of a thread of that channel to write into; empty for the channel itself."""
    mentions: dict[Severity, list[str]] = Field(default_factory=dict)
    """Who is called at which severity: "role:ID", "user:ID", "here" or "everyone"."""
    proxy: str = Field(default="", pattern=r"^(http://\S+)?$")
    """Address of an HTTP proxy to go through."""

    @field_validator("mentions")
    @classmethod
    def _name_people(cls, mentions: dict[Severity, list[str]]) -> dict[Severity, list[str]]:
        for mention in (one for called in mentions.values() for one in called):
            if not _MENTION.fullmatch(mention):
                raise ValueError(f'{mention!r} calls nobody; write "role:ID", "user:ID", "here" or "everyone"')
        return mentions

    @property
    def targets(self) -> tuple[str, ...]:
        """The channel behind the webhook."""
        return (self.room,)


@dataclass(frozen=True, slots=True)
class DiscordChannel(WebChannel[Options]):
    """One webhook."""

    def send(self, message: Message, deadline: Deadline) -> Receipt:
        """Post the incident's message, or edit it and say below what is new."""
        url = self.secret_address(self.options.url)
        way = self.line(deadline, url, *url.rsplit("/", 1)[-1:])
        if message.root is not None:
            try:
                self._edit(way, url, message, message.root)
                if is_edit_only(message):
                    return Receipt(message.root)
                return self._post(way, url, self._updates(message))
            except RootLostError:
                pass
        return self._post(way, url, self._roots(message, self._mentions(message)))

    def probe(self, deadline: Deadline) -> str:
        """Read what the webhook is called; that needs its token and posts nothing."""
        url = self.secret_address(self.options.url)
        way = self.line(deadline, url, *url.rsplit("/", 1)[-1:])
        answer = way.ask(url, method="GET")
        if answer.status != 200:
            raise _failure(way, answer)
        return f"Discord knows this webhook as {str(read_json(answer).get('name') or 'unnamed')!r}"

    def _post(self, way: Line, url: str, forms: Iterator[Form]) -> Receipt:
        where = f"{url}?wait=true{self._thread('&')}"
        return self.first_taken(forms, lambda form: _sent(way, where, form, "POST"))

    def _edit(self, way: Line, url: str, message: Message, root: str) -> None:
        """Bring the incident's message up to date; to do so twice shows nothing twice, so doubt is no matter here."""
        where = f"{url}/messages/{root}{self._thread('?')}"
        try:
            self.first_taken(self._roots(message, []), lambda form: _sent(way, where, form, "PATCH"))
        except ChannelError as error:
            if error.outcome is Outcome.AMBIGUOUS:
                raise ChannelError(str(error), Outcome.NOT_DELIVERED) from error
            raise

    def _thread(self, sign: str) -> str:
        return f"{sign}thread_id={self.options.thread}" if self.options.thread else ""

    def _roots(self, message: Message, mentions: list[str]) -> Iterator[Form]:
        page, ref, calls = message.page, reference(message), [_call(one) for one in mentions]
        return rungs(
            message.delivery_id,
            [
                lambda: self._whole(page, ref, mentions, picture(page)),
                lambda: self._whole(page, ref, mentions, None),
                lambda: _form(render.one_line(page, ref, calls), [], mentions),
            ],
        )

    def _updates(self, message: Message) -> Iterator[Form]:
        page, ref = message.page, reference(message)
        mentions = self._mentions(message) if page.reason in _LOUD else []
        calls = [_call(one) for one in mentions]
        return rungs(
            message.delivery_id,
            [
                lambda: _form(" ".join(calls), [render.update(page, ref)], mentions),
                lambda: _form(render.one_line(page, ref, calls), [], mentions),
            ],
        )

    def _whole(self, page: Page, ref: str, mentions: list[str], drawn: bytes | None) -> Form:
        said = render.content(page, [_call(one) for one in mentions])
        form, _ = _form(said, render.embeds(page, ref, has_picture=drawn is not None), mentions)
        words = cut(alternative(page), 1_024)
        shown = [{"id": 0, "filename": render.PICTURE, "description": words}] if drawn else []
        return {**form, "attachments": shown}, drawn

    def _mentions(self, message: Message) -> list[str]:
        page = message.page
        calls = not page.drill and not page.entries and page.state.is_live
        return list(self.options.mentions.get(page.severity, [])) if calls else []


def build(options: Options, context: ChannelContext) -> DiscordChannel:
    """The channel of one configuration."""
    return DiscordChannel(options, context)


def _form(content: str, embeds: list[dict[str, Any]], mentions: list[str]) -> Form:
    return {"content": content, "embeds": embeds, "allowed_mentions": _allowed(mentions)}, None


def _call(who: str) -> str:
    kind, _, number = who.partition(":")
    return {"role": f"<@&{number}>", "user": f"<@{number}>"}.get(kind, f"@{kind}")


def _allowed(mentions: list[str]) -> dict[str, Any]:
    """Whom a message may call: those whom the policy names, whatever else its text looks like."""
    named = [one.partition(":") for one in mentions]
    roles = [number for kind, _, number in named if kind == "role"]
    users = [number for kind, _, number in named if kind == "user"]
    everyone = ["everyone"] if any(not number for _, _, number in named) else []
    return {"parse": everyone, "roles": roles, "users": users}


def _sent(way: Line, url: str, form: Form, method: str) -> Receipt:
    said, drawn = form
    if drawn is None:
        body, headers = as_json(said)
    else:
        body, headers = as_parts({"payload_json": json.dumps(said)}, {"files[0]": (render.PICTURE, drawn, "image/png")})
    answer = way.ask(url, body, headers, method=method)
    if 200 <= answer.status < 300:
        name = read_json(answer).get("id")
        if not name:
            raise way.failure(answer, "the answer was no message", Outcome.AMBIGUOUS)
        return Receipt(str(name))
    raise _failure(way, answer)


def _failure(way: Line, answer: Answer) -> Exception:
    said = read_json(answer)
    code, words = said.get("code"), str(said.get("message") or f"status {answer.status}")
    if answer.status == 429:
        return way.failure(answer, words, Outcome.NOT_DELIVERED, wait=_asked_wait(way, answer, said))
    if code == _UNKNOWN_MESSAGE:
        return way.failure(answer, words, Outcome.NOT_DELIVERED, kind=RootLostError)
    if code in (_INVALID_FORM, _TOO_LARGE) or answer.status in (400, 413):
        return way.failure(answer, f"{words} {said.get('errors', '')}", Outcome.REFUSED, kind=TooMuchError)
    if answer.status < 500:
        remedy = f"{words}; was the webhook removed? Make another, and copy its address again"
        return way.failure(answer, remedy, Outcome.BROKEN, whole_channel=True)
    return way.failure(answer, words, Outcome.AMBIGUOUS)


def _asked_wait(way: Line, answer: Answer, said: dict[str, Any]) -> float:
    """Seconds to wait: Discord says them to the millisecond in the body, and rounded up in the header."""
    asked = said.get("retry_after")
    if isinstance(asked, (int, float)) and not isinstance(asked, bool) and asked >= 0:
        return float(min(asked, 3_600))
    header = way.wait(answer)
    return WAIT_WHEN_UNSAID if header is None else header
