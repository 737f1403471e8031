"""Slack, through an incoming webhook: a message an alert, where no app with a bot may be installed.

An incoming webhook can neither edit, nor answer in a thread, nor be asked what it took. So every alert is a message of
its own, and what may have arrived is sent again and says so. With a bot (`slack`) all three are done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field, field_validator

from alerts.buckets import Pace
from alerts.channels.contract import ChannelContext, ChannelOptions, Message, Outcome, Receipt
from alerts.channels.slack import Options as BotOptions
from alerts.channels.slack import checked, mention_of
from alerts.deadline import Deadline
from alerts.exchange import Answer
from alerts.render import slack as render
from alerts.render.ladder import rungs
from alerts.render.line import line
from alerts.web_channel import WAIT_WHEN_UNSAID, Line, TooMuchError, WebChannel, as_json, reference
from config.references import SecretReference
from storage.records import Reason, Severity

_TOO_MUCH = ("invalid_blocks", "invalid_payload", "invalid_attachments", "msg_too_long", "too_many_attachments")
_REMEDIES = {
    "action_prohibited": "an admin of the workspace forbids it",
    "channel_is_archived": "unarchive the channel or make another webhook",
    "channel_not_found": "make another webhook",
    "invalid_token": "copy the webhook's address again",
    "no_active_hooks": "switch the webhook on, or make another",
    "no_service": "the webhook was removed; make another",
    "no_team": "copy the webhook's address again",
}
_WHOLE = (Reason.OPENED, Reason.ESCALATED, Reason.DIGEST)
_LOUD = (Reason.OPENED, Reason.ESCALATED, Reason.REMINDER)


class Options(ChannelOptions):
    """The keys of a `[[channels]]` table of the type `slack_webhook`."""

    pace: ClassVar[Pace | None] = Pace(every=1.2, burst=5)

    url: SecretReference
    """Where the webhook's address lies (https://hooks.slack.com/services/…); it is a secret."""
    room: str = Field(default="channel", min_length=1)
    """What the channel behind it is called in our own messages."""
    mentions: dict[Severity, list[str]] = Field(default_factory=dict)
    """Who is called at which severity: user or group ids (U…, S…), "here" or "channel"."""
    proxy: str = Field(default="", pattern=r"^(http://\S+)?$")
    """Address of an HTTP proxy to go through."""

    @field_validator("mentions")
    @classmethod
    def _name_people(cls, mentions: dict[Severity, list[str]]) -> dict[Severity, list[str]]:
        return BotOptions.name_people(mentions)

    @property
    def targets(self) -> tuple[str, ...]:
        """The channel behind the webhook."""
        return (self.room,)


@dataclass(frozen=True, slots=True)
class SlackWebhookChannel(WebChannel[Options]):
    """One incoming webhook."""

    def send(self, message: Message, deadline: Deadline) -> Receipt:
        """Post the whole page when something begins or gets worse, else what is new."""
        url = self.secret_address(self.options.url)
        way = self.line(deadline, url)
        return self.first_taken(self._forms(message), lambda form: _post(way, url, message, form))

    def probe(self, deadline: Deadline) -> str:
        """Send a message without content, which Slack refuses only after it has recognised the webhook."""
        url = self.secret_address(self.options.url)
        way = self.line(deadline, url)
        answer = way.ask(url, *as_json({}))
        if answer.status == 400 and _words(answer) in ("no_text", "invalid_payload"):
            return "Slack knows this webhook"
        raise _failure(way, answer)

    def _forms(self, message: Message) -> Iterator[dict[str, Any]]:
        page, mentions = message.page, self._mentions(message)
        blocks = render.root if page.reason in _WHOLE else render.reply
        ref = {"type": "context", "elements": [{"type": "mrkdwn", "text": f"ref {reference(message)}"}]}
        tail = f" · ref {reference(message)}"
        return rungs(
            message.delivery_id,
            [
                lambda: {
                    "text": render.notification(page, mentions),
                    "blocks": checked([*blocks(page, mentions), ref]),
                },
                lambda: {"text": render.text(page, mentions) + tail},
                lambda: {"text": render.escaped(line(page)) + tail},
            ],
        )

    def _mentions(self, message: Message) -> list[str]:
        page = message.page
        if page.drill or not page.state.is_live or page.reason not in _LOUD:
            return []
        return [mention_of(one) for one in self.options.mentions.get(page.severity, [])]


def build(options: Options, context: ChannelContext) -> SlackWebhookChannel:
    """The channel of one configuration."""
    return SlackWebhookChannel(options, context)


def _post(way: Line, url: str, message: Message, form: dict[str, Any]) -> Receipt:
    quiet = {"unfurl_links": False, "unfurl_media": False}
    answer = way.ask(url, *as_json({**form, **quiet}))
    if answer.status == 200 and answer.body.strip() == b"ok":
        return Receipt(message.delivery_id)
    raise _failure(way, answer)


def _failure(way: Line, answer: Answer) -> Exception:
    words = _words(answer)
    if answer.status == 429 or words in ("rate_limited", "ratelimited"):
        wait = way.wait(answer)
        return way.failure(answer, words, Outcome.NOT_DELIVERED, wait=WAIT_WHEN_UNSAID if wait is None else wait)
    if answer.status == 400 and words in _TOO_MUCH:
        return way.failure(answer, words, Outcome.REFUSED, kind=TooMuchError)
    if 300 <= answer.status < 500:
        remedy = _REMEDIES.get(words, "check the webhook's address")
        return way.failure(answer, f"{words or answer.status}; {remedy}", Outcome.BROKEN, whole_channel=True)
    return way.failure(answer, f"status {answer.status}: {words}", Outcome.AMBIGUOUS)


def _words(answer: Answer) -> str:
    return answer.body[:200].decode("utf-8", "replace").strip()
