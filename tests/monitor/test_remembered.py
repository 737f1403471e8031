"""What was found out of texts is not found out again, and none of it is kept beyond its bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from monitor.remembered import LONGEST, Known, let_go


class _Lengths:
    """Finds out how long texts are, and writes down which it was asked about."""

    def __init__(self, most: int) -> None:
        self.asked: list[list[str]] = []
        self._known: Known[str, int] = Known(most, len)

    def of(self, *texts: str) -> list[int]:
        return self._known.of(texts, self._found)

    def _found(self, texts: Sequence[str]) -> Iterator[int]:
        self.asked.append(list(texts))
        return map(len, texts)


def test_copies_are_asked_about_once() -> None:
    lengths = _Lengths(9)
    assert lengths.of("one", "three", "one") == [3, 5, 3]
    assert lengths.of("three", "four", "one") == [5, 4, 3]
    assert lengths.of("four") == [4]
    assert lengths.asked == [["one", "three"], ["four"]]


def test_of_too_many_it_begins_anew() -> None:
    lengths = _Lengths(2)
    assert lengths.of("a", "bb", "ccc") == [1, 2, 3]
    assert lengths.of("a", "bb", "dddd") == [1, 2, 4]
    assert lengths.of("dddd", "a") == [4, 1]
    assert lengths.asked == [["a", "bb", "ccc"], ["dddd"], ["a"]]


def test_long_texts_are_not_kept() -> None:
    lengths = _Lengths(9)
    for _ in range(2):
        assert lengths.of("x" * (LONGEST + 1), "y" * LONGEST) == [LONGEST + 1, LONGEST]
    assert [len(asked) for asked in lengths.asked] == [2, 1]


def test_all_is_let_go_of_at_once() -> None:
    lengths = _Lengths(9)
    lengths.of("a")
    let_go()
    assert lengths.of("a") == [1]
    assert lengths.asked == [["a"], ["a"]]
