"""X over time: what a turn reads after another, after an absence, and within an allowance of paid posts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from collectors import twitter
from collectors.contract import SourceContext
from collectors.twitter_shapes import moment_of
from tests.collectors.scenario import BRAND, Store, built, identities, no_sleep
from tests.collectors.test_twitter import SEARCH, TwitterScenario, scenario, turn


@pytest.fixture
def world() -> Iterator[TwitterScenario]:
    with scenario() as given:
        yield given


def test_after_a_week_what_is_out_of_reach_is_a_gap(world: TwitterScenario) -> None:
    world.tweet(5)
    store = Store()
    turn(world, store)
    stopped_at = world.clock()
    world.clock.advance(days=9)
    recent = world.tweet(60 * 24 * 6)
    turn(world, store)
    assert recent.number_text in store.posts
    (gap,) = store.gaps
    assert gap.starts_at == stopped_at - timedelta(seconds=30)
    assert gap.ends_at == world.clock() - timedelta(days=7) + timedelta(minutes=2)


def test_a_rare_brand_is_still_read_when_its_last_post_is_out_of_reach(world: TwitterScenario) -> None:
    world.tweet(5)
    store = Store()
    turn(world, store)
    for _ in range(3):
        world.clock.advance(days=3)
        turn(world, store)
    assert store.gaps == []


def test_time_is_read_in_windows_oldest_first(world: TwitterScenario) -> None:
    old, new = world.tweet(60 * 20), world.tweet(5)
    store = Store()
    assert turn(world, store, lookback="1d") == [old.number_text, new.number_text]
    assert len(world.asked_of(SEARCH)) == 4


def test_the_allowance_of_paid_posts_is_kept_and_what_it_leaves_out_is_counted(world: TwitterScenario) -> None:
    world.publish()
    store = Store()
    assert len(turn(world, store, posts_per_day=80)) == 40
    (gap,) = store.gaps
    assert gap.share_missing == pytest.approx(0.6)
    assert "posts_per_day" in gap.reason
    assert len(world.asked_of("/2/tweets/counts/recent")) == 1
    assert store.pages[-1].complete


def test_the_allowance_fills_up_with_time_and_what_is_new_comes_first(world: TwitterScenario) -> None:
    world.publish()
    store = Store()
    turn(world, store, posts_per_day=80)
    world.clock.advance(hours=12)
    new = world.tweet(2)
    assert turn(world, store, posts_per_day=80) == [new.number_text]


def test_nothing_published_is_no_gap_however_empty_the_allowance(world: TwitterScenario) -> None:
    world.publish()
    store = Store()
    turn(world, store, posts_per_day=80)
    world.clock.advance(minutes=10)
    turn(world, store, posts_per_day=80)
    assert len(store.gaps) == 1


def test_a_brand_that_is_added_does_not_make_the_others_lose_their_place(world: TwitterScenario) -> None:
    tweet = world.tweet(5)
    store = Store()
    turn(world, store)
    world.clock.advance(hours=6)
    meanwhile = world.tweet(300)
    options = twitter.Options(**world.options)
    other = BRAND.model_copy(update={"name": "Sundhamn"})
    store.run(twitter.build(options, SourceContext("somewhere", [BRAND, other], world.clock, no_sleep)))
    assert set(store.posts) == {tweet.number_text, meanwhile.number_text}


def away(world: TwitterScenario, hours: int) -> tuple[Store, list[str]]:
    """Read once; then nobody reads for hours, in which a post was written every ten minutes."""
    store = Store()
    turn(world, store)
    world.clock.advance(hours=hours)
    return store, [world.tweet(minutes, text="missed").number_text for minutes in range(60 * hours - 5, 1, -10)]


def test_after_an_absence_the_newest_is_read_first_and_then_what_was_missed_oldest_first(
    world: TwitterScenario,
) -> None:
    store, missed = away(world, 20)
    seen = turn(world, store)
    assert set(seen[:3]) == set(missed[-3:])
    oldest = [
        min(map(int, identities([page]))) for page in store.pages if page.posts and "missed" in page.posts[0].text
    ]
    assert set(seen) == set(missed)
    assert store.pages[-1].complete
    assert store.gaps == []
    starts = [each["start_time"] for each in world.asked_of(SEARCH) if "start_time" in each][1:]
    assert starts[0] > starts[1], "live first"
    assert starts[1:] == sorted(starts[1:]), "then oldest first"
    assert oldest[1] < oldest[0]


def test_a_crash_anywhere_in_the_catching_up_loses_nothing(world: TwitterScenario) -> None:
    store, missed = away(world, 20)
    first = Store(cursor=store.cursor)
    first.run(built(world))
    for count in range(1, len(first.pages)):
        again = Store(cursor=store.cursor)
        again.run(built(world), pages=count)
        world.clock.advance(minutes=1)
        again.run(built(world))
        assert set(again.posts) == set(missed)


def test_a_second_absence_before_the_first_is_made_up_for_loses_nothing(world: TwitterScenario) -> None:
    store, missed = away(world, 20)
    store.run(built(world), pages=1)
    world.clock.advance(hours=5)
    missed += [world.tweet(minutes).number_text for minutes in range(295, 1, -10)]
    store.run(built(world))
    assert set(store.posts) == set(missed)
    assert not store.cursor["missed"] if store.cursor else False


def test_what_the_allowance_does_not_cover_of_what_was_missed_is_a_gap_with_its_share(world: TwitterScenario) -> None:
    store, missed = away(world, 20)
    seen = turn(world, store, posts_per_day=100)
    assert set(missed[-3:]) <= set(seen), "the newest comes first here, too"
    assert store.pages[-1].complete
    (gap,) = store.gaps
    assert gap.reason == "the allowance of posts_per_day is spent"
    inside = [name for name in missed if gap.starts_at <= moment_of(int(name)) < gap.ends_at]
    assert gap.share_missing == pytest.approx((len(missed) - len(seen)) / len(inside))
