"""Public channels of Telegram by Telethon, whose own messages are read from a client that is played."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from telethon import errors
from telethon.sessions import StringSession
from telethon.tl import types

from collectors import telegram_channels
from collectors.contract import CollectorError, Rechecking, SourceContext
from storage.records import Engagement, PostKind
from tests.collectors.scenario import BRAND, Clock, Store, built
from tests.servers.web import Reply

ASKS_SOMEBODY = False


@dataclass
class Played:
    """Telethon's client: channels with their messages, and comments by the number of their post."""

    messages: dict[int, types.Message] = field(default_factory=dict)
    comments: dict[int, list[types.Message]] = field(default_factory=dict)
    failure: Exception | None = None
    page: int = 10
    asked: int = 0

    async def get_messages(self, entity: str, **options: Any) -> Any:
        """As Telethon gives them."""
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        if entity != "norrvik_news":
            raise ValueError(f'No user has "{entity}" as username')
        if "ids" in options:
            return [self.messages.get(number) for number in options["ids"]]
        if "reply_to" in options:
            return self.comments.get(options["reply_to"], [])[: options["limit"]]
        before = options["offset_id"] or 2**31
        newest_first = sorted((number for number in self.messages if number < before), reverse=True)
        return [self.messages[number] for number in newest_first[: min(options["limit"], self.page)]]

    async def disconnect(self) -> None:
        """Nothing to end."""


def message(number: int, at: datetime, text: str, **fields: Any) -> types.Message:
    """A message as Telethon makes it."""
    channel = types.PeerChannel(1001)
    return types.Message(id=number, peer_id=channel, date=at, message=text, **{"from_id": channel, **fields})


@dataclass
class ChannelScenario:
    """A public channel."""

    client: Played
    clock: Clock = field(default_factory=Clock)
    module: ModuleType = telegram_channels
    options: dict[str, Any] = field(default_factory=dict)

    def publish(self) -> set[str]:
        """Some posts of the last minutes."""
        return {self.post(f"Norrvik {number}") for number in range(25)}

    def post(self, text: str, **fields: Any) -> str:
        """One post."""
        number = len(self.client.messages) + 1
        at = self.clock() - timedelta(minutes=5) + timedelta(seconds=number)
        self.client.messages[number] = message(number, at, text, **fields)
        return f"norrvik_news/{number}"

    def fail_next(self, *replies: Reply) -> None:
        """It asks no server of ours."""

    def asked(self) -> int:
        """Questions put to the client."""
        return self.client.asked

    def read(self, store: Store | None = None, **options: Any) -> Store:
        """A turn."""
        store = store or Store()
        store.run(built(self, **options))
        return store


@contextmanager
def scenario() -> Iterator[ChannelScenario]:
    """The client that is played in place of Telethon's, with pages of ten."""
    client = Played()
    patch = pytest.MonkeyPatch()

    async def connected(_options: telegram_channels.Options) -> Played:
        return client

    patch.setattr(telegram_channels, "connected", connected)
    patch.setattr(telegram_channels, "PAGE", 10)
    account = {"api_id": 1, "api_hash": {"env": "TELEGRAM_HASH"}, "session": {"env": "TELEGRAM_SESSION"}}
    try:
        yield ChannelScenario(client, options={"channels": ["@norrvik_news"], "overlap": "0s", **account})
    finally:
        patch.undo()


@pytest.fixture
def world() -> Iterator[ChannelScenario]:
    with scenario() as given:
        yield given


def test_a_post_carries_views_forwards_reactions_and_comments(world: ChannelScenario) -> None:
    reaction = types.ReactionCount(types.ReactionEmoji("x"), 40)
    name = world.post(
        "Norrvik burns",
        views=900,
        forwards=7,
        reactions=types.MessageReactions([reaction, reaction]),
        replies=types.MessageReplies(replies=3, replies_pts=0),
    )
    post = world.read().posts[name]
    assert (post.text, post.author, post.thread_id) == ("Norrvik burns", "norrvik_news", name)
    assert post.engagement == Engagement(likes=80, shares=7, replies=3, views=900)
    assert post.url == "https://t.me/norrvik_news/1"


