"""What somebody did in PagerDuty, carried into the incident: taken there is taken here, over there is over here.

Webhooks v3: https://developer.pagerduty.com/docs/webhooks-v3-overview. A webhook may come twice or late, and what we
sent ourselves comes back as well; only what a person did counts, and doing it twice changes nothing.
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

_ACTIONS = {"incident.acknowledged": Action.ACKNOWLEDGE, "incident.resolved": Action.RESOLVE}
_PERSON = "user_reference"


@dataclass(frozen=True, slots=True)
class ToldByPagerDuty:
    """An action of a person there, on one episode of an incident here."""

    action: Action
    incident: str
    episode: int
    by: str


def read_webhook(body: bytes) -> ToldByPagerDuty | None:
    """What a webhook tells; `None` for what is not ours to act on: other events, other alerts, our own doing."""
    try:
        event = json.loads(body)["event"]
        action = _ACTIONS[event["event_type"]]
        incident, episode = _named(event["data"])
        agent: dict[str, Any] = event["agent"]
        if agent["type"] != _PERSON:
            return None
        return ToldByPagerDuty(action, incident, episode, cut(cleaned(str(agent["summary"])), 60))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def carry_out(told: ToldByPagerDuty, care: Care, database: Database, now: datetime) -> str:
    """Do it, unless it concerns an episode that is over; what came of it, for PagerDuty's log."""
    try:
        with database.write() as tx:
            found = incidents.get(tx, told.incident)
            if found is not None and found.episode != told.episode:
                return f"episode {told.episode} of {told.incident} is over"
            done = care.do(tx, told.incident, told.action, f"pagerduty:{told.by}", now)
    except CareError as error:
        return str(error)
    return outcome(done, care.timezone)


def _named(data: dict[str, Any]) -> tuple[str, int]:
    """The incident and the episode in our key, `INCIDENT.EPISODE`."""
    incident, _, episode = str(data["incident_key"]).rpartition(".")
    if not incident:
        raise ValueError("it is no key of ours")
    return incident, int(episode)
