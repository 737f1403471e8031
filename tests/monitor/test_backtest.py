"""Stored history under other configurations: the same judgement as live, and honest figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.names import SENSITIVITIES
from config.settings import Settings
from config.thresholds import ThresholdSettings
from monitor.backtest import variants
from monitor.backtest.compare import Backtest, backtest, most_sensitive, read_history
from monitor.backtest.course import Course, Outcome, courses
from monitor.backtest.figures import figures
from monitor.backtest.picture import draw, pulse_of
from monitor.backtest.stories import Anchor, Share, Story, is_same, judged_incidents, lived, stories, stretched
from monitor.counterfactual import Alternative, counterfactual
from monitor.replay import replay
from storage import incidents, verdicts
from storage.database import Database
from storage.errors import StorageError
from storage.records import Bin, Incident, IncidentState, Severity, Verdict
from tests.monitor.judging_again import signals_again
from tests.scenarios.days import SETTINGS, bad_day
from tests.storage.examples import NOON, after, incident

BRAND = SETTINGS.brands[0].name


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file in which the bad day was lived through."""
    path = tmp_path_factory.mktemp("backtest") / "tocsin.db"
    with Database.open(f"sqlite:///{path}") as database:
        replay(bad_day(), SETTINGS, database=database)
    return path


@pytest.fixture(scope="module")
def history(place: Path) -> Iterator[Database]:
    """That database, opened so that nobody can write to it."""
    with Database.open(f"sqlite:///{place}", migrate=False, read_only=True) as database:
        yield database


@pytest.fixture(scope="module")
def known(history: Database) -> list[Incident]:
    """The incidents that were lived through, the oldest first."""
    with history.read() as tx:
        return incidents.recent(tx)[::-1]


@pytest.fixture(scope="module")
def three(history: Database) -> Backtest:
    """The three sensitivities, side by side."""
    found = backtest(history, [variants.at_sensitivity(SETTINGS, name) for name in ("standard", "relaxed", "keen")])
    assert found is not None
    return found


# -- the same judgement as live --------------------------------------------------------------------------------------


def test_under_the_configuration_in_force_history_gives_the_incidents_that_were_lived(
    three: Backtest, known: list[Incident]
) -> None:
    told = [outcome.incident for outcome in three.courses[0].outcomes]
    assert [item.id for item in told] == [item.id for item in known]
    assert [(item.severity, item.headline, item.sources) for item in told] == [
        (item.severity, item.headline, item.sources) for item in known
    ]


def test_and_at_the_moments_at_which_people_were_told(
    three: Backtest, known: list[Incident], history: Database
) -> None:
    with history.read() as tx:
        were_told = [lived(tx, item) for item in known]
    assert [(one.pages, one.notices) for one in three.courses[0].outcomes] == [
        (one.pages, one.notices) for one in were_told
    ]
    assert any(one.pages for one in were_told)


def test_side_by_side_is_as_one_by_one(three: Backtest, history: Database) -> None:
    (alone,) = courses(history, [variants.at_sensitivity(SETTINGS, "keen")])
    assert alone == three.courses[2]


def test_the_database_cannot_be_written(history: Database, known: list[Incident]) -> None:
    with pytest.raises(StorageError, match="cannot be written"), history.write() as tx:
        incidents.append_event(tx, known[0].id, NOON, "note")


def test_a_keener_one_pages_no_later_and_a_relaxed_one_no_earlier(three: Backtest) -> None:
    standard, relaxed, keen = (course.pages[0] for course in three.courses)
    assert keen <= standard <= relaxed
    assert keen < relaxed


def test_only_the_span_that_is_asked_for_is_counted(three: Backtest, history: Database) -> None:
    standard = three.courses[0]
    first = standard.pages[0]
    late = backtest(history, [standard.variant], since=first + timedelta(minutes=1))
    early = backtest(history, [standard.variant], until=first)
    assert late is not None
    assert early is not None
    assert late.courses[0].pages == standard.pages[1:]
    assert early.courses[0].pages == []
    assert early.figures[0].pages_per_week == 0.0


def test_nothing_stored_is_nothing_to_compare(sqlite_database: Database) -> None:
    assert backtest(sqlite_database, [variants.configured(SETTINGS)]) is None


def test_a_span_without_history_is_nothing_to_compare(history: Database) -> None:
    assert backtest(history, [variants.configured(SETTINGS)], until=datetime(2020, 1, 1, tzinfo=NOON.tzinfo)) is None


