"""Portions keep the order, and are no larger than they may be unless a single item is."""

from __future__ import annotations

from monitor.portions import portions


def test_items_are_taken_together_as_long_as_they_fit() -> None:
    assert list(portions(["aa", "b", "cccc", "ddddd", "e", ""], len, 3)) == [
        ["aa", "b"],
        ["cccc"],
        ["ddddd"],
        ["e", ""],
    ]
    assert list(portions([], len, 3)) == []
