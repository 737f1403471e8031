"""X by its filtered stream, which is listened to; what it missed is searched for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from collectors.contract import Collector, CollectorError, Count, Counting
from tests.collectors.listening import PATIENCE, Impatient, listening
from tests.collectors.scenario import Store, built
from tests.collectors.test_twitter import SEARCH, STREAM, TwitterStream, streaming


@pytest.fixture
def stream() -> Iterator[TwitterStream]:
    with streaming() as given:
        yield given


def heard(stream: TwitterStream, **options: Any) -> Collector:
    """Listen until the platform has taken the connection."""
    source = built(stream, **options)
    with listening(source, stream.feed) as ear:
        ear.connected()
    stream.feed.left.get(timeout=PATIENCE)
    return source


def test_rules_are_made_from_the_brands_and_kept_in_step(stream: TwitterStream) -> None:
    heard(stream)
    (rule,) = stream.server.rules.values()
    assert rule["value"] == '(Norrvik OR "Fjord Phone" OR @norrvik) -is:retweet'
    assert rule["tag"].startswith("tocsin:somewhere:")
    heard(stream)
    assert stream.server.rules_made == 1, "what is there is left alone"
    heard(stream, reposts=True)
    assert [rule["value"] for rule in stream.server.rules.values()] == ['Norrvik OR "Fjord Phone" OR @norrvik']


def test_rules_of_others_are_left_alone_and_what_they_find_is_not_ours(stream: TwitterStream) -> None:
    stream.server.rules["1"] = {"id": "1", "value": "cats", "tag": "somebody's"}
    source, store = built(stream), Store()
    with listening(source, stream.feed) as ear:
        ear.connected()
        assert "1" in stream.server.rules
        stray = stream.tweet(0)
        told = {"data": stream.server._json(stray), "matching_rules": [{"id": "1", "tag": "somebody's"}]}
        stream.feed.tell(json.dumps(told).encode() + b"\r\n")
        name = stream.say()
        ear.called()
        store.run(source)
    assert list(store.posts) == [name]


def test_a_rule_that_somebody_has_made_already_finds_our_posts_too(stream: TwitterStream) -> None:
    value = '(Norrvik OR "Fjord Phone" OR @norrvik) -is:retweet'
    stream.server.rules["1"] = {"id": "1", "value": value, "tag": ""}
    source, store = built(stream), Store()
    with listening(source, stream.feed) as ear:
        ear.connected()
        name = stream.say()
        ear.called()
        store.run(source)
    assert list(store.posts) == [name]


def test_more_rules_than_x_keeps_are_refused_in_words(stream: TwitterStream) -> None:
    stream.server.rules |= {str(n): {"id": str(n), "value": f"cats {n}", "tag": ""} for n in range(1000)}
    stopping = Impatient(1)
    with listening(built(stream), stream.feed, stopping):
        stopping.done.wait(20)
    assert stopping.waits == [300.0]
    assert stream.server.rules_made == 0


def test_old_rules_give_way_first_where_there_is_no_room_for_both(
    stream: TwitterStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard(stream)
    stream.server.most_rules = 1
    monkeypatch.setattr("collectors.twitter_line.MOST_RULES", 1)
    heard(stream, reposts=True)
    assert [rule["value"] for rule in stream.server.rules.values()] == ['Norrvik OR "Fjord Phone" OR @norrvik']


def test_the_probe_lets_x_check_the_rules_without_keeping_them(stream: TwitterStream) -> None:
    assert "accepts the 1 rules of the stream" in built(stream).probe()
    assert stream.server.rules == {}
    with pytest.raises(CollectorError, match=r"does not accept the rule 'bad:x'.*invalid operator"):
        built(stream, queries=["bad:x"]).probe()


def test_a_second_connection_is_told_apart_and_waited_for(stream: TwitterStream) -> None:
    stream.server.most_connections = 0
    stopping = Impatient(2)
    with listening(built(stream), stream.feed, stopping):
        stopping.done.wait(20)
    assert stopping.waits[:2] == [60.0, 120.0]


def test_x_says_that_it_ends_the_stream(stream: TwitterStream, capsys: pytest.CaptureFixture[str]) -> None:
    stopping = Impatient(1)
    with listening(built(stream), stream.feed, stopping) as ear:
        ear.connected()
        error = {"title": "operational-disconnect", "disconnect_type": "UpstreamOperationalDisconnect", "detail": "now"}
        stream.feed.tell(json.dumps({"errors": [error]}).encode() + b"\r\n")
        stopping.done.wait(20)
    assert "UpstreamOperationalDisconnect" in capsys.readouterr().out


def test_no_more_is_heard_than_is_paid_for(stream: TwitterStream) -> None:
    source, store, stopping = built(stream, posts_per_day=40), Store(), Impatient(1)
    store.run(source)
    with listening(source, stream.feed, stopping) as ear:
        ear.connected()
        told = [stream.say() for _ in range(25)]
        stopping.done.wait(20)
    assert stopping.waits == [60.0]
    store.run(source)
    assert len(store.posts) == 20
    assert set(store.posts) == set(told[:20])
    stream.clock.advance(minutes=5)
    store.run(source)
    assert store.gaps[-1].reason == "the allowance of posts_per_day is spent"


def test_the_backfill_is_asked_for_where_the_plan_has_it(stream: TwitterStream) -> None:
    heard(stream)
    heard(stream, backfill_minutes=3)
    asked = stream.asked_of(STREAM)
    assert [each.get("backfill_minutes") for each in asked] == [None, "3"]
    assert "public_metrics" in asked[0]["tweet.fields"]


def test_only_the_span_before_the_stream_is_searched(stream: TwitterStream) -> None:
    source, store = built(stream), Store()
    store.run(source)
    stream.clock.advance(hours=1)
    with listening(source, stream.feed) as ear:
        ear.connected()
        stream.say()
        ear.called()
        stream.clock.advance(minutes=2)
        store.run(source)
        asked = len(stream.asked_of(SEARCH))
        ends = [each["end_time"] for each in stream.asked_of(SEARCH)]
        assert max(ends) == "2026-03-02T13:00:15Z", "a little longer than until the stream stood"
        stream.clock.advance(hours=1)
        stream.say()
        ear.called()
        store.run(source)
    assert len(stream.asked_of(SEARCH)) == asked
    assert isinstance(source, Counting)
    stream.clock.advance(minutes=5)
    assert source.count(store.cursor).requests == 1, "nobody listens any more: X is asked"


def test_what_waits_is_counted_for_nothing_while_the_stream_stands(stream: TwitterStream) -> None:
    source, store = built(stream), Store()
    assert isinstance(source, Counting)
    with listening(source, stream.feed) as ear:
        ear.connected()
        stream.say()
        ear.called()
        stream.clock.advance(minutes=2)
        store.run(source)
        stream.say()
        ear.called()
        assert source.count(store.cursor) == Count(1, 0)
