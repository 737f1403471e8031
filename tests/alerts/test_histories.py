"""Any history of changes, failures and deaths keeps the promises of delivery.

Hypothesis makes up the history: what happens to the incident, what each attempt meets with, when a process dies with a
claim in its hands. What the places have really seen is compared with the promises after every step, and at the end,
when all ways are open again, with what there was to say.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alerts.channels.contract import ChannelError, Message, OnDoubt, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.freshness import REPEAT
from alerts.policy import Change
from alerts.succession import COMBINED
from storage import outbox
from storage.database import Database
from storage.records import DeliveryState, IncidentState, Reason, Severity
from tests.alerts.desk import Desk, Way
from tests.alerts.examples import page

DOUBTFUL = ("taken, answer lost", "died after", "lost", "died before")
FATES = ("taken", *DOUBTFUL, "no connection", "too many", "broken")
MISHAPS = st.one_of(
    st.lists(st.sampled_from(FATES), max_size=3),
    st.tuples(st.sampled_from(DOUBTFUL), st.sampled_from(FATES[5:])).map(list),
)


class ProcessDied(BaseException):
    """kill -9, as far as one process can play it: nothing of what follows is done."""


@dataclass
class World(Way):
    """A channel with a memory of what people there have seen, which meets with the fates that are drawn for it."""

    fates: list[str] = field(default_factory=list)
    seen: list[Message] = field(default_factory=list)

    def send(self, message: Message, deadline: Deadline) -> Receipt:
        """Meet the next fate."""
        fate = self.fates.pop(0) if self.fates else "taken"
        if fate == "died before":
            raise ProcessDied
        if fate in ("taken", "taken, answer lost", "died after"):
            self.seen.append(message)
        if fate == "died after":
            raise ProcessDied
        errors = {
            "taken, answer lost": ChannelError("broke off", Outcome.AMBIGUOUS),
            "lost": ChannelError("broke off", Outcome.AMBIGUOUS),
            "no connection": ChannelError("no connection", Outcome.NOT_DELIVERED),
            "too many": ChannelError("too many", Outcome.NOT_DELIVERED, retry_after=40),
            "broken": ChannelError("revoked", Outcome.BROKEN, whole_channel=True),
        }
        if fate in errors:
            raise errors[fate]
        return Receipt(f"{self.name}-{message.delivery_id}")

    def find(self, message: Message, since: datetime, deadline: Deadline) -> Receipt | None:
        """Look into the memory."""
        if any(one.delivery_id == message.delivery_id for one in self.seen):
            return Receipt(f"{self.name}-{message.delivery_id}")
        return None


class Histories(RuleBasedStateMachine):
    """One incident, two places with a fallback, and whatever may happen to them."""

    @initialize()
    def begin(self) -> None:
        """An empty desk in memory, and the first alert."""
        self.database = Database.open("sqlite://")
        slack, mail, phone = World("slack", OnDoubt.CHECK), World("mail", OnDoubt.RESEND), World("phone", OnDoubt.CHECK)
        self.worlds = {"slack": slack, "mail": mail, "phone": phone}
        self.desk = Desk(self.database, ways=dict(self.worlds))
        self.loudness = 1.0
        self.processes = 1
        self.desk.open(Severity.WARNING)

    @property
    def state(self) -> IncidentState:
        return self.desk.incident.state

    @rule(slack=MISHAPS, mail=MISHAPS)
    def fates_are_drawn(self, slack: list[str], mail: list[str]) -> None:
        self.worlds["slack"].fates, self.worlds["mail"].fates = slack, mail

    @rule(seconds=st.sampled_from([0, 1, 5, 20, 40, 90, 400, 1300]))
    def time_passes_and_a_sender_runs(self, seconds: float) -> None:
        self.desk.wait(seconds=seconds)
        self._run_sender()

    @precondition(lambda self: self.state.is_live)
    @rule(growth=st.sampled_from([1.1, 2.5]))
    def it_grows(self, growth: float) -> None:
        self.loudness *= growth
        self.desk.say(Change.UPDATED, page(observed=100 * self.loudness))

    @precondition(lambda self: self.state.is_live and self.desk.incident.severity is Severity.WARNING)
    @rule()
    def it_gets_worse(self) -> None:
        self.desk.change(severity=Severity.CRITICAL).say(Change.ESCALATED)

    @precondition(lambda self: self.state is IncidentState.OPEN)
    @rule()
    def somebody_takes_it(self) -> None:
        self.desk.change(state=IncidentState.ACKNOWLEDGED, acknowledged_by="Kim", acknowledged_at=self.desk.now)
        self.desk.say(Change.ACKNOWLEDGED)

    @precondition(lambda self: self.state is IncidentState.OPEN)
    @rule()
    def nobody_takes_it(self) -> None:
        with self.database.write() as tx:
            self.desk.speaker.remind(tx, self.desk.now)

    @precondition(lambda self: self.state.is_live)
    @rule()
    def it_ends(self) -> None:
        self.desk.end()

    @precondition(lambda self: not self.state.is_live)
    @rule()
    def it_comes_back(self) -> None:
        self.desk.change(state=IncidentState.OPEN, episode=self.desk.incident.episode + 1, resolved_at=None)
        self.desk.say(Change.REOPENED)

    @invariant()
    def nobody_sees_a_message_twice_that_could_be_looked_up(self) -> None:
        for name in ("slack", "phone"):
            seen = Counter(one.delivery_id for one in self._seen(name) if REPEAT not in one.page.notes)
            assert max(seen.values(), default=1) == 1

    @invariant()
    def a_mail_seen_twice_says_that_it_may_be_a_repeat(self) -> None:
        seen = Counter(one.delivery_id for one in self._seen("mail") if REPEAT not in one.page.notes)
        assert max(seen.values(), default=1) == 1

    @invariant()
    def no_episode_begins_or_ends_twice(self) -> None:
        for name in self.worlds:
            told = {(one.delivery_id, one.page.episode, one.page.reason) for one in self._seen(name)}
            for reason in (Reason.OPENED, Reason.RESOLVED):
                episodes = Counter(episode for _, episode, why in told if why is reason)
                assert max(episodes.values(), default=1) == 1

    @invariant()
    def nothing_comes_out_of_order(self) -> None:
        with self.database.read() as tx:
            order = {item.id: (item.episode, item.seq) for item in outbox.history(tx, self.desk.incident.id)}
        for name in self.worlds:
            steps = [order[one.delivery_id] for one in self._seen(name)]
            assert steps == sorted(steps)

    @invariant()
    def an_end_without_a_beginning_says_that_it_is_both(self) -> None:
        for name in self.worlds:
            begun: set[int] = set()
            for one in self._seen(name):
                if one.page.reason is Reason.RESOLVED:
                    assert one.page.episode in begun or COMBINED in one.page.notes
                begun.add(one.page.episode)

    def teardown(self) -> None:
        """All ways open again: everything that there was to say is said."""
        if not hasattr(self, "desk"):
            return
        if self.state.is_live:
            self.desk.end()
        for world in self.worlds.values():
            world.fates = []
        for _ in range(16):
            self.desk.wait(seconds=320)
            self._run_sender()
        with self.database.read() as tx:
            assert outbox.unfinished(tx) == []
            history = outbox.history(tx, self.desk.incident.id)
        assert not [item for item in history if item.state is DeliveryState.DEAD]
        for name in ("slack", "mail"):
            assert self._seen(name)[-1].page.reason is Reason.RESOLVED
        self.nobody_sees_a_message_twice_that_could_be_looked_up()
        self.nothing_comes_out_of_order()
        self.no_episode_begins_or_ends_twice()
        self.an_end_without_a_beginning_says_that_it_is_both()
        self.database.close()

    def _seen(self, name: str) -> list[Message]:
        return self.worlds[name].seen

    def _run_sender(self) -> None:
        try:
            self.desk.send()
        except ProcessDied:
            self.processes += 1
            self.desk.sender = self.desk.another_sender(f"process {self.processes}")


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=14, stateful_step_count=16, phases=[Phase.generate])
