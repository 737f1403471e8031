"""Small rules: times, plain text, terms, queries, allowances, refusals."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.allowance import Allowance
from collectors.answers import LONGEST_WAIT, refusal, retry_after
from collectors.moments import from_epoch, read_moment
from collectors.plain import plain_text
from collectors.queries import Dialect, queries
from collectors.terms import naming, terms_of
from config.settings import BrandSettings

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
X = Dialect(512, "@{}", "#{}", "${}", "-{}", "lang:{}", always="-is:retweet")


# -- times ------------------------------------------------------------------------------------------------------------


@given(st.datetimes(datetime(1990, 1, 2), datetime(2099, 12, 30)))  # noqa: DTZ001  (naive is what is tested)
def test_every_notation_of_a_moment_is_read_as_that_moment(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC, microsecond=0)
    for written in (naive.replace(microsecond=0).isoformat(), moment.isoformat(), moment.timestamp(), moment):
        assert read_moment(written) == moment


@pytest.mark.parametrize("scale", [1, 1e3, 1e6, 1e9])
def test_the_unit_of_an_epoch_is_told_by_its_size(scale: float) -> None:
    assert abs(from_epoch(NOW.timestamp() * scale) - NOW) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "nonsense", [None, True, "", "soon", math.nan, math.inf, 1e300, 10**400, [], "1970-01-01", "2500-01-01"]
)
def test_what_is_no_time_is_refused(nonsense: object) -> None:
    with pytest.raises(ValueError):
        read_moment(nonsense)


# -- plain text -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("plain", "plain"),
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("AT&amp;T &lt;3 &#x27;x&#39;", "AT&T <3 'x'"),
        ("<script>evil()</script>ok<style>p{}</style>", "ok"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<b>un<i>closed", "unclosed"),
        ("a \u00a0 \t b\n\n\n\nc", "a b\nc"),
        ("nul\0 and \ud800 lone", "nul� and ? lone"),
        ('<a href="javascript:x">link</a>', "link"),
    ],
)
def test_markup_becomes_what_a_person_reads(markup: str, words: str) -> None:
    assert plain_text(markup) == words


@given(st.text())
def test_any_text_becomes_text_that_can_be_stored(text: str) -> None:
    plain_text(text).encode()
    assert "\0" not in plain_text(text)


@pytest.mark.parametrize("evil", ["<div>" * 40_000, "<a " * 60_000, "&" * 200_000, "<" * 200_000, "<!--" * 50_000])
def test_no_markup_takes_long(evil: str) -> None:
    begun = time.process_time()
    plain_text(evil)
    assert time.process_time() - begun < 3


# -- terms and queries ------------------------------------------------------------------------------------------------


def test_a_brand_is_asked_for_by_all_its_names() -> None:
    brand = BrandSettings(
        name="Norrvik", aliases=["Norrvik AB"], handles=["@norrvik"], hashtags=["#norrvikfail"], tickers=["NVK"],
        people=["Ada Holm"], products=["Fjord Phone"], exclude=["Norrvik castle"], languages=["en", "sv"],
    )  # fmt: skip
    assert queries([brand], X) == [
        (
            '(((Norrvik OR "Norrvik AB" OR "Fjord Phone" OR "Ada Holm" OR @norrvik OR #norrvikfail OR $NVK)'
            ' (lang:en OR lang:sv) -"Norrvik castle")) -is:retweet'
        )
    ]


def test_an_ordinary_word_is_asked_for_beside_its_context() -> None:
    brand = BrandSettings(name="Delta", ambiguous=True, context=["flight", "air line"], handles=["delta"])
    assert queries([brand], X) == ['(@delta OR (Delta (flight OR "air line"))) -is:retweet']


def test_brands_share_a_query_while_there_is_room() -> None:
    brands = [BrandSettings(name=f"Brand number {number}") for number in range(60)]
    packed = queries(brands, X)
    assert len(packed) == 3
    assert all(any(f'"Brand number {number}"' in query for query in packed) for number in range(60))


def test_operators_in_names_do_no_harm() -> None:
    assert queries([BrandSettings(name='A "B" OR'), BrandSettings(name="or")], Dialect(100)) == ['"A  B  OR" OR "or"']


words = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=300).filter(str.strip)
brands = st.builds(
    BrandSettings,
    name=words.map(lambda text: text[:100]).filter(str.strip),
    aliases=st.lists(words, max_size=6),
    handles=st.lists(words, max_size=3),
    context=st.lists(words, max_size=20),
    exclude=st.lists(words, max_size=5),
    languages=st.lists(st.sampled_from(["en", "de", "sv"]), max_size=3),
    ambiguous=st.booleans(),
)


@given(st.lists(brands, min_size=1, max_size=4))
def test_no_query_is_too_long_and_no_name_left_out(given_brands: list[BrandSettings]) -> None:
    packed = queries(given_brands, X)
    assert max(map(len, packed)) <= 512
    for brand in given_brands:
        terms = terms_of(brand)
        for term in (*terms.plain, *terms.unsure):
            shown = term.replace('"', " ").replace("\\", " ")[:200].strip()
            assert any(shown in query for query in packed)


def test_a_text_that_names_a_brand_is_found_by_whole_words() -> None:
    pattern = naming([BrandSettings(name="Norrvik", products=["C++"], handles=["@nvk"])])
    assert pattern is not None
    assert all(pattern.search(text) for text in ("NORRVIK!", "@nvk hi", "learn C++.", "#norrvik"))
    assert not any(pattern.search(text) for text in ("norrvikings", "unvk", ""))


def test_no_brands_name_nothing() -> None:
    assert naming([]) is None


# -- allowances -------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 7200), st.integers(0, 100)), max_size=60))
def test_no_day_sees_more_than_the_allowance(wishes: list[tuple[int, int]]) -> None:
    kept, now, spent = None, NOW, list[tuple[datetime, int]]()
    for wait, wish in wishes:
        now += timedelta(seconds=wait)
        allowance = Allowance.of(kept, 200, now)
        count = min(wish, int(max(allowance.left, 0)))
        allowance.spend(count)
        spent.append((now, count))
        kept = allowance.kept()
    for begin, _ in spent:
        assert sum(count for at, count in spent if begin <= at < begin + timedelta(days=1)) <= 200


# -- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 204, 301, 304])
def test_an_answer_below_400_is_no_refusal(status: int) -> None:
    assert refusal(status, httpx.Headers(), service="It", now=NOW) is None


@pytest.mark.parametrize(
    ("status", "permanent"), [(400, True), (401, True), (404, True), (408, False), (429, False), (503, False)]
)
def test_a_refusal_is_permanent_unless_waiting_may_help(status: int, permanent: bool) -> None:
    error = refusal(status, httpx.Headers(), service="It", now=NOW)
    assert error is not None
    assert (error.permanent, error.status) == (permanent, status)
    assert str(error).startswith(f"It answered {status}")


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "30"}, 30),
        ({"retry-after": "0.2"}, 1),
        ({"retry-after": "Mon, 02 Mar 2026 12:10:00 GMT"}, 600),
        ({"retry-after": "Mon, 02 Mar 2026 11:00:00 GMT"}, None),
        ({"retry-after": "abc"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "86400000"}, LONGEST_WAIT),
        ({"x-rate-limit-reset": str(int(NOW.timestamp()) + 90)}, 90),
        ({"x-ratelimit-reset": "240"}, 240),
        ({}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], wait: float | None) -> None:
    assert retry_after(httpx.Headers(headers), now=NOW) == wait
