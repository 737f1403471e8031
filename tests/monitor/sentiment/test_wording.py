"""Tokens are taken apart as people write them, and phrases are read as one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sentiment.lexicon import Lexicon, LexiconError, known_languages, lexicon_of, parsed
from monitor.sentiment.reader import reader_of
from monitor.sentiment.vocabulary import LINK
from monitor.sentiment.wording import Wording

LEXICON = parsed(
    """
    # a comment
    -2: late, on hold, on hold for hours, awful(|ly), gooo
    3.5: love(|s|d), best, rapid*
    [hints]
    -0.5: still
    """
)


def words(text: str, language: str = "en") -> list[str]:
    """The words of a text."""
    return [word.lower for word in Wording(language, LEXICON, spells_all=True).words(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@acme see https://x.org and bit.ly/abc now", ["see", LINK, "and", LINK, "now"]),
        ("#WorstDayEver #fail", ["worst", "day", "ever", "fail"]),
        ("great...but late/awful", ["great", "but", "late", "awful"]),
        ("ON HOLD FOR HOURS!", ["on_hold_for_hours"]),
        ("on hold again", ["on_hold", "again"]),
        ("hold on", ["hold", "on"]),
        ("laaaate", ["late"]),
        ("dont, ca n't", ["don't", "can't"]),
        ("I can’t", ["i", "can't"]),
        ("bad😡😡ok", ["bad", "😡", "😡", "ok"]),
        ("👍🏽", ["👍"]),
        ("", []),
    ],
)
def test_a_text_becomes_its_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_entries_are_written_out_and_stems_stand_for_what_begins_so() -> None:
    assert LEXICON.words["loved"] == 3.5
    assert LEXICON.valence("rapidly") == 3.5
    assert LEXICON.valence("rap") is None
    assert LEXICON.phrases == {"on hold": -2.0, "on hold for hours": -2.0}
    assert LEXICON.hints == {"still": -0.5}


def test_a_line_that_cannot_be_read_is_named() -> None:
    with pytest.raises(LexiconError, match="line 2"):
        parsed("-1: bad\nvery bad indeed")


def test_every_lexicon_of_the_program_can_be_read() -> None:
    assert {"en", "es", "pt", "fr", "it", "de", "ar", "id", "zh"} <= set(known_languages())
    for language in known_languages():
        lexicon = lexicon_of(language)
        assert lexicon is not None
        assert len({**lexicon.words, **lexicon.stems}) > 150, language
        assert all(-4 <= valence <= 4 for valence in {**lexicon.words, **lexicon.stems, **lexicon.phrases}.values())
        assert all(word == word.lower() for word in {**lexicon.words, **lexicon.phrases})
    assert lexicon_of("xx") is None


def test_what_is_remembered_of_words_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.sentiment.wording._MEMORY", 10)
    wording = Wording("en", Lexicon(words={}))
    for number in range(100):
        wording.words(f"word{number} https://x.org/{number} @u{number}")
    assert len(wording._vocabulary) <= 10


def test_words_without_spaces_and_words_of_many_parts_are_not_remembered_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("monitor.sentiment.wording._MEMORY", 10)
    wording = Wording("zh", Lexicon(words={}))
    for number in range(100):
        wording.words(f"{chr(0x4E00 + number) * 300} {chr(0x5E00 + number) * 3}/{chr(0x6E00 + number) * 3}")
    assert len(wording._vocabulary) <= 10
    assert len(wording._vocabulary.words) <= 10


@given(st.text(max_size=200), st.sampled_from(sorted(known_languages())))
def test_any_text_can_be_read_in_any_language(text: str, language: str) -> None:
    reader = reader_of(language)
    assert reader is not None
    evidence = reader.evidence([text])
    assert min(evidence.positive, evidence.negative, evidence.far_positive, evidence.far_negative) >= 0


@pytest.mark.parametrize("language", ["en", "es", "zh"])
def test_long_texts_take_their_length(language: str) -> None:
    reader = reader_of(language)
    assert reader is not None
    for text in (
        "still on hold " * 5_000,
        "😡" * 20_000,
        "a" * 100_000,
        "#A" * 20_000,
        "bad." * 20_000,
        "垃圾" * 20_000,
    ):
        began = time.process_time()
        reader.evidence([text])
        assert time.process_time() - began < 1.0
