"""A person's word goes before every scorer's."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config.settings import Settings
from monitor.assembly import assemble
from monitor.correcting import CorrectionError, Corrections
from monitor.corrections import labelled_lines
from monitor.pipeline import Batch, Pipeline
from monitor.rejudging import Rejudging
from storage import bins, posts
from storage.database import Database
from storage.records import CorrectedLabel, Label, Post, PostKind
from tests.storage.examples import NOON, after

BRAND = "Norrvik Mobile"
SETTINGS = Settings.model_validate({"brands": [{"name": BRAND}, {"name": "Sundelin Telecom"}]})
WORDS = "Norrvik Mobile cancelled my contract in a minute"
POST = Post("forum", "1", NOON, WORDS, author="ada")
COPY = Post("forum", "2", after(hours=1), f"RT @ada: {WORDS}", author="bob")
ROOT = Post("blog", "a1", NOON, "Nothing to see here", PostKind.ARTICLE, "Norrvik Mobile, a village in the north")
REPLY = Post("blog", "c1", after(minutes=2), "Lovely lakes.", PostKind.COMMENT, thread_id="a1", parent_id="a1")


@pytest.fixture
def pipeline(database: Database) -> Pipeline:
    return assemble(SETTINGS, database)


@pytest.fixture
def corrections(pipeline: Pipeline) -> Corrections:
    return Corrections(pipeline.database, Rejudging(pipeline.understanding))


def labels(pipeline: Pipeline) -> dict[str, Label]:
    with pipeline.database.read() as tx:
        found = posts.window(tx, NOON - timedelta(days=1), NOON + timedelta(days=1))
    return {item.post.external_id: item.score.label for item in found if item.mention.brand == BRAND}


def negatives(pipeline: Pipeline) -> int:
    with pipeline.database.read() as tx:
        return sum(each.negative for each in bins.series(tx, BRAND, after(days=-1), after(days=1)))


def test_it_counts_for_the_post_its_copies_and_those_that_come(pipeline: Pipeline, corrections: Corrections) -> None:
    pipeline.ingest(Batch([POST, COPY]))
    assert labels(pipeline) == {"1": Label.NEGATIVE, "2": Label.NEGATIVE}
    done = corrections.make(POST.key, BRAND, CorrectedLabel.POSITIVE, "Ada", NOON, "freed at last")
    assert done.mentions == 2
    pipeline.ingest(Batch([Post("forum", "3", after(hours=2), WORDS)]))
    assert labels(pipeline) == dict.fromkeys(("1", "2", "3"), Label.POSITIVE)
    assert negatives(pipeline) == 0
    with pipeline.database.read() as tx:
        (first, *_) = posts.window(tx, NOON, after(hours=1))
    assert (first.score.scorer, first.score.compound > 0.5, first.score.uncertainty < 0.1) == ("correction", True, True)


def test_taken_back_the_scorer_has_the_word_again(pipeline: Pipeline, corrections: Corrections) -> None:
    pipeline.ingest(Batch([POST, COPY]))
    done = corrections.make(POST.key, BRAND, CorrectedLabel.NEUTRAL, "Ada", NOON)
    assert corrections.undo(done.correction.id[-6:], "Bob", after(hours=1)).mentions == 2
    assert labels(pipeline) == {"1": Label.NEGATIVE, "2": Label.NEGATIVE}
    assert negatives(pipeline) == 2
    with pytest.raises(CorrectionError, match="taken back already, by Bob"):
        corrections.undo(done.correction.id, "Ada", after(hours=2))


def test_what_is_not_about_the_brand_is_no_mention_nor_are_its_replies(
    pipeline: Pipeline, corrections: Corrections
) -> None:
    pipeline.ingest(Batch([ROOT, REPLY, POST]))
    corrections.make(ROOT.key, BRAND, CorrectedLabel.NOT_ABOUT_US, "Ada", NOON)
    assert set(labels(pipeline)) == {"1"}
    later = Post("blog", "c2", after(minutes=3), "Cold, though.", PostKind.COMMENT, thread_id="a1", parent_id="a1")
    pipeline.ingest(Batch([later]))
    assert set(labels(pipeline)) == {"1"}
    said = corrections.make(ROOT.key, BRAND, CorrectedLabel.NEUTRAL, "Ada", after(hours=1))
    assert set(labels(pipeline)) == {"1", "a1", "c1", "c2"}
    assert labels(pipeline)["a1"] is Label.NEUTRAL
    corrections.undo(said.correction.id, "Ada", after(hours=2))
    assert set(labels(pipeline)) == {"1"}


def test_an_edit_makes_another_wording_of_which_nobody_said_anything(
    pipeline: Pipeline, corrections: Corrections
) -> None:
    pipeline.ingest(Batch([POST]))
    corrections.make(POST.key, BRAND, CorrectedLabel.POSITIVE, "Ada", NOON)
    edited = Post("forum", "1", NOON, f"{WORDS}. Never again!", author="ada", edited_at=after(hours=1))
    pipeline.ingest(Batch([edited]))
    assert labels(pipeline) == {"1": Label.NEGATIVE}


def test_a_short_wording_is_corrected_for_its_post_alone(pipeline: Pipeline, corrections: Corrections) -> None:
    short = [Post("forum", name, NOON, "Norrvik Mobile hm", language="en") for name in "12"]
    pipeline.ingest(Batch(short))
    corrections.make(short[0].key, BRAND, CorrectedLabel.NEGATIVE, "Ada", NOON)
    assert labels(pipeline) == {"1": Label.NEGATIVE, "2": Label.NEUTRAL}


def test_what_cannot_be_corrected_is_told_with_what_to_do(pipeline: Pipeline, corrections: Corrections) -> None:
    pipeline.ingest(Batch([POST]))
    with pytest.raises(CorrectionError, match="no post 9 of the source forum"):
        corrections.make(("forum", "9"), BRAND, CorrectedLabel.NEUTRAL, "Ada", NOON)
    with pytest.raises(CorrectionError, match=r"is no mention of Sundelin Telecom.*aliases"):
        corrections.make(POST.key, "Sundelin Telecom", CorrectedLabel.NEUTRAL, "Ada", NOON)
    with pytest.raises(CorrectionError, match="there is no correction zz"):
        corrections.undo("zz", "Ada", NOON)


def test_each_corrected_wording_is_a_line_to_learn_from(pipeline: Pipeline, corrections: Corrections) -> None:
    other = Post("forum", "5", NOON, "Norrvik Mobile is a fine valley to walk in", language="en")
    pipeline.ingest(Batch([POST, COPY, other]))
    corrections.make(POST.key, BRAND, CorrectedLabel.NEUTRAL, "Ada", NOON)
    corrections.make(COPY.key, BRAND, CorrectedLabel.POSITIVE, "Ada", after(hours=1))
    corrections.make(other.key, BRAND, CorrectedLabel.NOT_ABOUT_US, "Ada", after(hours=2))
    (line,) = labelled_lines(pipeline.database)
    assert (line["label"], line["target"], line["text"]) == ("positive", BRAND, COPY.text)
    assert labelled_lines(pipeline.database, ["Sundelin Telecom"]) == []
