"""Twilio: a text message or a call to each telephone, for what must not wait until somebody looks at a screen.

A text message carries the delivery's reference, by which the account's list of messages tells whether it was taken; a
call cannot be told from another and is made again, since a telephone that rings twice is better than one that does not.
Errors: https://www.twilio.com/docs/api/errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, ClassVar
from urllib.parse import urlencode

from pydantic import Field, field_validator, model_validator

from alerts.buckets import Pace
from alerts.channels.contract import ChannelContext, ChannelError, ChannelOptions, Message, OnDoubt, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.exchange import Answer
from alerts.render import sms
from alerts.render.ladder import rungs
from alerts.web_channel import (
    WAIT_WHEN_UNSAID,
    Line,
    TooMuchError,
    WebChannel,
    as_form,
    basic,
    read_json,
    reference,
)
from config.references import SecretReference

_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_CLOCKS_DIFFER = timedelta(seconds=60)
_MOST_READS = 5
_LARGEST_LIST = 1_048_576

_MEND = (21408, 21608, 21215, 21219)
"""This country or this number is not allowed to the account yet."""
_SENDER = (21212, 21606, 21603, 21210, 21213, 21659, 21660, 21703, 21704, 20003, 20404, 20005, 20008)
"""The account, its credentials or the number that it sends from."""
_LATER = (20429, 21611, 14107, 30001, 30022, 63038)
"""Too many for now."""
_TOO_MUCH = (21617, 21602, 21605, 12100, 21218)
_FAILED = ("failed", "undelivered", "canceled")


class Mode(StrEnum):
    """How people are reached."""

    SMS = "sms"
    VOICE = "voice"


class Options(ChannelOptions):
    """The keys of a `[[channels]]` table of the type `twilio`."""

    pace: ClassVar[Pace | None] = Pace(every=1, burst=3, whole_channel=True)

    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$", examples=["AC0123456789abcdef0123456789abcdef"])
    """The account's SID (AC…), which is no secret."""
    key_sid: str = Field(default="", pattern=r"^(SK[0-9a-fA-F]{32})?$")
    """SID of an API key (SK…), whose secret is then given instead of the account's token; empty for the account."""
    auth_token: SecretReference
    """Where the account's auth token lies, or the secret of the API key."""
    sender: str = Field(examples=["+15005550006"])
    """Number that it comes from, such as +15005550006; for text messages also the SID of a messaging service (MG…)."""
    to: list[str] = Field(min_length=1, examples=[["+4791234567"]])
    """Numbers that are written to or called, with + and the country's code."""
    mode: Mode = Mode.SMS
    """How people are reached: "sms" writes, "voice" calls and says it."""
    segments: int = Field(default=2, ge=1, le=3)
    """Parts that a text message may have: each is billed, and holds 160 characters, or 70 in other alphabets."""
    base_url: str = Field(default="https://api.twilio.com", pattern=r"^https?://[^/\s]+$")
    """Address of the API."""
    proxy: str = Field(default="", pattern=r"^(http://\S+)?$")
    """Address of an HTTP proxy to go through."""

    @field_validator("to")
    @classmethod
    def _are_numbers(cls, numbers: list[str]) -> list[str]:
        for number in numbers:
            if not _NUMBER.fullmatch(number):
                raise ValueError(
                    f"{number!r} is no telephone number; write it with + and the country's code, no blanks"
                )
        return list(dict.fromkeys(numbers))

    @model_validator(mode="after")
    def _can_send(self) -> Options:
        is_service = bool(re.fullmatch(r"MG[0-9a-fA-F]{32}", self.sender))
        if self.mode is Mode.VOICE and is_service:
            raise ValueError("a messaging service cannot call; give a number as sender")
        if not is_service and not _NUMBER.fullmatch(self.sender):
            raise ValueError(f"{self.sender!r} cannot send; give a number such as +15005550006")
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """The numbers."""
        return tuple(self.to)


