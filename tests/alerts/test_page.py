"""A page travels as JSON and comes back whole, whatever outsiders wrote into it."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.page import Page, Quote, UnreadablePageError, from_json, to_json
from tests.alerts.examples import NOW, page


def test_a_page_comes_back_from_json_as_it_was() -> None:
    assert from_json(json.loads(json.dumps(to_json(page())))) == page()


def test_fields_of_a_later_version_are_ignored() -> None:
    assert from_json({**to_json(page()), "mood_of_the_sea": "calm"}) == page()


def test_fields_that_an_earlier_version_did_not_write_have_defaults() -> None:
    kept = {"headline", "brand", "severity", "reason", "incident_id", "at", "began_at"}
    old = {key: value for key, value in to_json(page()).items() if key in kept}
    assert from_json(old).quotes == ()


def test_what_is_no_page_is_refused_with_the_field_that_is_wrong() -> None:
    with pytest.raises(UnreadablePageError, match="severity"):
        from_json({**to_json(page()), "severity": "dreadful"})


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_does_not_cost_the_page(number: float) -> None:
    curve = page().curve
    assert curve is not None
    odd = page(observed=number, copies_share=number, curve=replace(curve, expected=(number,) * 96))
    back = from_json(json.loads(json.dumps(to_json(odd), allow_nan=False)))
    assert (back.observed, back.copies_share) == (None, 0.0)


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_any_text_can_be_stored_and_read(text: str) -> None:
    told = page(headline=text, quotes=(Quote(text, "reddit", NOW, author=text),))
    json.dumps(to_json(told)).encode()
    back: Page = from_json(to_json(told))
    assert "\0" not in back.headline
    assert bool(back.headline) == bool(text)
