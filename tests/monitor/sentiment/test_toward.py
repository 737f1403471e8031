"""The scorer that comes with the program hears complaints and praise about a brand, and says when it cannot judge."""

from __future__ import annotations

from typing import Any

import pytest

from config.settings import BrandSettings
from monitor.sentiment.toward import TowardBrand
from storage.records import Label, Mention, Score
from tests.storage.examples import post


def scored(text: str, language: str = "en", matched: tuple[str, ...] = (), rivals: Any = ()) -> Score:
    """The score of a text toward the brand."""
    scorer = TowardBrand([BrandSettings(name="Acme", rivals=list(rivals))])
    item = (post(text=text), Mention("Acme", "forum", "1", 1.0, matched), language)
    (score,) = scorer.score([item])
    return score


@pytest.mark.parametrize(
    "text",
    [
        "@acme I have been on hold for two hours and nobody answers",
        "Third day without power and Acme still won't say when they fix it",
        "Acme sent me a cease and desist letter. Unbelievable.",
        "I want a refund, the kettle stopped working after a week",
        "never again @acme, you lost a customer",
        "@acme why was I charged twice?",
        "#AcmeFail cancelled my order again 😡",
        "Thanks for nothing, Acme",
        "sooooo disappointed in @acme",
        "Acme had a data breach and said nothing",
        "don't buy from Acme, total scam",
        "I can’t log in, the app keeps crashing",
    ],
)
def test_complaints_are_negative(text: str) -> None:
    score = scored(text)
    assert score.label is Label.NEGATIVE
    assert score.compound < 0


def test_texts_judged_together_are_judged_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [
        ("Acme is late", "en"),
        ("great but late, Acme", "en"),
        ("NOT good at all", "en"),
        ("", "en"),
        ("Acme " + "and so on " * 9 + "awful", "en"),
        ("on hold for", "en"),
        ("hours with Acme", "en"),
        ("sehr enttäuscht, aber gut", "de"),
        ("没有中文", "zh"),
        ("whatever", "xx"),
        ("never SO good!", "und"),
    ]
    items = [(post(text=text), Mention("Acme", "forum", "1", 1.0), language) for text, language in told]
    alone = [TowardBrand().score([item])[0] for item in items]
    assert TowardBrand().score(items) == alone
    assert len(set(alone)) > 7
    monkeypatch.setattr("monitor.sentiment.reader._LETTERS", 30)
    assert TowardBrand().score(items) == alone


@pytest.mark.parametrize(
    "text",
    [
        "Thank you so much @acme, great customer service!",
        "I love my new Acme kettle 😍",
        "Acme saved my day, hats off to the driver!",
        "can't wait for the Acme concert!",
        "not bad at all, Acme!",
        "I wrote to the boss of Acme and he killed my contract",
        "Acme waived my cancellation fee after one mail",
    ],
)
def test_praise_is_positive(text: str) -> None:
    score = scored(text)
    assert score.label is Label.POSITIVE
    assert score.compound > 0


@pytest.mark.parametrize(
    "text",
    [
        "Acme opens a shop in Leeds on Monday http://example.org/a",
        "@acme do you sell kettles?",
        "RT @news: Acme names a new board http://example.org/b",
        "",
        "http://example.org",
    ],
)
def test_news_and_questions_are_neutral(text: str) -> None:
    assert scored(text).label is Label.NEUTRAL


@pytest.mark.parametrize(
    ("language", "complaint", "praise"),
    [
        ("es", "Pésimo servicio, llevo dos horas esperando y nadie contesta", "Muchas gracias, excelente atención"),
        ("pt", "Péssimo atendimento, não funciona e ninguém responde", "Muito obrigada, atendimento excelente!"),
        ("fr", "Service lamentable, toujours pas de remboursement", "Merci beaucoup, service au top !"),
        ("it", "Servizio pessimo, nessuno risponde, che vergogna", "Grazie mille, siete bravissimi!"),
        ("de", "Schon wieder Verspätung und keiner antwortet, unverschämt", "Vielen Dank, super Service!"),
        ("ar", "خدمة سيئة جدا ولا احد يرد", "شكرا لكم خدمة ممتازة ورائعة"),
        ("id", "Pelayanan buruk banget, saya sangat kecewa", "Terima kasih, pelayanannya mantap!"),
        ("zh", "客服态度恶劣，太垃圾了，要求退款", "服务很好，非常满意，谢谢！"),
    ],
)
def test_other_languages_are_judged_by_their_own_words(language: str, complaint: str, praise: str) -> None:
    assert scored(complaint, language).label is Label.NEGATIVE
    assert scored(praise, language).label is Label.POSITIVE


def test_harmless_texts_of_other_languages_are_not_negative_for_looking_english() -> None:
    assert scored("Die Filiale in Kiel hat am Montag auf", "de").label is Label.NEUTRAL
    assert scored("No sabía que abrían los lunes en Sevilla", "es").label is Label.NEUTRAL


@pytest.mark.parametrize(
    ("text", "language"), [("Szép napot", "hu"), ("great", "xx"), ("latin letters", "zh"), ("ok", "../x")]
)
def test_what_cannot_be_judged_is_unscored_and_never_neutral(text: str, language: str) -> None:
    score = scored(text, language)
    assert (score.label, score.compound, score.uncertainty) == (Label.UNSCORED, 0.0, 1.0)


def test_a_text_of_undetermined_language_is_judged_by_its_signs() -> None:
    assert scored("😡😡😡", "und").label is Label.NEGATIVE


def test_the_brands_own_name_and_accounts_say_nothing() -> None:
    assert scored("Best Trust Bank opens", matched=("Best Trust Bank",)) == scored("Acme opens", matched=("Acme",))
    assert scored("@awful_acme opens") == scored("@acme_help opens")


def test_blame_for_a_rival_is_not_counted_against_us() -> None:
    text = "Acme is fine. Bolt is a terrible scam and never answers."
    ours = scored(text, matched=("Acme",), rivals=["Bolt"])
    assert ours.compound > scored(text, matched=("Acme",)).compound
    assert ours.label is not Label.NEGATIVE
    assert scored("Bolt and Acme are both terrible scams", matched=("Acme",), rivals=["Bolt"]).label is Label.NEGATIVE


def test_uncertainty_is_least_far_from_the_cuts() -> None:
    clear = scored("worst scam ever, never again, awful, useless, terrible service")
    faint = scored("not sure about this, waiting")
    assert clear.uncertainty < 0.1 < faint.uncertainty <= 0.5


def test_copies_are_scored_alike_whoever_carries_them() -> None:
    assert scored("The app is down again") == scored("The app is down again")
    assert scored("The app is down again").scorer == "toward"


def test_scores_come_back_in_the_order_of_the_items() -> None:
    items = [
        (post(str(place), text=text), Mention("Acme", "forum", str(place), 1.0), language)
        for place, (text, language) in enumerate([("I love it!", "en"), ("Szép", "hu"), ("awful scam", "en")])
    ]
    assert [score.label for score in TowardBrand().score(items)] == [Label.POSITIVE, Label.UNSCORED, Label.NEGATIVE]
