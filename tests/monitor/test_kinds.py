"""What the taxonomy of incident kinds reads out of texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import KindSettings
from monitor.kinds import Taxonomy, built_in_kinds

TAXONOMY = Taxonomy.build()
TOLD = (
    "",
    "...  Data   breach!  data\n\nbreach",
    "(a lawsuit, and after it an outage)",
    "we take them to",
    "court tomorrow",
    "费恩航空为歧视乘客道歉",
    "утечка  данных, снова",
    "nothing at all",
)


@pytest.mark.parametrize(
    ("text", "language", "kind"),
    [
        ("Fernweh confirms a data breach at its loyalty scheme", "en", "data_breach"),
        ("They locked my account and nobody answers: account locked for weeks", "en", "restriction"),
        ("Fernweh recalls 12,000 child seats", "en", "recall"),
        ("Los pilotos de Fernweh convocan huelga", "es", "labour"),
        ("Fernweh ruft Kindersitze zurück", "de", "recall"),
        ("Fuite de données chez Fernweh", "fr", "data_breach"),
        ("Sciopero dei piloti Fernweh", "it", "labour"),
        ("Vazamento de dados na Fernweh", "pt", "data_breach"),
        ("费恩航空为歧视乘客道歉", "zh", "discrimination"),
        ("フェルン航空、個人情報流出で謝罪", "ja", "data_breach"),
        ("페른항공 개인정보 유출 논란", "ko", "data_breach"),
        ("В компании произошла утечка данных", "ru", "data_breach"),
        ("Kebocoran data pelanggan Fernweh", "id", "data_breach"),
        ("Fernweh'de veri sızıntısı", "tr", "data_breach"),
        ("تسريب بيانات عملاء الشركة", "ar", "data_breach"),
        ("कंपनी में डेटा लीक", "hi", "data_breach"),
        ("Datalek bij Fernweh", "nl", "data_breach"),
        ("Wyciek danych klientów Fernweh", "pl", "data_breach"),
    ],
)
def test_words_of_harm_are_known_in_many_languages(text: str, language: str, kind: str) -> None:
    assert kind in TAXONOMY.kinds(text, language)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Win two tickets: giveaway ends tonight", "promotion"),
        ("Fernweh unveils a new cabin", "launch"),
        ("Happy birthday Fernweh, sixty years!", "celebration"),
        ("Fernweh beats estimates, shares rally", "earnings"),
    ],
)
def test_what_explains_a_crowd_without_harm_is_calm(text: str, kind: str) -> None:
    found = TAXONOMY.kinds(text, "en")
    assert kind in found
    assert TAXONOMY.harmful(found) == ()


@given(st.lists(st.tuples(st.sampled_from(TOLD), st.sampled_from(["en", "zh", "ru", "und"])), max_size=6))
def test_texts_that_are_read_together_are_read_as_if_each_were_alone(asked: list[tuple[str, str]]) -> None:
    texts, languages = [text for text, _ in asked], [language for _, language in asked]
    assert TAXONOMY.kinds_of(texts, languages) == [TAXONOMY.kinds(*each) for each in asked]


def test_the_gravest_kind_comes_first() -> None:
    assert TAXONOMY.kinds("After the outage comes the lawsuit over the data breach", "en")[0] == "data_breach"


def test_a_reading_can_be_taken_back() -> None:
    assert "recall" in TAXONOMY.kinds("the maker recalls all heaters", "en")
    assert "recall" not in TAXONOMY.kinds("the old pilot recalls his first flight", "en")


def test_words_between_two_sides_of_a_phrase_are_allowed_but_not_many() -> None:
    assert "layoffs" in TAXONOMY.kinds("Fernweh cuts nine hundred more jobs", "en")
    assert "layoffs" not in TAXONOMY.kinds("Fernweh cuts the ribbon of its new hall full of decent jobs", "en")


def test_a_word_inside_another_word_is_not_found() -> None:
    assert TAXONOMY.kinds("a resourceful person", "en") == ()
    assert "legal_threat" not in TAXONOMY.kinds("we pursued and ensued", "en")


def test_a_text_of_unknown_language_is_read_as_english_and_by_its_script() -> None:
    assert "data_breach" in TAXONOMY.kinds("huge data breach", "und")
    assert "data_breach" in TAXONOMY.kinds("утечка данных", "und")


def test_an_operator_adds_words_and_kinds() -> None:
    additions = [
        KindSettings(name="tip_over", words={"en": ["tipped over"]}, severity="critical"),
        KindSettings(name="outage", words={"en": ["ovens are cold"]}),
    ]
    taxonomy = Taxonomy.build(additions)
    assert taxonomy.kinds("the cart tipped over", "en") == ("tip_over",)
    assert taxonomy.gravity(["tip_over"]) == 3
    assert "outage" in taxonomy.kinds("all ovens are cold", "en")
    assert "tip_over" not in built_in_kinds()


def test_gravity_of_calm_or_unknown_kinds_is_none() -> None:
    assert TAXONOMY.gravity(["launch", "no_such_kind"]) == 0


@given(st.text(max_size=200), st.sampled_from(["en", "zh", "de", "hi", "und", "xx"]))
def test_any_text_is_read_without_complaint(text: str, language: str) -> None:
    kinds = TAXONOMY.kinds(text, language)
    assert len(set(kinds)) == len(kinds)
    assert set(kinds) <= set(built_in_kinds())


def test_without_additions_it_is_put_together_once() -> None:
    assert Taxonomy.build() is TAXONOMY
    assert Taxonomy.build([KindSettings(name="outage", words={"en": ["dead line"]})]) is not TAXONOMY
