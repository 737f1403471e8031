"""Names are masked where they stand as words, whatever their capitals."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sentiment.masking import without_names
from monitor.sentiment.vocabulary import BRAND

BEFORE, AFTER = r"(?<!\w)", r"(?!\w)"


@pytest.mark.parametrize(
    ("text", "terms", "shown"),
    [
        ("Acme, ACME! acme", ("Acme",), " * ,  * !  * "),
        ("Acmeville and e_acme are other places", ("Acme",), "Acmeville and e_acme are other places"),
        ("Acme Air flies, Acme does not", ("Acme", "Acme Air"), " *  flies,  *  does not"),
        ("@acme's #acme", ("@acme", "#acme"), " * 's  * "),
        ("wow C++++", ("C++",), "wow  * ++"),
        ("İstanbul flies with ACME", ("Acme",), "İstanbul flies with  * "),
        ("İstanbul is no acmeville", ("Acme",), "İstanbul is no acmeville"),
        ("bobob", ("!bob", "bob"), "bobob"),
    ],
)
def test_names_are_masked_as_words(text: str, terms: tuple[str, ...], shown: str) -> None:
    assert without_names(text, terms).replace(BRAND, "*") == shown


@given(
    st.text("ab !_é", max_size=20),
    st.lists(st.text("ab! ", min_size=1, max_size=3), min_size=1, max_size=3).map(tuple),
)
def test_names_are_masked_as_a_pattern_of_them_would(text: str, terms: tuple[str, ...]) -> None:
    text = " ".join(text.split())
    plain = [re.sub(" +", " ", term) for term in terms]
    longest_first = sorted(dict.fromkeys(plain), key=len, reverse=True)
    pattern = "|".join(
        f"{BEFORE * term[0].isalnum()}{re.escape(term)}{AFTER * term[-1].isalnum()}" for term in longest_first
    )
    assert without_names(text, terms) == re.sub(pattern, f" {BRAND} ", text)
