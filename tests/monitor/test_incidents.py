"""How signals become incidents: one story is one incident, and people hear again only of what is worse."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detectors.contract import TICK
from monitor.incidents import Change, CorrelationSettings, Transition, correlate, incident_id, is_known
from monitor.stories import clears_after, returns
from storage.records import Incident, IncidentState, PostKey, Severity, Signal
from tests.monitor.scenes import START

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def signal(
    at: datetime = START,
    detector: str = "trouble",
    *,
    brand: str = "Fernweh Air",
    topic: str = "outage",
    kind: str = "outage",
    severity: Severity = Severity.WARNING,
    surprise: float = 1.5,
    observed: float = 5.0,
    sources: tuple[str, ...] = ("plaza",),
    evidence: tuple[str, ...] = ("a", "b"),
    sudden: bool = False,
    holds_hours: float = 0.0,
) -> Signal:
    """A signal as detectors give it."""
    keys: tuple[PostKey, ...] = tuple(("plaza", name) for name in evidence)
    facts = {
        "headline": f"{observed:g} voices about it",
        "why": f"{observed:g} voices speak of it",
        "began_at": (at - HOUR).timestamp(),
        "origin": list(keys[0]),
        "holds_for": holds_hours * 3600,
        "is_sudden": sudden,
    }
    return Signal(
        brand, detector, "1", at, at - HOUR, at, observed, 1.0, 0.0, 3.0, surprise, severity,
        topic=topic, kind=kind, sources=sources, evidence=keys, facts=facts,
    )  # fmt: skip


def run(*ticks: tuple[float, list[Signal]], until: float = 0.0, **chosen: object) -> list[Transition]:
    """Correlate tick after tick; `ticks` are minutes and the signals then."""
    rules = CorrelationSettings(**chosen)  # type: ignore[arg-type]
    given_at = {START + minutes * MINUTE: signals for minutes, signals in ticks}
    end = max([*given_at, START + until * MINUTE])
    known: dict[str, Incident] = {}
    done: list[Transition] = []
    at = START
    while at <= end:
        signals = [replace(one, at=at, window_end=at) for one in given_at.get(at, [])]
        transitions = correlate(list(known.values()), signals, at, rules)
        known |= {one.incident.id: one.incident for one in transitions}
        known = {name: one for name, one in known.items() if is_known(one, at, rules)}
        done += transitions
        at += TICK
    return done


def changes(transitions: list[Transition]) -> list[Change]:
    return [one.change for one in transitions if one.change is not Change.HELD]


def test_a_count_of_a_whole_day_does_not_move_the_beginning_of_a_known_story() -> None:
    of_a_day = signal(detector="slow_burn", topic="", evidence=("chatter",), surprise=2.0)
    of_a_day = looking_back(of_a_day)
    *_, last = run((0, [signal()]), (5, [signal(), of_a_day]))
    assert (last.incident.began_at, last.incident.origin) == (START - HOUR, ("plaza", "a"))
    assert run((0, [of_a_day]))[0].incident.began_at == START - 24 * HOUR


def test_a_ringing_signal_opens_an_incident() -> None:
    [opened] = run((0, [signal()]))
    incident = opened.incident
    assert (opened.change, opened.before, opened.signals) == (Change.OPENED, None, (signal(),))
    assert (incident.state, incident.severity, incident.version) == (IncidentState.OPEN, Severity.WARNING, 1)
    assert incident.headline == "Fernweh Air: 5 voices about it"
    assert incident.began_at == START - HOUR
    assert incident.origin == ("plaza", "a")


def test_the_post_with_which_it_began_is_of_the_moment_at_which_it_began() -> None:
    brand_wide = signal(detector="backlash", topic="", evidence=("first",), surprise=3.0)
    late = signal(evidence=("late",))
    late = replace(late, facts=late.facts | {"began_at": (START - MINUTE).timestamp()})
    incident = run((0, [brand_wide, late]))[-1].incident
    assert (incident.began_at, incident.origin) == (START - HOUR, ("plaza", "first"))


def test_a_weak_signal_opens_nothing() -> None:
    assert run((0, [signal(surprise=0.8)])) == []


def test_a_second_burst_joins_the_open_incident() -> None:
    told = run((0, [signal()]), (10, [signal(detector="backlash", topic="", evidence=("c",))]))
    assert changes(told) == [Change.OPENED, Change.JOINED]
    assert len({one.incident.id for one in told}) == 1


def test_two_stories_of_one_brand_stay_two() -> None:
    other = signal(topic="recall", kind="recall", evidence=("x", "y"))
    told = run((0, [signal()]), (5, [other]))
    assert changes(told) == [Change.OPENED, Change.OPENED]


def test_one_story_under_two_topics_is_one_when_the_evidence_is_shared() -> None:
    thread = signal(detector="thread", topic="thread:plaza:a", kind="", evidence=("a",))
    assert len({one.incident.id for one in run((0, [signal()]), (5, [thread]))}) == 1


def test_one_story_under_two_kinds_of_harm_is_one_when_its_words_are_the_same() -> None:
    words = {"terms": ["voicem", "threat"]}
    first = replace(signal(), facts={**signal().facts, **words})
    other = signal(topic="abuse", kind="abuse", evidence=("x", "y"))
    told = run((0, [first]), (5, [replace(other, facts={**other.facts, **words})]))
    assert len({one.incident.id for one in told}) == 1
    assert changes(run((0, [first]), (5, [other]))) == [Change.OPENED, Change.OPENED]


def test_what_is_said_in_one_thread_is_one_story() -> None:
    thread = signal(detector="thread", topic="thread:plaza:t", kind="", evidence=("x",))
    voices = replace(signal(evidence=("y",)), facts={**signal().facts, "threads": ["thread:plaza:t"]})
    assert len({one.incident.id for one in run((0, [thread]), (5, [voices]))}) == 1


def test_kinds_of_harm_that_ring_at_the_same_moment_are_one_incident() -> None:
    other = signal(topic="abuse", kind="abuse", evidence=("x", "y"))
    assert changes(run((0, [signal(), other]))) == [Change.OPENED]


def test_two_incidents_that_turn_out_to_be_one_story_are_merged_into_the_worse_one() -> None:
    other = signal(topic="recall", kind="recall", evidence=("x", "y"), severity=Severity.CRITICAL)
    both = signal(topic="recall", kind="recall", evidence=("a", "b", "x"))
    told = run((0, [signal(holds_hours=1)]), (5, [other]), (10, [both]))
    assert changes(told) == [Change.OPENED, Change.OPENED, Change.RESOLVED, Change.UPDATED]
    merged, kept = sorted(told[-2:], key=lambda one: one.incident.severity.rank)
    assert merged.incident.facts["merged_into"] == kept.incident.id
    assert "same story" in merged.why
    assert kept.incident.severity is Severity.CRITICAL
    assert set(kept.incident.facts["topics"]) == {"outage", "recall"}


def test_the_same_story_about_another_brand_is_another_incident() -> None:
    told = run((0, [signal(), signal(brand="Bolt")]))
    assert {one.incident.brand for one in told} == {"Fernweh Air", "Bolt"}


def test_worse_is_told_as_worse() -> None:
    told = run((0, [signal(severity=Severity.WATCH)]), (5, [signal(severity=Severity.CRITICAL, observed=9)]))
    assert changes(told) == [Change.OPENED, Change.ESCALATED]
    assert told[-1].incident.severity is Severity.CRITICAL
    assert told[-1].incident.headline == "Fernweh Air: 9 voices about it"


def test_severity_never_falls_while_it_lasts() -> None:
    told = run((0, [signal()]), (5, [signal(severity=Severity.WATCH)]))
    assert told[-1].incident.severity is Severity.WARNING


def test_an_escalation_opens_what_somebody_had_taken() -> None:
    [opened] = run((0, [signal()]))
    taken = replace(opened.incident, state=IncidentState.ACKNOWLEDGED)
    at = START + TICK
    [worse] = correlate([taken], [signal(at, severity=Severity.CRITICAL)], at)
    assert worse.incident.state is IncidentState.OPEN
    [same] = correlate([taken], [signal(at)], at)
    assert same.incident.state is IncidentState.ACKNOWLEDGED


def looking_back(found: Signal) -> Signal:
    """The same, over a day."""
    return replace(found, facts={**found.facts, "began_at": (START - 24 * HOUR).timestamp()})


@pytest.mark.parametrize(
    ("later", "says"),
    [
        (signal(sources=("plaza", "forum")), "spread to forum"),
        (looking_back(signal(sources=("plaza", "forum"))), "forum counts into it, too"),
        (signal(observed=11), "grown from 5 to 11"),
    ],
)
def test_what_is_material_is_an_update(later: Signal, says: str) -> None:
    told = run((0, [signal()]), (5, [later]))
    assert changes(told) == [Change.OPENED, Change.UPDATED]
    assert says in told[-1].why


def test_more_of_the_same_is_only_held() -> None:
    told = run((0, [signal()]), (5, [signal(observed=6)]), (10, [signal(observed=6)]))
    assert changes(told) == [Change.OPENED]
    assert told[-1].incident.updated_at == START + 10 * MINUTE
    assert told[-1].signals == ()


def test_a_warning_on_three_sources_is_critical() -> None:
    told = run((0, [signal()]), (5, [signal(sources=("plaza", "forum", "news"))]))
    assert told[-1].incident.severity is Severity.CRITICAL


def test_it_ends_when_nothing_was_heard_for_half_an_hour() -> None:
    told = run((0, [signal()]), until=60)
    assert changes(told) == [Change.OPENED, Change.RESOLVED]
    assert told[-1].at == START + 30 * MINUTE
    assert told[-1].incident.state is IncidentState.RESOLVED


def test_a_sign_below_the_threshold_keeps_it_open() -> None:
    weak = [(minutes, [signal(surprise=0.6)]) for minutes in range(5, 60, 5)]
    assert changes(run((0, [signal()]), *weak)) == [Change.OPENED]


def test_a_detector_may_ask_for_longer() -> None:
    told = run((0, [signal(holds_hours=2)]), until=180)
    assert told[-1].at == START + 120 * MINUTE


def test_nothing_ends_while_its_sources_are_not_read() -> None:
    [opened] = run((0, [signal()]))
    at = START + HOUR
    [held] = correlate([opened.incident], [], at, coverage={"plaza": 0.0, "forum": 1.0})
    assert held.change is Change.HELD
    assert correlate([held.incident], [], at + 20 * MINUTE, coverage={"plaza": 1.0}) == []


def test_it_comes_back_as_the_next_episode_of_the_same_incident() -> None:
    told = run((0, [signal()]), (50, [signal()]))
    assert changes(told) == [Change.OPENED, Change.RESOLVED, Change.REOPENED]
    assert told[-1].incident.id == told[0].incident.id
    assert told[-1].incident.episode == 2
    assert told[-1].incident.resolved_at is None


def test_hours_later_the_same_again_is_not_told() -> None:
    told = run((0, [signal()]), (240, [signal()]), until=300)
    assert changes(told) == [Change.OPENED, Change.RESOLVED]


def test_hours_later_clearly_more_of_it_is_told() -> None:
    told = run((0, [signal()]), (240, [signal(observed=8)]))
    assert changes(told)[-1] is Change.REOPENED


def test_a_day_later_it_is_a_new_incident() -> None:
    told = run((0, [signal()]), (26 * 60, [signal()]))
    assert changes(told) == [Change.OPENED, Change.RESOLVED, Change.OPENED]
    assert told[-1].incident.id != told[0].incident.id
    assert told[-1].incident.fingerprint == told[0].incident.fingerprint


def test_what_people_called_a_false_alarm_rings_again_only_when_it_is_worse() -> None:
    [opened] = run((0, [signal()]))
    closed = replace(opened.incident, state=IncidentState.FALSE_ALARM, resolved_at=START + 10 * MINUTE)
    at = START + 20 * MINUTE
    assert correlate([closed], [signal(at, observed=50)], at) == []
    [again] = correlate([closed], [signal(at, severity=Severity.CRITICAL)], at)
    assert again.change is Change.REOPENED


def test_a_crowd_that_comes_back_the_next_day_is_a_new_wave() -> None:
    def crowd() -> Signal:
        return signal(detector="backlash", topic="", sudden=True)

    alive = [(minutes, [signal(surprise=0.7)]) for minutes in range(10, 26 * 60, 25)]
    told = run((0, [signal(), crowd()]), *alive, (25 * 60 + 5, [crowd()]))
    assert changes(told) == [Change.OPENED, Change.REOPENED]
    wave = next(one for one in told if one.change is Change.REOPENED)
    assert "flares up again" in wave.why
    assert wave.incident.severity is Severity.WARNING


def test_the_name_of_an_incident_follows_from_what_and_when() -> None:
    assert incident_id("f", START) == incident_id("f", START)
    assert len({incident_id("f", START), incident_id("g", START), incident_id("f", START + TICK)}) == 3
    assert incident_id("f", START) < incident_id("a", START + TICK)
    assert len(incident_id("f", START)) == 26


arrivals = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.sampled_from(["trouble", "thread", "backlash"]),
        st.sampled_from(["", "outage", "recall", "thread:plaza:a"]),
        st.sampled_from(list(Severity)),
        st.sampled_from([0.6, 1.0, 2.0]),
    ),
    max_size=14,
)


@settings(max_examples=60)
@given(arrivals, st.randoms(use_true_random=False))
def test_the_order_of_signals_and_incidents_does_not_matter(drawn: list[tuple[object, ...]], dice: object) -> None:
    by_tick: dict[int, list[Signal]] = {}
    for tick, detector, topic, severity, surprise in drawn:
        one = signal(detector=detector, topic=topic, kind=topic[:6], severity=severity, surprise=surprise)  # type: ignore[arg-type,index]
        by_tick.setdefault(tick, []).append(one)  # type: ignore[call-overload]
    histories = []
    for shuffle in (False, True):
        known: list[Incident] = []
        done: list[Transition] = []
        for tick in range(70):
            at = START + tick * TICK
            signals = [replace(one, at=at) for one in by_tick.get(tick, [])]
            if shuffle:
                dice.shuffle(signals)  # type: ignore[attr-defined]
                dice.shuffle(known)  # type: ignore[attr-defined]
            transitions = correlate(known, signals, at)
            fresh = {one.incident.id: one.incident for one in [*transitions]}
            known = [one for one in ({item.id: item for item in known} | fresh).values() if is_known(one, at)]
            done += transitions
        histories.append(done)
    assert histories[0] == histories[1]


@settings(max_examples=60)
@given(arrivals)
def test_versions_rise_by_one_and_times_never_run_back(drawn: list[tuple[object, ...]]) -> None:
    by_tick: dict[float, list[Signal]] = {}
    for tick, detector, topic, severity, surprise in drawn:
        one = signal(detector=detector, topic=topic, severity=severity, surprise=surprise)  # type: ignore[arg-type]
        by_tick.setdefault(tick * 5.0, []).append(one)  # type: ignore[operator]
    seen: dict[str, Incident] = {}
    for transition in run(*by_tick.items(), until=400):
        incident, before = transition.incident, seen.get(transition.incident.id)
        assert transition.before == before
        assert incident.version == (before.version if before else 0) + 1
        assert before is None or incident.updated_at >= before.updated_at
        assert before is None or not before.state.is_live or incident.severity.rank >= before.severity.rank
        seen[incident.id] = incident


def pages(transitions: list[Transition]) -> int:
    """How often somebody would be paged."""
    return sum(one.change in (Change.OPENED, Change.REOPENED, Change.ESCALATED) for one in transitions)


def test_what_returns_every_forty_minutes_pages_twice_in_a_day() -> None:
    told = run(*[(float(minute), [signal()]) for minute in range(0, 24 * 60, 40)])
    assert changes(told)[:3] == [Change.OPENED, Change.RESOLVED, Change.REOPENED]
    assert pages(told) == 2


def test_each_return_doubles_the_quiet_that_ends_it_and_the_message_says_so() -> None:
    told = run((0, [signal()]), (55, [signal()]), (140, [signal()]), until=400)
    ends = [(one.at - START) / MINUTE for one in told if one.change is Change.RESOLVED]
    assert ends == [30, 115, 260]
    whys = [one.why for one in told if one.change is Change.REOPENED]
    assert whys == [
        "it is back: 5 voices speak of it",
        "it is back (2 times in 24 hours, so it is over only after 2 hours without a sign): 5 voices speak of it",
    ]


def test_a_detector_that_asks_for_longer_quiet_is_heeded_still() -> None:
    told = run((0, [signal(holds_hours=3)]), until=400)
    assert [(one.at - START) / MINUTE for one in told if one.change is Change.RESOLVED] == [180]


def test_returns_of_the_day_before_are_forgotten() -> None:
    returned = replace(run((0, [signal()]))[0].incident, facts={"returns": [START.timestamp()] * 5})
    rules = CorrelationSettings()
    assert clears_after(len(returns(returned, START + HOUR, rules)), rules) == 4 * HOUR
    assert clears_after(len(returns(returned, START + 25 * HOUR, rules)), rules) == HOUR / 2


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 287), max_size=60), st.integers(0, 287))
def test_whatever_comes_and_goes_pages_few_times_in_a_day_and_getting_worse_is_always_told(
    signs: set[int], worse_at: int
) -> None:
    steady = [(float(5 * sign), [signal()]) for sign in sorted(signs)]
    assert pages(run(*steady, until=1435)) <= 9
    worse = [one for one in steady if one[0] != 5 * worse_at]
    told = run(*worse, (float(5 * worse_at), [signal(severity=Severity.CRITICAL)]), until=1435)
    assert any(
        one.at == START + 5 * worse_at * MINUTE
        and one.incident.severity is Severity.CRITICAL
        and one.change in (Change.OPENED, Change.REOPENED, Change.ESCALATED)
        for one in told
    )
