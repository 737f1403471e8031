"""The state of the fold in the database: a beginning and the ticks since, and what a restart makes of them."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from msgspec.structs import replace as replace_struct

from monitor.assembly import assemble
from monitor.detectors.burst import BurstSettings
from monitor.detectors.contract import Tick
from monitor.detectors.crowd import CrowdSettings
from monitor.fold import Fold
from monitor.incidents import Transition
from monitor.judge import ELSE, Judge, JudgeSettings, Thresholds
from monitor.keeping import CHECKPOINT, LEAST_OF_A_MENTION, LEAST_OF_A_SAMPLE, MOST_TICKS, Keeping, forget_after
from storage import state as state_store
from storage.database import Database
from storage.records import Engagement, EngagementSample
from tests.monitor.scenes import BRAND, START, chatter, comments, said, ticks
from tests.scenarios.days import END, SETTINGS, bad_day
from tests.scenarios.days import give as give_events

HOUR = timedelta(hours=1)
BEGIN = START - 16 * HOUR


@cache
def history() -> Sequence[Tick]:
    """Sixteen hours of chatter, and two of a storm with a thread that grows."""
    talk = [*chatter(120, BEGIN, START), *chatter(60, START, START + 2 * HOUR, seed=77, negative=0.8)]
    read = [comments("t1", START + HOUR * number / 6, 10 * number, 30 * number) for number in range(12)]
    return list(ticks(talk, read, begin=BEGIN))


@cache
def state_after(number: int, thresholds: Thresholds | None = None) -> bytes:
    """The state of a fold that took so many ticks in one go."""
    fold = begun(thresholds)
    for tick in history()[:number]:
        fold.step(tick)
    return fold.dump()


def begun(thresholds: Thresholds | None = None) -> Fold:
    return Fold(Judge([BRAND], JudgeSettings({ELSE: thresholds or Thresholds()})), at=BEGIN)


def give(database: Database, fold: Fold, keeping: Keeping, ticks: Sequence[Tick]) -> None:
    """Judge some ticks, and keep what is known then."""
    taken = keeping.taking()
    for tick in ticks:
        taken.append(tick)
        fold.step(tick)
    with database.write() as tx:
        keeping.save(tx, fold, ticks[-1].at, taken)


def restarted(database: Database, thresholds: Thresholds | None = None) -> tuple[Fold, Keeping]:
    fold, keeping = begun(thresholds), Keeping()
    with database.read() as tx:
        assert keeping.load(tx, fold)
    return fold, keeping


def rows(database: Database) -> dict[str, int]:
    """The states that are kept, and how many bytes each has."""
    with database.read() as tx:
        return {name: len(blob) for name, blob in state_store.every(tx)}


@given(st.lists(st.integers(1, 20), min_size=12, max_size=12), st.sets(st.integers(0, 11), max_size=4))
@examples(max_examples=3)
def test_a_restart_after_any_tick_goes_on_as_if_there_had_been_none(sizes: list[int], restarts: set[int]) -> None:
    with Database.open("sqlite://") as database:
        fold, keeping, done = begun(), Keeping(), 0
        for number, size in enumerate(sizes):
            give(database, fold, keeping, history()[done : done + size])
            done += size
            if number in restarts:
                fold, keeping = restarted(database)
        assert fold.dump() == state_after(done)
        assert restarted(database)[0].dump() == state_after(done)


def test_a_tick_writes_what_was_said_in_it_and_not_all_that_is_known(sqlite_database: Database) -> None:
    fold, keeping = begun(), Keeping()
    give(sqlite_database, fold, keeping, history()[:100])
    give(sqlite_database, fold, keeping, history()[100:101])
    found = rows(sqlite_database)
    assert 10 * (found[CHECKPOINT] + found[f"{CHECKPOINT}/000"]) < found[f"{CHECKPOINT}/beginning"]


def test_a_beginning_is_written_for_so_many_ticks(sqlite_database: Database) -> None:
    fold, keeping = begun(), Keeping()
    give(sqlite_database, fold, keeping, history()[:1])
    quiet = [Tick(BEGIN + timedelta(minutes=5) * number) for number in range(2, MOST_TICKS + 3)]
    for tick in quiet[:-1]:
        give(sqlite_database, fold, keeping, [tick])
    assert f"{CHECKPOINT}/000" in rows(sqlite_database)
    give(sqlite_database, fold, keeping, quiet[-1:])
    assert f"{CHECKPOINT}/000" not in rows(sqlite_database)


def test_ticks_that_outweigh_the_beginning_make_another(sqlite_database: Database) -> None:
    fold, keeping = begun(), Keeping()
    give(sqlite_database, fold, keeping, history()[:1])
    long = said("no end of words " * 5_000, BEGIN + HOUR / 12)
    give(sqlite_database, fold, keeping, [Tick(BEGIN + HOUR / 6, {BRAND: [long]})])
    assert f"{CHECKPOINT}/000" not in rows(sqlite_database)


def test_ticks_that_are_surely_heavier_are_not_even_written_down(sqlite_database: Database) -> None:
    fold, keeping = begun(), Keeping()
    give(sqlite_database, fold, keeping, history()[:1])
    unwritable = object()
    crowd = [unwritable] * (sum(rows(sqlite_database).values()) // 150 + 1)
    taken = keeping.taking()
    taken.append(Tick(history()[1].at, {BRAND: crowd}))  # type: ignore[dict-item]
    with sqlite_database.write() as tx:
        keeping.save(tx, fold, history()[1].at, taken)
    assert restarted(sqlite_database)[0].at == history()[1].at


def test_of_ticks_that_are_too_many_or_too_heavy_none_is_held(sqlite_database: Database) -> None:
    fold, keeping = begun(), Keeping()
    without_a_beginning = keeping.taking()
    without_a_beginning.append(history()[0])
    assert without_a_beginning.ticks is None
    give(sqlite_database, fold, keeping, history()[:1])
    many, heavy, read = keeping.taking(), keeping.taking(), keeping.taking()
    for tick in history()[: MOST_TICKS + 1]:
        assert many.ticks is not None
        many.append(Tick(tick.at))
    assert many.ticks is None
    for _ in range(heavy.room // 150 + 1):
        heavy.append(Tick(BEGIN, {BRAND: [said("loud", BEGIN)]}))
    read.append(Tick(BEGIN, samples=[comments("t1", BEGIN, 1, 1)] * (read.room // 70 + 1)))
    assert (heavy.ticks, read.ticks) == (None, None)


def test_of_a_long_past_no_more_is_in_memory_than_is_kept_beside_a_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    held, step = list[int](), Fold.step

    def counting(self: Fold, tick: Tick) -> list[Transition]:
        if len(held) % 10 == 0:
            gc.collect()
        held.append(sum(type(one) is Tick for one in gc.get_objects()) if len(held) % 10 == 0 else 0)
        return step(self, tick)

    monkeypatch.setattr(Fold, "step", counting)
    history.cache_clear()
    gc.collect()
    others = sum(type(one) is Tick for one in gc.get_objects())
    with Database.open("sqlite://") as database:
        pipeline = assemble(SETTINGS, database)
        give_events(pipeline, bad_day())
        pipeline.advance(END, early=True)
    assert len(held) > 4 * MOST_TICKS
    assert max(held) - others <= MOST_TICKS


def test_the_smallest_mention_and_the_smallest_sample_weigh_as_much_as_is_said() -> None:
    words = said("-", BEGIN, brand="", author="", source="", external_id="-", language="")
    mention = replace_struct(words, post=replace_struct(words.post, external_id="", text=""), content_key="")
    sample = EngagementSample("", "", BEGIN, Engagement())
    assert len(msgspec.msgpack.encode(mention)) >= LEAST_OF_A_MENTION
    assert len(msgspec.msgpack.encode(sample)) >= LEAST_OF_A_SAMPLE


def test_what_was_judged_under_other_thresholds_stays_as_it_was(sqlite_database: Database) -> None:
    calm = Thresholds(crowd=replace(CrowdSettings(), burst=BurstSettings(brief=99.0, lasting=99.0)))
    number, fold, keeping = len(history()) - 2, begun(calm), Keeping()
    give(sqlite_database, fold, keeping, history()[: number - 30])
    give(sqlite_database, fold, keeping, history()[number - 30 : number])
    assert state_after(number, calm) != state_after(number)
    assert restarted(sqlite_database)[0].dump() == state_after(number, calm)


def test_a_state_that_was_kept_whole_is_taken_up(sqlite_database: Database) -> None:
    with sqlite_database.write() as tx:
        state_store.save(tx, CHECKPOINT, history()[49].at, state_after(50))
    fold, keeping = restarted(sqlite_database)
    give(sqlite_database, fold, keeping, history()[50:60])
    assert fold.dump() == state_after(60)
    assert restarted(sqlite_database)[0].dump() == state_after(60)


@pytest.mark.parametrize("part", ["000", "beginning"])
def test_where_a_part_is_missing_the_state_of_the_day_is_taken_up(sqlite_database: Database, part: str) -> None:
    fold, keeping = begun(), Keeping()
    give(sqlite_database, fold, keeping, history()[:50])
    give(sqlite_database, fold, keeping, history()[50:60])
    with sqlite_database.write() as tx:
        state_store.forget(tx, f"{CHECKPOINT}/{part}")
    assert restarted(sqlite_database)[0].dump() == state_after(50)
    give(sqlite_database, fold, keeping, history()[60:70])
    assert restarted(sqlite_database)[0].dump() == state_after(70)


def test_states_after_a_moment_are_forgotten_with_their_parts(sqlite_database: Database) -> None:
    fold, keeping = begun(), Keeping()
    give(sqlite_database, fold, keeping, history()[:50])
    give(sqlite_database, fold, keeping, history()[50:60])
    with sqlite_database.write() as tx:
        forget_after(tx, history()[52].at)
    assert [state_store.whole(name) for name in rows(sqlite_database)] == [f"{CHECKPOINT}:{BEGIN.toordinal() % 8}"]