def test_files_give_what_the_database_gives(sqlite_database: Database, three: Backtest) -> None:
    seen: list[int] = []
    read_history(sqlite_database, SETTINGS, bad_day(), seen.append)
    assert seen[-1] == len(bad_day())
    (course,) = courses(sqlite_database, [variants.at_sensitivity(SETTINGS, "standard")])
    assert course == three.courses[0]


def test_progress_goes_from_day_to_day_to_the_end(history: Database) -> None:
    seen: list[float] = []
    courses(history, [variants.configured(SETTINGS)], progress=lambda _at, done: seen.append(done))
    assert seen == sorted(seen)
    assert len(seen) == 2
    assert seen[-1] == 1.0


# -- why it rang -----------------------------------------------------------------------------------------------------


def test_why_it_rang_is_found_again_to_the_last_bit(history: Database, known: list[Incident]) -> None:
    told, again = signals_again(history, SETTINGS, known)
    assert told == again
    assert len(told) > 10


@pytest.mark.postgresql
def test_postgresql_keeps_every_bit_as_well(postgresql_url: str) -> None:
    with Database.open(postgresql_url) as database:
        replay(bad_day(), SETTINGS, database=database)
        with database.read() as tx:
            told = incidents.recent(tx)
        found, again = signals_again(database, SETTINGS, told)
    assert found == again
    assert len(found) > 10


def test_under_other_thresholds_it_is_not(history: Database, known: list[Incident]) -> None:
    told, again = signals_again(history, variants.at_sensitivity(SETTINGS, "keen").settings, known)
    assert [(one, other) for one, other in zip(told, again, strict=True) if other and one.facts != other.facts]


def test_every_signal_says_under_which_rule_and_configuration_it_was_found(
    history: Database, known: list[Incident]
) -> None:
    with history.read() as tx:
        signals = [signal for item in known for signal in incidents.signals(tx, item.id)]
    assert all(signal.version for signal in signals)
    (version,) = {signal.facts["configuration"] for signal in signals}
    assert len(version) == 12


def test_an_incident_tells_what_its_neighbours_would_have_done(
    history: Database, known: list[Incident], three: Backtest
) -> None:
    loud = next(item for item in known if item.severity is not Severity.WATCH)
    relaxed, keen = counterfactual(history, SETTINGS, loud)
    assert (relaxed.sensitivity, keen.sensitivity) == ("relaxed", "keen")
    _, course_relaxed, course_keen = three.courses
    assert relaxed.paged_at in course_relaxed.pages
    assert keen.paged_at in course_keen.pages
    assert relaxed.minutes_later is not None
    assert keen.minutes_later is not None
    assert keen.minutes_later <= 0 <= relaxed.minutes_later


def test_what_a_brand_sets_for_itself_is_what_its_neighbours_are_measured_from(
    history: Database, known: list[Incident]
) -> None:
    brand = SETTINGS.brands[0].model_copy(update={"sensitivity": "keen"})
    chosen = SETTINGS.model_copy(update={"brands": [brand]})
    loud = next(item for item in known if item.severity is not Severity.WATCH)
    names = [one.sensitivity for one in counterfactual(history, chosen, loud)]
    assert names == ["relaxed", "standard"]


def test_of_a_brand_that_is_not_watched_any_more_nothing_is_said(history: Database, known: list[Incident]) -> None:
    assert counterfactual(history, SETTINGS, replace(known[0], brand="Somebody")) == []


@pytest.mark.parametrize(
    ("alternative", "sentence"),
    [
        (Alternative("relaxed", NOON, None, 23.0), "at relaxed, 23 minutes later"),
        (Alternative("keen", NOON, None, -1.0), "at keen, 1 minute earlier"),
        (Alternative("keen", NOON, None, 0.0), "at keen, at the same moment"),
        (Alternative("keen", NOON, None, -180.0), "at keen, 3.0 hours earlier"),
        (Alternative("relaxed"), "not at relaxed"),
        (Alternative("relaxed", None, NOON), "at relaxed, a notice only"),
        (Alternative("keen", NOON, None, -5.0, is_page_in_force=False), "at keen, 5 minutes earlier, and as a page"),
        (Alternative("keen", NOON, None, None), "at keen, at 12:00 UTC"),
        (
            Alternative("keen", was_paged=True),
            "at keen, as part of an incident that people were paged of before",
        ),
    ],
)
def test_an_alternative_is_told_in_a_sentence(alternative: Alternative, sentence: str) -> None:
    assert alternative.sentence == sentence


