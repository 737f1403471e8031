"""The words of an incident are those that are not usual for the brand."""

from __future__ import annotations

from monitor.remembered import LONGEST
from monitor.telling_words import spelt_out, telling_words, wordings
from storage.remarks import Remark
from tests.storage.examples import remark


def said(*texts: str) -> list[Remark]:
    return [remark(text=text, content_key=text) for text in texts]


USUAL = [f"the Norrvik contract and the signal at {place}" for place in ("home", "work", "sea", "town", "night")]


def test_words_that_are_new_to_the_brand_come_first() -> None:
    told = said("the voicemail of Norrvik", "that voicemail again", "a voicemail about the contract", "what a contract")
    assert telling_words(wordings(told), USUAL, ["Norrvik"])[0] == "voicemail"


def test_words_that_are_always_said_of_the_brand_are_left_out() -> None:
    told = said("signal and contract", "contract and signal", "the signal")
    assert telling_words(wordings(told), USUAL, []) == ()


def test_a_copied_wording_counts_once() -> None:
    assert telling_words(wordings(said(*["share this everywhere"] * 40)), USUAL, []) == ()


def test_the_names_of_the_brand_and_handles_and_links_tell_nothing() -> None:
    told = said("Norrvik @norrvikcare https://norrvik.example/voicemail one", "Norrvik @norrvikcare #shame two")
    assert telling_words(wordings(told), [], ["Norrvik"]) == ()


def test_words_of_any_script_are_found() -> None:
    told = said("позор компании опять", "какой позор однако", "просто позор вообще")
    assert telling_words(wordings(told), USUAL, []) == ("позор",)


def test_a_long_text_tells_as_a_short_one_does() -> None:
    told = ["voicemail " + "a " * length for length in (1, 2, LONGEST, LONGEST + 1)]
    assert telling_words(told, USUAL, []) == telling_words(["voicemail"] * 4, USUAL, []) == ("voicemail",)


def test_the_beginning_of_a_word_is_spelt_out_as_most_people_write_it() -> None:
    told = ["Complaints, complaints!", "I complained.", "Another of their complaints; my strike", "火事だった"]
    assert spelt_out(("compla", "strike", "火事", "compla"), told) == ("complaints", "strike", "火事")
