"""What a person may do about an incident: one table, from which Slack, mail, web, commands and API make lists.

The words are the same everywhere. What an action does is decided in `monitor/decisions.py`; here stands what it is
called, what it asks for, what a person confirms, and when it makes sense.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from storage.records import IncidentState


class Action(StrEnum):
    """What a person may do; the value is the kind of the line in the timeline."""

    ACKNOWLEDGE = "acknowledged"
    ANSWERED = "answered"
    SNOOZE = "snoozed"
    RESOLVE = "resolved"
    FALSE_ALARM = "false_alarm"
    NOT_ABOUT_US = "not_about_us"
    DUPLICATE = "duplicate"
    NOTE = "note"
    RELEASE = "released"


class Need(StrEnum):
    """What an action cannot do without, beside who does it."""

    NOTHING = "nothing"
    WORDS = "words"
    TIME = "time"
    LINK = "link"
    INCIDENT = "incident"


@dataclass(frozen=True, slots=True)
class Offer:
    """One action as it is offered.

    `label` stands on the button, `confirm` is the sentence that a person agrees to, `done` what the others read after
    the person's name. `command` is its name in `tocsin incidents`, `states` are those in which it is offered.
    `is_prominent` means a button of its own; the others stand in a menu. `is_final` means that it ends the incident.
    """

    action: Action
    label: str
    confirm: str
    done: str
    command: str
    states: Collection[IncidentState]
    needs: Need = Need.NOTHING
    is_prominent: bool = False
    is_final: bool = False


_LIVE = frozenset({IncidentState.OPEN, IncidentState.ACKNOWLEDGED})
_ANY = frozenset(IncidentState)

OFFERS: tuple[Offer, ...] = (
    Offer(
        Action.ACKNOWLEDGE,
        "Take it",
        "You take it: reminders stop, and the others read that you have it.",
        "took it",
        "ack",
        frozenset({IncidentState.OPEN}),
        is_prominent=True,
    ),
    Offer(
        Action.ANSWERED,
        "We answered",
        "You say that there is a public answer, and where; the others get the link.",
        "says that we have answered publicly",
        "answered",
        _ANY - {IncidentState.FALSE_ALARM},
        Need.LINK,
        is_prominent=True,
    ),
    Offer(
        Action.FALSE_ALARM,
        "False alarm",
        "You end it as a false alarm; the same story rings again only if it gets worse.",
        "called it a false alarm",
        "false-alarm",
        _ANY - {IncidentState.FALSE_ALARM},
        is_prominent=True,
        is_final=True,
    ),
    Offer(
        Action.SNOOZE,
        "Snooze",
        "Nobody is told more about it until then, unless it gets worse.",
        "snoozed it",
        "snooze",
        _LIVE,
        Need.TIME,
    ),
    Offer(
        Action.RESOLVE,
        "Resolve",
        "You end it, and those who were told of it read that it is over.",
        "ended it",
        "resolve",
        _LIVE,
        is_final=True,
    ),
    Offer(
        Action.NOT_ABOUT_US,
        "Not about us",
        "You end it as being about something else; the same story rings again only if it gets worse.",
        "says that it is not about us",
        "not-about-us",
        _ANY - {IncidentState.FALSE_ALARM},
        is_final=True,
    ),
    Offer(
        Action.DUPLICATE,
        "Duplicate",
        "You end it as the same story as another incident.",
        "says that it is the same as another incident",
        "duplicate",
        _ANY - {IncidentState.FALSE_ALARM},
        Need.INCIDENT,
        is_final=True,
    ),
    Offer(
        Action.RELEASE,
        "Hand it back",
        "Nobody has it any more, and everybody is told as at the start.",
        "handed it back",
        "release",
        frozenset({IncidentState.ACKNOWLEDGED}),
    ),
    Offer(
        Action.NOTE,
        "Write a note",
        "Your words stand in the timeline.",
        "noted",
        "note",
        _ANY,
        Need.WORDS,
    ),
)
"""Every action, in the order in which they are offered."""

_BY_ACTION = {offer.action: offer for offer in OFFERS}


def offer(action: Action) -> Offer:
    """How an action is offered."""
    return _BY_ACTION[action]


_ABOUT_A_BRAND = frozenset({Action.ANSWERED, Action.FALSE_ALARM, Action.NOT_ABOUT_US, Action.DUPLICATE})


def offered(state: IncidentState, *, is_own: bool = False) -> tuple[Offer, ...]:
    """What makes sense for an incident in this state, the likeliest first; of the program's `own` troubles, without
    what can only be said of a brand."""
    return tuple(one for one in OFFERS if state in one.states and not (is_own and one.action in _ABOUT_A_BRAND))
