"""Our evaluation of VADER's rules gives the package's scores to the last digit, in time linear in the text."""

from __future__ import annotations

import time
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaderSentiment import vaderSentiment as package  # noqa: N813

from monitor.sentiment.vader import Polarity, Vader, packaged_lexicon

VADER = Vader.packaged()
GRAMMAR = [
    *package.NEGATE,
    *package.BOOSTER_DICT,
    *{word for phrase in package.SPECIAL_CASES for word in phrase.split()},
    *("no", "but", "BUT", "least", "at", "very", "kind", "of", "or", "nor", "so", "this", "never", "without", "doubt"),
]
words = st.one_of(
    st.sampled_from(GRAMMAR),
    st.sampled_from(sorted(packaged_lexicon())[::7]),
    st.sampled_from(
        ["the", "table", ":)", ":-(", "<3", "good", "bad", "GREAT", "awful!", "(nice)", "'", "!!!", "??", "#fail"]
    ),
    st.sampled_from(["😡", "❤", "🔥x", "x😂😂", "👍🏽", "ﬁne"]),
    st.text(max_size=6),
)
shouted = st.tuples(words, st.booleans()).map(lambda pair: pair[0].upper() if pair[1] else pair[0])
texts = st.lists(shouted, max_size=14).map(" ".join)


@lru_cache(maxsize=1)
def packaged() -> package.SentimentIntensityAnalyzer:
    """The package's own evaluation."""
    return package.SentimentIntensityAnalyzer()


@settings(max_examples=1_000)
@given(texts)
def test_scores_are_the_packages_to_the_last_digit(text: str) -> None:
    expected = packaged().polarity_scores(text)
    assert VADER.polarity(text) == Polarity(expected["neg"], expected["neu"], expected["pos"], expected["compound"])
    assert VADER.compound(text) == expected["compound"]


@settings(max_examples=200)
@given(st.text(max_size=80))
def test_any_text_at_all_scores_as_in_the_package(text: str) -> None:
    assert VADER.compound(text) == packaged().polarity_scores(text)["compound"]


@pytest.mark.parametrize(
    "text",
    [
        "not good but good, good but good and bad, bad but bad",
        "It is kind of good but never so good as this, without doubt the best at least",
        "the shit hits the bus stop, yeah right, kiss of death to die for",
        "NO good or GREAT deal!!! why?? so so so bad????",
        "",
        "   ",
        "!",
        "no",
    ],
)
def test_what_looks_odd_in_the_package_looks_so_here(text: str) -> None:
    assert VADER.compound(text) == packaged().polarity_scores(text)["compound"]


def test_long_texts_take_their_length_and_not_its_square() -> None:
    lexicon = " ".join(list(packaged_lexicon()) * 2)
    slow = ["😡" * 20_000, lexicon, "good but " + "bad good " * 15_000]
    for text in slow:
        began = time.process_time()
        VADER.polarity(text)
        assert time.process_time() - began < 0.5


def test_what_is_remembered_of_words_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.sentiment.vader._MEMORY", 50)
    small = Vader({"good": 1.9}, {})
    for number in range(200):
        small.compound(f"word{number} good")
    assert len(small._words) <= 50
    assert small.compound("good") == 0.4404
