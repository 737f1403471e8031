"""Every source that can be listened to misses nothing, whatever becomes of its stream."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from msgspec.structs import replace

from collectors import streams
from collectors.contract import CollectorError, Wakes
from storage.records import Engagement, GapCause, Post
from tests.collectors.listening import Impatient, Streaming, listening
from tests.collectors.scenario import Store, built
from tests.contract.test_collectors import module_of, sources
from tests.servers.web import Reply


def streamed() -> list[str]:
    """The sources whose options can turn a stream on."""
    return [name for name in sources() if "stream" in _options(name)]


def _options(source: str) -> set[str]:
    return set(importlib.import_module(f"collectors.{source}").Options.model_fields)


@pytest.fixture(params=streamed())
def world(request: pytest.FixtureRequest) -> Iterator[Streaming]:
    """The platform of a source, with its stream."""
    opened: AbstractContextManager[Streaming] = module_of(request.param).streaming()
    with opened as given:
        yield given


def lists_read(world: Streaming) -> int:
    return sum(world.is_list(request.path) for request in world.server.requests)


def without_numbers(post: Post) -> Post:
    """The post without what a stream does not know: how it was carried, and who is behind an identity."""
    return replace(post, engagement=Engagement(), author_name=None, author_reach=None, collected_at=None)


def caught_up(world: Streaming) -> Store:
    """What is stored once the first turn has been."""
    store = Store()
    store.run(built(world))
    return store


def test_the_streams_are_found() -> None:
    assert "twitter" in streamed()


def test_what_is_told_is_called_for_and_stored_without_asking_for_lists(world: Streaming) -> None:
    source, store = built(world), Store()
    assert isinstance(source, Wakes)
    with listening(source, world.feed) as ear:
        ear.connected()
        world.say()
        ear.called()
        world.clock.advance(minutes=2)
        store.run(source)
        before, name = lists_read(world), world.say()
        ear.called()
        store.run(source)
    assert name in store.posts
    assert lists_read(world) == before
    assert store.gaps == []


def test_a_post_is_the_same_told_or_found(world: Streaming) -> None:
    source, told = built(world), Store()
    with listening(source, world.feed) as ear:
        ear.connected()
        world.say()
        ear.called()
        told.run(source, pages=1)
    world.clock.advance(minutes=2)
    found = caught_up(world)
    assert set(told.posts) == set(found.posts) != set()
    for name, post in told.posts.items():
        assert without_numbers(post) == without_numbers(found.posts[name])


def test_what_a_break_has_swallowed_is_a_gap_that_the_lists_fill(world: Streaming) -> None:
    source, store = built(world), Store()
    with listening(source, world.feed) as ear:
        ear.connected()
        names = [world.say()]
        ear.called()
        world.clock.advance(minutes=2)
        store.run(source)
        world.clock.advance(minutes=2)
        names.append(world.say(told=False))
        world.feed.hang_up()
        ear.connected()
        world.clock.advance(minutes=1)
        names.append(world.say())
        ear.called()
        world.clock.advance(minutes=2)
        store.run(source)
    assert set(names) <= set(store.posts)
    (gap,) = store.gaps
    assert gap.cause is GapCause.FAILURE, "the run that read it all fills it"
    assert gap.ends_at - gap.starts_at >= timedelta(minutes=2)


def test_what_was_lost_while_nobody_listened_is_found(world: Streaming) -> None:
    store, source = caught_up(world), built(world)
    world.clock.advance(minutes=5)
    before = world.say(told=False)
    world.clock.advance(minutes=5)
    with listening(source, world.feed) as ear:
        ear.connected()
        after = world.say()
        ear.called()
        world.clock.advance(minutes=2)
        store.run(source)
    assert {before, after} <= set(store.posts)


def test_a_post_told_twice_is_one_post(world: Streaming) -> None:
    source, store = built(world), Store()
    with listening(source, world.feed) as ear:
        ear.connected()
        name = world.say()
        world.feed.hang_up()
        ear.connected()
        world.repeat(name)
        ear.called()
        store.run(source)
    assert list(store.posts) == [name]


def test_a_kill_before_the_turn_loses_nothing(world: Streaming) -> None:
    source, store = built(world), caught_up(world)
    world.clock.advance(minutes=2)
    with listening(source, world.feed) as ear:
        ear.connected()
        name = world.say()
        ear.called()
    world.clock.advance(minutes=2)
    store.run(built(world))  # another process, which has heard nothing
    assert name in store.posts


def test_a_page_that_was_not_stored_waits_for_the_next_turn(world: Streaming) -> None:
    source, store, lost = built(world), Store(), Store()
    with listening(source, world.feed) as ear:
        ear.connected()
        name = world.say()
        ear.called()
        lost.run(source, pages=1)
        store.run(source)
    assert name in lost.posts
    assert name in store.posts


def is_set_aside_alone(world: Streaming, say_it: Callable[[], None]) -> bool:
    """Whether what is said is set aside, once, and what is said after it is read."""
    source, store = built(world), Store()
    with listening(source, world.feed) as ear:
        ear.connected()
        say_it()
        ear.called()
        store.run(source)
        name = world.say()
        ear.called()
        store.run(source)
    return sum(len(page.quarantined) for page in store.pages) == 1 and name in store.posts


def test_a_line_that_makes_no_sense_is_set_aside(world: Streaming) -> None:
    assert is_set_aside_alone(world, world.garble)


NESTED = b"[" * 5000 + b"]" * 5000 + b"\r\n"


# Of Mastodon the library reads the lines, and no stranger writes them.
@pytest.mark.parametrize("world", [name for name in streamed() if name != "mastodon"], indirect=True)
def test_a_line_that_is_nested_without_end_costs_nothing_but_itself(world: Streaming) -> None:
    assert is_set_aside_alone(world, lambda: world.feed.tell(NESTED))


def test_too_many_attempts_are_waited_for_as_long_as_the_platform_says(world: Streaming) -> None:
    stopping = Impatient(3)
    world.fail_stream(*[Reply(429, headers={"retry-after": "100"})] * 9)
    with listening(built(world), world.feed, stopping):
        stopping.done.wait(20)
    assert stopping.waits[:3] == [100.0, 120.0, 240.0]


def test_a_platform_that_refuses_is_not_hammered(world: Streaming) -> None:
    stopping = Impatient(8)
    world.fail_stream(*[Reply(503)] * 9)
    with listening(built(world), world.feed, stopping):
        stopping.done.wait(20)
    assert stopping.waits[:8] == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 320.0]


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_left_alone_for_minutes(world: Streaming, status: int) -> None:
    stopping = Impatient(1)
    world.fail_stream(Reply(status, b"{}"))
    with listening(built(world), world.feed, stopping):
        stopping.done.wait(20)
    assert stopping.waits[0] == 300.0


def test_a_stream_that_is_refused_leaves_the_lists_to_be_read(world: Streaming) -> None:
    source, stopping, name = built(world), Impatient(1), world.say()
    world.fail_stream(Reply(403, b"{}"))
    with listening(source, world.feed, stopping):
        stopping.done.wait(20)
    world.fail_stream()
    world.clock.advance(minutes=2)
    store = Store()
    assert store.run(source)[-1].complete
    assert name in store.posts


def test_signs_of_life_keep_the_stream_and_silence_ends_it(world: Streaming, monkeypatch: pytest.MonkeyPatch) -> None:
    world.shorten_silence(monkeypatch)
    stopping = Impatient(1)
    with listening(built(world), world.feed, stopping) as ear:
        ear.connected()
        world.keep_alive()
        stopping.done.wait(20)
    assert stopping.waits[0] <= 1.0


def test_a_stream_that_tells_too_much_is_hung_up_on(world: Streaming) -> None:
    hearing = streams.Hearing("somewhere", world.clock, most=3)
    hearing.opened("line")
    post = next(iter(caught_up_with_one(world).posts.values()))
    for _ in range(3):
        hearing.tell("line", streams.Found([post], given=1))
    with pytest.raises(CollectorError, match="wait to be stored"):
        hearing.tell("line", streams.Found([post], given=1))


def caught_up_with_one(world: Streaming) -> Store:
    world.say()
    world.clock.advance(minutes=2)
    return caught_up(world)


def test_the_cursor_of_a_source_without_its_stream_is_understood_and_the_other_way_round(world: Streaming) -> None:
    store = caught_up_with_one(world)
    world.clock.advance(minutes=2)
    name = world.say(told=False)
    world.clock.advance(minutes=2)
    store.run(built(world, **world.silent))
    assert name in store.posts
    json.dumps(store.cursor)


def test_deletions_of_strangers_posts_call_for_a_turn_when_they_are_many(
    world: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MANY_GONE", 3)
    hearing = streams.Hearing("somewhere", world.clock)
    hearing.opened("line")
    for number, is_called in ((1, False), (2, False), (3, True)):
        hearing.tell("line", streams.Found(gone={str(number): "deleted"}, given=1))
        assert hearing.fresh.is_set() is is_called
    waiting = hearing.waiting(100)
    assert list(waiting.gone) == ["1", "2", "3"]
    hearing.stored(waiting)
    assert hearing.waiting(100).given == 0
