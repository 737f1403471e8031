"""Posts that were handed in are read like those of any other place."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import webhook
from collectors.contract import CollectorError, Rereads, Wakes
from collectors.webhook import Options, SignatureError, verify
from collectors.webhook_posts import MessageError, message_of
from monitor.handed_in import StoredInbox
from storage import inbox as inbox_store
from storage.database import Database
from storage.records import Engagement, Post, PostKind
from tests.collectors.scenario import Clock, Store, built
from tests.servers.web import Reply

ASKS_SOMEBODY = False
KEY = b"k" * 32
SECRET = "whsec_" + base64.b64encode(KEY).decode()
NOW = Clock().now


@dataclass
class WebhookScenario:
    """A sender of a dozen posts a message."""

    inbox: StoredInbox
    clock: Clock
    options: dict[str, Any] = field(default_factory=lambda: {"secrets": [{"env": "TEST_INGEST_SECRET"}]})
    module: ModuleType = webhook
    sent: int = 0

    def publish(self) -> set[str]:
        """A message of twelve posts."""
        names = [f"n{self.sent + number}" for number in range(12)]
        self.sent += len(names)
        self.hand_in(*({"external_id": name, "text": f"words of {name}"} for name in names))
        return set(names)

    def hand_in(self, *posts: dict[str, Any]) -> None:
        """A message that was accepted."""
        self.sent += 1
        filled = [{"created_at": self.clock().isoformat(), **post} for post in posts]
        with self.inbox.database.write() as tx:
            inbox_store.accept(tx, "somewhere", f"m{self.sent}", "digest", filled, self.clock())

    def fail_next(self, *replies: Reply) -> None:
        """It asks nobody."""

    def asked(self) -> int:
        """Nothing."""
        return 0


@contextmanager
def scenario() -> Iterator[WebhookScenario]:
    """A database in memory, read five posts a page."""
    patch = pytest.MonkeyPatch()
    patch.setenv("TEST_INGEST_SECRET", SECRET)
    patch.setattr(webhook, "LETTERS_A_PAGE", 5)
    patch.setattr(webhook, "_LOOK_EVERY", 0.005)
    clock = Clock()
    with Database.open("sqlite://") as database:
        yield WebhookScenario(StoredInbox(database, "somewhere", clock), clock)
    patch.undo()


@pytest.fixture
def world() -> Iterator[WebhookScenario]:
    with scenario() as opened:
        yield opened


def read(world: WebhookScenario, store: Store | None = None) -> Store:
    store = store or Store()
    store.run(built(world))
    return store


def test_a_post_has_what_was_handed_in(world: WebhookScenario) -> None:
    world.hand_in(
        {
            "external_id": "r7",
            "text": "It  broke\n\n\nagain",
            "kind": "review",
            "author": "ann",
            "parent_id": "r1",
            "created_at": (world.clock() - timedelta(hours=1)).timestamp(),
            "engagement": {"likes": 3, "views": 90},
            "brands": ["Norrvik"],
            "language": "en",
            "url": "https://shop.example/r7",
        }
    )
    (post,) = read(world).posts.values()
    assert post == Post(
        source="somewhere",
        external_id="r7",
        created_at=world.clock() - timedelta(hours=1),
        text="It broke\nagain",
        kind=PostKind.REVIEW,
        author="ann",
        parent_id="r1",
        thread_id="r1",
        language="en",
        url="https://shop.example/r7",
        engagement=Engagement(likes=3, views=90),
        brands=("Norrvik",),
        collected_at=world.clock(),
    )


def test_a_time_ahead_is_taken_as_of_now(world: WebhookScenario) -> None:
    world.hand_in({"external_id": "a", "text": "x", "created_at": "2026-03-02T23:00:00Z"})
    (post,) = read(world).posts.values()
    assert post.created_at == world.clock()


def test_a_newer_wording_is_read_after_the_older_one(world: WebhookScenario) -> None:
    world.hand_in({"external_id": "a", "text": "first"})
    store = read(world)
    world.hand_in({"external_id": "a", "text": "second"})
    assert read(world, store).posts["a"].text == "second"


def test_what_was_sound_once_and_is_no_longer_is_set_aside(world: WebhookScenario) -> None:
    world.hand_in({"external_id": "a", "text": ""}, {"external_id": "b", "text": "x"})
    store = read(world)
    assert set(store.posts) == {"b"}
    ((bad,),) = [page.quarantined for page in store.pages if page.quarantined]
    assert "text" in bad.reason
    collector = built(world)
    assert isinstance(collector, Rereads)
    with pytest.raises(ValueError, match="text"):
        collector.reread(bad.raw or b"")


def test_what_was_read_is_forgotten_after_a_week(world: WebhookScenario) -> None:
    world.publish()
    store = read(world)
    world.clock.advance(days=8)
    read(world, store)
    assert world.inbox.newest() is None


def test_news_is_noticed_whoever_took_it(world: WebhookScenario) -> None:
    collector = built(world)
    assert isinstance(collector, Wakes)
    stopping, heard = threading.Event(), threading.Event()
    listening = threading.Thread(target=collector.watch, args=(heard.set, stopping))
    listening.start()
    world.publish()
    while not heard.wait(0.05):
        world.publish()  # what arrived before it began to listen is no news
    stopping.set()
    listening.join(10)
    assert not listening.is_alive()


def test_the_probe_says_when_something_came_last(world: WebhookScenario) -> None:
    assert built(world).probe() == "messages are taken at /ingest/somewhere by 1 secret; nothing has arrived yet"
    world.publish()
    assert built(world).probe().endswith("the last post arrived 2026-03-02 12:00 UTC")


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_" + "?" * 40, "secret"])
def test_a_weak_secret_is_refused_with_how_to_make_one(
    world: WebhookScenario, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("TEST_INGEST_SECRET", secret)
    with pytest.raises(CollectorError, match=r"\$TEST_INGEST_SECRET|TEST_INGEST_SECRET") as caught:
        built(world).probe()
    assert caught.value.permanent


# -- signatures ---------------------------------------------------------------------------------------------------


def signed(body: bytes = b"{}", *, name: str = "m1", at: datetime = NOW, key: bytes = KEY) -> dict[str, str]:
    """The headers of Standard Webhooks, computed here by the letter of the specification."""
    stamp = str(int(at.timestamp()))
    mac = hmac.new(key, f"{name}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Options:
    monkeypatch.setenv("TEST_INGEST_SECRET", SECRET)
    monkeypatch.setenv("TEST_NEXT_SECRET", "whsec_" + base64.b64encode(b"n" * 32).decode())
    return Options.model_validate({"secrets": [{"env": "TEST_INGEST_SECRET"}, {"env": "TEST_NEXT_SECRET"}]})


def test_the_example_of_the_specification_is_signed_alike() -> None:
    """The vector that the reference libraries of Standard Webhooks are tested by."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, NOW.tzinfo)
    headers = signed(b'{"test": 2432232314}', name="msg_p5jXN8AQM9LWM0D4loKWxJek", at=at, key=key)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_either_secret_signs_while_one_is_replaced(options: Options) -> None:
    assert verify(options, signed(), b"{}", NOW) == "m1"
    assert verify(options, signed(key=b"n" * 32), b"{}", NOW) == "m1"
    both = signed(key=b"x" * 32)
    both["webhook-signature"] += " v1a,abc " + signed()["webhook-signature"]
    assert verify(options, both, b"{}", NOW) == "m1"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"webhook-id": "m2"}, "no signature"),
        ({"webhook-id": ""}, "are needed"),
        ({"webhook-id": "é"}, "short name"),
        ({"webhook-id": "x" * 257}, "short name"),
        ({"webhook-timestamp": ""}, "are needed"),
        ({"webhook-timestamp": "soon"}, "seconds since 1970"),
        ({"webhook-timestamp": "-5"}, "seconds since 1970"),
        ({"webhook-timestamp": "١٢٣"}, "seconds since 1970"),
        ({"webhook-timestamp": "9" * 400}, "seconds since 1970"),
        ({"webhook-timestamp": str(int(NOW.timestamp()) + 1)}, "no signature"),
        ({"webhook-signature": ""}, "are needed"),
        ({"webhook-signature": "v1,"}, "no signature"),
        ({"webhook-signature": "v2,abc"}, "no signature"),
        ({"webhook-signature": "v1,\udcff"}, "no signature"),
    ],
)
def test_a_message_whose_headers_were_changed_is_refused(options: Options, change: dict[str, str], reason: str) -> None:
    with pytest.raises(SignatureError, match=reason):
        verify(options, {**signed(), **change}, b"{}", NOW)