# -- configurations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SENSITIVITIES)
def test_the_scale_passes_through_the_sensitivities(name: Any) -> None:
    assert variants.thresholds_at(variants.STRICTNESS[name]) == ThresholdSettings.preset(name)


@given(lower=st.floats(0, 1), upper=st.floats(0, 1))
def test_up_the_scale_no_threshold_becomes_easier(lower: float, upper: float) -> None:
    lower, upper = sorted((lower, upper))
    below, above = variants.thresholds_at(lower), variants.thresholds_at(upper)
    keen, relaxed = ThresholdSettings.preset("keen"), ThresholdSettings.preset("relaxed")
    for name in ThresholdSettings.model_fields:
        direction = 1 if getattr(relaxed, name) >= getattr(keen, name) else -1
        assert direction * getattr(above, name) >= direction * getattr(below, name), name


def test_beyond_the_scale_there_is_nothing() -> None:
    with pytest.raises(variants.VariantError, match="from 0"):
        variants.thresholds_at(1.1)


@pytest.mark.parametrize("level", variants.LEVELS)
def test_what_is_advised_to_paste_makes_the_configuration_that_was_tried(level: float, tmp_path: Path) -> None:
    import tomllib

    tried = variants.at_strictness(with_threshold(crowd_fewest_voices=99), level)
    pasted = type(SETTINGS).model_validate({**tomllib.loads(variants.toml_of(tried)), "brands": [{"name": BRAND}]})
    assert pasted.thresholds_for(BRAND) == tried.settings.thresholds_for(BRAND)
    assert pasted.thresholds_for(BRAND).crowd_fewest_voices == 99


def with_threshold(**thresholds: Any) -> Any:
    changed = SETTINGS.detection.model_copy(update={"thresholds": ThresholdSettings(**thresholds)})
    return SETTINGS.model_copy(update={"detection": changed})


def test_single_thresholds_are_set_by_name() -> None:
    tried = variants.changed(SETTINGS, ["crowd_fewest_voices=10", "detection.thresholds.crowd_page = 2.5"])
    chosen = tried.settings.thresholds_for(BRAND)
    assert (chosen.crowd_fewest_voices, chosen.crowd_page) == (10, 2.5)
    assert chosen.crowd_calm_share == SETTINGS.thresholds_for(BRAND).crowd_calm_share
    assert variants.changed(SETTINGS, ["sensitivity=keen"]).settings.detection.sensitivity == "keen"
    assert variants.changed(SETTINGS, ["alerting.material_growth=3.0"]).settings.alerting.material_growth == 3.0


def test_what_was_set_before_stays_set() -> None:
    tried = variants.changed(with_threshold(crowd_page=4.0), ["crowd_fewest_voices=10"])
    assert tried.settings.thresholds_for(BRAND).crowd_page == 4.0


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("crowd_fewest_voice=3", 'did you mean "crowd_fewest_voices"'),
        ("crowd_fewest_voices", "write KEY=VALUE"),
        ("crowd_fewest_voices=0", "crowd_fewest_voices: .*greater than or equal to 1"),
        ("crowd_fewest_voices=many", "crowd_fewest_voices: .*valid integer"),
        ("sensitivity=frantic", "sensitivity: "),
    ],
)
def test_what_cannot_be_set_is_said_with_what_can(assignment: str, message: str) -> None:
    with pytest.raises(variants.VariantError, match=message):
        variants.changed(SETTINGS, [assignment])


def test_configurations_that_detect_alike_are_tried_once_under_all_their_names() -> None:
    every = [variants.configured(SETTINGS), *(variants.at_sensitivity(SETTINGS, name) for name in SENSITIVITIES)]
    found = variants.distinct(every)
    assert [one.name for one in found] == ["as configured = standard", "relaxed", "keen"]
    assert found[0].strictness == 0.5


def test_a_file_without_brands_is_tried_on_ours() -> None:
    bare = type(SETTINGS).model_validate({"detection": {"sensitivity": "keen"}})
    tried = variants.other("keen.toml", bare, SETTINGS)
    assert [brand.name for brand in tried.settings.brands] == [BRAND]
    assert tried.settings.thresholds_for(BRAND) == ThresholdSettings.preset("keen")


# -- figures ---------------------------------------------------------------------------------------------------------

WEEK = timedelta(weeks=1)


