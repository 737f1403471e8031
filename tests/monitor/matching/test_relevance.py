"""An ordinary word is the company's name when what stands around it says so."""

from __future__ import annotations

from typing import Any

import pytest

from config.settings import BrandSettings
from monitor.matching import Matcher
from tests.storage.examples import post

SPRUCE = BrandSettings(
    name="Spruce",
    ambiguous=True,
    aliases=["Spruce Bank"],
    handles=["sprucebank"],
    context=["loan", "account", "card"],
    exclude=["blue spruce", "tree"],
    rivals=["Maple Credit"],
    minimum_relevance=0.0,
)


def judged(text: str, **changes: Any) -> tuple[float, str]:
    """How sure it is that the bank is meant, and why."""
    (mention,) = Matcher([SPRUCE.model_copy(update=changes)]).match(post(text=text))
    return mention.relevance, mention.reason


@pytest.mark.parametrize(
    "text",
    [
        "My loan from Spruce was denied",
        "Spruce's app is down",
        "so angry with Spruce right now",
        "Spruce CEO resigns",
        "Spruce Bank charged me twice",
        "@sprucebank hello?",
        "left Maple Credit for Spruce",
        "the people at @spruce never answer",
        "I pay with my spruce card",
        "why #Spruce",
    ],
)
def test_the_company_is_meant(text: str) -> None:
    assert judged(text)[0] >= 0.5


@pytest.mark.parametrize(
    "text",
    [
        "We planted a spruce in the garden",
        "to spruce up the kitchen I bought paint",
        "a table of spruce and oak",
        "Tonight Bruce Spruce sings in Leeds",
        "Spruce is a tree",
        "A Blue Spruce for my loan",
        "THE OLD SPRUCE fell in the storm, sadly",
    ],
)
def test_the_word_is_meant(text: str) -> None:
    assert judged(text)[0] < 0.5


def test_the_reason_names_what_weighed_most() -> None:
    relevance, reason = judged("My loan from Spruce was denied")
    assert "near “loan”" in reason
    assert "capital" in reason
    assert 0 < relevance < 1
    assert judged("Spruce is a tree") == (0.02, "ruled out by “tree”")
    assert judged("Spruce Bank, again")[1] == "name Spruce Bank"


def test_an_exclusion_elsewhere_does_not_silence_a_sure_name() -> None:
    assert judged("@sprucebank cut down the tree at your branch")[0] > 0.9


def test_an_exclusion_over_the_match_silences_even_a_sure_name() -> None:
    sure = BrandSettings(name="Acme", exclude=["Acme Corners"], minimum_relevance=0.0)
    assert [mention.relevance for mention in Matcher([sure]).match(post(text="a walk to Acme Corners"))] == [0.02]
    assert [mention.relevance for mention in Matcher([sure]).match(post(text="Acme of Acme Corners"))] == [0.95]


def test_a_name_of_two_letters_is_always_in_doubt() -> None:
    (mention,) = Matcher([BrandSettings(name="HP", minimum_relevance=0.0)]).match(post(text="an hp of 90"))
    assert mention.relevance < 0.5


def test_words_of_another_meaning_speak_against_the_company() -> None:
    text = "New Spruce boards for the roof"
    relevance, reason = judged(text, context_against=["boards"])
    assert relevance < judged(text)[0] - 0.3
    assert "though near “boards”" in reason


def test_a_long_context_word_counts_as_the_head_of_a_compound() -> None:
    assert "near “count”" in judged("spruce discount", context=["count"])[1]
    assert "near" not in judged("spruce fund", context=["fun", "und"])[1]
    assert "near" not in judged("spruce counting", context=["count"])[1]


@pytest.mark.parametrize("money", ["$1.6B", "€320m", "£2 million", "$250"])
def test_money_is_talk_of_business(money: str) -> None:
    assert judged(f"Spruce is buying it for {money}")[0] > judged("Spruce is buying it for them")[0]


def test_tickers_beside_a_name_are_talk_of_business_and_a_ticker_is_none_of_itself() -> None:
    assert judged("$MAPL Spruce under pressure")[0] > judged("Spruce under pressure")[0]
    assert "talk of" not in judged("he owes $S to her", tickers=["S"])[1]
