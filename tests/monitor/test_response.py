"""The response clock: what happened when, read from the timeline and the deliveries alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.response import response
from storage.records import DeliveryState, IncidentEvent
from tests.storage.examples import NOON, after, delivery, incident

MINUTE = timedelta(minutes=1)


def event(minute: float, kind: str, actor: str = "tocsin", *, episode: int = 1, **details: Any) -> IncidentEvent:
    return IncidentEvent(
        "i1", int(minute * 60) + 1, after(minutes=minute), kind, actor, {"episode": episode, **details}
    )


def test_every_moment_is_read_and_every_span_counted() -> None:
    events = [
        event(0, "opened"),
        event(3, "acknowledged", "Ada"),
        event(4, "acknowledged", "Bo"),
        event(41, "answered", "Ada", link="https://acme.example/sorry"),
        event(60, "answered", "Bo", link="https://acme.example/more"),
        event(120, "resolved", "Ada"),
        event(121, "resolved", "Bo"),
    ]
    sent = [
        delivery(state=DeliveryState.SENT, sent_at=after(seconds=9)),
        delivery(state=DeliveryState.SENT, sent_at=after(seconds=4)),
        delivery(state=DeliveryState.DEAD),
    ]
    told = response(incident(), events, sent)
    assert (told.acknowledged_by, told.answered_by, told.answer) == ("Ada", "Ada", "https://acme.example/sorry")
    assert told.spans == {
        "detected": 30 * MINUTE,
        "paged": timedelta(seconds=4),
        "acknowledged": 3 * MINUTE - timedelta(seconds=4),
        "answered": 41 * MINUTE,
        "resolved": 120 * MINUTE,
    }


def test_what_has_not_happened_has_no_span() -> None:
    told = response(incident(), [event(0, "opened")], [delivery()])
    assert set(told.spans) == {"detected"}
    assert (told.paged_at, told.answered_at) == (None, None)


def test_each_episode_has_its_own_clock() -> None:
    events = [
        event(0, "opened"),
        event(5, "acknowledged", "Ada"),
        event(50, "false_alarm", "Ada"),
        event(70, "reopened", episode=2),
        event(75, "answered", "Bo", episode=2, link="https://acme.example/"),
    ]
    first, second = (response(incident(episode=2), events, [], episode) for episode in (1, None))
    assert (first.resolved_at, first.answered_at) == (after(minutes=50), None)
    assert (second.detected_at, second.acknowledged_at) == (after(minutes=70), None)
    assert second.spans == {"answered": 5 * MINUTE}


@given(st.lists(st.tuples(st.integers(0, 90), st.sampled_from(["acknowledged", "answered", "resolved", "note"]))))
def test_no_span_is_negative_and_the_order_of_lines_does_not_matter(said: list[tuple[int, str]]) -> None:
    events = [event(0, "opened"), *(event(minute, kind, "Ada") for minute, kind in said)]
    told = response(incident(), events, [])
    assert told == response(incident(), events[::-1], [])
    assert all(span >= timedelta(0) for span in told.spans.values())
    assert (told.answered_at is not None) == any(kind == "answered" for _, kind in said)
    assert told.detected_at == NOON
