"""What somebody did in PagerDuty, carried into the incident: taken there is taken here, over there is over here.

Webhooks v3: https://developer.pagerduty.com/docs/webhooks-v3-overview. A webhook may come twice or late, and what we
sent ourselves comes back as well; only what a person did counts, and doing it twice changes nothing. One thing happens
there by itself: an acknowledgement runs out (`incident.unacknowledged`), and PagerDuty rings again. Then nobody has it
here either, if it was taken there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.actions import Action
from alerts.render.outside import cleaned, cut
from monitor.care import Care, CareError
from monitor.outcomes import outcome
from storage import incidents
from storage.database import Database
from storage.records import Incident

_ACTIONS = {
    "incident.acknowledged": Action.ACKNOWLEDGE,
    "incident.resolved": Action.RESOLVE,
    "incident.unacknowledged": Action.RELEASE,
}
_PERSON = "user_reference"
_WAY = "pagerduty:"
_NO_MORE = "It is not acknowledged at PagerDuty any more."


@dataclass(frozen=True, slots=True)
class ToldByPagerDuty:
    """What was done there on one episode of an incident here, and when."""

    action: Action
    incident: str
    episode: int
    by: str
    at: datetime | None = None


def read_webhook(body: bytes) -> ToldByPagerDuty | None:
    """What a webhook tells; `None` for what is not ours to act on: other events, other alerts, our own doing."""
    try:
        event = json.loads(body)["event"]
        action = _ACTIONS[event["event_type"]]
        incident, episode = _named(event["data"])
        agent: dict[str, Any] = event["agent"] or {}
        if agent.get("type") != _PERSON and action is not Action.RELEASE:
            return None
        by = cut(cleaned(str(agent.get("summary") or "PagerDuty")), 60)
        return ToldByPagerDuty(action, incident, episode, by, _moment(event.get("occurred_at")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def carry_out(told: ToldByPagerDuty, care: Care, database: Database, now: datetime) -> str:
    """Do it, unless it concerns an episode that is over; what came of it, for PagerDuty's log."""
    try:
        with database.write() as tx:
            found = incidents.get(tx, told.incident)
            if found is not None and found.episode != told.episode:
                return f"episode {told.episode} of {told.incident} is over"
            if found is not None and told.action is Action.RELEASE and (why := _still_held(found, told)):
                return why
            note = _NO_MORE if told.action is Action.RELEASE else ""
            done = care.do(tx, told.incident, told.action, f"{_WAY}{told.by}", now, note)
    except CareError as error:
        return str(error)
    return outcome(done, care.timezone)


def _still_held(found: Incident, told: ToldByPagerDuty) -> str:
    """Why an acknowledgement that ran out there is none that is missing here; empty where it is."""
    if not (found.acknowledged_by or "").startswith(_WAY):
        return "it was not taken at PagerDuty"
    if told.at is not None and found.acknowledged_at is not None and told.at < found.acknowledged_at:
        return "it was taken anew since then"
    return ""


def _moment(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else None


def _named(data: dict[str, Any]) -> tuple[str, int]:
    """The incident and the episode in our key, `INCIDENT.EPISODE`."""
    incident, _, episode = str(data["incident_key"]).rpartition(".")
    if not incident:
        raise ValueError("it is no key of ours")
    return incident, int(episode)
