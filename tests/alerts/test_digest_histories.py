"""Any history of several incidents, failures and deaths tells every delivery once, alone or in one digest.

A history is a list of steps that Hypothesis makes up: what happens to the incidents, what an attempt meets with, and
between which two steps of the sender the process dies. Every place remembers what its people saw, and the outbox says
which deliveries each message was about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import alerts.outbox
from alerts.channels.contract import Message, OnDoubt, Receipt
from alerts.deadline import Deadline
from alerts.digests import Digest
from alerts.freshness import REPEAT
from alerts.policy import Change, Rules
from alerts.speak import Speaker
from storage import digests, incidents, outbox
from storage.database import Database
from storage.records import DeliveryState, Incident, IncidentState, Severity, fingerprint
from tests.alerts.desk import Desk, routing
from tests.alerts.examples import BRAND, incident, page
from tests.alerts.test_histories import FATES, ProcessDied, World

INCIDENTS = 5
READ = (
    Digest("Kim", frozenset({"mail"}), (time(9), time(17)), ZoneInfo("Europe/Oslo")),
    Digest("the room", frozenset({"slack"}), (time(15, 30),), ZoneInfo("Europe/Oslo")),
)
CHANGES = {
    "open": (Change.OPENED, {}),
    "grow": (Change.UPDATED, {}),
    "worsen": (Change.ESCALATED, {"severity": Severity.CRITICAL}),
    "take": (Change.ACKNOWLEDGED, {"state": IncidentState.ACKNOWLEDGED, "acknowledged_by": "Kim"}),
    "end": (Change.RESOLVED, {"state": IncidentState.RESOLVED}),
}
STEPS = st.one_of(
    st.tuples(st.sampled_from(["open", "open", "grow", "worsen", "take", "end"]), st.integers(0, INCIDENTS - 1)),
    st.tuples(st.just("wait"), st.sampled_from([1, 31, 400, 1300, 4 * 3600, 11 * 3600])),
    st.tuples(
        st.just("send"),
        st.lists(st.sampled_from(FATES), max_size=3),
        st.sampled_from(["", "", "S1", "S4"]),
    ),
)
_numbers = count()


@dataclass
class Place(World):
    """A place that also remembers which deliveries every message was about."""

    about: Callable[[Message], list[str]] = lambda message: [message.delivery_id]
    told: list[tuple[Message, list[str]]] = field(default_factory=list)

    def send(self, message: Message, deadline: Deadline) -> Receipt:
        """Meet the next fate, and remember."""
        before = len(self.seen)
        try:
            return super().send(message, deadline)
        finally:
            self.told += [(one, self.about(one)) for one in self.seen[before:]]


class Play:
    """Incidents, two places with digests and a fallback, and whatever happens to them."""

    def __init__(self, database: Database) -> None:
        number = next(_numbers)
        self.database = database
        doubts = {"slack": OnDoubt.CHECK, "mail": OnDoubt.RESEND, "phone": OnDoubt.CHECK}
        self.places = {name: Place(name, doubt, about=self._about) for name, doubt in doubts.items()}
        self.desk = Desk(database, ways=dict(self.places), incident=incident(id=f"{number}-none", topic=f"{number}"))
        self.desk.now += timedelta(days=100 * number)
        self.desk.speaker = Speaker(Rules(), replace(routing(), digests=READ))
        self.desk.sender = self.desk.another_sender("one")
        self.known = [self._incident(number, each) for each in range(INCIDENTS)]
        self.spoken: set[int] = set()
        self.dies_at = ""

    def _incident(self, number: int, each: int) -> Incident:
        topic = f"{number} {each}"
        made = incident(
            id=f"{number}-{each}", topic=topic, fingerprint=fingerprint(BRAND, topic), severity=Severity.WARNING
        )
        with self.database.write() as tx:
            incidents.insert(tx, made)
        return made

    def _about(self, message: Message) -> list[str]:
        with self.database.read() as tx:
            return [item.id for item in digests.members(tx, message.delivery_id)] or [message.delivery_id]

    def step(self, what: str, *how: Any) -> None:
        """One step of the history; what cannot happen now does not."""
        if what == "wait":
            self.desk.wait(seconds=how[0])
        elif what == "send":
            for place in ("slack", "mail"):
                self.places[place].fates = list(how[0])
            self.dies_at = how[1]
            self.run()
        elif self._may(what, how[0]):
            self._change(what, how[0])

    def _may(self, what: str, each: int) -> bool:
        now = self.known[each]
        if what == "open":
            return each not in self.spoken
        if what == "worsen" and now.severity is Severity.CRITICAL:
            return False
        return each in self.spoken and now.state.is_live and (what != "take" or now.state is IncidentState.OPEN)

    def _change(self, what: str, each: int) -> None:
        change, changes = CHANGES[what]
        before = self.known[each]
        moment = {"resolved_at": self.desk.now} if what == "end" else {}
        after = replace(before, version=before.version + 1, updated_at=self.desk.now, **changes, **moment)
        self.spoken.add(each)
        self.known[each] = after
        said = page(
            incident_id=after.id,
            severity=after.severity,
            state=after.state,
            at=self.desk.now,
            observed=100 * after.version,
        )
        with self.database.write() as tx:
            assert incidents.update(tx, after, before.version)
            self.desk.speaker.speak(tx, after, change, said, self.desk.now)

    def run(self) -> None:
        """One round of the sender, which may die."""
        try:
            self.desk.send()
        except ProcessDied:
            self.desk.sender = self.desk.another_sender(f"process {next(_numbers)}")

    def fault(self, name: str) -> None:
        """Die at this place, once, if that is what the history says."""
        if name == self.dies_at:
            self.dies_at = ""
            raise ProcessDied

    def end(self) -> None:
        """All ways open again, everything over, and time for every digest."""
        for each in sorted(self.spoken):
            if self.known[each].state.is_live:
                self._change("end", each)
        for place in self.places.values():
            place.fates = []
        self.dies_at = ""
        for _ in range(7):
            for seconds in (4 * 3600, 60, 60, 60):
                self.desk.wait(seconds=seconds)
                self.run()

    def check(self) -> None:
        """What was promised."""
        with self.database.read() as tx:
            assert outbox.unfinished(tx) == []
            known = [item for each in self.known for item in outbox.history(tx, each.id)]
        for name, place in self.places.items():
            firsts = [pair for pair in place.told if REPEAT not in pair[0].page.notes]
            assert max(Counter(message.delivery_id for message, _ in firsts).values(), default=1) == 1
            told = Counter(item for message, about in _distinct(place.told) for item in about)
            sent = {item.id for item in known if item.channel == name and item.state is DeliveryState.SENT}
            assert set(told) == sent, "what was sent was seen, and nothing else"
            assert max(told.values(), default=1) == 1, "nothing was told in two messages"
        for name in ("slack", "mail"):
            told = {item for _, about in self.places[name].told for item in about}
            for each in self.spoken:
                last = max(
                    (
                        one
                        for one in known
                        if one.channel == name and one.incident_id == self.known[each].id and one.id in told
                    ),
                    key=lambda one: one.seq,
                )
                assert last.reason.value == "resolved"


def _distinct(told: Sequence[tuple[Message, list[str]]]) -> list[tuple[Message, list[str]]]:
    return list({message.delivery_id: (message, about) for message, about in told}.values())


def play(database: Database, history: Sequence[tuple[Any, ...]], patch: pytest.MonkeyPatch) -> Play:
    """Play a history to its end."""
    made = Play(database)
    patch.setattr(alerts.outbox, "fault_point", made.fault)
    for what, *how in history:
        made.step(what, *how)
    made.end()
    made.check()
    return made


@given(history=st.lists(STEPS, min_size=6, max_size=22))
@settings(max_examples=10, phases=[Phase.generate])
def test_every_delivery_is_told_once_whatever_happens_on_sqlite(history: list[tuple[Any, ...]]) -> None:
    with Database.open("sqlite://") as database, pytest.MonkeyPatch.context() as patch:
        play(database, history, patch)


@pytest.mark.postgresql
def test_every_delivery_is_told_once_whatever_happens_on_postgresql(postgresql_url: str) -> None:
    with Database.open(postgresql_url) as database:

        @given(history=st.lists(STEPS, min_size=8, max_size=16))
        @settings(max_examples=3, phases=[Phase.generate])
        def plays(history: list[tuple[Any, ...]]) -> None:
            with pytest.MonkeyPatch.context() as patch:
                play(database, history, patch)

        plays()


@pytest.mark.parametrize("dies", ["S1", "died before", "died after", "S4"])
def test_a_process_that_dies_at_each_step_of_a_digest_repeats_and_loses_nothing(
    database: Database, dies: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fates = [dies] if dies.startswith("died") else []
    history = [*(("open", each) for each in range(4)), ("wait", 4 * 3600), ("send", fates, "" if fates else dies)]
    made = play(database, history, monkeypatch)
    for name in ("slack", "mail"):
        assert max(len(message.page.entries) for message, _ in made.places[name].told) == 4
