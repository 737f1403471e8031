"""The table of speed measures what it says."""

from __future__ import annotations

import os
from itertools import islice

import pytest

from benchmarks.speed import material, near
from benchmarks.speed.measuring import Watch, apart, ratios


def test_the_share_of_copies_is_that_of_the_shape() -> None:
    made = list(islice(material.texts(material.Shape("copied", copies=0.9), material.names(3)), 2_000))
    assert len(set(made)) < 0.2 * len(made)


def test_texts_have_the_length_and_the_emoji_of_their_shape() -> None:
    long, feeling = (
        next(material.texts(shape, material.names(3)))
        for shape in (material.Shape("long", sentences=40), material.Shape("emoji", emoji=40))
    )
    assert len(long) > 1_000
    assert sum(not character.isascii() for character in feeling) >= 40


def test_a_row_is_measured_in_a_process_of_its_own() -> None:
    told = apart(lambda: {"process": os.getpid()})
    assert told["process"] != os.getpid()
    assert told["rss_mb"] > 0


def test_a_row_that_fails_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError):
        apart(lambda: {"never": 1 // 0})
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_ratio_above_one_is_faster_than_the_loop() -> None:
    assert ratios(Watch(busy=3.0, clock=4.0), Watch(busy=1.5, clock=4.0)) == {
        "ratio_to_bare_loop": 2.0,
        "ratio_by_the_clock": 1.0,
    }


def test_near_duplicates_are_told_as_a_comparison_of_every_pair_tells_them() -> None:
    syllables, names = material.names(600), iter(material.names(300))
    texts = [" ".join((next(names), *syllables[place : place + 12])) for place in range(0, 588, 12)]
    told = near.beside_all_pairs(texts)
    assert told["posts"] > len(texts)
    assert told["precision"] >= 0.98
    assert told["recall"] >= 0.98
    assert told["found_by_key"] < 1.0
