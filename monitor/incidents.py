"""How signals become incidents: what happened to whom, how bad it is, and when it is over.

`correlate` is a pure function of the incidents known, the signals of one tick and the tick's time. It never reads a
clock or a database, so the same history gives the same incidents whatever the batching or the restarts.

Detectors say at every tick what is the case; here that becomes what changed. One story is one incident, however many
detectors see it on however many sources, and people hear of it again only when it is really worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from monitor.signals import BRAND_WIDE, strongest_first
from monitor.stories import Story, opened
from monitor.transitions import Change, CorrelationSettings, Transition, incident_id, is_known
from storage.records import Incident, Signal

__all__ = ["Change", "CorrelationSettings", "Transition", "correlate", "incident_id", "is_known"]


def correlate(
    known: Sequence[Incident],
    signals: Sequence[Signal],
    at: datetime,
    settings: CorrelationSettings | None = None,
    coverage: Mapping[str, float] | None = None,
) -> list[Transition]:
    """Join the signals of the tick `at` to what is known, and say what changed.

    `known` holds the live incidents and those that ended lately (`is_known` tells which), in any order. It must be
    called at every tick while anything is known, with no signals too: that is how incidents end. `coverage` is the
    tick's; nothing is resolved while the sources of the incident are not read. At most one transition per incident,
    sorted by incident id.
    """
    chosen = settings or CorrelationSettings()
    stories = [Story(incident, incident) for incident in sorted(known, key=lambda incident: incident.id)]
    for signal in sorted(signals, key=strongest_first):
        _place(stories, signal, at, chosen)
    _merge(stories, chosen)
    transitions = (story.transition(at, chosen, coverage or {}) for story in stories)
    return sorted((one for one in transitions if one is not None), key=lambda one: one.incident.id)


def _place(stories: list[Story], signal: Signal, at: datetime, settings: CorrelationSettings) -> None:
    """Give the signal to the story it belongs to, or open one, or drop it when there is nothing to tell."""
    fitting = [(story.takes(signal, settings), story) for story in stories]
    fitting = [(fit, story) for fit, story in fitting if fit]
    live = [(fit, story) for fit, story in fitting if story.incident.state.is_live]
    if live:
        _best(live).signals.append(signal)
    elif signal.surprise >= 1.0 and not fitting:
        twin = next((story for story in stories if story.is_twin(signal)), None)
        if twin is None:
            stories.append(opened(signal, at))
        else:
            twin.signals.append(signal)
    elif signal.surprise >= 1.0:
        ended = _best(fitting)
        if ended.may_reopen(signal, at, settings):
            ended.signals.append(signal)


def _merge(stories: list[Story], settings: CorrelationSettings) -> None:
    """Make one of two live incidents when a signal of this tick belongs to both.

    The one that people heard the worst of goes on, of equals the older; merging is told as the end of the other alone.
    """
    heard = {story.incident.brand for story in stories if story.signals}
    live = [story for story in stories if story.before is not None and story.incident.state.is_live]
    for brand in heard:  # one incident has one brand, and without a signal nothing belongs to two
        _merge_of_brand([story for story in live if story.incident.brand == brand], settings)


def _merge_of_brand(live: list[Story], settings: CorrelationSettings) -> None:
    live.sort(key=lambda story: (-story.incident.severity.rank, story.incident.opened_at, story.incident.id))
    for place, kept in enumerate(live):
        for other in live[place + 1 :]:
            if other.merged_into is None and kept.merged_into is None and _are_one(kept, other, settings):
                kept.absorbed.append(other.incident)
                kept.signals += other.signals
                other.merged_into, other.signals = kept.incident, []


def _are_one(first: Story, second: Story, settings: CorrelationSettings) -> bool:
    both = [signal for signal in (*first.signals, *second.signals) if signal.topic != BRAND_WIDE]
    return any(min(first.takes(signal, settings), second.takes(signal, settings)) >= 2 for signal in both)


def _best(fitting: Iterable[tuple[int, Story]]) -> Story:
    """The closest match; of equals the one that was opened last."""
    return max(fitting, key=lambda pair: (pair[0], pair[1].incident.opened_at, pair[1].incident.id))[1]
