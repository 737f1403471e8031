"""Durations as an operator writes them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.durations import format_duration, parse_duration
from config.problems import Mistake


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
        ("2w", timedelta(days=14)),
        ("250ms", timedelta(milliseconds=250)),
        ("1h30m", timedelta(minutes=90)),
        ("1h 30m", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        ("0s", timedelta(0)),
    ],
)
def test_a_number_and_a_unit_name_a_span(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize("text", ["", " ", "5", "5 minutes", "m", "-5m", "5m\n\n3", "five", "5M", "1e3s", "٣m", "5m;"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Mistake) as caught:
        parse_duration(text)
    assert '"5m"' in caught.value.suggestion


def test_a_span_beyond_any_calendar_is_refused() -> None:
    with pytest.raises(Mistake, match="longer than any calendar"):
        parse_duration("99999999999d")


@given(st.integers(min_value=0, max_value=10**13))
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    span = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(span)) == span


@pytest.mark.parametrize(("seconds", "text"), [(5400, "1h30m"), (300, "5m"), (86400, "1d"), (0, "0s"), (0.25, "250ms")])
def test_a_span_is_written_in_its_largest_units(seconds: float, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text
