"""Languages are told offline; what a source says is believed."""

from __future__ import annotations

import gc
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from monitor import recognition
from monitor.language import UNDETERMINED, Identifier, _model, plain_code
from monitor.remembered import let_go
from tests.storage.examples import post

SENTENCES = ["ok", "ACME IS LATE", "Возни опет касне", "nee, echt niet", "😀 é", "kasni opet", ""]


@lru_cache
def library() -> tuple[recognition.Model, LanguageIdentifier]:
    """What is asked about many texts, and the library over the same languages; one is written in two scripts."""
    chosen = ("de", "en", "nl", "ru", "sr")
    alone = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    alone.set_languages(list(chosen))
    return recognition.Model(chosen), alone


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("My flight was cancelled and nobody tells us why", "en"),
        ("Mi vuelo está cancelado y nadie nos dice nada", "es"),
        ("Mon train a encore une heure de retard", "fr"),
        ("Der Zug hat schon wieder Verspätung", "de"),
        ("Il treno è in ritardo anche oggi", "it"),
        ("O trem está atrasado de novo, não aguento", "pt"),
        ("航班又取消了，没人理", "zh"),
        ("القطار متأخر مرة أخرى", "ar"),
        ("Kereta terlambat lagi, saya kecewa", "id"),
        ("Поезд снова опаздывает", "ru"),
    ],
)
def test_the_language_of_a_sentence_is_told(text: str, language: str) -> None:
    assert Identifier().identify(text)[0] == language


@pytest.mark.parametrize("text", ["", "https://example.org/die-zeit", "@quien #hola 123", "👎👎 !!!"])
def test_a_text_without_words_has_no_language(text: str) -> None:
    assert Identifier(["en", "es"]).identify(text) == (UNDETERMINED, 0.0)


def test_only_configured_languages_are_told() -> None:
    assert Identifier(["en", "de"]).identify("Mi vuelo está cancelado")[0] in {"en", "de"}
    assert Identifier(["sv"]).identify("anything") == ("sv", 1.0)


def test_nothing_is_kept_of_languages_that_are_not_asked_for() -> None:
    reached: list[Any] = [_model(("de", "en"))]
    for _ in range(2):
        reached += gc.get_referents(*reached)
    widths = {array.shape[-1] for array in reached if isinstance(array, np.ndarray) and array.ndim > 1}
    assert widths == {2}


def test_a_short_text_of_common_letters_is_taken_for_the_likeliest_language() -> None:
    assert Identifier(["es", "en"]).identify("ok")[0] == "en"
    assert Identifier(["de", "fr"]).identify("ok")[0] in {"de", "fr"}


def test_what_the_source_says_is_believed() -> None:
    assert Identifier().language_of(post(text="My flight", language="pt-BR")) == "pt"


@pytest.mark.parametrize("told", [None, "", "und", "zxx", "qme"])
def test_a_source_that_does_not_know_is_not_believed(told: str | None) -> None:
    assert Identifier(["en", "es"]).language_of(post(text="My flight was cancelled", language=told)) == "en"


@settings(max_examples=30)
@given(st.lists(st.text(max_size=80) | st.sampled_from(SENTENCES), min_size=1, max_size=6))
def test_texts_walked_together_are_weighed_as_the_library_weighs_each(texts: list[str]) -> None:
    model, alone = library()
    for text, chances in zip(texts, model.chances(texts), strict=True):
        language, chance = alone.classify(text)
        assert model.languages[int(chances.argmax())] == language
        assert float(chances.max()) == pytest.approx(chance, rel=1e-6)
        assert [name for name, _ in model.best_of(chances, 3)] == [name for name, _ in alone.rank(text)][:3]


def test_where_the_library_stands_depends_on_a_few_bytes_alone() -> None:
    _, alone = library()
    moves, rows = np.frombuffer(alone.tk_nextmove, dtype=np.uint32).reshape(-1, 256), np.asarray(alone.tk_row)
    reached = np.zeros(len(rows), dtype=bool)
    reached[0] = True
    for _ in range(recognition.REACH):
        for part in np.array_split(np.flatnonzero(reached), 20):
            reached[moves[rows[part]]] = True
    assert reached.all()
    assert not moves[rows, 0xFF].any()


def test_the_language_of_copies_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    identifier = Identifier(["en", "es"])
    monkeypatch.setattr(identifier, "identified", lambda texts: (asked.extend(texts), [("en", 1.0)] * len(texts))[1])
    texts = ["late again", "late again", "on time", "late again", "x" * 2_000]
    posts = [post(text=text, language=None) for text in texts]
    assert identifier.languages_of(posts) == ["en"] * 5
    assert identifier.languages_of([*posts, post(language="fr")]) == [*["en"] * 5, "fr"]
    assert [text[:10] for text in asked] == ["late again", "on time", "x" * 10, "x" * 10]
    let_go()
    identifier.language_of(post(text="on time", language=None))
    assert len(asked) == 5


def test_codes_lose_region_and_script() -> None:
    assert [plain_code(code) for code in ("zh-Hant", "pt_BR", "EN")] == ["zh", "pt", "en"]
