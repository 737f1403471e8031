"""What comes from Slack, and what only says so: signatures, their age, their repetition, and the payloads."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.actions import Action
from alerts.render.slack_buttons import FORM, MENU, PRESSED, Asked
from alerts.slack_requests import Filled, NotFromSlackError, Once, Press, Presser, Signed, payload_of, read
from tests.alerts.examples import NOW
from tests.servers.slack_people import signed

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def door(later: timedelta = timedelta(0)) -> Signed:
    clock = lambda: NOW + later  # noqa: E731
    return Signed(clock, Once(clock))


def asked(**changes: Any) -> tuple[bytes, dict[str, str]]:
    body, headers = signed({"type": "block_actions"}, SECRET, NOW.timestamp())
    return changes.pop("body", body), {**headers, **changes}


def test_what_slack_signed_is_let_in_and_read() -> None:
    body, headers = asked()
    door().admit(body, {name.lower(): value for name, value in headers.items()}, [SECRET])
    assert payload_of(body) == {"type": "block_actions"}


def test_while_a_secret_is_changed_both_are_good() -> None:
    door().admit(*asked(), ["another", SECRET])


@pytest.mark.parametrize(
    ("changes", "later", "secrets"),
    [
        ({"body": b"payload=%7B%7D"}, 0, [SECRET]),
        ({"body": b"payload=\xff"}, 0, [SECRET]),
        ({"X-Slack-Request-Timestamp": "soon"}, 0, [SECRET]),
        ({"X-Slack-Request-Timestamp": "-1"}, 0, [SECRET]),
        ({"X-Slack-Request-Timestamp": "٣"}, 0, [SECRET]),
        ({"X-Slack-Request-Timestamp": "9" * 400}, 0, [SECRET]),
        ({"X-Slack-Signature": "v0=é"}, 0, [SECRET]),
        ({"X-Slack-Signature": ""}, 0, [SECRET]),
        ({}, 301, [SECRET]),
        ({}, -301, [SECRET]),
        ({}, 0, ["another"]),
        ({}, 0, ["", " "]),
        ({}, 0, []),
    ],
)
def test_what_is_not_slacks_is_refused_whatever_stands_in_it(
    changes: dict[str, Any], later: int, secrets: list[str]
) -> None:
    with pytest.raises(NotFromSlackError):
        door(timedelta(seconds=later)).admit(*asked(**changes), secrets)


def test_a_request_that_comes_again_is_refused() -> None:
    one = door()
    one.admit(*asked(), [SECRET])
    with pytest.raises(NotFromSlackError, match="was here before"):
        one.admit(*asked(), [SECRET])


def test_what_was_seen_is_forgotten_after_ten_minutes_and_no_sooner() -> None:
    now = [NOW]
    once = Once(lambda: now[0])
    assert once.is_new("a")
    now[0] += timedelta(minutes=10)
    assert not once.is_new("a")
    now[0] += timedelta(seconds=1)
    assert once.is_new("a")


@given(
    st.binary(max_size=60),
    st.dictionaries(st.sampled_from(["X-Slack-Signature", "X-Slack-Request-Timestamp"]), st.text(max_size=20)),
)
def test_nothing_that_a_stranger_sends_is_let_in_or_breaks_the_door(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(NotFromSlackError):
        door().admit(body, headers, [SECRET])
    payload_of(body)


def test_a_payload_that_is_nested_without_end_is_none() -> None:
    assert payload_of(b"payload=" + b"%5B" * 50_000) is None


@given(JSON)
def test_a_payload_of_any_shape_is_read_or_left_alone(said: Any) -> None:
    for payload in (
        said if isinstance(said, dict) else {},
        {"type": "block_actions", "actions": said, "user": {"id": "U0"}, "trigger_id": "t"},
        {"type": "view_submission", "view": {"callback_id": FORM, "private_metadata": json.dumps(said), "state": said}},
        {"type": "view_submission", "view": said},
    ):
        assert read(payload) is None


def test_a_press_says_what_to_do_to_which_incident_and_who_asks() -> None:
    payload = {
        "type": "block_actions",
        "user": {"id": "U0KIM", "username": "kim"},
        "channel": {"id": "C0ROOM"},
        "trigger_id": "t1",
        "response_url": "https://hooks.slack.com/actions/T0/1/x",
        "actions": [{"action_id": f"{PRESSED}:acknowledged", "value": "acknowledged:i1"}],
    }
    by = Presser("U0KIM", "kim")
    expected = Press(Action.ACKNOWLEDGE, "i1", by, "t1", "https://hooks.slack.com/actions/T0/1/x", "C0ROOM")
    assert read(payload) == expected
    chosen = {"action_id": MENU, "selected_option": {"value": "snoozed:i1"}}
    menu = read({**payload, "actions": [chosen]})
    assert isinstance(menu, Press)
    assert (menu.action, menu.from_menu) == (Action.SNOOZE, True)
    assert read({**payload, "actions": [{"action_id": "theirs", "value": "acknowledged:i1"}]}) is None
    assert read({**payload, "actions": [{"action_id": f"{PRESSED}:x", "value": "explode:i1"}]}) is None


def test_a_form_brings_back_what_it_was_for() -> None:
    state = {
        "link": {"said": {"type": "url_text_input", "value": "https://acme.example/"}},
        "time": {"said": {"type": "static_select", "selected_option": {"value": "2h"}}},
        "note": {"said": {"type": "plain_text_input", "value": None}},
    }
    asked_for = Asked("answered", "i1", "https://hooks.slack.com/x")
    view = {"id": "V1", "callback_id": FORM, "private_metadata": asked_for.packed(), "state": {"values": state}}
    found = read({"type": "view_submission", "user": {"id": "U0"}, "view": view})
    fields = {"link": "https://acme.example/", "time": "2h", "note": ""}
    assert found == Filled(asked_for, Presser("U0"), fields, "V1")