def outcome(name: str, hours: float, *, pages: tuple[float, ...] = (), lasts: float = 2.0, **fields: Any) -> Outcome:
    """An incident about a thread of its name that opened so many hours after noon."""
    facts = {"topics": [fields.pop("topic", f"thread {name}")], "kinds": fields.pop("kinds", [])}
    told = incident(
        name,
        opened_at=after(hours=hours),
        began_at=after(hours=hours - 0.5),
        resolved_at=after(hours=hours + lasts),
        state=IncidentState.RESOLVED,
        topic=facts["topics"][0],
        facts=facts,
        **fields,
    )
    moments = tuple(after(hours=hours + delay) for delay in pages)
    return Outcome(told, notices=() if pages else (told.opened_at,), pages=moments)


def course(*outcomes: Outcome) -> Course:
    return Course(variants.configured(SETTINGS), NOON, NOON + WEEK, outcomes)


def anchor(of: Outcome, verdict: Verdict | None = None) -> Anchor:
    assert of.incident.resolved_at is not None
    return Anchor(of, of.incident.resolved_at, verdict)


def test_figures_are_measured_by_what_people_confirmed() -> None:
    lived_through = [
        anchor(outcome("a", 10, pages=(1.0,)), Verdict.REAL),
        anchor(outcome("b", 40, pages=(1.0,)), Verdict.REAL),
        anchor(outcome("c", 70, pages=(1.0,)), Verdict.REAL),
        anchor(outcome("d", 100, pages=(0.0,)), Verdict.FALSE_ALARM),
        anchor(outcome("e", 120, pages=(0.0,)), Verdict.DUPLICATE),
        anchor(outcome("f", 140, pages=(0.0,)), Verdict.NOT_ABOUT_US),
    ]
    tried = course(
        outcome("a", 10, pages=(0.5, 0.75)),
        outcome("b", 40),
        outcome("d", 100, pages=(0.0,)),
        outcome("e", 120, pages=(0.0,)),
        outcome("f", 140),
        outcome("g", 150, pages=(0.0,)),
    )
    one = figures(tried, 0, stories([tried], lived_through), lived_through)
    assert (one.confirmed, one.caught, one.noticed, one.missed) == (3, 1, 1, 1)
    assert (one.wrong, one.duplicates, one.unjudged) == (1, 1, 1)
    assert (one.pages_per_week, one.notices_per_week, one.incidents) == (5.0, 2.0, 4)
    assert one.lead_minutes == 30.0
    assert one.delay_minutes == 60.0
    assert one.recall == pytest.approx(1 / 3)
    assert one.precision == 0.5


def test_where_nothing_is_confirmed_the_first_configuration_is_the_measure() -> None:
    first = course(outcome("a", 10, pages=(1.0,)), outcome("b", 40, pages=(0.0,)))
    other = course(outcome("a", 10, pages=(0.25,)), outcome("b", 40), outcome("c", 70, pages=(0.0,)))
    told = stories([first, other], [])
    one = figures(other, 1, told, [])
    assert (one.only_here, one.not_here, one.lead_minutes) == (1, 1, 45.0)
    assert one.recall is None
    assert figures(first, 0, told, []).lead_minutes == 0.0


def test_a_story_inside_an_incident_that_people_were_paged_of_is_caught_without_a_lead() -> None:
    real = [anchor(outcome("a", 30, pages=(0.0,)), Verdict.REAL)]
    tried = course(outcome("long", 5, pages=(0.0,), lasts=40, topic=""))
    (story,) = stories([tried], real)
    assert story.shares == (Share(None, None, was_paged=True),)
    one = figures(tried, 0, [story], real)
    assert (one.caught, one.lead_minutes) == (1, None)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (outcome("b", 11, topic="thread a"), True),
        (outcome("b", 11), False),
        (outcome("b", 11, topic=""), True),
        (outcome("b", 11, kinds=["outage"]), True),
        (outcome("b", 12.9, topic="thread a"), True),
        (outcome("b", 13.1, topic="thread a"), False),
        (outcome("b", 6.6, topic="thread a"), True),
        (outcome("b", 6.4, topic="thread a"), False),
        (outcome("b", 11, topic="thread a", brand="Bolt"), False),
        (replace(outcome("b", 11), evidence=frozenset({("forum", "7")})), True),
    ],
)
def test_what_is_the_same_story(other: Outcome, same: bool) -> None:
    mine = replace(outcome("a", 10, kinds=["outage"]), evidence=frozenset({("forum", "7"), ("forum", "8")}))
    ends_at = other.incident.resolved_at
    assert ends_at is not None
    assert is_same(anchor(mine), other, ends_at) is same


