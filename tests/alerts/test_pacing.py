"""Keeping to the pace: of a target, of a channel, of everything; and what is never held back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from alerts.buckets import Pace
from alerts.outbox import Sender
from alerts.pacing import Pacing
from config.settings import Settings
from storage import incidents, outbox
from storage.database import Database
from storage.records import Delivery, DeliveryState, Reason, Severity, delivery_id
from tests.alerts.desk import Inline, Way
from tests.alerts.examples import NOW, incident, page

CALM = Pace(every=10, burst=3)


def deliveries(
    database: Database, number: int, *, channel: str = "mail", severity: Severity = Severity.WARNING, **changes: object
) -> None:
    """So many incidents, each with a delivery that is due."""
    with database.write() as tx:
        for one in range(number):
            name = f"{channel}-{severity}-{changes.get('target', '')}-{one}"
            incidents.insert(tx, incident(id=name, fingerprint=name, severity=severity))
            usual = Delivery(
                id=delivery_id(name, 1, Reason.OPENED, 1, channel, "a"),
                incident_id=name,
                episode=1,
                seq=1,
                reason=Reason.OPENED,
                severity=severity,
                channel=channel,
                target="a",
                state=DeliveryState.PENDING,
                page={"headline": "x", **_page(name)},
                created_at=NOW,
                due_at=NOW,
                first_due_at=NOW,
            )
            outbox.enqueue(tx, [replace(usual, **changes)])  # type: ignore[arg-type]


def _page(name: str) -> dict[str, object]:
    from alerts.page import to_json

    return to_json(page(curve=None, incident_id=name))


class Office:
    """Senders of one database, on a clock that the test turns."""

    def __init__(self, database: Database, pacing: Pacing) -> None:
        self.now = NOW
        self.ways = {name: Way(name) for name in ("mail", "slack")}
        self.senders = [
            Sender(database, self.ways, clock=lambda: self.now, owner=owner, pacing=pacing, executor=Inline())
            for owner in ("one", "two")
        ]

    def send(self, channel: str = "mail", **passed: float) -> int:
        """Turn the clock, let every sender send, and count all that a channel was given so far."""
        self.now += timedelta(**passed)
        for sender in self.senders:
            sender.run_once()
        return len(self.ways[channel].sent)


def test_a_burst_goes_out_at_once_and_the_rest_at_the_pace(database: Database) -> None:
    office = Office(database, Pacing({"mail": Pace(every=60, burst=5)}))
    deliveries(database, 8)
    assert [office.send(), office.send(seconds=59), office.send(seconds=1), office.send(seconds=60)] == [5, 5, 6, 7]


def test_each_target_has_a_bucket_of_its_own(database: Database) -> None:
    office = Office(database, Pacing({"mail": Pace(every=60, burst=2)}))
    deliveries(database, 3)
    deliveries(database, 3, target="b")
    assert office.send() == 4


def test_a_limit_of_the_whole_channel_is_shared_by_its_targets(database: Database) -> None:
    office = Office(database, Pacing({"mail": Pace(every=60, burst=2, whole_channel=True)}))
    deliveries(database, 3)
    deliveries(database, 3, target="b")
    assert office.send() == 2


@pytest.mark.parametrize(("spares", "sent"), [(True, 6), (False, 2)])
def test_a_courtesy_never_holds_back_a_critical_beginning(database: Database, spares: bool, sent: int) -> None:
    office = Office(database, Pacing({"mail": Pace(every=60, burst=2, spares_urgent=spares)}))
    deliveries(database, 6, severity=Severity.CRITICAL)
    assert office.send() == sent


def test_a_courtesy_holds_back_further_words_about_something_critical(database: Database) -> None:
    office = Office(database, Pacing({"mail": Pace(every=60, burst=2, spares_urgent=True)}))
    deliveries(database, 4, severity=Severity.CRITICAL, reason=Reason.REMINDER)
    assert office.send() == 2


def test_what_is_critical_goes_first_where_tokens_are_few(database: Database) -> None:
    office = Office(database, Pacing({"mail": Pace(every=60, burst=1)}))
    deliveries(database, 2, severity=Severity.WATCH)
    deliveries(database, 1, severity=Severity.CRITICAL)
    office.send()
    assert [message.page.incident_id for message in office.ways["mail"].sent] == ["mail-critical--0"]


def test_what_is_not_critical_shares_one_limit_over_all_channels(database: Database) -> None:
    office = Office(database, Pacing({}, CALM))
    deliveries(database, 2)
    deliveries(database, 3, channel="slack")
    deliveries(database, 5, channel="slack", severity=Severity.CRITICAL)
    office.send()
    assert len(office.ways["mail"].sent) + len(office.ways["slack"].sent) == 5 + 3
    office.send(seconds=10)
    assert len(office.ways["mail"].sent) + len(office.ways["slack"].sent) == 5 + 4


def test_what_waits_for_a_token_is_no_failed_attempt(database: Database) -> None:
    office = Office(database, Pacing({"mail": Pace(every=60, burst=1)}))
    deliveries(database, 2)
    office.send(seconds=30)
    with database.read() as tx:
        (waiting,) = outbox.unfinished(tx)
    assert (waiting.state, waiting.attempt, waiting.last_error) == (DeliveryState.PENDING, 0, None)


def test_a_pace_is_what_the_channels_platform_asks_for() -> None:
    settings = Settings.model_validate(
        {
            "channels": [
                {"type": "slack", "name": "rooms", "token": {"env": "T"}, "channels": ["C0ROOM"]},
                {"type": "smtp", "enabled": False, "host": "m", "sender": "t@a.example", "to": ["a@a.example"]},
            ],
            "alerting": {"calm_limit": 30},
        }
    )
    built = Pacing.build(settings)
    assert built == Pacing({"rooms": Pace(every=1.2, burst=5)}, Pace(every=20, burst=30))
    assert Pacing.build(Settings.model_validate({"alerting": {"calm_limit": 0}})).calm is None
