"""A tiny form of `python -m benchmarks.erasures`: posts that were paged and taken back, and nothing that is left."""

from __future__ import annotations

from datetime import timedelta

import pytest

from benchmarks import erasures
from monitor.demo.story import SCENE


def test_nothing_is_left_of_what_was_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLACK_TOKEN", "ERASURES_DATABASE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(erasures, "FORMS", ("csv",))
    monkeypatch.setattr(erasures, "POSTS_OF_AN_AUTHOR", 2)
    end = SCENE + timedelta(hours=9)
    result = erasures.simulate(wanted=24, days=1, end=end, step=timedelta(hours=3))
    before = result.before
    assert (result.deleted, result.forgotten, result.authors) == (12, 12, 6)
    assert min(before.in_rows, before.in_files, before.in_exports, before.in_messages) > 0
    assert result.left == erasures.Left(0, 0, 0, 0, 0)
    assert result.back == 0
