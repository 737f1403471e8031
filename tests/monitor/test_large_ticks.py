"""Ticks that are read in parts: what is found is the same, however small the parts."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import ClassVar, Self

import msgspec
import pytest

from monitor.detectors.contract import TICK, Hearing, LargeTick, Tick
from monitor.detectors.threads import Threads, ThreadSettings
from monitor.judge import Judge, JudgeSettings
from monitor.large_ticks import large_tick
from storage import posts
from storage.database import Database
from storage.ingest import Intake, write
from storage.records import Engagement, EngagementSample, Label, MentionedPost, PostKind, Signal
from tests.monitor.scenes import START, comments, remark, said, ticks
from tests.storage.examples import NOON, mentioned, post

SAMPLE = comments("t1", START, 3, 4)
BRANDS = ["Fernweh Air", "Norrsken Bank", "Ostlicht", "Talmar"]
HOUR = timedelta(hours=1)


def history() -> list[Tick]:
    """Two days of four brands, who share voices and threads, with a breach, a crowd and a thread that grows."""
    dice = random.Random(9)
    mentions, samples = [], []
    for number in range(900):
        at = START + dice.random() * 48 * HOUR
        brand, is_late = dice.choice(BRANDS), at > START + 40 * HOUR
        words = "leaked our passwords in a data breach " if is_late and dice.random() < 0.2 else ""
        thread = f"t{number % 40}" if dice.random() < 0.3 else None
        label = Label.NEGATIVE if dice.random() < (0.7 if is_late else 0.2) else Label.NEUTRAL
        item = said(
            words + remark(dice), at, brand=brand, author=f"a{dice.randrange(300)}", label=label, thread_id=thread
        )
        mentions.append(item)
        if dice.random() < 0.2:
            mentions.append(said(item.post.text, at + HOUR / 4, brand=dice.choice(BRANDS), author=f"c{number}"))
        samples.append(
            comments(thread or item.post.external_id, at + HOUR / 3, dice.randrange(60), dice.randrange(400))
        )
    return list(ticks(mentions, samples))


def in_parts(tick: Tick, most: int, asked: list[Sequence[str]]) -> LargeTick:
    """The same tick, to be read in parts."""

    def read(names: Sequence[str]) -> Mapping[str, Sequence[MentionedPost]]:
        asked.append(names)
        return {name: tick.mentions[name] for name in names if name in tick.mentions}

    counts = {name: len(items) for name, items in tick.mentions.items()} | {"Talmar": 1}
    return LargeTick(
        tick.at, coverage=tick.coverage, counts=counts, most=most, read=read, read_samples=lambda: iter(tick.samples)
    )


class Whole:
    """A detector of an operator's own, which remembers what it was given."""

    name, version = "whole", "1"
    heard: ClassVar[list[tuple[list[str], list[EngagementSample]]]] = []

    def __init__(self, brands: Sequence[str]) -> None: ...

    def hear(self, hearing: Hearing) -> list[Signal]:
        """Remember whom it was about."""
        self.heard.append((list(hearing.heard), list(hearing.samples)))
        return []

    def copy(self) -> Self:
        return self

    def dump(self) -> bytes:
        return b""

    def load(self, blob: bytes) -> None: ...


def found(judge: Judge, past: Sequence[Tick]) -> Iterator[Signal]:
    return (signal for tick in past for signal in judge.step(tick))


def test_what_is_found_does_not_depend_on_the_parts() -> None:
    past, whole = history(), Judge(BRANDS)
    expected = list(found(whole, past))
    assert {"trouble", "thread", "backlash"} <= {one.detector for one in expected}
    for most in (1, 3):
        parted, asked = Judge(BRANDS), list[Sequence[str]]()
        assert list(found(parted, [in_parts(tick, most, asked) for tick in past])) == expected
        assert parted.dump() == whole.dump()
        assert (max(map(len, asked)) == 1) == (most == 1)


def test_a_detector_of_the_operators_own_hears_a_tick_whole() -> None:
    own = JudgeSettings(own={"whole": Whole})
    judge, asked = Judge(BRANDS, own), list[Sequence[str]]()
    tick = Tick(START + TICK, {brand: [said("the gate moved", brand=brand)] for brand in BRANDS}, [SAMPLE])
    judge.step(in_parts(tick, 1, asked))
    assert len(asked) == len(BRANDS)
    assert Whole.heard == [(BRANDS, [SAMPLE])]


@pytest.mark.parametrize("at_once", [1, 2, 5, 100])
def test_a_large_tick_is_read_as_a_small_one(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.large_ticks.PORTION", at_once)
    moments = [NOON + timedelta(seconds=25 * number) for number in range(12)]
    stored = [
        mentioned(post(str(n), created_at=at, engagement=Engagement(likes=n)), BRANDS[n % 3])
        for n, at in enumerate(moments)
    ]
    surfaced = post("late", created_at=NOON - HOUR, collected_at=NOON + timedelta(minutes=2), kind=PostKind.ARTICLE)
    elsewhere = post("gone", created_at=NOON, collected_at=NOON + HOUR, kind=PostKind.ARTICLE)
    stored += [mentioned(surfaced, BRANDS[3]), mentioned(elsewhere, BRANDS[0])]
    with Database.open("sqlite://") as database:
        with database.write() as tx:
            write(tx, Intake(posts=[one.post for one in stored], mentions=stored))
        with database.read() as tx:
            tick = large_tick(tx, BRANDS, NOON, NOON + TICK, {"plaza": 0.5})
            if at_once == 100:
                assert tick is None
                return
            assert tick is not None
            read = [item for part in tick.parts(BRANDS) for items in part().values() for item in items]
            assert sorted(read, key=lambda one: one.post.judged_at) == posts.judged(tx, NOON, NOON + TICK)
            assert list(tick.sampled()) == posts.samples(tx, NOON, NOON + TICK)
            assert (tick.at, tick.coverage) == (NOON + TICK, {"plaza": 0.5})


def test_threads_beyond_the_bound_are_forgotten_while_a_tick_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.detectors.threads.MOST_THREADS", 40)
    detector, sizes = Threads({}, {"": ThreadSettings()}), list[int]()

    def samples() -> Iterator[EngagementSample]:
        for number in range(200):
            sizes.append(len(msgspec.msgpack.decode(detector.dump())[1]))
            yield comments(f"t{number}", START, number % 7, number)

    detector.hear(Hearing(START + TICK, {}, {}, samples()))
    assert max(sizes) == 50
