"""A mailbox by a real IMAP server (Dovecot), which a test of its own folder fills and floods."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError

from collectors import mailbox
from collectors.contract import CollectorError, Rereads, Wakes
from collectors.mails import Known, MailReader, is_automatic, parsed, subject_of, text_of
from storage.records import Post, PostKind
from tests.collectors.scenario import Clock, Store, built
from tests.servers import dovecot
from tests.servers.web import Reply

ASKS_SOMEBODY = False  # not by HTTP: how it fails is told below


@dataclass
class MailboxScenario:
    """An inbox with a few mails a minute."""

    account: dovecot.Account
    options: dict[str, Any] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    module: ModuleType = mailbox
    sent: int = 0

    def publish(self) -> set[str]:
        """Twelve mails within a minute."""
        return {self.mail(seconds_ago=60 - number) for number in range(12)}

    def mail(self, subject: str = "", *, seconds_ago: float = 0, **headers: str) -> str:
        """One mail; its name."""
        self.sent += 1
        name = headers.pop("message_id", f"{self.sent}@example.org")
        made = EmailMessage()
        made["From"] = headers.pop("sender", f"Customer {self.sent} <customer{self.sent}@example.org>")
        made["Subject"] = subject or f"Where is my parcel {self.sent}"
        made["Message-ID"] = f"<{name}>"
        text = headers.pop("text", f"Number {self.sent} is late.")
        for key, value in headers.items():
            made[key.replace("_", "-")] = value
        made.set_content(text)
        self.raw(made.as_bytes(), seconds_ago=seconds_ago)
        return name

    def raw(self, content: bytes, *, seconds_ago: float = 0, folder: str = "INBOX") -> None:
        """Octets that somebody sent."""
        self.account.deliver(content, self.clock() - timedelta(seconds=seconds_ago), folder)

    def fail_next(self, *replies: Reply) -> None:
        """It does not speak HTTP."""

    def asked(self) -> int:
        """Nothing by HTTP."""
        return 0


@contextmanager
def scenario() -> Iterator[MailboxScenario]:
    """An empty inbox, read five mails a page."""
    account = dovecot.running().account()
    account.maildir()
    patch = pytest.MonkeyPatch()
    patch.setenv("TEST_IMAP_PASSWORD", dovecot.PASSWORD)
    patch.setattr(mailbox, "HEADERS_A_PAGE", 5)
    patch.setattr(mailbox, "BODIES_A_PAGE", 5)
    options = {
        "host": "localhost",
        "port": account.server.port,
        "security": "none",
        "user": account.user,
        "password": {"env": "TEST_IMAP_PASSWORD"},
    }
    try:
        yield MailboxScenario(account, options)
    finally:
        patch.undo()


@pytest.fixture
def world() -> Iterator[MailboxScenario]:
    with scenario() as given:
        yield given


def read(world: MailboxScenario, store: Store | None = None, **options: Any) -> Store:
    store = store or Store()
    store.run(built(world, **options))
    return store


def only(store: Store) -> Post:
    (post,) = store.posts.values()
    return post


def test_a_mail_is_a_message_with_sender_subject_and_the_time_of_its_arrival(world: MailboxScenario) -> None:
    world.mail("Your parcel", sender="Ann <Ann@Example.org>", seconds_ago=90, Date="Mon, 1 Jan 2001 00:00:00 +0000")
    post = only(read(world))
    assert (post.kind, post.title, post.text) == (PostKind.MESSAGE, "Your parcel", "Your parcel")
    assert (post.author, post.author_name) == ("ann@example.org", "Ann")
    assert post.created_at == world.clock() - timedelta(seconds=90)


def test_nothing_in_the_mailbox_changes(world: MailboxScenario) -> None:
    world.publish()
    read(world, bodies=True)
    assert world.account.names() == [""] * 12  # no flag: neither seen nor answered


def test_answers_are_in_the_thread_of_the_first_mail(world: MailboxScenario) -> None:
    world.mail("It broke", message_id="a@x", seconds_ago=9)
    world.mail("Re: It broke", message_id="b@x", In_Reply_To="<a@x>", References="<a@x>", seconds_ago=8)
    world.mail("Re: Re: It broke", message_id="c@x", In_Reply_To="<b@x>", References="<a@x> <b@x>", seconds_ago=7)
    posts = read(world).posts
    assert [(posts[name].thread_id, posts[name].parent_id) for name in ("a@x", "b@x", "c@x")] == [
        ("a@x", None),
        ("a@x", "a@x"),
        ("a@x", "b@x"),
    ]
    assert posts["c@x"].text == "It broke"


def test_bodies_are_read_only_when_asked_for(world: MailboxScenario) -> None:
    world.mail("Hello", text="The battery melted.\n\nOn Monday you wrote to me:\n> Dear customer\n")
    assert only(read(world)).text == "Hello"
    assert only(read(world, bodies=True)).text == "The battery melted."


def test_every_mail_is_about_the_brands_it_is_configured_for(world: MailboxScenario) -> None:
    world.mail("Hello")
    assert only(read(world, about=["Norrvik"])).brands == ("Norrvik",)


def test_senders_become_keyed_hashes_and_stay_countable(
    world: MailboxScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_SENDER_KEY", "salt")
    world.mail("a", sender="Ann <ann@example.org>", message_id="1@ann-laptop.example.org", seconds_ago=3)
    world.mail("b", sender="ANN@example.org", message_id="2@ann-laptop.example.org", seconds_ago=2)
    world.mail("c", sender="bob@example.org", References="<1@ann-laptop.example.org>")
    store = read(world, sender_key={"env": "TEST_SENDER_KEY"})
    assert len({post.author for post in store.posts.values()}) == 2
    assert "ann" not in repr(store.posts) + repr(store.cursor)
    assert len({post.thread_id for post in store.posts.values()}) == 2


def test_newsletters_bounces_and_automatic_replies_are_no_voices(world: MailboxScenario) -> None:
    world.mail("News", List_Id="<news.example.org>", seconds_ago=9)
    world.mail("I am away", Auto_Submitted="auto-replied", seconds_ago=8)
    world.mail("Offer", Precedence="bulk", seconds_ago=7)
    world.mail("A person", Auto_Submitted="no", seconds_ago=6)
    assert only(read(world)).title == "A person"
    assert len(read(world, automatic=True).posts) == 4


def test_a_flood_of_a_thousand_mails_is_counted_to_the_last(
    world: MailboxScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "HEADERS_A_PAGE", 200)
    for number in range(1000):
        head = f"From: c{number}@example.org\r\nMessage-ID: <{number}@example.org>\r\nSubject: Shame on you\r\n\r\n"
        world.raw(head.encode(), seconds_ago=number / 10)
    store = read(world)
    assert set(store.posts) == {f"{number}@example.org" for number in range(1000)}
    assert len({post.author for post in store.posts.values()}) == 1000


def test_a_flood_under_one_message_id_is_counted_all_the_same(world: MailboxScenario) -> None:
    for number in range(12):
        world.mail(f"Shame {number}", message_id="same@x", seconds_ago=number)
    store = read(world)
    assert len(store.posts) == 12
    read(world, store)
    world.account.lose_numbers()
    read(world, store)
    assert len(store.posts) == 12


def test_mails_that_were_deleted_leave_no_hole_and_nothing_is_taken_back(world: MailboxScenario) -> None:
    paths = [world.account.deliver(b"Subject: %d\r\n\r\n" % number, world.clock()) for number in range(6)]
    store = read(world)
    for path in (world.account.maildir() / "new").iterdir():
        path.unlink()
    for path in (world.account.maildir() / "cur").iterdir():
        path.unlink()
    assert paths
    world.mail("after")
    read(world, store)
    assert sorted(post.title for post in store.posts.values()) == ["0", "1", "2", "3", "4", "5", "after"]


def test_a_server_that_lost_its_numbers_is_read_anew_without_doubling(world: MailboxScenario) -> None:
    published = world.publish()
    store = read(world)
    before = (store.cursor or {})["folders"]["INBOX"]["validity"]
    world.account.lose_numbers()
    published |= world.publish()
    read(world, store)
    assert (store.cursor or {})["folders"]["INBOX"]["validity"] != before
    assert set(store.posts) == published
    count = len(store.pages)
    read(world, store)
    assert len(store.pages) == count + 1, "it went on reading all of it"


def test_several_folders_are_read(world: MailboxScenario) -> None:
    world.mail("here")
    world.raw(b"Subject: there\r\n\r\n", folder="Complaints")
    assert {post.title for post in read(world, folders=["INBOX", "Complaints"]).posts.values()} == {"here", "there"}


def test_the_first_turn_looks_back_as_far_as_asked_by_days(world: MailboxScenario) -> None:
    world.mail("old", seconds_ago=3 * 86400)
    world.mail("new", seconds_ago=3600)
    assert only(read(world)).title == "new"
    assert len(read(world, lookback="4d").posts) == 2


def test_a_wrong_password_says_so_and_is_permanent(world: MailboxScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_IMAP_PASSWORD", "wrong")
    with pytest.raises(CollectorError, match=r"refused to sign in: \[AUTHENTICATIONFAILED\].*renew") as caught:
        read(world)
    assert caught.value.permanent
    assert "wrong" not in str(caught.value)


def test_a_token_signs_in_where_a_password_would(world: MailboxScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    world.mail("Hello")
    monkeypatch.setenv("TEST_TOKEN", f"{dovecot.TOKEN}/{world.account.user}")
    token = {"password": {"env": "TEST_TOKEN"}, "oauth": True}
    assert only(read(world, **token)).title == "Hello"
    monkeypatch.setenv("TEST_TOKEN", "expired")
    with pytest.raises(CollectorError, match="refused to sign in") as caught:
        read(world, **token)
    assert caught.value.permanent


def test_a_folder_that_is_not_there_is_named(world: MailboxScenario) -> None:
    with pytest.raises(CollectorError, match="did not open the folder Compliants") as caught:
        read(world, folders=["Compliants"])
    assert caught.value.permanent


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_connections_are_encrypted_and_the_certificate_is_checked(world: MailboxScenario, security: str) -> None:
    world.mail("Hello")
    server = world.account.server
    port = server.tls_port if security == "tls" else server.port
    options = {"security": security, "port": port}
    assert only(read(world, ca_file=server.certificate, **options)).title == "Hello"
    with pytest.raises(CollectorError, match="certificate of localhost is not trusted") as caught:
        read(world, **options)
    assert caught.value.permanent


def test_passwords_are_not_sent_readably_to_other_machines(world: MailboxScenario) -> None:
    with pytest.raises(ValidationError, match="would send the password readably"):
        mailbox.Options(**{**world.options, "host": "imap.example.org"})


def test_nobody_listening_is_temporary(world: MailboxScenario) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(CollectorError, match="localhost cannot be reached") as caught:
            read(world, port=taken.getsockname()[1])
    assert not caught.value.permanent


class Cut:
    """Passes octets between a client and the server, and cuts the connection after so many from the server."""

    def __init__(self, port: int, after: int, last: bytes = b"") -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._target, self._after, self._last = port, after, last
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        client, _ = self._listening.accept()
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            threading.Thread(target=self._pass, args=(client, server), daemon=True).start()
            left = self._after
            while left > 0 and (chunk := server.recv(min(4096, left))):
                client.sendall(chunk)
                left -= len(chunk)
            client.sendall(self._last)
            client.shutdown(socket.SHUT_RDWR)  # closing alone does not end a connection that another thread reads
        self._listening.close()

    @staticmethod
    def _pass(client: socket.socket, server: socket.socket) -> None:
        try:
            while chunk := client.recv(4096):
                server.sendall(chunk)
        except OSError:
            return


def test_a_connection_that_is_cut_keeps_what_was_read_and_goes_on_there(world: MailboxScenario) -> None:
    published = world.publish()
    whole = [len(read(world).posts)]
    assert whole == [12]
    for after in (10, 300, 1500, 3500):
        store = Store()
        with pytest.raises(CollectorError) as caught:
            read(world, store, port=Cut(world.account.server.port, after).port)
        assert not caught.value.permanent
        read(world, store)
        assert set(store.posts) == published


def test_a_server_that_talks_nonsense_is_an_error_in_words(world: MailboxScenario) -> None:
    for nonsense in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\xfe\x00\r\n", b"* OK\r\n* " + b"x" * 5000):
        with pytest.raises(CollectorError, match="localhost"):
            read(world, port=Cut(world.account.server.port, 0, nonsense).port)


def test_the_server_says_when_mail_arrives(world: MailboxScenario) -> None:
    collector = built(world)
    assert isinstance(collector, Wakes)
    heard, stopping = threading.Event(), threading.Event()

    def news() -> None:
        heard.set()
        stopping.set()

    listening = threading.Thread(target=collector.watch, args=(news, stopping))
    listening.start()
    for _ in range(100):  # until it listens, which only the server knows; each mail is news for one that listens
        world.mail("Now")
        if heard.wait(0.2):
            break
    stopping.set()
    listening.join(10)
    assert heard.is_set()
    assert not listening.is_alive()


def test_listening_ends_when_it_is_not_wanted(world: MailboxScenario) -> None:
    collector = built(world, watch=False)
    assert isinstance(collector, Wakes)
    collector.watch(lambda: None, threading.Event())


def test_the_probe_signs_in_and_counts(world: MailboxScenario) -> None:
    world.mail("Hello")
    assert built(world).probe() == f"{world.account.user} is signed in at localhost; 1 mails in INBOX"


# -- what senders may do ---------------------------------------------------------------------------------------------


def reader(**fields: Any) -> MailReader:
    return MailReader(**{"source": "inbox", "now": Clock().now, "bodies": True, **fields})


def post_of(raw: bytes) -> Post:
    message = parsed(raw)
    return reader().post(message, None, Known({}).name_of(message))


def deep(levels: int) -> bytes:
    return b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(levels))


HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "no headers": b"just words",
    "no end": b"Subject: half a hea",
    "injected header": b"Subject: =?utf-8?q?Hello=0D=0ABcc=3A_all=40example=2Eorg?=\r\nFrom: a@b\r\n\r\nx",
    "unknown charset": b"Subject: =?x-none?q?caf=E9?=\r\nContent-Type: text/plain; charset=x-none\r\n\r\ncaf\xe9",
    "wrong charset": b"Subject: x\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n" + "Прив".encode(),
    "a charset that takes long": b"Subject: =?idna?q?"
    + b"a" * 5000
    + b"?=\r\nContent-Type: text/plain; charset=idna\r\n\r\n"
    + b"a" * 5000,
    "broken base64": b"Content-Transfer-Encoding: base64\r\nSubject: x\r\n\r\n!!!! not base64 ===",
    "broken encoded word": b"Subject: =?utf-8?b?%%%%?= =?utf-8?q?=ZZ?=\r\n\r\n",
    "raw octets in headers": b"Subject: \xff\xfe caf\xe9\r\nFrom: \xff <\xfe@x>\r\nMessage-ID: <\xff@x>\r\n\r\n",
    "containers within containers": b"Subject: deep\r\n" + deep(3000),
    "many parts": b'Subject: x\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n\r\nx\r\n" * 5000,
    "a container that is none": b"Content-Type: multipart/mixed\r\nSubject: x\r\n\r\nwords",
    "a message as words": b"Content-Type: message/rfc822\r\nSubject: outer\r\n\r\nSubject: inner\r\n\r\nwords",
    "many headers": b"Subject: x\r\n" + b"Received: from a\r\n" * 3000 + b"\r\n",
    "endless references": b"References: " + b"<a@b> " * 5000 + b"\r\nSubject: x\r\n\r\n",
    "a date that is none": b"Date: yesterday, 99:99\r\nSubject: x\r\n\r\n",
    "a date far off": b"Date: Mon, 1 Jan 9999 00:00:00 +0000\r\nSubject: x\r\n\r\n",
    "NUL and bidi": "Subject: a\0b\u202ec\r\n\r\nx\0y".encode(),
    "script": b"Content-Type: text/html\r\nSubject: x\r\n\r\n<script>alert(1)</script><p>Seen</p><img src=x onerror=y>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_mail_breaks_its_reader(name: str) -> None:
    message = parsed(HOSTILE[name])
    is_automatic(message)
    post = post_of(HOSTILE[name])
    assert post.text
    assert "\n" not in post.title
    assert "\r" not in post.title
    assert post.text.encode()
    assert post.external_id
    assert post.thread_id


def test_charsets_are_read_for_what_they_are() -> None:
    assert text_of(parsed(HOSTILE["wrong charset"])) == "Прив"
    assert text_of(parsed(HOSTILE["unknown charset"])) == "café"
    assert subject_of(parsed(b"Subject: =?iso-2022-jp?b?GyRCJDMkcxsoQg==?=\r\n\r\n")) == "こん"
    assert text_of(parsed(b"Content-Type: text/plain; charset=windows-1251\r\n\r\n\xcf\xf0\xe8\xe2")) == "Прив"


def test_an_injected_header_is_only_words() -> None:
    assert subject_of(parsed(HOSTILE["injected header"])) == "Hello Bcc: all@example.org"


def test_of_html_the_words_are_left() -> None:
    assert text_of(parsed(HOSTILE["script"])) == "Seen"


def test_a_mail_that_could_not_be_read_is_set_aside_and_read_after_the_mend(
    world: MailboxScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.mail("first", seconds_ago=9)
    world.mail("poison", seconds_ago=8)
    world.mail("last", seconds_ago=7)
    sound: Callable[..., Post] = MailReader.post

    def fragile(self: MailReader, message: Any, *given: Any) -> Post:
        if message["subject"] == "poison":
            raise ValueError("too bitter")
        return sound(self, message, *given)

    with monkeypatch.context() as patch:
        patch.setattr(MailReader, "post", fragile)
        store = read(world)
    assert {post.title for post in store.posts.values()} == {"first", "last"}
    ((bad,),) = [page.quarantined for page in store.pages if page.quarantined]
    assert (bad.where, bad.reason) == ("INBOX, mail 2", "too bitter")
    collector = built(world)
    assert isinstance(collector, Rereads)
    (post,) = collector.reread(bad.raw or b"")
    assert (post.title, post.external_id) == ("poison", "2@example.org")
