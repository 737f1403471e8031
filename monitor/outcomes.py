"""What came of an action, in a sentence or two for the one who asked for it: the same on every way in."""

from __future__ import annotations

from datetime import datetime

from alerts.actions import Action
from alerts.render.outside import cleaned
from alerts.words import clock, person
from monitor.care import Done
from monitor.casework_lines import sentence
from monitor.caseworker import Worked
from storage.records import Incident, IncidentState

_STATES = {
    IncidentState.OPEN: "open, and nobody has it",
    IncidentState.RESOLVED: "over",
    IncidentState.FALSE_ALARM: "over, as a false alarm",
}
_RECORDED = (Action.NOT_ABOUT_US, Action.DUPLICATE)


def outcome(done: Done, timezone: str) -> str:
    """What happened, who has the incident now, and who will be told."""
    name = _name(done.incident)
    if done.event.kind == Action.NOTE:
        return f"Noted on {name}."
    if not done.changed:
        return f"{_already(done, timezone)} Your request is on record. {name}"
    return f"{_now(done, timezone)} {_others(done)} {name}"


def _name(incident: Incident) -> str:
    """What an incident is called in a sentence; a drill, and the program's own troubles, are about no brand."""
    brand = f"{cleaned(incident.brand)}: " if incident.brand else ""
    return f"{brand}{cleaned(incident.headline)} ({incident.id})"


def has_it(incident: Incident, timezone: str) -> str:
    """How the incident stands, and with whom."""
    if incident.state is not IncidentState.ACKNOWLEDGED:
        return f"It is {_STATES[incident.state]}."
    since = f" since {clock(incident.acknowledged_at, timezone)}" if incident.acknowledged_at else ""
    return f"{person(cleaned(incident.acknowledged_by or 'Somebody'))} has it{since}."


def _now(done: Done, timezone: str) -> str:
    match done.event.kind:
        case Action.SNOOZE:
            return f"Snoozed until {_until(done, timezone)}."
        case Action.ANSWERED:
            return "The public answer is on record."
        case Action.NOT_ABOUT_US:
            return "It is over, as not about us."
        case Action.DUPLICATE:
            return f"It is over, as a duplicate of {done.event.details.get('of', 'another')}."
        case _:
            return has_it(done.incident, timezone)


def _already(done: Done, timezone: str) -> str:
    match done.event.kind:
        case Action.SNOOZE:
            return "It was snoozed until then already."
        case Action.ANSWERED:
            return "That answer was on record already."
        case kind if kind in _RECORDED:
            return "It was over already."
        case _:
            return f"Nothing changed. {has_it(done.incident, timezone)}"


def _until(done: Done, timezone: str) -> str:
    return clock(datetime.fromisoformat(str(done.event.details["until"])), timezone, done.event.at)


def _others(done: Done) -> str:
    told = len({(item.channel, item.target) for item in done.deliveries})
    if not told:
        return "Nobody had been told of it."
    return f"{told} place{'s' if told != 1 else ''} will be told."


def worked(done: Worked) -> str:
    """What came of a piece of casework."""
    incident = done.incident
    name = _name(incident)
    if done.event is None:
        return f"It is so already; nothing changed. {name}"
    told = len({(item.channel, item.target) for item in done.deliveries})
    places = f" {told} place{'s' if told != 1 else ''} will be told." if told else ""
    return f"You {cleaned(sentence(done.event))}.{places} {name}"
