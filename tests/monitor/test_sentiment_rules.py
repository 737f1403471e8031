"""The operator's words about a brand go before whatever a scorer would say."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from config.settings import BrandSettings
from monitor.sentiment.contract import Item
from monitor.sentiment.rules import Ruled, ruled
from monitor.sentiment.scorers import scorer_of
from storage.records import Label, Mention, Score
from tests.storage.examples import post

ACME = BrandSettings.model_validate(
    {
        "name": "Acme",
        "sentiment_rules": [
            {"words": ["bunk", "to die for", "最悪"], "sentiment": "neutral"},
            {"words": ["skimming", "scam*"], "sentiment": "negative"},
            {"words": ["Fjell rocks", "神対応"], "sentiment": "positive"},
        ],
    }
)
BOLT = BrandSettings(name="Bolt")


class Reader:
    """Remembers the texts that it was given, and finds everything a little good."""

    name, version = "reader", "7"

    def __init__(self) -> None:
        self.read: list[str] = []

    def score(self, items: Sequence[Item]) -> list[Score]:
        """A little good, each."""
        self.read += [item[0].text for item in items]
        return [Score(0.1, Label.NEUTRAL, self.name, self.version) for _ in items]


def item(text: str, brand: str = "Acme", title: str = "") -> Item:
    return (post(text=text, title=title), Mention(brand, "forum", "1", 1.0), "en")


def test_neutral_words_are_not_scored() -> None:
    reader = Reader()
    Ruled(reader, [ACME]).score(
        [item("This BUNK bed is to  die for"), item("bunker, debunked"), item("家具が最悪です")]
    )
    assert [" ".join(text.split()) for text in reader.read] == ["This bed is", "bunker, debunked", "家具が です"]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("They caught Acme skimming again", Label.NEGATIVE),
        ("Skimming.", Label.NEGATIVE),
        ("fjell ROCKS", Label.POSITIVE),
        ("店員さんの神対応でした", Label.POSITIVE),
        ("skimming, but Fjell rocks", None),
        ("no skimmings here", None),
        ("scam", None),
        ("what a scam* it is", Label.NEGATIVE),
    ],
)
def test_words_of_known_sentiment_decide(text: str, label: Label | None) -> None:
    (score,) = Ruled(Reader(), [ACME]).score([item(text)])
    assert (score.scorer, score.label) == (("rule", label) if label else ("reader", Label.NEUTRAL))
    assert label is None or (score.compound < 0) == (label is Label.NEGATIVE)


def test_the_title_counts_as_well() -> None:
    (score,) = Ruled(Reader(), [ACME]).score([item("nothing new", title="Acme skimming")])
    assert score.label is Label.NEGATIVE


def test_rules_of_one_brand_say_nothing_about_another() -> None:
    reader = Reader()
    (score,) = Ruled(reader, [ACME, BOLT]).score([item("bunk and skimming", brand="Bolt")])
    assert (score.scorer, reader.read) == ("reader", ["bunk and skimming"])


def test_without_rules_the_scorer_stays_itself() -> None:
    reader = Reader()
    assert ruled(reader, [BOLT]) is reader


def test_the_scorer_of_a_configuration_obeys_its_rules() -> None:
    told, other = scorer_of([ACME, BOLT]).score([item("Fjell rocks"), item("Fjell rocks", brand="Bolt")])
    assert told.scorer == "rule"
    assert other.scorer != "rule"


def test_scores_come_in_the_order_of_the_items() -> None:
    scores = Ruled(Reader(), [ACME]).score([item("skimming"), item("plain"), item("Fjell rocks")])
    assert [score.label for score in scores] == [Label.NEGATIVE, Label.NEUTRAL, Label.POSITIVE]
