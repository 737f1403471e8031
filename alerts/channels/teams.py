"""Microsoft Teams, through a workflow with a webhook: a card an alert, with the curve drawn by Teams.

The workflow (Power Automate, "When a Teams webhook request is received") posts the Adaptive Card that it is given. It
can neither edit nor be asked what it posted, so what may have arrived is sent again under the same reference, and says
so. It took the place of the Office 365 connectors, which Microsoft has retired.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from alerts.buckets import Pace
from alerts.channels.contract import ChannelContext, ChannelError, ChannelOptions, Message, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.exchange import Answer
from alerts.render import teams as render
from alerts.render.ladder import rungs
from alerts.web_channel import WAIT_WHEN_UNSAID, Line, TooMuchError, WebChannel, as_json, read_json, reference
from config.references import SecretReference
from storage.records import Reason

_WHOLE = (Reason.OPENED, Reason.ESCALATED, Reason.DIGEST)
_TOO_MUCH = ("RequestEntityTooLarge", "TriggerInputSchemaMismatch", "InvalidRequestContent")


class Options(ChannelOptions):
    """The keys of a `[[channels]]` table of the type `teams`."""

    pace: ClassVar[Pace | None] = Pace(every=1, burst=4)

    url: SecretReference
    """Where the workflow's address lies; it is a secret, since its signature is in it."""
    room: str = Field(default="channel", min_length=1)
    """What the channel behind it is called in our own messages."""
    proxy: str = Field(default="", pattern=r"^(http://\S+)?$")
    """Address of an HTTP proxy to go through."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The channel behind the workflow."""
        return (self.room,)


@dataclass(frozen=True, slots=True)
class TeamsChannel(WebChannel[Options]):
    """One workflow."""

    def send(self, message: Message, deadline: Deadline) -> Receipt:
        """Post the whole card when something begins or gets worse, else what is new."""
        url = self.secret_address(self.options.url)
        way = self.line(deadline, url, *_signature(url))
        page, ref = message.page, reference(message)
        makers = [lambda: render.brief(page, ref), lambda: render.least(page, ref)]
        if page.reason in _WHOLE:
            makers.insert(0, lambda: render.card(page, ref))
        return self.first_taken(rungs(message.delivery_id, makers), lambda card: _post(way, url, message, card))

    def probe(self, deadline: Deadline) -> str:
        """Ask for the address in a way that starts no workflow: Teams then complains of the way, not of the address."""
        url = self.secret_address(self.options.url)
        way = self.line(deadline, url, *_signature(url))
        answer = way.ask(url, method="GET")
        if answer.status < 300 or _code(answer) == "TriggerRequestMethodNotValid":
            return "Teams knows this workflow"
        raise _failure(way, answer)


def build(options: Options, context: ChannelContext) -> TeamsChannel:
    """The channel of one configuration."""
    return TeamsChannel(options, context)


def _signature(url: str) -> list[str]:
    """The signature in the address, which a server may say back on its own."""
    found = url.partition("sig=")[2].partition("&")[0]
    return [found] if len(found) > 5 else []


def _post(way: Line, url: str, message: Message, card: dict[str, Any]) -> Receipt:
    answer = way.ask(url, *as_json(render.envelope(card)))
    if 200 <= answer.status < 300:
        return Receipt(answer.headers.get("x-ms-workflow-run-id") or message.delivery_id)
    raise _failure(way, answer)


def _failure(way: Line, answer: Answer) -> ChannelError:
    code = _code(answer)
    words = f"{code}: {_said(answer)}" if code else f"status {answer.status}"
    if answer.status in (408, 429):
        wait = way.wait(answer)
        return way.failure(answer, words, Outcome.NOT_DELIVERED, wait=WAIT_WHEN_UNSAID if wait is None else wait)
    if answer.status in (400, 413) or code in _TOO_MUCH:
        return way.failure(answer, words, Outcome.REFUSED, kind=TooMuchError)
    if answer.status < 500:
        remedy = f"{words}; is the workflow switched on? Copy its address again"
        return way.failure(answer, remedy, Outcome.BROKEN, whole_channel=True)
    return way.failure(answer, words, Outcome.AMBIGUOUS)


def _code(answer: Answer) -> str:
    error = read_json(answer).get("error")
    return str(error.get("code") or "") if isinstance(error, dict) else ""


def _said(answer: Answer) -> str:
    error = read_json(answer).get("error")
    return str(error.get("message") or "") if isinstance(error, dict) else ""
