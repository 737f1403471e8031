"""Telegram as a bot sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from collectors import telegram
from collectors.contract import CollectorError, Rereads
from storage.records import Engagement, Post, PostKind
from tests.collectors.scenario import Clock, Played, Store, built
from tests.servers.telegram_api import CHANNEL, TOKEN, TelegramServer
from tests.servers.web import as_json

GROUP = {"id": -2002, "type": "supergroup", "title": "Chat", "username": "norrvik_chat"}
ANN = {"id": 5, "first_name": "Ann", "username": "ann"}


class TelegramScenario(Played[TelegramServer]):
    """A channel about a brand, with a bot in it."""

    number = 0

    def publish(self) -> set[str]:
        """Some posts of the last minutes."""
        return {self.post(f"Norrvik {number}") for number in range(25)}

    def post(self, text: str, kind: str = "channel_post", chat: dict[str, Any] = CHANNEL, **fields: Any) -> str:
        """One message."""
        self.number += 1
        date = int((self.clock() - timedelta(minutes=5)).timestamp())
        message = {"message_id": self.number, "chat": chat, "date": date, "text": text, **fields}
        self.server.tell(kind, message)
        return f"{chat['id']}/{message['message_id']}"


@contextmanager
def scenario() -> Iterator[TelegramScenario]:
    """Telegram with pages of ten; it forgets nothing, so that one may begin from the beginning."""
    patch = pytest.MonkeyPatch()
    patch.setenv("BOT_TOKEN", TOKEN)
    patch.setattr(telegram, "PAGE", 10)
    with TelegramServer(page=10) as server:
        server.forgets = False
        options = {"bot_token": {"env": "BOT_TOKEN"}, "base_url": server.url}
        try:
            yield TelegramScenario(server, telegram, Clock(), options)
        finally:
            patch.undo()


@pytest.fixture
def world() -> Iterator[TelegramScenario]:
    with scenario() as given:
        given.server.forgets = True
        yield given


def test_a_post_of_a_channel_carries_its_words_and_its_place(world: TelegramScenario) -> None:
    name = world.post("Norrvik  burns")
    post = world.read().posts[name]
    assert (post.text, post.kind, post.thread_id) == ("Norrvik burns", PostKind.POST, name)
    assert (post.author, post.author_name, post.url) == ("-1001", "norrvik_talk", "https://t.me/norrvik_talk/1")


def test_a_picture_is_read_by_its_caption_and_without_one_not_at_all(world: TelegramScenario) -> None:
    name = world.post("", caption="A burnt Norrvik")
    world.post("")
    assert {post.external_id: post.text for post in world.read().posts.values()} == {name: "A burnt Norrvik"}


def test_an_edit_replaces_the_words(world: TelegramScenario) -> None:
    name = world.post("Norvik")
    edited = int(world.clock().timestamp()) - 60
    world.server.tell(
        "edited_channel_post",
        {"message_id": 1, "chat": CHANNEL, "date": edited - 90, "edit_date": edited, "text": "Norrvik"},
    )
    post = world.read().posts[name]
    assert (post.text, post.edited_at) == ("Norrvik", world.clock() - timedelta(minutes=1))


def test_an_answer_in_a_group_names_its_thread(world: TelegramScenario) -> None:
    root = world.post("A question", "message", GROUP, **{"from": ANN})
    above = {"message_id": 1, "chat": GROUP}
    answer = world.post("A Norrvik", "message", GROUP, reply_to_message=above, message_thread_id=1, **{"from": ANN})
    posts = world.read().posts
    assert posts[root].kind is PostKind.MESSAGE
    assert (posts[answer].kind, posts[answer].parent_id, posts[answer].thread_id) == (PostKind.REPLY, root, root)
    assert posts[answer].author_name == "ann"


def test_a_comment_on_a_channels_post_stands_in_the_posts_thread(world: TelegramScenario) -> None:
    post = world.post("Norrvik recalls")
    origin = {"type": "channel", "chat": CHANNEL, "message_id": 1}
    above = {"message_id": 77, "chat": GROUP, "is_automatic_forward": True, "forward_origin": origin}
    comment = world.post("At last", "message", GROUP, reply_to_message=above, message_thread_id=77, **{"from": ANN})
    posts = world.read().posts
    assert (posts[comment].parent_id, posts[comment].thread_id) == (post, post)


def test_what_is_carried_on_from_a_channel_is_a_repost(world: TelegramScenario) -> None:
    origin = {"type": "channel", "chat": {"id": -3003}, "message_id": 9}
    name = world.post("Norrvik burns", forward_origin=origin)
    post = world.read().posts[name]
    assert (post.kind, post.repost_of) == (PostKind.REPOST, "-3003/9")


def test_reactions_are_samples(world: TelegramScenario) -> None:
    name = world.post("Norrvik")
    reactions = [
        {"type": {"type": "emoji", "emoji": "x"}, "total_count": 40},
        {"type": {"type": "paid"}, "total_count": 2},
    ]
    date = int(world.clock().timestamp())
    world.server.tell(
        "message_reaction_count", {"chat": CHANNEL, "message_id": 1, "date": date, "reactions": reactions}
    )
    (sample,) = world.read().samples
    assert (sample.external_id, sample.engagement) == (name, Engagement(likes=42))


def test_groups_without_a_public_name_are_read_only_where_they_are_named(world: TelegramScenario) -> None:
    private = {"id": -4004, "type": "group", "title": "Family"}
    name = world.post("Norrvik", "message", private, **{"from": ANN})
    assert world.read().posts == {}
    assert set(world.read(Store(), chats=["-4004"]).posts) == {name}


def test_only_named_chats_are_read_where_some_are_named(world: TelegramScenario) -> None:
    world.post("Norrvik", "message", GROUP, **{"from": ANN})
    name = world.post("Norrvik")
    assert set(world.read(chats=["@Norrvik_Talk"]).posts) == {name}


def test_telegram_is_told_what_was_stored_only_by_asking_for_more(world: TelegramScenario) -> None:
    world.publish()
    stream = built(world).collect(None)
    next(stream)
    assert len(world.server.updates) == 25
    next(stream)
    assert len(world.server.updates) == 15


def test_updates_that_come_again_end_the_turn(world: TelegramScenario) -> None:
    world.publish()
    store = Store({"offset": 500, "read_at": world.clock().timestamp()})
    again = as_json({"ok": True, "result": [{"update_id": 3}]})
    world.fail_next(again, again)
    with pytest.raises(CollectorError, match="updates again"):
        world.read(store)


def test_what_telegram_no_longer_keeps_is_a_gap(world: TelegramScenario) -> None:
    store = world.read()
    world.clock.advance(hours=30)
    world.read(store)
    (gap,) = store.gaps
    assert (gap.ends_at - gap.starts_at, gap.share_missing) == (timedelta(hours=6), 1.0)


def test_an_odd_update_is_set_aside(world: TelegramScenario) -> None:
    world.server.tell("channel_post", {"chat": CHANNEL, "text": "no number"})
    name = world.post("Norrvik")
    store = world.read()
    assert set(store.posts) == {name}
    (odd,) = [item for page in store.pages for item in page.quarantined]
    assert (odd.where, odd.raw is not None) == ("update", True)
    source, kept = built(world), json.loads(odd.raw or b"")
    assert isinstance(source, Rereads)
    with pytest.raises(ValueError, match="message_id"):
        source.reread(odd.raw or b"")
    kept["channel_post"] |= {"message_id": 77, "date": int(world.clock().timestamp())}
    assert [post.text for post in source.reread(json.dumps(kept).encode()) if isinstance(post, Post)] == ["no number"]


def test_the_seconds_to_wait_are_taken_from_the_body(world: TelegramScenario) -> None:
    world.fail_next(world.server._refused(429, "Too Many Requests: retry after 17", retry_after=17))
    with pytest.raises(CollectorError) as caught:
        world.read()
    assert caught.value.retry_after == 17


def test_a_webhook_in_the_way_is_told(world: TelegramScenario) -> None:
    world.server.has_webhook = True
    with pytest.raises(CollectorError, match="409: another program fetches for this bot") as caught:
        world.read()
    assert caught.value.permanent


def test_a_wrong_token_is_told_and_not_shown(world: TelegramScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_TOKEN", "7:secret")
    with pytest.raises(CollectorError, match="401: it knows no bot with this token") as caught:
        built(world).probe()
    assert "secret" not in str(caught.value)


def test_the_probe_says_who_the_bot_is_and_what_it_cannot_see(world: TelegramScenario) -> None:
    assert built(world).probe() == "Telegram knows the bot as @norrvik_bot"
    world.server.reads_groups = False
    assert "in groups it sees only what is said to it" in built(world).probe()
