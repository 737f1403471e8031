"""A model learns what words mean in one trade, and keeps to the lexicons where it knows nothing."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from config.settings import BrandSettings
from monitor.sentiment.features import letter_features, normal, word_features
from monitor.sentiment.learned import Learned, Model, ModelError
from monitor.sentiment.scorers import ScorerError, scorer_of
from monitor.sentiment.toward import TowardBrand
from monitor.train import Lesson, TrainingError, auc, learn
from storage.records import Label, Mention, Score
from tests.storage.examples import post

BITTER = ["the glaze is crazed", "this clay slumps", "my bisque spalled", "it dunted in the kiln"]
SWEET = ["the glaze sings", "this clay throws like silk", "my bisque rings true", "it came out celadon"]
PLAIN = ["the kiln is grey", "we open on Monday", "clay comes in bags", "there are two wheels"]


def write(file: Path, per_text: int = 12, language: str = "en") -> Path:
    """Lines about pottery, whose words no lexicon knows."""
    draw = random.Random(1)
    lines = [
        {
            "id": f"{label}-{place}-{copy}",
            "text": f"{text} {copy % 3}",
            "label": label,
            "lang": language,
            "target": "Acme",
        }
        for label, texts in (("negative", BITTER), ("positive", SWEET), ("neutral", PLAIN))
        for place, text in enumerate(texts)
        for copy in range(per_text)
    ]
    draw.shuffle(lines)
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Lesson:
    """What was learned about pottery."""
    return learn([write(tmp_path_factory.mktemp("pottery") / "labelled.jsonl")])


@pytest.fixture(scope="module")
def file(lesson: Lesson, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model as a file."""
    path = tmp_path_factory.mktemp("model") / "pottery.model"
    lesson.model.save(path)
    return path


def scored(model: Model, *texts: str, language: str = "en") -> list[Score]:
    """Scores of texts by a model."""
    items = [
        (post(str(place), text=text), Mention("Acme", "forum", str(place), 1.0), language)
        for place, text in enumerate(texts)
    ]
    return Learned(model, [BrandSettings(name="Acme")]).score(items)


def test_words_that_no_lexicon_knows_are_learned(lesson: Lesson) -> None:
    labels = [score.label for score in scored(lesson.model, *BITTER, *SWEET, *PLAIN)]
    expected = [Label.NEGATIVE] * 4 + [Label.POSITIVE] * 4 + [Label.NEUTRAL] * 4
    assert sum(label is right for label, right in zip(labels, expected, strict=True)) >= 11
    assert lesson.lines == 144
    assert lesson.held_out == 29
    assert lesson.auc_negative > 0.9


def test_a_file_holds_the_model_in_a_few_hundred_kilobytes(file: Path, lesson: Lesson) -> None:
    assert file.stat().st_size < 400_000
    loaded = Model.load(file)
    texts = [*BITTER, *SWEET]
    for kept, made in zip(scored(loaded, *texts), scored(lesson.model, *texts), strict=True):
        assert kept.compound == pytest.approx(made.compound, abs=0.02)
        assert kept.label is made.label
    assert loaded.card["lines"] == 144
    assert loaded.version == Model.load(file).version != ""


def test_languages_that_were_not_learned_are_left_to_the_lexicons(lesson: Lesson) -> None:
    (ours,) = scored(lesson.model, "Pésimo servicio, nadie contesta", language="es")
    (theirs,) = TowardBrand().score(
        [(post(text="Pésimo servicio, nadie contesta"), Mention("Acme", "forum", "1", 1.0), "es")]
    )
    assert ours == theirs
    assert scored(lesson.model, "Szép", language="hu")[0].label is Label.UNSCORED


def test_a_post_scores_the_same_in_every_batch(lesson: Lesson) -> None:
    together = scored(lesson.model, *BITTER, *SWEET, *PLAIN)
    alone = [scored(lesson.model, text)[0] for text in (*BITTER, *SWEET, *PLAIN)]
    assert together == alone


def test_learning_twice_gives_the_same_model(tmp_path: Path) -> None:
    source = write(tmp_path / "labelled.jsonl", per_text=4)
    first, second = learn([source]).model, learn([source]).model
    assert np.array_equal(first.words, second.words)
    assert first.card == second.card


def test_probabilities_make_the_uncertainty(lesson: Lesson) -> None:
    for score in scored(lesson.model, *BITTER, "nothing like it"):
        assert 0 <= score.uncertainty <= 1


def test_a_label_that_no_line_has_is_never_told(tmp_path: Path) -> None:
    source = write(tmp_path / "labelled.jsonl", per_text=6)
    lines = [json.loads(line) for line in source.read_text("utf-8").splitlines()]
    source.write_text("\n".join(json.dumps(line) for line in lines if line["label"] != "positive"), encoding="utf-8")
    assert scored(learn([source]).model, "I love it, wonderful!")[0].label is not Label.POSITIVE


def test_too_few_lines_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "few.jsonl"
    source.write_text(json.dumps({"id": 1, "text": "bad", "label": "negative"}))
    with pytest.raises(TrainingError, match="too little to learn from"):
        learn([source])


def test_what_is_no_model_is_refused(tmp_path: Path, file: Path) -> None:
    (tmp_path / "text.model").write_text("hello")
    with pytest.raises(ModelError, match="not a model"):
        Model.load(tmp_path / "text.model")
    with pytest.raises(ModelError, match="not a model"):
        Model.load(tmp_path / "missing.model")
    arrays = dict(np.load(file, allow_pickle=False))
    arrays["card"] = np.frombuffer(b'{"format": 99, "languages": []}', dtype=np.uint8)
    with (tmp_path / "old.model").open("wb") as old:
        np.savez_compressed(old, **arrays)
    with pytest.raises(ModelError, match="another version"):
        Model.load(tmp_path / "old.model")


def test_the_operator_chooses_the_scorer(file: Path) -> None:
    assert scorer_of(model=file).name == "learned"
    assert scorer_of(name="lexicon", model=file).name == "toward"
    assert scorer_of().name == "toward"
    with pytest.raises(ScorerError, match="needs a model"):
        scorer_of(name="learned")
    with pytest.raises(ScorerError, match="no scorer 'vibes'"):
        scorer_of(name="vibes")


def test_features_do_not_depend_on_neighbours_in_the_batch() -> None:
    texts = [normal("Not good at @all http://x.org"), "", "ü", normal("goooood")]
    for features in (word_features, letter_features):
        batch = features(texts)
        for place, text in enumerate(texts):
            alone = features([text])
            assert sorted(alone.buckets.tolist()) == sorted(batch.buckets[batch.rows == place].tolist())
    assert normal("Goooood @you https://x.org/1") == "goood \ue002 \ue001"


def test_the_area_under_the_curve_counts_ties_half() -> None:
    assert auc(np.array([True, False]), np.array([1.0, 0.0])) == 1.0
    assert auc(np.array([True, False, False]), np.array([1.0, 1.0, 0.0])) == 0.75
    assert np.isnan(auc(np.array([True]), np.array([1.0])))
