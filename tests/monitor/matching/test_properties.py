"""What holds for every text: linear time, stable forms, and matches where the name really stands."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from config.settings import BrandSettings
from monitor.matching import Matcher
from monitor.matching.folding import FoldedTexts, all_cleaned, cleaned, fold, folded_term
from monitor.sentiment.scorers import scorer_of
from storage.records import Mention
from tests.storage.examples import post

NAMES = ["Acme", "AT&T", "C++", "Nestlé", "Straße AG", "特斯拉", "Яндекс", "سامسونج", "H&M"]
MATCHER = Matcher([BrandSettings(name=name) for name in NAMES])
around = st.text(alphabet=" .,!?()\"'\n:;", max_size=6)


@given(st.sampled_from(NAMES), around, around)
def test_a_name_between_punctuation_is_found(name: str, before: str, after: str) -> None:
    assert name in {mention.brand for mention in MATCHER.match(post(text=f"{before} {name} {after}"))}


@given(st.text(max_size=200))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert cleaned(cleaned(text.replace("&", ""))) == cleaned(text.replace("&", ""))


@given(st.text(max_size=200))
def test_every_place_of_a_folded_text_leads_into_the_clean_one(text: str) -> None:
    folded = fold(text)
    places = [folded.clean_at(place) for place in range(len(folded.folded) + 1)]
    assert places == sorted(places)
    assert places[-1] == len(folded.clean)


awkward = st.text(alphabet="aB &;x'’İß\u200b\n\x7f\té", max_size=12)


@given(st.lists(st.one_of(st.text(max_size=30), awkward), max_size=6))
def test_texts_that_are_folded_together_are_what_each_is_alone(texts: list[str]) -> None:
    clean = all_cleaned(texts)
    assert clean == list(map(cleaned, texts))
    folded = FoldedTexts(clean)
    assert [folded[number] for number in range(len(folded))] == list(map(fold, texts))
    position = 0
    for number, each in enumerate(map(fold, texts)):
        assert folded.place_of(position) == (number, position)
        assert folded.joined[position:].startswith(each.folded)
        position += len(each.folded) + 1


@given(st.text(max_size=300))
def test_no_text_breaks_the_matcher(text: str) -> None:
    for mention in MATCHER.match(post(text=text)):
        assert 0.5 <= mention.relevance <= 1
        assert all(folded_term(term) for term in mention.matched)


def test_time_grows_no_faster_than_the_text() -> None:
    long = ["a t & t " * 4_000, "&amp;" * 10_000, "\u200b" * 40_000 + "Acme", "acme" * 10_000, "$T" * 20_000]
    long += ["#" + "acme" * 10_000, "#boycottacme" * 4_000, "#" + "i" * 40_000 + "acme"]
    began = time.process_time()
    for text in long:
        MATCHER.match(post(text=text))
    assert time.process_time() - began < 2.0


def test_what_would_blow_up_as_a_pattern_is_a_name_like_any_other() -> None:
    evil = "(a+)+$"
    rules = [{"words": [evil, "(x|x)*y"], "sentiment": "negative"}]
    watched = BrandSettings.model_validate(
        {"name": "Acme", "aliases": [evil], "context": [evil], "exclude": ["(.*)*z"], "sentiment_rules": rules}
    )
    assert [mention.matched for mention in Matcher([watched]).match(post(text=f"look, {evil} is here"))] == [(evil,)]
    text = "a" * 50_000 + "!"
    assert Matcher([watched]).match(post(text=text)) == []
    item = (post(text=text), Mention("Acme", "forum", "1", 1.0), "en")
    (score,) = scorer_of([watched]).score([item])
    assert score.scorer != "rule"
