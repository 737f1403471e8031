"""PagerDuty: an alert an incident, through Events API v2; what is taken or over here is taken or over there.

Every event of an episode carries the same `dedup_key`, by which PagerDuty shows one alert however often an event comes:
what may have arrived is simply sent again. Errors: https://developer.pagerduty.com/docs/events-api-v2-overview.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from alerts.buckets import Pace
from alerts.channels.contract import ChannelContext, ChannelError, ChannelOptions, Message, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.exchange import Answer
from alerts.page import Page
from alerts.render.details import details, links
from alerts.render.ladder import rungs
from alerts.render.line import line, summary
from alerts.render.outside import cut
from alerts.render.story import tell
from alerts.web_channel import WAIT_WHEN_UNSAID, Line, TooMuchError, WebChannel, as_json, read_json
from config.references import SecretReference
from storage.records import IncidentState, Reason, Severity

LONGEST_SUMMARY = 1_024
SEVERITY = {Severity.CRITICAL: "critical", Severity.WARNING: "warning", Severity.WATCH: "info"}

Event = dict[str, Any]


class Options(ChannelOptions):
    """The keys of a `[[channels]]` table of the type `pagerduty`."""

    gathers: ClassVar[bool] = False
    pace: ClassVar[Pace | None] = Pace(every=0.6, burst=100, whole_channel=True)

    routing_key: SecretReference
    """Where the integration key of an "Events API v2" integration lies (32 characters)."""
    service: str = Field(default="service", min_length=1)
    """What the service is called in our own messages."""
    webhook_secret: SecretReference | None = None
    """Where the secret of a v3 webhook to /inbound/pagerduty/NAME of the web page lies: taken there is taken here."""
    old_webhook_secret: SecretReference | None = None
    """The secret before it, while it is being changed."""
    base_url: str = Field(default="https://events.pagerduty.com", pattern=r"^https?://[^/\s]+$")
    """Address of the API; https://events.eu.pagerduty.com for accounts in the EU."""
    proxy: str = Field(default="", pattern=r"^(http://\S+)?$")
    """Address of an HTTP proxy to go through."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The service."""
        return (self.service,)


@dataclass(frozen=True, slots=True)
class PagerDutyChannel(WebChannel[Options]):
    """One service of PagerDuty."""

    def send(self, message: Message, deadline: Deadline) -> Receipt:
        """Trigger, acknowledge or resolve the alert of the incident's episode."""
        key = self.secret(self.options.routing_key)
        way = self.line(deadline, key)
        events = rungs(message.delivery_id, [lambda: full(message, key), lambda: least(message, key)])
        return self.first_taken(events, lambda event: self._enqueue(way, event))

    def probe(self, deadline: Deadline) -> str:
        """Resolve an alert that never was, which PagerDuty takes from a known key and shows to nobody."""
        key = self.secret(self.options.routing_key)
        self._enqueue(
            self.line(deadline, key), {"routing_key": key, "event_action": "resolve", "dedup_key": "tocsin.probe"}
        )
        return f"{self.options.base_url.partition('://')[2]} takes events with this key"

    def _enqueue(self, way: Line, event: Event) -> Receipt:
        answer = way.ask(f"{self.options.base_url}/v2/enqueue", *as_json(event))
        said = read_json(answer)
        if 200 <= answer.status < 300:
            if said.get("status") == "success":
                return Receipt(str(said.get("dedup_key") or event["dedup_key"]))
            raise way.failure(answer, "the answer says nothing of success", Outcome.AMBIGUOUS)
        raise _failure(way, answer, said)


def build(options: Options, context: ChannelContext) -> PagerDutyChannel:
    """The channel of one configuration."""
    return PagerDutyChannel(options, context)


def full(message: Message, key: str) -> Event:
    """The event with every fact and link."""
    page = message.page
    event = _event(message, key, cut(summary(tell(page)), LONGEST_SUMMARY))
    event["payload"]["custom_details"] = {**details(page), "delivery_id": message.delivery_id}
    event["links"] = [{"href": href, "text": cut(label, 200)} for href, label in links(page)]
    return event


def least(message: Message, key: str) -> Event:
    """One line."""
    event = _event(message, key, cut(line(message.page), LONGEST_SUMMARY))
    event["payload"]["custom_details"] = {"delivery_id": message.delivery_id}
    return event


def action(page: Page) -> str:
    """What becomes of the alert at PagerDuty."""
    if page.reason is Reason.RESOLVED or not page.state.is_live:
        return "resolve"
    is_taken = page.state is IncidentState.ACKNOWLEDGED and page.reason is Reason.UPDATE
    return "acknowledge" if is_taken else "trigger"


def _event(message: Message, key: str, said: str) -> Event:
    page = message.page
    return {
        "routing_key": key,
        "event_action": action(page),
        "dedup_key": f"{page.incident_id}.{page.episode}",
        "client": "Tocsin",
        **({"client_url": tell(page).url} if tell(page).url else {}),
        "payload": {
            "summary": said,
            "source": tell(page).brand or "tocsin",
            "severity": "info" if page.drill else SEVERITY[page.severity],
            "timestamp": page.at.isoformat(),
            "component": tell(page).brand,
            "class": page.kind or "surge",
        },
    }


def _failure(way: Line, answer: Answer, said: dict[str, Any]) -> ChannelError:
    words = _words(said) or f"status {answer.status}"
    if answer.status == 429:
        wait = way.wait(answer)
        return way.failure(answer, words, Outcome.NOT_DELIVERED, wait=WAIT_WHEN_UNSAID if wait is None else wait)
    if answer.status == 400 and "routing_key" not in words and "routing key" not in words.lower():
        return way.failure(answer, words, Outcome.REFUSED, kind=TooMuchError)
    if answer.status == 413:
        return way.failure(answer, words, Outcome.REFUSED, kind=TooMuchError)
    if answer.status in (400, 401, 403, 404):
        remedy = f"{words}; check the integration key"
        return way.failure(answer, remedy, Outcome.BROKEN, whole_channel=True)
    try:
        way.require(answer)
    except ChannelError as error:
        return error
    return way.failure(answer, words, Outcome.AMBIGUOUS)


def _words(said: dict[str, Any]) -> str:
    errors = said.get("errors")
    listed = "; ".join(map(str, errors)) if isinstance(errors, list) else ""
    return ": ".join(part for part in (str(said.get("message") or ""), listed) if part)
