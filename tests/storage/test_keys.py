"""Keys of texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.keys import content_key

ORIGINAL = "Acme's parcels are late again!"


@pytest.mark.parametrize(
    "copy",
    [
        "ACME'S PARCELS are late AGAIN!",
        "  Acme's parcels\n\tare late   again!  ",
        "RT @ann_1: Acme's parcels are late again!",
        "rt @ann: RT @bob Acme's parcels are late again!",
        "Acme's parcels are late again! https://t.example/x1Y",
        "www.acme.example Acme's parcels are late again!",
        "Ac\u200bme's par\u00adcels are late again!\ufeff",
        "Ａｃｍｅ's ｐａｒｃｅｌｓ are late again！",  # full width on purpose
    ],
)
def test_copies_have_the_same_key(copy: str) -> None:
    assert content_key(copy) == content_key(ORIGINAL)


@pytest.mark.parametrize(
    "other",
    ["Acme's parcels are late", "Acme's parcels are never late again!", "", "ART @ann: Acme's parcels are late again!"],
)
def test_other_texts_have_other_keys(other: str) -> None:
    assert content_key(other) != content_key(ORIGINAL)


@given(st.text())
def test_every_text_has_a_key_of_sixteen_digits(text: str) -> None:
    assert len(content_key(text)) == 16


@given(st.text(st.characters(codec="ascii"), max_size=30))
def test_case_and_outer_spaces_never_count(text: str) -> None:
    assert content_key(f" {text.upper()} ") == content_key(text.lower())
