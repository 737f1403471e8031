"""Names are found as people write them, in any script, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from config.settings import BrandSettings
from monitor.matching import Matcher
from tests.storage.examples import post


def found(text: str, *brands: BrandSettings, **fields: Any) -> dict[str, tuple[str, ...]]:
    """The brands in a text, with the terms that matched."""
    return {mention.brand: mention.matched for mention in Matcher(brands).match(post(text=text, **fields))}


def brand(name: str, **fields: Any) -> BrandSettings:
    """A brand of that name."""
    return BrandSettings(name=name, **fields)


def test_posts_looked_through_together_are_about_what_each_is_about_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    brands = [brand("Acme"), brand("HP"), brand("Bolt", tickers=["BLT"])]
    texts = [
        "Acme",
        "x",
        "acmes",
        "an hp of Acme",
        "$BLT",
        "#boycottbolt",
        "B\nolt",
        "hp",
        "Acme",
        "#",
        "acmefail",
        "#acmefail",
    ]
    posts = [post(str(number), text=text) for number, text in enumerate(texts)]
    alone = [Matcher(brands).match(each) for each in posts]
    assert [len(found) for found in alone] == [1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 1]
    assert Matcher(brands).matches(posts) == alone
    monkeypatch.setattr("monitor.matching.matcher._LETTERS", 6)
    assert Matcher(brands).matches(posts) == alone


def test_names_that_stand_together_are_judged_by_the_text_where_one_of_them_needs_it() -> None:
    matcher = Matcher([brand("Acme"), brand("Bolt", exclude=["bolt on"]), brand("Zinc", ambiguous=True)])
    texts = ["Acme or Bolt", "Acme bolt on", "Acme or Bolt", "Acme or Zinc", "Acme or zinc", "Acme, acme"]
    found = [[mention.brand for mention in matcher.match(post(text=text))] for text in texts]
    assert found == [["Acme", "Bolt"], ["Acme"], ["Acme", "Bolt"], ["Acme", "Zinc"], ["Acme"], ["Acme"]]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("AT&T", "I am done with AT&T."),
        ("AT&T", "I am done with AT&amp;T."),
        ("AT&T", "done with AT&amp;amp;T"),
        ("AT&T", "the a t & t people"),
        ("AT&T", "at & t again"),
        ("AT&T", "AT\u200b&T is down"),
        ("AT&T", "ＡＴ＆Ｔ is down"),
        ("H&M", "bought it at H&M, sadly"),
        ("C++", "C++ is hard"),
        ("C++", "why C++?"),
        ("Nestlé", "boycott Nestlé"),
        ("Nestlé", "boycott nestle"),
        ("Nestlé", "boycott NESTLE\u0301"),
        ("Yahoo!", "my yahoo mail"),
        ("McDonald's", "lunch at McDonald’s"),
        ("Acme Air", "Acme\n  Air lost my bag"),
        ("Acme", "(Acme)"),
        ("Acme", "Acme's shop"),
        ("Acme", "#acme is trending"),
        ("Acme", "@acme hello"),
        ("Acme", "see https://www.acme.com/help"),
        ("Straße AG", "die STRASSE AG meldet"),
        ("Яндекс", "Яндекс упал"),
        ("Яндекс", "работаю в Яндексе"),
        ("特斯拉", "我买了特斯拉的车"),
        ("コカ・コーラ", "冷たいコカ・コーラを飲む"),
        ("서울전자", "서울전자가 사과했다"),
        ("سامسونج", "اشتريت من سامسونج"),
        ("سامسونج", "وسامسونج تعتذر"),
        ("İşbank", "işbank müşterisi"),
    ],
)
def test_a_name_is_found_as_people_write_it(name: str, text: str) -> None:
    assert name in found(text, brand(name))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Acme", "acmeology"),
        ("Acme", "an_acme_b"),
        ("Unity", "herd immunity in this community"),
        ("C++", "the C+++ joke"),
        ("Uber", "das ist über uns"),
        ("Яндекс", "Яндексоид пишет"),
        ("سامسونج", "ياسامسونجي"),
        ("Acme", "read https://t.co/acme today"),
        ("T", "I don't know"),
    ],
)
def test_a_part_of_another_word_is_not_the_name(name: str, text: str) -> None:
    assert not found(text, brand(name, minimum_relevance=0.0))


@pytest.mark.parametrize(
    ("text", "is_meant"),
    [
        ("$T falls after earnings", True),
        ("long $AAPL, $T and $VZ", True),
        ("AT&T ($T) makes a bet", True),
        ("TOWER HEI$T", False),
        ("BO$$T it", False),
        ("W€$T side", False),
        ("S&$T happens", False),
        ("$T.G.O.", False),
        ("we owe $T to nobody", False),
    ],
)
def test_a_ticker_of_one_letter_is_not_stylised_writing(text: str, is_meant: bool) -> None:
    assert bool(found(text, brand("AT&T", tickers=["T"]))) is is_meant


def test_handles_hashtags_products_and_people_stand_for_the_brand() -> None:
    acme = brand("Acme", handles=["acmehelp"], hashtags=["AcmeFail"], products=["Rocket 3"], people=["Jo Stephenson"])
    assert found("@AcmeHelp please", acme) == {"Acme": ("@acmehelp",)}
    assert found("oh #acmefail", acme) == {"Acme": ("Acme", "#AcmeFail")}
    assert found("my rocket 3 broke", acme) == {"Acme": ("Rocket 3",)}
    assert found("Jo Stevenson must go", acme) == {"Acme": ("Jo Stephenson",)}
    assert not found("mail me@acmehelp or @acmehelper", acme)


def test_capitals_count_where_the_settings_say_so() -> None:
    assert found("GAP is closing", brand("GAP", case_sensitive=True))
    assert not found("mind the gap", brand("GAP", case_sensitive=True))


def test_another_brands_longer_name_is_not_ours() -> None:
    assert found("Virgin America is late", brand("Virgin"), brand("Virgin America")) == {
        "Virgin America": ("Virgin America",)
    }


def test_all_brands_of_a_post_are_told_in_the_order_of_the_settings() -> None:
    assert list(found("Bolt is better than Acme", brand("Acme"), brand("Bolt"), brand("Cog"))) == ["Acme", "Bolt"]


def test_the_title_is_read_and_not_twice() -> None:
    assert found("", brand("Acme"), title="Acme recalls kettles") == {"Acme": ("Acme",)}
    assert found("they did it again", brand("Acme"), title="Acme recalls kettles") == {"Acme": ("Acme",)}


def test_brands_that_the_source_names_are_certain() -> None:
    (mention,) = Matcher([brand("Acme", ambiguous=True), brand("Bolt")]).match(
        post(text="no name", brands=("ACME", "Zeta"))
    )
    assert (mention.brand, mention.relevance, mention.reason) == ("Acme", 1.0, "named by the source")


def test_no_brands_find_nothing() -> None:
    assert found("anything at all") == {}


def test_a_mention_below_the_brands_minimum_is_left_out() -> None:
    assert not found("Jo Stephenson spoke", brand("Acme", people=["Jo Stephenson"], minimum_relevance=0.9))


@pytest.mark.parametrize(
    "text",
    [
        "#BoycottDelta",
        "join #boycottdelta now",
        "#DeltaFail again",
        "#deltagate",
        "#DeleteDelta!",
        "#delta_down",
        "#StopDeltaLies",
    ],
)
def test_hashtags_of_campaigns_name_the_company(text: str) -> None:
    (mention,) = Matcher([BrandSettings(name="Delta", ambiguous=True)]).match(post(text=text))
    assert mention.relevance >= 0.8
    assert "the hashtag of a campaign" in mention.reason
    (sure,) = Matcher([BrandSettings(name="Delta")]).match(post(text=text))
    assert sure.relevance == 0.95


@pytest.mark.parametrize(
    "text",
    ["#DeltaForce", "#MississippiDelta", "#boycottdeltaforce", "boycottdelta", "#deltaoutfit", "#x boycottdelta"],
)
def test_other_words_around_a_name_in_a_hashtag_do_not(text: str) -> None:
    assert Matcher([BrandSettings(name="Delta")]).match(post(text=text)) == []


def test_a_copy_of_a_text_is_about_the_same_brands_under_its_own_name() -> None:
    matcher = Matcher([brand("Acme"), brand("Bolt")])
    first, copy = post("p1", text="Acme sues Bolt"), post("p2", text="Acme sues Bolt")
    assert [(found.brand, found.external_id) for found in matcher.match(first)] == [("Acme", "p1"), ("Bolt", "p1")]
    assert [(found.brand, found.external_id) for found in matcher.match(copy)] == [("Acme", "p2"), ("Bolt", "p2")]


def test_what_a_source_says_of_a_post_is_not_said_of_its_copies() -> None:
    matcher = Matcher([brand("Acme"), brand("Bolt")])
    assert [found.brand for found in matcher.match(post("p1", text="Acme again", brands=("Bolt",)))] == ["Acme", "Bolt"]
    assert [found.brand for found in matcher.match(post("p2", text="Acme again"))] == ["Acme"]
