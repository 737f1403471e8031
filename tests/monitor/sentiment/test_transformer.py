"""A transformer from a folder, tried on a tiny real one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.sentiment.contract import Item
from monitor.sentiment.model_error import ModelError
from monitor.sentiment.toward import TowardBrand
from monitor.sentiment.transformer import Transformer, read_card
from storage.records import Label, Mention, Post
from tests.monitor.sentiment import tiny_transformer as tiny

NOW = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny.write(tmp_path / "model")


def item(text: str, language: str = "en", brand: str = "acme") -> Item:
    return (Post("forum", "1", NOW, text), Mention(brand, "forum", "1", 0.9, (brand,)), language)


def labels(scorer: Transformer, *texts: str) -> list[Label]:
    return [score.label for score in scorer.score([item(text) for text in texts])]


def test_outputs_become_labels_compounds_and_uncertainties(folder: Path) -> None:
    bad, plain, good = Transformer(folder, TowardBrand()).score([item("awful"), item("chair"), item("great")])
    assert [score.label for score in (bad, plain, good)] == [Label.NEGATIVE, Label.NEUTRAL, Label.POSITIVE]
    assert bad.compound == pytest.approx(-0.92, abs=0.01)
    assert bad.uncertainty == pytest.approx(0.0637, abs=0.001)
    assert plain.compound == 0.0
    assert good.compound == pytest.approx(0.80, abs=0.01)
    assert {score.scorer for score in (bad, plain, good)} == {"transformer"}


def test_a_batch_judges_as_each_text_alone_in_order_and_with_copies(folder: Path) -> None:
    texts = [f"{'chair ' * (number % 7)}{word}" for number in range(40) for word in ("awful", "great")]
    together = Transformer(folder, TowardBrand()).score([item(text) for text in texts])
    alone = [Transformer(folder, TowardBrand()).score([item(text)])[0] for text in texts[:8]]
    assert together[:8] == alone
    assert [score.label for score in together] == [Label.NEGATIVE, Label.POSITIVE] * 40


def test_copies_are_judged_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = Transformer(folder, TowardBrand())
    read: list[int] = []
    chances = scorer._chances
    monkeypatch.setattr(scorer, "_chances", lambda texts: read.append(len(texts)) or chances(texts))
    labels(scorer, *["awful chair"] * 5, "great")
    labels(scorer, "awful chair", "great", "lovely")
    assert read == [2, 1]


def test_long_texts_are_cut_to_what_the_model_takes(tmp_path: Path) -> None:
    scorer = Transformer(tiny.write(tmp_path / "model", longest=10), TowardBrand())
    assert labels(scorer, "chair " * 500 + "awful", "awful " + "chair " * 500) == [Label.NEUTRAL, Label.NEGATIVE]


def test_accounts_and_links_are_read_as_such_models_learned_them(folder: Path) -> None:
    scorer = Transformer(folder, TowardBrand())
    assert scorer._texts(item("@Acme_care see https://a.example/awful?x=1 now")) == ("@user see http now", "")


def test_a_model_of_aspects_is_given_the_brand_as_a_second_text(folder: Path) -> None:
    scorer = Transformer(folder, TowardBrand(), aspect=True)
    (toward_lovely,) = scorer.score([item("chair", brand="lovely")])
    (toward_chair,) = scorer.score([item("lovely", brand="chair")])
    assert (toward_lovely.label, toward_chair.label) == (Label.POSITIVE, Label.POSITIVE)


def test_languages_that_it_was_not_made_for_go_to_the_lexicons(folder: Path) -> None:
    scorer = Transformer(folder, TowardBrand(), languages=["en"])
    scores = scorer.score([item("awful"), item("schrecklich", "de"), item("szörnyű", "hu"), item("awful", "und")])
    assert [score.scorer for score in scores] == ["transformer", "toward", "toward", "transformer"]
    assert scores[2].label is Label.UNSCORED


def test_stars_and_two_outputs_are_understood(tmp_path: Path) -> None:
    stars = {str(number): f"{number + 1} star{'s' if number else ''}" for number in range(3)}
    with pytest.raises(ModelError, match="needs a negative and a positive output"):
        read_card(tiny.write(tmp_path / "three", names=stars))
    assert read_card(tiny.write(tmp_path / "swapped", names={"0": "NEG", "1": "POS"})).labels == (
        Label.NEGATIVE,
        Label.POSITIVE,
    )
    two = Transformer(tiny.write(tmp_path / "two", names={"0": "NEG", "1": "POS"}, outputs=2), TowardBrand())
    (sure, unsure) = two.score([item("awful"), item("chair")])
    assert (sure.label, unsure.label, unsure.uncertainty) == (Label.NEGATIVE, Label.NEUTRAL, 0.5)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / "model.onnx").unlink(), r"there is no model\.onnx"),
        (lambda folder: (folder / "model.onnx").write_bytes(b"no model"), "cannot be loaded"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "cannot be loaded"),
        (lambda folder: (folder / "config.json").write_text("{}"), "there is no id2label"),
        (lambda folder: tiny.write(folder, names={"0": "LABEL_0", "1": "LABEL_1"}), "calls an output 'LABEL_0'"),
        (lambda folder: tiny.write(folder, names={"0": "negative", "1": "positive"}), "names 2 outputs"),
        (lambda folder: tiny.write(folder, inputs=("input_ids", "attention_mask", "pixels")), "wants the input pixels"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said_when_the_program_starts(folder: Path, spoil: object, told: str) -> None:
    spoil(folder)  # type: ignore[operator]
    with pytest.raises(ModelError, match=told):
        Transformer(folder, TowardBrand())


def test_the_version_changes_with_any_of_the_files(folder: Path) -> None:
    before = Transformer(folder, TowardBrand()).version
    card = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**card, "note": "tuned"}))
    assert Transformer(folder, TowardBrand()).version != before


def test_a_batch_that_takes_too_long_is_ended_at_its_deadline(tmp_path: Path) -> None:
    endless = tiny.write(tmp_path / "model", steps=10**15)
    with pytest.raises(ModelError, match=r"took more than 0\.05 s"):
        Transformer(endless, TowardBrand(), seconds=0.05)