@dataclass(frozen=True, slots=True)
class TwilioChannel(WebChannel[Options]):
    """One account, one sender, some telephones."""

    @property
    def on_doubt(self) -> OnDoubt:
        """Text messages can be looked up, calls cannot."""
        return OnDoubt.CHECK if self.options.mode is Mode.SMS else OnDoubt.RESEND

    def send(self, message: Message, deadline: Deadline) -> Receipt:
        """Write or call."""
        way, headers = self._way(deadline)
        what = "Messages" if self.options.mode is Mode.SMS else "Calls"
        forms = self._texts(message) if self.options.mode is Mode.SMS else self._calls(message)
        return self.first_taken(forms, lambda form: self._create(way, headers, what, form))

    def find(self, message: Message, since: datetime, deadline: Deadline) -> Receipt | None:
        """Look through the messages to that number, newest first, for the delivery's reference."""
        way, headers = self._way(deadline)
        for sent in self._list(way, headers, message.target, since - _CLOCKS_DIFFER):
            if str(sent.get("body", "")).endswith(f"#{reference(message)}") and sent.get("status") not in _FAILED:
                return Receipt(str(sent["sid"]))
        return None

    def probe(self, deadline: Deadline) -> str:
        """Read the account, which needs its credentials and sends nothing."""
        way, headers = self._way(deadline)
        said = self._require(way, way.ask(self._address(""), headers=headers, method="GET"))
        if said.get("status") not in (None, "active"):
            words = f"{self.name}: the account is {said['status']}"
            raise ChannelError(words, Outcome.BROKEN, whole_channel=True)
        return f"signed in to the account {said.get('friendly_name') or self.options.account_sid}"

    def _way(self, deadline: Deadline) -> tuple[Line, dict[str, str]]:
        token = self.secret(self.options.auth_token)
        headers = basic(self.options.key_sid or self.options.account_sid, token)
        return self.line(deadline, token, headers["Authorization"].partition(" ")[2]), headers

    def _texts(self, message: Message) -> Iterator[dict[str, str]]:
        page, ref, base = message.page, reference(message), {"To": message.target, **self._sender()}
        return rungs(
            message.delivery_id,
            [
                lambda: {**base, "Body": sms.text(page, ref, self.options.segments)},
                lambda: {**base, "Body": sms.text(page, ref, 1)},
            ],
        )

    def _calls(self, message: Message) -> Iterator[dict[str, str]]:
        base = {"To": message.target, **self._sender()}
        makers = [lambda: {**base, "Twiml": sms.speech(message.page)}]
        return rungs(message.delivery_id, makers)

    def _sender(self) -> dict[str, str]:
        sender = self.options.sender
        return {"MessagingServiceSid": sender} if sender.startswith("MG") else {"From": sender}

    def _create(self, way: Line, headers: Mapping[str, str], what: str, form: dict[str, str]) -> Receipt:
        body, kind = as_form(form)
        said = self._require(way, way.ask(self._address(f"/{what}"), body, {**headers, **kind}))
        if not said.get("sid"):
            raise ChannelError(f"{self.name}: the answer was no message", Outcome.AMBIGUOUS)
        return Receipt(str(said["sid"]))

    def _list(self, way: Line, headers: Mapping[str, str], to: str, since: datetime) -> Iterator[dict[str, Any]]:
        """Messages to a number since then, newest first; `ChannelError` where they are too many to read."""
        url = f"{self._address('/Messages')}?{urlencode({'To': to, 'PageSize': 100})}"
        for _ in range(_MOST_READS):
            answer = way.ask(url, headers=headers, method="GET", most=_LARGEST_LIST)
            page = self._require(way, answer)
            for sent in page.get("messages") or []:
                if _created_at(sent) < since:
                    return
                yield sent
            following = str(page.get("next_page_uri") or "")
            if not following.startswith("/"):
                return
            url = f"{self.options.base_url}{following}"
        raise ChannelError(f"{self.name}: too many messages to look through", Outcome.NOT_DELIVERED)

    def _require(self, way: Line, answer: Answer) -> dict[str, Any]:
        said = read_json(answer)
        if 200 <= answer.status < 300 and said:
            return said
        raise _failure(way, answer, said)

    def _address(self, below: str) -> str:
        return f"{self.options.base_url}/2010-04-01/Accounts/{self.options.account_sid}{below}.json"


def build(options: Options, context: ChannelContext) -> TwilioChannel:
    """The channel of one configuration."""
    return TwilioChannel(options, context)


def _created_at(sent: Mapping[str, Any]) -> datetime:
    """When a message was made; one that does not say so counts as new."""
    try:
        at = parsedate_to_datetime(str(sent.get("date_created")))
    except (ValueError, TypeError):
        return datetime.max.replace(tzinfo=UTC)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _failure(way: Line, answer: Answer, said: dict[str, Any]) -> ChannelError:
    code = said.get("code")
    words = f"{code}: {said.get('message', '')}" if code else f"status {answer.status}"
    if answer.status == 429 or code in _LATER:
        wait = way.wait(answer)
        return way.failure(answer, words, Outcome.NOT_DELIVERED, wait=WAIT_WHEN_UNSAID if wait is None else wait)
    if code in _SENDER or answer.status in (401, 403, 404) or 300 <= answer.status < 400:
        remedy = f"{words}; check the account, its token and the sender"
        return way.failure(answer, remedy, Outcome.BROKEN, whole_channel=True)
    if code in _MEND:
        return way.failure(answer, f"{words}; allow it in the Twilio console", Outcome.BROKEN)
    if 400 <= answer.status < 500:
        kind = TooMuchError if code in _TOO_MUCH else ChannelError
        return way.failure(answer, words, Outcome.REFUSED, kind=kind)
    return way.failure(answer, words, Outcome.AMBIGUOUS)