def test_what_people_closed_early_lasts_as_long_as_the_posts_went_on() -> None:
    closed = [anchor(outcome("a", 10, pages=(0.0,), lasts=0.25), Verdict.FALSE_ALARM)]
    first = course(outcome("a", 10, pages=(0.0,), lasts=6))
    later = course(outcome("b", 14, pages=(0.0,), topic="thread a"))
    judged = stretched(closed, first)
    assert judged[0].ends_at == after(hours=16)
    assert figures(later, 1, stories([first, later], judged), judged).wrong == 1


def scale(*pages: float) -> Backtest:
    """Configurations along the scale, keenest first, with so many pages a week."""
    places = [place / (len(pages) - 1) for place in range(len(pages))]
    found = [
        replace(
            course(*(outcome(str(number), number, pages=(0.0,)) for number in range(round(count)))),
            variant=variants.at_strictness(SETTINGS, place),
        )
        for place, count in zip(places, pages, strict=True)
    ]
    told: list[Story] = []
    return Backtest(tuple(found), (), (), tuple(figures(one, 0, told, []) for one in found))


@pytest.mark.parametrize(
    ("pages", "most", "strictness"),
    [
        ((9, 5, 3, 2, 1), 3, 0.5),
        ((9, 5, 3, 2, 1), 9, 0.0),
        ((9, 5, 3, 2, 1), 0.5, None),
        ((9, 2, 5, 2, 1), 3, 0.75),
        ((0, 0, 0, 0, 0), 0, 0.0),
    ],
)
def test_the_most_sensitive_that_stays_within_the_budget(
    pages: tuple[float, ...], most: float, strictness: float | None
) -> None:
    chosen = most_sensitive(scale(*pages), most)
    assert (chosen.strictness if chosen else None) == strictness


def test_judged_incidents_come_with_what_people_were_told(sqlite_database: Database) -> None:
    with sqlite_database.write() as tx:
        incidents.insert(tx, incident("i1", state=IncidentState.RESOLVED, resolved_at=after(hours=3)))
        incidents.insert(tx, incident("i2"))
        incidents.append_event(tx, "i1", after(minutes=5), "opened", details={"severity": "watch"})
        incidents.append_event(tx, "i1", after(minutes=15), "escalated", details={"severity": "warning"})
        incidents.append_event(tx, "i1", after(days=1), verdicts.KIND, "Ada", {"verdict": "false_alarm"})
        incidents.append_event(tx, "i1", after(days=2), verdicts.KIND, "Bo", {"verdict": "real"})
    (found,) = judged_incidents(sqlite_database, NOON - WEEK, NOON + WEEK, ["Acme"])
    assert (found.verdict, found.outcome.paged_at) == (Verdict.REAL, after(minutes=15))
    assert (found.outcome.notices, found.ends_at) == ((after(minutes=5),), after(hours=3))
    assert judged_incidents(sqlite_database, NOON - WEEK, NOON + WEEK, ["Bolt"]) == []
    assert judged_incidents(sqlite_database, NOON + WEEK, NOON + 2 * WEEK, ["Acme"]) == []


# -- picture ---------------------------------------------------------------------------------------------------------


def test_the_picture_shows_every_brand_that_has_something_to_tell(
    three: Backtest, history: Database, tmp_path: Path
) -> None:
    judged = replace(three, judged=(anchor(outcome("a", 0), Verdict.REAL),))
    assert draw(history, judged, tmp_path / "backtest.png", "Europe/Oslo") == [BRAND]
    assert (tmp_path / "backtest.png").read_bytes().startswith(b"\x89PNG")


def test_a_name_with_dollars_is_no_formula(three: Backtest, history: Database, tmp_path: Path) -> None:
    (first, *others) = three.courses
    odd = replace(first.variant, settings=Settings.model_validate({"brands": [{"name": r"A$\frac & Ke$ha"}]}))
    found = replace(three, courses=(replace(first, variant=odd), *others))
    draw(history, found, tmp_path / "backtest.png", "Europe/Oslo")
    assert (tmp_path / "backtest.png").read_bytes().startswith(b"\x89PNG")


def test_the_pulse_counts_every_post_once() -> None:
    series = [Bin("Acme", "forum", NOON + number * timedelta(minutes=5), posts=2, negative=1) for number in range(500)]
    starts, posts, negative, width = pulse_of(series, NOON, NOON + 500 * timedelta(minutes=5))
    assert (sum(posts), sum(negative)) == (1000, 500)
    assert width == timedelta(minutes=10)
    assert (starts[0], len(starts)) == (NOON, 250)
