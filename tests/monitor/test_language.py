"""Languages are told offline; what a source says is believed."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

from monitor.language import UNDETERMINED, Identifier, _model, plain_code
from monitor.remembered import let_go
from tests.storage.examples import post


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
    widths = {array.shape[-1] for array in reached if isinstance(array, np.ndarray)}
    assert widths == {2}


def test_a_short_text_of_common_letters_is_taken_for_the_likeliest_language() -> None:
    assert Identifier(["es", "en"]).identify("ok")[0] == "en"
    assert Identifier(["de", "fr"]).identify("ok")[0] in {"de", "fr"}


def test_what_the_source_says_is_believed() -> None:
    assert Identifier().language_of(post(text="My flight", language="pt-BR")) == "pt"


@pytest.mark.parametrize("told", [None, "", "und", "zxx", "qme"])
def test_a_source_that_does_not_know_is_not_believed(told: str | None) -> None:
    assert Identifier(["en", "es"]).language_of(post(text="My flight was cancelled", language=told)) == "en"


def test_the_language_of_copies_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    identifier = Identifier(["en", "es"])
    monkeypatch.setattr(identifier, "identify", lambda text: (asked.append(text), ("en", 1.0))[1])
    texts = ["late again", "late again", "on time", "late again", "x" * 2_000, "x" * 2_000]
    assert {identifier.language_of(post(text=text, language=None)) for text in texts} == {"en"}
    assert [text[:10] for text in asked] == ["late again", "on time", "x" * 10, "x" * 10]
    let_go()
    identifier.language_of(post(text="on time", language=None))
    assert len(asked) == 5


def test_codes_lose_region_and_script() -> None:
    assert [plain_code(code) for code in ("zh-Hant", "pt_BR", "EN")] == ["zh", "pt", "en"]
