"""The response clock: how long it took from the first sign to the end, from the timeline and the deliveries alone.

Five moments, each known or not: detected (it rang), paged (the first message that a channel took), acknowledged,
answered publicly, resolved. They belong to one episode: what comes back starts the clock anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from alerts.actions import OFFERS, Action
from alerts.page import Response
from storage.records import Incident, IncidentEvent

_BEGINNINGS = ("opened", "reopened")
_ENDS = frozenset(one.action.value for one in OFFERS if one.is_final)


class Arrived(Protocol):
    """A delivery, or the first of an episode: all that the clock asks of one is when it was taken."""

    @property
    def episode(self) -> int:
        """Of the incident."""

    @property
    def sent_at(self) -> datetime | None:
        """When a channel took it, `None` where none has."""


def response(
    incident: Incident, events: Iterable[IncidentEvent], deliveries: Iterable[Arrived], episode: int | None = None
) -> Response:
    """The clock of one episode, the newest unless said otherwise."""
    wanted = incident.episode if episode is None else episode
    lines = [event for event in events if event.details.get("episode", 1) == wanted]
    sent = [item.sent_at for item in deliveries if item.episode == wanted]
    begun = _first(lines, _BEGINNINGS)
    taken, answered, ended = (_first(lines, kinds) for kinds in ((Action.ACKNOWLEDGE,), (Action.ANSWERED,), _ENDS))
    return Response(
        began_at=incident.began_at if wanted == 1 else None,
        detected_at=begun.at if begun else incident.opened_at,
        paged_at=min((at for at in sent if at is not None), default=None),
        acknowledged_at=taken.at if taken else None,
        acknowledged_by=taken.actor if taken else "",
        answered_at=answered.at if answered else None,
        answered_by=answered.actor if answered else "",
        answer=str(answered.details.get("link", "")) if answered else "",
        resolved_at=ended.at if ended else None,
        resolved_by=ended.actor if ended else "",
    )


def _first(lines: Sequence[IncidentEvent], kinds: Iterable[str]) -> IncidentEvent | None:
    wanted = frozenset(map(str, kinds))
    return min((event for event in lines if event.kind in wanted), key=lambda event: event.seq, default=None)
