"""Text messages and calls: what fits, what is said, what may have arrived, and what each refusal means."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from alerts.channels import twilio
from alerts.channels.contract import ChannelContext, ChannelError, Message, OnDoubt, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.page import Page
from alerts.render import sms
from storage.records import Reason
from tests.alerts.examples import page
from tests.alerts.stage import SECRET, Stage
from tests.servers.platform import Fault, Reply, said
from tests.servers.twilio import ACCOUNT, SENDER, TOKEN, Sent, Twilio, segments

TO = "+4791234567"


def options(server: Twilio, **more: Any) -> dict[str, Any]:
    usual = {"account_sid": ACCOUNT, "auth_token": {"env": "TWILIO_TOKEN_HERE"}, "sender": SENDER, "to": [TO]}
    return {**usual, "base_url": server.url, **more}


@contextmanager
def stage() -> Iterator[Stage]:
    """Text messages for the conformance suite."""
    with Twilio(SECRET) as server:
        yield Stage(
            options=options(server),
            received=server.shown,
            trouble=server.trouble,
            environment={"TWILIO_TOKEN_HERE": SECRET},
            unreachable=options(server, base_url="http://127.0.0.1:1"),
        )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Twilio]:
    monkeypatch.setenv("TWILIO_TOKEN_HERE", TOKEN)
    with Twilio() as running:
        yield running


def channel(server: Twilio, **more: Any) -> twilio.TwilioChannel:
    return twilio.build(twilio.Options.model_validate(options(server, **more)), ChannelContext("phones"))


def send(server: Twilio, told: Page, name: str = "d1", **more: Any) -> Receipt:
    return channel(server, **more).send(Message(name, TO, told), Deadline(60))


def test_a_text_message_says_how_bad_who_what_and_where_to_read_on(server: Twilio) -> None:
    assert send(server, page()).remote_id.startswith("SM")
    (sent,) = server.messages
    assert sent.words.startswith("Critical Halden Mobile: A voicemail in which")
    assert sent.words.endswith("https://tocsin.example/incidents/01HR7Q4Z8XK3M2N5P6T7V9W0AB #d1")
    assert "388 negative voices" in sent.words
    assert segments(sent.words) <= 2


def test_a_text_message_is_of_whole_sentences_and_names_the_brand_once() -> None:
    quoted = replace(page(), thread=None, url="").origin
    assert quoted is not None
    told = page(
        headline="Halden Mobile: 13 voices against it in an hour",
        changed=("It is critical now",),
        origin=replace(quoted, title="I wrote to the chief executive. His office answered " + "with lawyers " * 5),
    )
    said = sms.text(told, "d1")
    assert said.startswith("Critical Halden Mobile: 13 voices against it in an hour. It is critical now. ")
    assert "His office" not in said
    assert "388 negative voices in" in said
    assert "Tocsin. Critical. Halden Mobile: 13 voices against it in an hour. It is critical now." in sms.speech(told)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_it_is_cut_to_what_was_ordered(server: Twilio, most: int) -> None:
    send(server, page(headline="word " * 200), segments=most)
    assert segments(server.messages[0].words) == most


def test_typographic_signs_are_written_plainly_and_other_alphabets_stay() -> None:
    assert sms.text(page(headline="“It’s over” – they said…"), "d1").startswith(
        'Critical Halden Mobile: "It\'s over" - they'
    )
    assert "Скандал" in sms.text(page(headline="Скандал в магазине"), "d1")


@pytest.mark.parametrize("most", [2, 3])
@pytest.mark.parametrize("sign", ["{", "😀"])
def test_a_sign_of_two_units_is_not_divided_between_segments(sign: str, most: int) -> None:
    for before in range(4):
        assert segments(sms.text(page(headline="a" * before + sign * 400), "d1", most)) <= most


@given(text=some.text(max_size=400), most=some.integers(1, 3))
def test_any_words_fit_and_keep_their_reference(text: str, most: int) -> None:
    said = sms.text(page(headline=text, brand=text[:30]), "0123456789abcdef", most)
    assert segments(said) <= most
    assert said.endswith("#0123456789abcdef")
    assert not any(unicodedata.category(char) == "Cc" for char in said)


def test_the_alphabets_of_ours_and_of_the_network_agree() -> None:
    for code in range(0x20, 0x2FF):
        assert sms.is_gsm(chr(code)) == (segments(chr(code) * 100) == 1 or chr(code) in "^{}\\[~]|"), chr(code)


def test_a_call_says_it_and_nothing_of_an_outsider_is_markup(server: Twilio) -> None:
    hostile = '</Say><Dial>+4790000000</Dial><Say> & "x"'
    send(server, page(headline=hostile), mode="voice")
    (call,) = server.calls
    assert hostile in call.words
    document = ET.fromstring(sms.speech(page(headline=hostile)))
    assert [element.tag for element in document.iter()] == ["Response", "Pause", "Say"]


@given(text=some.text(max_size=300))
def test_whatever_is_said_is_sound_xml(text: str) -> None:
    assert len(sms.speech(page(headline=text))) <= 4000
    ET.fromstring(sms.speech(page(headline=text)))


def test_a_call_cannot_be_looked_up_and_is_made_again(server: Twilio) -> None:
    assert channel(server, mode="voice").on_doubt is OnDoubt.RESEND
    assert channel(server).on_doubt is OnDoubt.CHECK


def test_a_message_is_found_among_many_by_its_reference(server: Twilio) -> None:
    send(server, page(), "wanted")
    server.messages += [Sent(f"SM{number}", TO, f"chatter #{number}", time.time()) for number in range(230)]
    found = channel(server).find(Message("wanted", TO, page()), datetime.now(UTC), Deadline(60))
    assert found == Receipt(server.messages[0].sid)
    assert channel(server).find(Message("other", TO, page()), datetime.now(UTC), Deadline(60)) is None


def test_a_message_that_failed_has_not_arrived(server: Twilio) -> None:
    send(server, page())
    server.messages[0].status = "undelivered"
    assert channel(server).find(Message("d1", TO, page()), datetime.now(UTC), Deadline(60)) is None


def test_what_is_older_than_the_attempt_is_not_read(server: Twilio) -> None:
    hour_ago = time.time() - 3600
    server.messages += [Sent(f"SM{number}", TO, "old #d1", hour_ago) for number in range(300)]
    assert channel(server).find(Message("d1", TO, page()), datetime.now(UTC), Deadline(60)) is None
    assert len(server.requests) == 1


def test_among_too_many_it_is_not_said_to_be_absent(server: Twilio) -> None:
    server.messages += [Sent(f"SM{number}", TO, "chatter", time.time()) for number in range(501)]
    since = datetime.now(UTC) - timedelta(hours=1)
    with pytest.raises(ChannelError, match="too many messages"):
        channel(server).find(Message("wanted", TO, page()), since, Deadline(60))


def refused(status: int, code: int, words: str = "no") -> Reply:
    return said({"code": code, "message": words, "status": status}, status)


@pytest.mark.parametrize(
    ("reply", "outcome", "wait", "whole"),
    [
        (refused(400, 21211), Outcome.REFUSED, None, False),
        (refused(400, 21610), Outcome.REFUSED, None, False),
        (refused(400, 21614), Outcome.REFUSED, None, False),
        (refused(400, 21408), Outcome.BROKEN, None, False),
        (refused(400, 21606), Outcome.BROKEN, None, True),
        (refused(401, 20003, f"Authenticate {TOKEN}"), Outcome.BROKEN, None, True),
        (refused(404, 20404), Outcome.BROKEN, None, True),
        (refused(429, 20429), Outcome.NOT_DELIVERED, 30, False),
        (Reply(429, b"", {"Retry-After": "3"}), Outcome.NOT_DELIVERED, 3, False),
        (refused(429, 63038), Outcome.NOT_DELIVERED, 30, False),
        (refused(400, 99999), Outcome.REFUSED, None, False),
        (Reply(500), Outcome.AMBIGUOUS, None, False),
        (Reply(201, b"<html>"), Outcome.AMBIGUOUS, None, False),
    ],
)
def test_a_failure_says_what_is_known(
    server: Twilio, reply: Reply, outcome: Outcome, wait: float | None, whole: bool
) -> None:
    server.script(Fault(reply))
    with pytest.raises(ChannelError) as raised:
        send(server, page())
    assert (raised.value.outcome, raised.value.retry_after, raised.value.whole_channel) == (outcome, wait, whole)
    assert TOKEN not in str(raised.value)


def test_what_is_too_long_for_twilio_goes_out_in_one_segment(server: Twilio) -> None:
    server.script(Fault(refused(400, 21617)))
    send(server, page(headline="word " * 100))
    assert segments(server.messages[0].words) == 1


def test_a_probe_reads_the_account_and_sends_nothing(server: Twilio, monkeypatch: pytest.MonkeyPatch) -> None:
    assert channel(server).probe(Deadline(60)) == "signed in to the account Halden"
    server.status = "suspended"
    with pytest.raises(ChannelError, match="the account is suspended"):
        channel(server).probe(Deadline(60))
    monkeypatch.setenv("TWILIO_TOKEN_HERE", "another")
    with pytest.raises(ChannelError, match="check the account"):
        channel(server).probe(Deadline(60))
    assert server.messages == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"to": ["91234567"]}, "country's code"),
        ({"to": []}, "at least 1 item"),
        ({"sender": "Halden"}, "cannot send"),
        ({"sender": "MG" + "0" * 32, "mode": "voice"}, "cannot call"),
        ({"account_sid": "x"}, "account_sid"),
        ({"mode": "fax"}, "sms"),
    ],
)
def test_wrong_options_are_refused_with_what_would_be_right(server: Twilio, more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        channel(server, **more)


def test_a_reminder_says_why_it_comes(server: Twilio) -> None:
    told = page(reason=Reason.REMINDER, changed=("Nobody has taken it for 15 minutes.",))
    send(server, replace(told, headline="A short one"))
    assert "Nobody has taken it for 15 minutes." in server.messages[0].words
