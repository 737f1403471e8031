"""Trials of other thresholds: the newest counts, and one that it called off says nothing any more."""

from __future__ import annotations

from monitor.backtest import variants
from monitor.web.access import CSRF_HEADER, csrf_of
from monitor.web.tune import knobs
from tests.monitor.web.desks import browser, desk


def test_a_trial_that_was_called_off_shows_nothing() -> None:
    with desk() as of:
        both = (variants.configured(of.settings),)
        trials = [of.trials.begin(both, None) for _ in range(2)]
        for trial in trials:
            assert trial.is_over.wait(30)
        client = browser(of)
        first, second = (client.get(f"/tune/trials/{trial.id}") for trial in trials)
    assert (first.status_code, first.content) == (204, b"")
    assert "Nothing is stored in that span" in second.text


def test_what_is_no_number_is_said() -> None:
    with desk() as of:
        client = browser(of)
        client.cookies.set("tocsin_seat", "here")
        form = {"burst_fewest": "many"}
        answer = client.post("/tune/try", data=form, headers={CSRF_HEADER: csrf_of("here")})
        unknown = client.get("/tune/trials/none")
    assert answer.status_code == 422
    assert "burst_fewest: &#39;many&#39; is no number" in answer.text
    assert unknown.status_code == 404


def test_every_slider_can_stand_where_its_threshold_is() -> None:
    with desk() as of:
        found = [knob for group in knobs(of.settings).values() for knob in group]
    assert found
    assert all(knob.low <= knob.value <= knob.high and knob.low < knob.high for knob in found)
