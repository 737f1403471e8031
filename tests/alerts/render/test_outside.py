"""Words from outside are made harmless, and stay readable."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.render.outside import cleaned, cut, safe_link

ANY_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=200)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\r\nlines\tand  spaces", "two lines and spaces"),
        ("\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07", "red link"),
        ("abc\u202egnp.exe", "abcgnp.exe"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("Z" + "\u0335\u0321\u0322\u0327\u0328" * 30 + "algo", "Z\u0335\u0335\u0335algo"),
        ("é à ü नी กำ", "é à ü नी กำ"),
        ("👩\u200d👧 ok", "👩\u200d👧 ok"),
        ("", ""),
    ],
)
def test_what_would_deface_the_screen_is_taken_out(text: str, shown: str) -> None:
    assert unicodedata.normalize("NFC", cleaned(text)) == unicodedata.normalize("NFC", shown)


@given(ANY_TEXT)
def test_cleaned_text_is_one_line_without_control_characters(text: str) -> None:
    shown = cleaned(text)
    assert not any(unicodedata.category(char) == "Cc" for char in shown)
    assert shown == shown.strip()
    assert cleaned(shown) == shown


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("short", 10, "short"),
        ("exactly ten", 11, "exactly ten"),
        ("a sentence that is too long", 14, "a sentence…"),
        ("👩\u200d👧👩\u200d👧👩\u200d👧", 5, "👩\u200d👧…"),
        ("🇩🇪🇫🇷🇮🇹", 4, "🇩🇪…"),
        ("e\u0301e\u0301e\u0301e\u0301", 4, "e\u0301…"),
        ("👍🏽👍🏽👍🏽", 4, "👍🏽…"),
        ("🏴\U000e0067\U000e0062\U000e007f" * 2, 7, "🏴\U000e0067\U000e0062\U000e007f…"),
        ("कि" * 3, 4, "कि…"),
        ("क्ष" * 3, 5, "क्ष…"),
        ("ที่" * 3, 5, "ที่…"),
        ("கொ" * 3, 4, "கொ…"),
        ("\u1112\u1161\u11ab" * 3, 6, "\u1112\u1161\u11ab…"),
    ],
)
def test_a_cut_never_falls_inside_of_what_is_seen_as_one(text: str, limit: int, shown: str) -> None:
    assert cut(text, limit) == shown


@given(ANY_TEXT, st.integers(2, 300))
def test_a_cut_text_is_never_longer_than_allowed(text: str, limit: int) -> None:
    assert len(cut(text, limit)) <= limit


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "http://",
        "https://user:secret@host.example/",
        "//host.example/x",
        "https://host.example/a b",
        "https://host.example/\r\nx",
        "https://[::1",
        "https://host.example/" + "a" * 2000,
        "<https://host.example>",
    ],
)
def test_what_is_no_address_for_the_web_is_no_link(url: str) -> None:
    assert safe_link(url) == ""


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://host.example/a?b=c#d", "https://host.example/a?b=c#d"),
        (" https://host.example/ ", "https://host.example/"),
        ('https://host.example/a|b>c<d"e', "https://host.example/a%7Cb%3Ec%3Cd%22e"),
        ("http://host.example/ü", "http://host.example/%C3%BC"),
        ("https://host.example/%7Ealready", "https://host.example/%7Ealready"),
    ],
)
def test_an_address_is_kept_with_everything_encoded_that_could_end_it(url: str, link: str) -> None:
    assert safe_link(url) == link


@given(ANY_TEXT)
def test_no_address_holds_what_could_end_it(text: str) -> None:
    link = safe_link("https://host.example/" + text)
    assert not set(link) & set('<>|"` \n\r')