def test_an_edit_is_told_and_what_only_counts_reactions_is_none(world: ChannelScenario) -> None:
    edited = world.post("Norrvik", edit_date=world.clock())
    counted = world.post("Norrvik", edit_date=world.clock(), edit_hide=True)
    posts = world.read().posts
    assert (posts[edited].edited_at, posts[counted].edited_at) == (world.clock(), None)


def test_pictures_without_words_are_left_out(world: ChannelScenario) -> None:
    world.post("")
    name = world.post("Norrvik")
    assert set(world.read().posts) == {name}


def test_comments_are_read_when_there_are_more(world: ChannelScenario) -> None:
    name = world.post("Norrvik recalls", replies=types.MessageReplies(replies=2, replies_pts=0))
    at, person = world.clock() - timedelta(minutes=1), types.PeerUser(5)
    first = message(70, at, "At last", from_id=person, reply_to=types.MessageReplyHeader(reply_to_msg_id=60))
    header = types.MessageReplyHeader(reply_to_msg_id=70, reply_to_top_id=60)
    world.client.comments[1] = [message(71, at, "Indeed", from_id=person, reply_to=header), first]
    posts = world.read().posts
    below, above = posts["norrvik_news#comments/71"], posts["norrvik_news#comments/70"]
    assert (above.parent_id, above.thread_id, above.kind) == (name, name, PostKind.COMMENT)
    assert (below.parent_id, below.thread_id, below.author) == ("norrvik_news#comments/70", name, "5")


def test_what_is_gone_is_told(world: ChannelScenario) -> None:
    kept, gone = world.post("Norrvik"), world.post("Norrvik")
    posts = world.read().posts
    del world.client.messages[2]
    source = built(world)
    assert isinstance(source, Rechecking)
    answer = source.recheck(list(posts.values()), {})
    assert (answer.gone, [post.external_id for post in answer.posts]) == ({gone: "deleted"}, [kept])


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (errors.FloodWaitError(None, capture=35), {"retry_after": 35.0, "permanent": False}),
        (errors.ChannelPrivateError(None), {"permanent": True, "status": 404}),
        (errors.AuthKeyUnregisteredError(None), {"permanent": True, "status": 401}),
        (errors.SessionRevokedError(None), {"permanent": True, "status": 401}),
        (ConnectionError("reset"), {"permanent": False, "status": None}),
        (errors.ServerError(None, "Internal"), {"permanent": False, "status": None}),
    ],
)
def test_telethons_exceptions_are_understood(
    world: ChannelScenario, failure: Exception, expected: Mapping[str, Any]
) -> None:
    world.client.failure = failure
    with pytest.raises(CollectorError) as caught:
        world.read()
    assert {name: getattr(caught.value, name) for name in expected} == expected


def test_a_channel_that_does_not_exist_does_not_hold_up_the_others(world: ChannelScenario) -> None:
    name = world.post("Norrvik")
    store = Store()
    with pytest.raises(CollectorError, match="no such public channel"):
        world.read(store, channels=["nobody_here", "norrvik_news"])
    assert set(store.posts) == {name}


# -- the real client --------------------------------------------------------------------------------------------------


def source() -> Any:
    account = {"api_id": 1, "api_hash": {"env": "TELEGRAM_HASH"}, "session": {"env": "TELEGRAM_SESSION"}}
    options = telegram_channels.Options(channels=["norrvik_news"], **account)
    return telegram_channels.build(options, SourceContext("somewhere", [BRAND], lambda: datetime.now(UTC)))


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_HASH", "a-hash")
    monkeypatch.setenv("TELEGRAM_SESSION", StringSession.save(StringSession("")))


def test_a_session_that_is_none_is_told(account: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_SESSION", "what?")
    with pytest.raises(CollectorError, match="no string session") as caught:
        source().probe()
    assert caught.value.permanent


def test_without_telethon_it_says_what_to_install(account: None, monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without(name: str, *given: Any, **more: Any) -> Any:
        if name.startswith("telethon"):
            raise ImportError(name)
        return imported(name, *given, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(CollectorError, match=r"tocsin\[telegram\]") as caught:
        source().probe()
    assert caught.value.permanent
