"""Counts for people, clocks of incidents, changes, and questions that take too long; on both engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from storage import bins, changes, incidents, limits, pulse, response, source_counts
from storage.database import Database
from storage.ingest import Intake, write
from storage.limits import TooSlowError
from storage.pulse import Counts
from storage.records import CollectorRun, Label, RunOutcome, Severity
from storage.runs import add as add_run
from tests.storage.examples import NOON, incident, mentioned, post

HOUR = timedelta(hours=1)


def stored(database: Database) -> None:
    """Three posts at noon and one an hour later, on two sources."""
    at_noon = [
        mentioned(post(external_id=f"a{n}", author="ada" if n else "eve"), label=Label.NEGATIVE) for n in range(3)
    ]
    later = mentioned(post(source="other", external_id="b", created_at=NOON + HOUR, author="ada"), label=Label.POSITIVE)
    with database.write() as tx:
        write(tx, Intake(mentions=[*at_noon, later]))


def test_a_pulse_has_its_empty_slots_and_knows_its_sources(database: Database) -> None:
    stored(database)
    brand = mentioned(post()).mention.brand
    with database.read() as tx:
        assert pulse.pulse(tx, brand, NOON - HOUR, NOON + 2 * HOUR, HOUR) == [
            Counts(),
            Counts(posts=3, negative=3),
            Counts(posts=1, positive=1),
        ]
        both = pulse.pulses(tx, [brand, "nobody"], NOON - HOUR, NOON + 2 * HOUR, HOUR)
        assert both == {name: pulse.pulse(tx, name, NOON - HOUR, NOON + 2 * HOUR, HOUR) for name in (brand, "nobody")}
        assert pulse.total(tx, brand, NOON, NOON + 2 * HOUR) == Counts(4, 3, 1)
        assert pulse.total(tx, "nobody", NOON, NOON + HOUR) == Counts()
        assert list(pulse.by_source(tx, brand, NOON, NOON + 2 * HOUR)) == [post().source, "other"]
        assert pulse.brands_counted(tx, [brand, "nobody"], NOON, NOON + 2 * HOUR)[brand].negative_share == 0.75
        first = pulse.voices(tx, brand, NOON, NOON + 2 * HOUR)[0]
        assert (first.author, first.posts, first.negative) == ("ada", 2, 2)
        assert pulse.largest_post_number(tx) >= 4
        assert bins.posts(tx, brand, NOON - HOUR, NOON + 2 * HOUR) == {NOON: 3, NOON + HOUR: 1}


def test_whole_days_are_added_up_from_their_sums_with_the_same_result(database: Database) -> None:
    times = [NOON + timedelta(hours=hours) for hours in range(0, 120, 7)]
    with database.write() as tx:
        write(tx, Intake(mentions=[mentioned(post(external_id=str(at), created_at=at)) for at in times]))
    brand, midnight = mentioned(post()).mention.brand, NOON - timedelta(hours=12)
    with database.read() as tx:
        for since, until in ((NOON, NOON + timedelta(hours=99)), (midnight, midnight + timedelta(days=4))):
            said = sum(since <= at < until for at in times)
            assert pulse.total(tx, brand, since, until).posts == said
            assert pulse.by_source(tx, brand, since, until)[post().source].posts == said
            assert pulse.brands_counted(tx, [brand, "nobody"], since, until)[brand].posts == said
            for every in (HOUR, timedelta(days=1), timedelta(days=2)):
                by_slot = pulse.pulse(tx, brand, since, until, every)
                assert sum((one for one in by_slot), Counts()).posts == said
                assert by_slot[1].posts == sum(since + every <= at < since + 2 * every for at in times)


def test_lists_of_incidents_go_on_where_they_ended(database: Database) -> None:
    ids = [f"01ABCDEFGHJKMNPQRSTVWXYZ{n:02}" for n in range(5)]
    with database.write() as tx:
        for number, name in enumerate(ids):
            opened = NOON + HOUR * (number // 2)  # some at the same moment
            one = replace(incident(), id=name, fingerprint=name, opened_at=opened, updated_at=opened)
            incidents.insert(tx, one)
    with database.read() as tx:
        found, before = [], None
        while page := incidents.page(tx, before=before, limit=2):
            found += [one.id for one in page]
            before = (page[-1].opened_at, page[-1].id)
        assert found == ids[::-1]
        clocks = response.between(tx, NOON, NOON + 9 * HOUR, before=(NOON + HOUR, ids[3]), limit=2)
        assert [one.id for one in clocks] == [ids[2], ids[1]]
        assert [one.id for one in incidents.changed(tx, (NOON + HOUR, ids[2]))] == ids[3:]


def test_the_clock_of_an_incident_is_read_from_what_happened(database: Database) -> None:
    one = replace(
        incident(),
        began_at=NOON - HOUR,
        opened_at=NOON,
        acknowledged_at=NOON + HOUR / 2,
        acknowledged_by="ada",
        resolved_at=NOON + 2 * HOUR,
        severity=Severity.CRITICAL,
    )
    with database.write() as tx:
        incidents.insert(tx, one)
        incidents.append_event(tx, one.id, NOON + HOUR, response.ANSWERED, "ada")
    with database.read() as tx:
        (clock,) = response.between(tx, NOON, NOON + HOUR, severities=[Severity.CRITICAL])
        assert response.between(tx, NOON, NOON + HOUR, severities=[Severity.WATCH]) == []
    assert (clock.to_know, clock.to_take, clock.to_answer, clock.to_end) == (HOUR, HOUR / 2, 2 * HOUR, 2 * HOUR)
    assert clock.to_tell is None


def test_a_change_is_seen_and_a_look_is_none(database: Database) -> None:
    with database.read() as tx:
        before = changes.mark(tx)
        assert changes.mark(tx) == before
    stored(database)
    with database.read() as tx:
        assert changes.mark(tx) != before


def test_runs_are_added_up(database: Database) -> None:
    with database.write() as tx:
        for number, outcome in enumerate((RunOutcome.COMPLETE, RunOutcome.FAILED)):
            at = NOON + number * HOUR
            add_run(tx, CollectorRun("news", at, at, outcome, posts=5, new_posts=2, requests=3))
    with database.read() as tx:
        found = source_counts.totals(tx, NOON)["news"]
        assert (found.runs, found.failed, found.requests, found.new_posts) == (2, 1, 6, 4)
        assert source_counts.totals(tx, NOON + 2 * HOUR) == {}
        assert source_counts.first_runs(tx) == {"news": NOON}


def test_a_question_that_takes_too_long_is_ended_and_the_next_one_is_not(database: Database) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with (
        pytest.raises(TooSlowError, match="shorter span"),
        database.read() as tx,
        limits.within(tx, timedelta(0.05 / 86400)),
    ):
        tx.exec_driver_sql(endless)
    with database.read() as tx, limits.within(tx, timedelta(seconds=5)):
        assert tx.exec_driver_sql("SELECT 1").scalar() == 1
