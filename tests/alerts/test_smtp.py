"""E-mail: what lands in the mailbox, and what each failure of a real SMTP server means."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from alerts import mail_session
from alerts.actions import offered
from alerts.channels import smtp
from alerts.channels.contract import ChannelContext, ChannelError, Message, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.page import Page, Quote
from alerts.render import html
from alerts.signed_links import SignedLinks
from config.settings import Settings
from storage.records import IncidentState, Reason
from tests.alerts.examples import NOW, page
from tests.alerts.stage import Stage, Trouble
from tests.servers.mail import MailServer, Refusal, mail_server

TO = "a@halden.example"


TROUBLES = {
    Trouble.BUSY: ("rcpt", Refusal("451 4.7.1 try again later")),
    Trouble.LOST_ANSWER: ("data", Refusal(drop=True, taken=True)),
    Trouble.LOST_REQUEST: ("data", Refusal(drop=True)),
    Trouble.SILENCE: ("data", Refusal(delay=5)),
}


@contextmanager
def stage() -> Iterator[Stage]:
    """E-mail for the conformance suite."""
    with mail_server() as server:
        options = {
            "host": "127.0.0.1",
            "port": server.port,
            "security": "none",
            "sender": "Tocsin <tocsin@halden.example>",
            "to": [TO],
        }
        yield Stage(
            options=options,
            received=lambda: [mail.message_id.strip("<>").partition("@")[0] for mail in server.taken],
            trouble=lambda trouble: server.script(*TROUBLES[trouble]),
            environment={},
            unreachable={**options, "port": 1},
        )


@pytest.fixture(scope="module")
def running() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def server(running: MailServer) -> MailServer:
    """The server with empty mailboxes and nothing scripted."""
    running.taken.clear()
    running.attempts.clear()
    running._faults.clear()
    return running


def channel(server: MailServer, **options: Any) -> smtp.SmtpChannel:
    usual = {
        "host": "127.0.0.1",
        "port": server.port,
        "security": "none",
        "sender": "Tocsin <tocsin@halden.example>",
        "to": [TO],
    }
    return smtp.build(smtp.Options.model_validate({**usual, **options}), ChannelContext("mail", clock=lambda: NOW))


def send(server: MailServer, said: Page, root: str | None = None, name: str = "d1", **options: Any) -> Receipt:
    return channel(server, **options).send(Message(name, TO, said, root), Deadline(10))


def failure(server: MailServer, seconds: float = 10, **options: Any) -> ChannelError:
    with pytest.raises(ChannelError) as raised:
        channel(server, **options).send(Message("d1", TO, page(curve=None)), Deadline(seconds))
    return raised.value


def test_a_mail_has_a_plain_twin_and_the_picture_of_the_curve_inside(server: MailServer) -> None:
    send(server, page())
    (mail,) = server.inbox(TO)
    kinds = [part.get_content_type() for part in mail.message.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    body = mail.message.get_body(("html",))
    assert body is not None
    assert 'src="cid:curve"' in body.get_content()
    assert (
        next(part["Content-ID"] for part in mail.message.walk() if part.get_content_type() == "image/png") == "<curve>"
    )


def test_both_twins_say_the_same(server: MailServer) -> None:
    send(server, page())
    mail = server.inbox(TO)[0].message
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None
        said = " ".join(body.get_content().split())
        for needed in ("388 negative voices", "Jonas Lind", "cease and desist", "tocsin incidents ack", "72%"):
            assert needed in said, (kind, needed)


def test_each_reader_has_links_of_their_own_by_which_to_act(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEB_SECRET", "w" * 40)
    chosen = {"general": {"public_url": "https://tocsin.example"}, "web": {"secret": {"env": "WEB_SECRET"}}}
    links = SignedLinks.build(Settings.model_validate(chosen), lambda: NOW)
    usual = channel(server)
    with_links = replace(usual, context=replace(usual.context, links=links.for_reader))
    with_links.send(Message("d1", TO, page()), Deadline(10))
    mail = server.inbox(TO)[0].message
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None
        tokens = re.findall(r"https://tocsin\.example/mail/([\w.-]+)", body.get_content())
        found = [links.read(token) for token in tokens]
        assert {one.action for one in found} == {one.action for one in offered(page().state)}
        assert {one.reader for one in found} == {TO}
        assert "tocsin incidents ack" not in body.get_content()


def test_the_subject_says_how_bad_who_and_what(server: MailServer) -> None:
    send(server, page())
    assert server.inbox(TO)[0].message["Subject"] == (
        "Critical · Halden Mobile: A voicemail in which Halden Mobile threatens a customer is spreading"
    )


def test_headers_keep_an_incident_together_and_robots_quiet(server: MailServer) -> None:
    root = send(server, page())
    send(server, page(reason=Reason.UPDATE, changed=("More.",)), root.remote_id, "d2")
    first, second = (mail.message for mail in server.inbox(TO))
    assert root.remote_id == first["Message-ID"] == "<d1@halden.example>"
    assert (first["In-Reply-To"], second["In-Reply-To"], second["References"]) == (None, root.remote_id, root.remote_id)
    assert first["Auto-Submitted"] == "auto-generated"
    assert str(first["Date"]) == "Tue, 05 Mar 2024 14:20:00 +0000"
    assert second["Subject"].startswith("Update: Critical")


def test_only_what_is_critical_and_lasts_is_marked_important(server: MailServer) -> None:
    send(server, page())
    send(server, page(reason=Reason.RESOLVED, state=IncidentState.RESOLVED, resolved_at=NOW), name="d2")
    assert [mail.message["Importance"] for mail in server.inbox(TO)] == ["high", None]


def test_no_header_can_be_smuggled_in(server: MailServer) -> None:
    evil = "Sale\r\nBcc: everybody@halden.example\r\n\r\n<script>"
    send(server, page(headline=evil, brand=evil, curve=None, incident_id=evil))
    (mail,) = server.inbox(TO)
    assert mail.message["Bcc"] is None
    assert b"\r\nBcc:" not in mail.raw.partition(b"\r\n\r\n")[0]


def test_lines_that_begin_with_a_dot_arrive_whole(server: MailServer) -> None:
    send(server, page(curve=None, why=(". starts with a dot", "..two")))
    body = server.inbox(TO)[0].message.get_body(("plain",))
    assert body is not None
    assert "* . starts with a dot." in body.get_content()


def test_every_line_of_the_mail_is_short_and_seven_bits(server: MailServer) -> None:
    quote = Quote("ß" * 5000, "reddit", NOW, author="Ünal", url="https://x.example/" + "a" * 1500)
    send(server, page(quotes=(quote,)))
    raw = server.inbox(TO)[0].raw
    assert max(map(len, raw.splitlines())) <= 998
    assert raw.isascii()


@pytest.mark.parametrize(
    ("stage", "fault", "outcome"),
    [
        ("mail", Refusal("421 4.3.0 busy"), Outcome.NOT_DELIVERED),
        ("mail", Refusal("550 5.7.1 sender not allowed"), Outcome.BROKEN),
        ("rcpt", Refusal("451 4.7.1 greylisted"), Outcome.NOT_DELIVERED),
        ("rcpt", Refusal("550 5.1.1 no such user"), Outcome.REFUSED),
        ("rcpt", Refusal(drop=True), Outcome.NOT_DELIVERED),
        ("data", Refusal("451 4.3.0 disk full"), Outcome.NOT_DELIVERED),
        ("data", Refusal("550 5.7.1 not wanted"), Outcome.REFUSED),
        ("data", Refusal(drop=True), Outcome.AMBIGUOUS),
        ("data", Refusal(drop=True, taken=True), Outcome.AMBIGUOUS),
    ],
)
def test_a_failure_says_what_is_known(server: MailServer, stage: str, fault: Refusal, outcome: Outcome) -> None:
    server.script(stage, fault)
    assert failure(server).outcome is outcome


def test_a_mail_that_is_too_large_goes_out_as_plain_text(server: MailServer) -> None:
    server.script("data", Refusal("552 5.3.4 message too large"))
    send(server, page())
    assert [mail.message.get_content_type() for mail in server.inbox(TO)] == ["text/plain"]


def test_a_mail_whose_html_cannot_be_made_goes_out_as_plain_text(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html, "template", lambda _name: 1 / 0)
    send(server, page(curve=None))
    assert [mail.message.get_content_type() for mail in server.inbox(TO)] == ["text/plain"]


@pytest.mark.parametrize(
    ("stage", "fault", "outcome"),
    [
        ("mail", Refusal(delay=5), Outcome.NOT_DELIVERED),
        ("rcpt", Refusal("250 " + "x" * 100, drip=0.1), Outcome.NOT_DELIVERED),
        ("data", Refusal(delay=5), Outcome.AMBIGUOUS),
        ("data", Refusal("250 taken", drip=0.4, taken=True), Outcome.AMBIGUOUS),
    ],
)
def test_a_slow_or_dripping_server_is_left_at_the_deadline(
    server: MailServer, stage: str, fault: Refusal, outcome: Outcome
) -> None:
    server.script(stage, fault)
    began = time.monotonic()
    error = failure(server, seconds=0.6)
    assert error.outcome is outcome
    assert time.monotonic() - began < 2.6


def test_a_mail_cannot_be_looked_up(server: MailServer) -> None:
    with pytest.raises(ChannelError, match="cannot be looked up"):
        channel(server).find(Message("d1", TO, page()), NOW, Deadline(60))


def test_a_server_that_is_not_there_got_nothing(server: MailServer) -> None:
    error = failure(server, port=1)
    assert (error.outcome, "no connection to 127.0.0.1:1" in str(error)) == (Outcome.NOT_DELIVERED, True)


# -- TLS and signing in ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, signed by itself, and its key."""
    x509 = pytest.importorskip("cryptography.x509", reason="the package cryptography is not installed")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.test")])
    today = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def guarded(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """A server that wants STARTTLS and a password."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*certificate)
    trusting = ssl.create_default_context(cafile=certificate[0])
    monkeypatch.setattr(mail_session, "_tls", lambda: trusting)
    monkeypatch.setenv("MAIL_PASSWORD_FOR_TESTS", "open sesame")
    with mail_server(tls=tls, users={"tocsin": "open sesame"}) as server:
        yield server


SIGNED_IN = {"security": "starttls", "username": "tocsin", "password": {"env": "MAIL_PASSWORD_FOR_TESTS"}}


def test_a_mail_goes_over_tls_after_signing_in(guarded: MailServer) -> None:
    send(guarded, page(curve=None), **SIGNED_IN)
    assert len(guarded.inbox(TO)) == 1
    assert channel(guarded, **SIGNED_IN).probe(Deadline(60)).endswith("as tocsin")


def test_a_wrong_password_is_the_operator_s_to_mend(guarded: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD_FOR_TESTS", "guess")
    error = failure(guarded, **SIGNED_IN)
    assert (error.outcome, error.whole_channel) == (Outcome.BROKEN, True)
    assert "check username and password" in str(error)
    assert "guess" not in str(error)


def test_a_server_with_a_strange_certificate_gets_nothing(guarded: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_session, "_tls", ssl.create_default_context)
    assert failure(guarded, **SIGNED_IN).outcome is Outcome.NOT_DELIVERED
    assert guarded.attempts == []


def test_a_server_without_starttls_gets_no_mail_in_the_clear(server: MailServer) -> None:
    error = failure(server, security="starttls")
    assert (error.outcome, server.attempts) == (Outcome.BROKEN, [])


# -- Options -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"to": []}, "at least 1 item"),
        ({"to": ["nobody"]}, "is not an e-mail address"),
        ({"to": ["a@b.example\r\nBcc: c@d.example"]}, "is not an e-mail address"),
        ({"to": ["a@[192.0.2.1"]}, "is not an e-mail address"),
        ({"sender": "ü@halden.example"}, "is not an e-mail address"),
        ({"username": "tocsin"}, "belong together"),
        ({"username": "t", "password": {"env": "P"}, "security": "none"}, "in the clear"),
        ({"password": "hunter2", "username": "t"}, "never written into the configuration"),
        ({"port": 70000}, "65535"),
        ({"reciepients": []}, "not permitted"),
    ],
)
def test_wrong_options_are_refused_with_what_would_be_right(options: dict[str, Any], said: str) -> None:
    usual = {"host": "mail.example", "sender": "t@halden.example", "to": [TO]}
    with pytest.raises(ValidationError, match=said):
        smtp.Options.model_validate({**usual, **options})


@pytest.mark.parametrize("address", ["a@b.example", "Ops Team <ops@b.example>", '"Kim, PR" <kim@b.example>'])
def test_addresses_are_read_with_and_without_a_name(address: str) -> None:
    assert smtp.parsed(address).addr_spec.endswith("@b.example")
