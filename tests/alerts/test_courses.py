"""Any course of events keeps the promises of escalation: held against a reckoning in plain minutes.

Hypothesis makes up what happens: time passes, the program is away, people take the incident and hand it back, silence
it, and it gets worse or ends. After every step the messages of the ladder are compared with those of the reckoning.
"""

from __future__ import annotations

from datetime import timedelta

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alerts.escalation import Policy, Step
from alerts.ladder import Ladder
from alerts.policy import Change, Rules
from alerts.routing import Routing
from alerts.speak import Speaker
from config.alerting import RouteSettings
from storage import incidents, silences
from storage.database import Database
from storage.records import IncidentState, Severity, Silence
from tests.alerts.desk import MAIL, PHONE, ROOM, Desk
from tests.alerts.examples import BRAND, NOW

MINUTE = timedelta(minutes=1)
DELAYS = [5, 10, 5, 10, 15]
"""Minutes before each step: two steps, twice, and the last resort; of what is critical every 15 minutes then."""
POLICY = Policy("night", (Step(300, ("phone",)), Step(600, ("mail",))), ("mail",), repeat=1)
ROUTING = Routing(
    (RouteSettings(channels=["slack"], policy="night"),),
    {place.channel: (place,) for place in (ROOM, MAIL, PHONE)},
    policies=(POLICY,),
)


class Reckoning:
    """What a person with a watch would do: all times in minutes from the beginning."""

    def __init__(self) -> None:
        self.made: list[tuple[int, int]] = []
        self.step = 1
        self.due: int | None = 5
        self.silent_until = 0
        self.is_critical = False

    def delay(self, step: int) -> int | None:
        """Minutes before a step; `None` where the ladder has ended."""
        if step <= len(DELAYS):
            return DELAYS[step - 1]
        return 15 if self.is_critical and step < len(DELAYS) + 96 else None

    def start(self, minute: int) -> None:
        """From the foot of the ladder."""
        if self.due is None:
            self.step, self.due = 1, minute + 5

    def look(self, minute: int) -> None:
        """Make the step that is due, the last of several."""
        if self.due is None or self.due > minute:
            return
        if minute < self.silent_until:
            self.due = self.silent_until
            return
        while (later := self.delay(self.step + 1)) is not None and self.due + later <= minute:
            self.step, self.due = self.step + 1, self.due + later
        self.made.append((minute, self.step))
        after = self.delay(self.step + 1)
        self.step, self.due = self.step + 1, None if after is None else minute + after


class Course(RuleBasedStateMachine):
    """One incident and everything that may happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.database = Database.open("sqlite://")
        self.desk = Desk(self.database, rules=Rules(wait=dict.fromkeys(Severity, timedelta(0)), repeat={}))
        self.desk.speaker = Speaker(self.desk.rules, ROUTING)
        self.ladder = Ladder(self.desk.speaker)
        self.reckoning = Reckoning()
        self.silenced = 0

    @property
    def minute(self) -> int:
        return round((self.desk.now - NOW) / MINUTE)

    @initialize()
    def begin(self) -> None:
        self.desk.open(Severity.WARNING)

    @rule(minutes=st.integers(1, 25))
    def pass_time(self, minutes: int) -> None:
        for _ in range(minutes):
            self.desk.wait(minutes=1)
            with self.database.write() as tx:
                self.ladder.climb(tx, self.desk.now)
            self.reckoning.look(self.minute)

    @rule(minutes=st.integers(1, 60))
    def be_away(self, minutes: int) -> None:
        self.desk.wait(minutes=minutes)

    @precondition(lambda self: self.desk.incident.state is IncidentState.OPEN)
    @rule()
    def take(self) -> None:
        now = self.desk.now
        self.desk.change(state=IncidentState.ACKNOWLEDGED, acknowledged_by="Ada", acknowledged_at=now)
        self.desk.say(Change.ACKNOWLEDGED)
        self.reckoning.due = None

    @precondition(lambda self: self.desk.incident.state is IncidentState.ACKNOWLEDGED)
    @rule()
    def hand_back(self) -> None:
        self.desk.change(state=IncidentState.OPEN, acknowledged_by=None, acknowledged_at=None)
        self.desk.say(Change.RELEASED)
        self.reckoning.start(self.minute)

    @precondition(lambda self: self.desk.incident.state.is_live and not self.reckoning.is_critical)
    @rule()
    def get_worse(self) -> None:
        state = IncidentState.OPEN
        self.desk.change(state=state, severity=Severity.CRITICAL, acknowledged_by=None, acknowledged_at=None)
        self.desk.say(Change.ESCALATED)
        self.reckoning.is_critical = True
        self.reckoning.start(max(self.minute, self.reckoning.silent_until))

    @rule(minutes=st.integers(1, 30))
    def silence(self, minutes: int) -> None:
        self.silenced += 1
        until = self.desk.now + minutes * MINUTE
        made = Silence(f"s{self.silenced}", self.desk.now, until, "Ada", "we know", BRAND, include_critical=True)
        with self.database.write() as tx:
            silences.add(tx, made)
        self.reckoning.silent_until = max(self.reckoning.silent_until, self.minute + minutes)

    @precondition(lambda self: self.desk.incident.state.is_live)
    @rule()
    def end(self) -> None:
        self.desk.end()
        self.reckoning.due = None

    @invariant()
    def the_ladder_does_what_the_reckoning_says(self) -> None:
        with self.database.read() as tx:
            lines = [line for line in incidents.events(tx, self.desk.incident.id) if line.kind == "escalation"]
        made = [(round((line.at - NOW) / MINUTE), int(line.details["step"])) for line in lines]
        assert made == self.reckoning.made

    def teardown(self) -> None:
        self.database.close()


TestCourses = Course.TestCase
TestCourses.settings = settings(
    max_examples=12, stateful_step_count=14, deadline=None, phases=[Phase.explicit, Phase.generate, Phase.shrink]
)
