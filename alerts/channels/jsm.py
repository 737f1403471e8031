"""Jira Service Management Operations, the successor of Opsgenie: an alert an incident, taken and closed with it.

Both speak the same alert API; `base_url` says which. Every request about an episode carries its `alias`, by which one
alert is shown however often a request comes: what may have arrived is simply sent again. Requests are worked off after
they were accepted. https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v1/api-group-integration-events.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import Field

from alerts.buckets import Pace
from alerts.channels.contract import ChannelContext, ChannelError, ChannelOptions, Message, Outcome, Receipt
from alerts.channels.pagerduty import action
from alerts.deadline import Deadline
from alerts.exchange import Answer
from alerts.page import Page
from alerts.render.details import details
from alerts.render.ladder import rungs
from alerts.render.line import line, summary
from alerts.render.outside import cut
from alerts.render.plain import plain
from alerts.render.story import tell
from alerts.web_channel import WAIT_WHEN_UNSAID, Line, TooMuchError, WebChannel, as_json, read_json
from config.references import SecretReference
from storage.records import Reason, Severity

LONGEST_MESSAGE, LONGEST_TEXT, LONGEST_NOTE, LONGEST_DETAILS = 130, 15_000, 25_000, 8_000
PRIORITY = {Severity.CRITICAL: "P1", Severity.WARNING: "P2", Severity.WATCH: "P4"}

Request = tuple[str, dict[str, Any]]
"""Where something is asked, below the base, and what."""


class Options(ChannelOptions):
    """The keys of a `[[channels]]` table of the type `jsm`."""

    gathers: ClassVar[bool] = False
    pace: ClassVar[Pace | None] = Pace(every=0.6, burst=50, whole_channel=True)

    api_key: SecretReference
    """Where the key of an API integration lies."""
    team: str = Field(default="team", min_length=1)
    """What the team behind the integration is called in our own messages."""
    base_url: str = Field(default="https://api.atlassian.com/jsm/ops/integration", pattern=r"^https?://\S+[^/\s]$")
    """Address of the API; https://api.opsgenie.com or https://api.eu.opsgenie.com while you still have Opsgenie."""
    proxy: str = Field(default="", pattern=r"^(http://\S+)?$")
    """Address of an HTTP proxy to go through."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The team."""
        return (self.team,)


@dataclass(frozen=True, slots=True)
class JsmChannel(WebChannel[Options]):
    """One integration."""

    def send(self, message: Message, deadline: Deadline) -> Receipt:
        """Create, note, acknowledge or close the alert of the incident's episode."""
        key = self.secret(self.options.api_key)
        way = self.line(deadline, key)
        requests = _requests(message)
        return self.first_taken(requests, lambda request: self._ask(way, key, request))

    def probe(self, deadline: Deadline) -> str:
        """Close an alert that never was, which is accepted from a known key and shown to nobody."""
        key = self.secret(self.options.api_key)
        self._ask(self.line(deadline, key), key, (_at("tocsin.probe", "close"), {"source": "tocsin"}))
        return f"{self.options.base_url.partition('://')[2]} takes alerts with this key"

    def _ask(self, way: Line, key: str, request: Request) -> Receipt:
        where, content = request
        body, headers = as_json(content)
        answer = way.ask(f"{self.options.base_url}{where}", body, {**headers, "Authorization": f"GenieKey {key}"})
        said = read_json(answer)
        if 200 <= answer.status < 300:
            if not said.get("requestId"):
                raise way.failure(answer, "the answer names no request", Outcome.AMBIGUOUS)
            return Receipt(str(said["requestId"]))
        raise _failure(way, answer, said)


def build(options: Options, context: ChannelContext) -> JsmChannel:
    """The channel of one configuration."""
    return JsmChannel(options, context)


def alias(page: Page) -> str:
    """The identity of the episode's alert."""
    return f"{page.incident_id}.{page.episode}"


def _requests(message: Message) -> Iterator[Request]:
    page = message.page
    if (verb := action(page)) == "resolve":
        return rungs(message.delivery_id, [lambda: _noted(message, "close")])
    if verb == "acknowledge":
        return rungs(message.delivery_id, [lambda: _noted(message, "acknowledge")])
    if page.reason in (Reason.UPDATE, Reason.REMINDER):
        return rungs(message.delivery_id, [lambda: _noted(message, "notes")])
    return rungs(message.delivery_id, [lambda: _created(message), lambda: _least(message)])


def _created(message: Message) -> Request:
    page, said, left = message.page, dict[str, str](), LONGEST_DETAILS - 200
    for label, sentence in details(page).items():
        left -= len(label) + len(sentence)
        if left > 0:
            said[label] = sentence
    where, least = _least(message)
    kinds = [word for word in (page.kind, "drill" if page.drill else "") if word]
    return where, {
        **least,
        "message": cut(summary(tell(page)), LONGEST_MESSAGE),
        "description": cut_text(plain(page), LONGEST_TEXT),
        "details": {**said, "delivery_id": message.delivery_id},
        "tags": ["tocsin", page.severity.value, *kinds],
        "entity": cut(tell(page).brand, 512),
    }


def _least(message: Message) -> Request:
    page = message.page
    return "/v2/alerts", {
        "message": cut(line(page), LONGEST_MESSAGE),
        "alias": alias(page),
        "source": "tocsin",
        "priority": "P5" if page.drill else PRIORITY[page.severity],
        "details": {"delivery_id": message.delivery_id},
    }


def _noted(message: Message, verb: str) -> Request:
    story = tell(message.page)
    lines = [summary(story), *story.changed, *story.notes, f"delivery {message.delivery_id}"]
    said = {"source": "tocsin", "user": "tocsin", "note": cut_text("\n".join(lines), LONGEST_NOTE)}
    return _at(alias(message.page), verb), said


def _at(name: str, verb: str) -> str:
    return f"/v2/alerts/{quote(name, safe='')}/{verb}?identifierType=alias"


def cut_text(text: str, limit: int) -> str:
    """A text of several lines, cut at a line."""
    return text if len(text) <= limit else f"{text[: limit - 2].rpartition(chr(10))[0]}\n…"


def _failure(way: Line, answer: Answer, said: dict[str, Any]) -> ChannelError:
    words = str(said.get("message") or f"status {answer.status}")
    if answer.status == 429:
        wait = way.wait(answer)
        return way.failure(answer, words, Outcome.NOT_DELIVERED, wait=WAIT_WHEN_UNSAID if wait is None else wait)
    if answer.status in (400, 413, 422) and "key" not in words.lower():
        return way.failure(answer, f"{words} {said.get('errors', '')}", Outcome.REFUSED, kind=TooMuchError)
    if answer.status < 500:
        remedy = f"{words}; check the integration's key, and that it may create alerts"
        return way.failure(answer, remedy, Outcome.BROKEN, whole_channel=True)
    return way.failure(answer, words, Outcome.AMBIGUOUS)
