"""Words are found wherever they stand, in one pass."""

from __future__ import annotations

import pytest

from monitor.automaton import Automaton

WORDS = {"he": 1, "she": 2, "hers": 3, "é😀": 4}


@pytest.mark.parametrize(("large", "compact"), [(0, False), (100, False), (100, True)])
def test_every_word_is_found_also_inside_of_others(large: int, compact: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.automaton._LARGE", large)
    assert Automaton(WORDS, compact=compact).found("ushers é😀") == [(2, 1, 4), (1, 2, 4), (3, 2, 6), (4, 7, 9)]


def test_the_longest_from_the_left_leave_nothing_to_others() -> None:
    assert Automaton(WORDS, longest=True).found("he hers she") == [(1, 0, 2), (3, 3, 7), (2, 8, 11)]


def test_in_texts_that_are_looked_through_together_nothing_is_found_across_two() -> None:
    found = Automaton(WORDS).found_in(["us", "hers", "", "s", "he"])
    assert list(found) == [(1, 1, 0, 2), (1, 3, 0, 4), (4, 1, 0, 2)]


def test_half_a_character_keeps_nobody_from_being_found() -> None:
    assert Automaton(WORDS).found("\ud83d he") == [(1, 2, 4)]


def test_without_words_nothing_is_found() -> None:
    assert Automaton({}).found("he") == []
