"""The lexicon stands in for a scorer that is missing or fails."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.settings import Settings
from monitor.sentiment.contract import Item
from monitor.sentiment.fallback import StandIn
from monitor.sentiment.model_error import ModelError
from monitor.sentiment.toward import TowardBrand
from monitor.understanding import Understanding
from storage.records import Label, Mention, Post, Score
from tests.monitor.sentiment import tiny_transformer as tiny

POST = Post("forum", "1", datetime(2024, 5, 1, tzinfo=UTC), "Acme is awful", language="en")
ITEM: Item = (POST, Mention("Acme", "forum", "1", 0.9, ("Acme",)), "en")


class Moody:
    """A scorer that fails so many times, then works."""

    name, version = "moody", "1"

    def __init__(self, failures: int) -> None:
        self.left, self.asked = failures, 0

    def score(self, items: Sequence[Item]) -> list[Score]:
        """Fail, or judge."""
        self.asked += 1
        self.left -= 1
        if self.left >= 0:
            raise MemoryError("too large")
        return [Score(0.5, Label.POSITIVE, self.name, self.version) for _ in items]


def test_it_judges_while_the_scorer_fails_and_says_so_until_it_works_again() -> None:
    inner = Moody(failures=1)
    scorer = StandIn(inner, TowardBrand())
    seen = [(scorer.score([ITEM])[0].scorer, bool(scorer.degraded)) for _ in range(4)]
    assert seen == [("toward", True), ("toward", True), ("moody", False), ("moody", False)]
    assert (scorer.name, scorer.version) == ("moody", "1")


def test_the_pause_doubles_with_every_failure_up_to_an_end() -> None:
    inner = Moody(failures=1_000)
    scorer = StandIn(inner, TowardBrand())
    pauses = []
    for _ in range(9):
        asked, waited = inner.asked, -1
        while inner.asked == asked:
            assert scorer.score([ITEM])[0].label is Label.NEGATIVE
            waited += 1
        pauses.append(waited)
    assert pauses == [0, 1, 2, 4, 8, 16, 32, 64, 64]
    assert "moody failed (MemoryError: too large)" in scorer.degraded


def watching(model: Path, **more: object) -> Settings:
    asked = {"scorer": "transformer", "model": str(model), **more}
    return Settings.model_validate({"brands": [{"name": "Acme"}], "understanding": asked})


def test_a_missing_model_is_refused_or_stood_in_for_as_the_driver_wants(tmp_path: Path) -> None:
    settings = watching(tmp_path / "none")
    with pytest.raises(ModelError, match=r"there is no model\.onnx and no tokenizer\.json and no config\.json"):
        Understanding.build(settings)
    steady = Understanding.build(settings, steady=True)
    (found,) = steady.read([POST])
    assert (found.score.label, found.score.scorer) == (Label.NEGATIVE, "toward")
    assert "there is no model.onnx" in steady.degraded


def test_a_sound_model_judges_and_rules_go_before_it(tmp_path: Path) -> None:
    folder = tiny.write(tmp_path / "model")
    rule = {"words": ["chair"], "sentiment": "positive"}
    settings = watching(folder)
    settings.brands[0].sentiment_rules[:] = (
        Settings.model_validate({"brands": [{"name": "Acme", "sentiment_rules": [rule]}]}).brands[0].sentiment_rules
    )
    understanding = Understanding.build(settings, steady=True)
    scores = [
        understanding.read([Post("f", "1", POST.created_at, text)])[0].score for text in ("acme awful", "acme chair")
    ]
    assert [(score.label, score.scorer) for score in scores] == [
        (Label.NEGATIVE, "transformer"),
        (Label.POSITIVE, "rule"),
    ]
    assert understanding.degraded == ""