def test_a_changed_body_or_another_secret_is_refused(options: Options) -> None:
    with pytest.raises(SignatureError, match="no signature"):
        verify(options, signed(), b"{} ", NOW)
    with pytest.raises(SignatureError, match="no signature"):
        verify(options, signed(key=b"x" * 32), b"{}", NOW)


@pytest.mark.parametrize(("minutes", "word"), [(-6, "old"), (6, "ahead")])
def test_messages_of_another_time_are_refused(options: Options, minutes: int, word: str) -> None:
    with pytest.raises(SignatureError, match=f"360 s {word}"):
        verify(options, signed(at=NOW + timedelta(minutes=minutes)), b"{}", NOW)
    assert verify(options, signed(at=NOW + timedelta(minutes=minutes * 4 / 5)), b"{}", NOW)


# -- messages -----------------------------------------------------------------------------------------------------

SOUND = '"external_id": "a", "created_at": "2026-03-02T11:00:00Z", "text": "x"'


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("{", "the message: Invalid JSON"),
        ("[" * 100_000, "the message: Invalid JSON: recursion limit exceeded"),
        ('"text"', "the message: "),
        ("{}", "posts: Field required"),
        ('{"posts": []}', "posts: List should have at least 1 item"),
        ('{"posts": [{}]}', "posts[0].external_id: Field required"),
        ('{"posts": [{SOUND, "colour": 1}]}', "posts[0].colour: Extra inputs are not permitted"),
        ('{"posts": [{SOUND}, {SOUND, "url": "javascript:1"}]}', "posts[1].url: String should match"),
        ('{"posts": [{SOUND, "created_at": "soon"}]}', "posts[0].created_at: 'soon' is not a time"),
        ('{"posts": [{SOUND, "created_at": 1e300}]}', "posts[0].created_at: 1e+300 is not a time"),
        ('{"posts": [{SOUND, "engagement": {"likes": -1}}]}', "posts[0].engagement.likes: Input should be"),
        ('{"posts": [{SOUND, "text": "\\ud800"}]}', "the message: Invalid JSON"),
        ('{"posts": [{SOUND, "kind": "rumour"}]}', "posts[0].kind: Input should be 'post'"),
        ('{"posts": [{SOUND, "brands": ["Acme", "Nobody"]}]}', "posts[0].brands: 'Nobody' is not configured"),
        ('{"posts": [{SOUND, "text": "' + "x" * 300_000 + '"}]}', "posts[0].text: String should have at most"),
    ],
)
def test_complaints_name_the_field(body: str, complaint: str) -> None:
    with pytest.raises(MessageError) as caught:
        message_of(body.replace("SOUND", SOUND).encode(), ["Acme"])
    assert caught.value.complaints[0].startswith(complaint), caught.value.complaints


def test_complaints_are_not_endless() -> None:
    with pytest.raises(MessageError) as caught:
        message_of(b'{"posts": [' + b", ".join([b"{}"] * 500) + b"]}", [])
    assert caught.value.complaints[-1] == "and 1480 more"


@given(st.binary(max_size=200))
def test_whatever_is_sent_is_taken_or_complained_of(body: bytes) -> None:
    taking: Callable[[], object] = lambda: message_of(body, [])  # noqa: E731
    with pytest.raises(MessageError):
        taking()
