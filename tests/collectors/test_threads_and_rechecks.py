"""What is asked of some sources beside reading on: threads of posts that matter, what became of posts, and counts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from collectors.contract import CollectorError, Counting, Page, Rechecking, ThreadReader
from storage.records import Post
from tests.collectors import test_feeds, test_hackernews, test_reddit, test_twitter
from tests.collectors.scenario import Scenario, Store, built
from tests.servers.web import Reply, as_json


@pytest.fixture
def x() -> Iterator[test_twitter.TwitterScenario]:
    with test_twitter.scenario() as given:
        yield given


@pytest.fixture
def reddit() -> Iterator[test_reddit.RedditScenario]:
    with test_reddit.scenario() as given:
        yield given


@pytest.fixture
def hackernews() -> Iterator[test_hackernews.HackerNewsScenario]:
    with test_hackernews.scenario() as given:
        yield given


@pytest.fixture
def feeds() -> Iterator[test_feeds.FeedsScenario]:
    with test_feeds.scenario() as given:
        yield given


def stored(world: Scenario) -> list[Post]:
    """What a turn brings."""
    store = Store()
    store.run(built(world))
    return list(store.posts.values())


def thread_of(world: Scenario, post: Post, most: int) -> list[Page]:
    """The pages of a thread."""
    reader = built(world)
    assert isinstance(reader, ThreadReader)
    return list(reader.thread(post, most))


def names(pages: list[Page]) -> list[str]:
    return [post.external_id for page in pages for post in page.posts]


def rechecking(world: Scenario, **options: object) -> Rechecking:
    source = built(world, **options)
    assert isinstance(source, Rechecking)
    return source


# -- threads -----------------------------------------------------------------------------------------------------------


def test_a_conversation_on_x_comes_with_its_root_and_the_most_engaged_answers(x: test_twitter.TwitterScenario) -> None:
    root = x.tweet(60)
    middle = x.tweet(50, conversation=root.number, replied_to=root.number)
    last = x.tweet(40, conversation=root.number, replied_to=middle.number)
    loud = [x.tweet(30, conversation=root.number, replied_to=root.number, likes=90 + n) for n in range(15)]
    quiet = [x.tweet(20, conversation=root.number, replied_to=root.number) for _ in range(30)]
    (post,) = [post for post in stored(x) if post.external_id == last.number_text]
    above, *answers = thread_of(x, post, most=15)
    assert set(names([above])) == {root.number_text, middle.number_text}
    assert set(names(answers)) == {tweet.number_text for tweet in loud}
    assert quiet[0].number_text not in names(answers)
    assert sum(page.requests for page in (above, *answers)) == 2


def test_a_thread_on_reddit_comes_with_its_submission_and_the_best_comments(
    reddit: test_reddit.RedditScenario,
) -> None:
    root = reddit.submit(60)
    comments = [reddit.comment(root, 50 - n, score=n) for n in range(20)]
    (post,) = stored(reddit)
    pages = thread_of(reddit, post, most=5)
    assert names(pages[:1]) == [root.name]
    assert names(pages[1:]) == [comment.name for comment in reversed(comments[-5:])]


def test_a_thread_on_hacker_news_comes_with_its_story_and_the_newest_comments(
    hackernews: test_hackernews.HackerNewsScenario,
) -> None:
    hackernews.add(500, 60, title="Norrvik")
    for number in range(501, 521):
        hackernews.add(number, 560 - number, kind="comment", text="so?", parent=500)
    post = next(post for post in stored(hackernews) if post.external_id == "505")
    pages = thread_of(hackernews, post, most=7)
    assert names(pages[:1]) == ["500"]
    assert sorted(names(pages[1:])) == [str(number) for number in range(514, 521)]


# -- what became of posts ----------------------------------------------------------------------------------------------


def test_a_few_posts_on_x_are_looked_up_and_show_what_was_deleted_protected_and_edited(
    x: test_twitter.TwitterScenario,
) -> None:
    deleted, hidden, edited = (x.tweet(9, text=f"Norrvik {n}") for n in range(3))
    posts = stored(x)
    del x.server.tweets[deleted.number]
    x.server.protected.add(hidden.number)
    edited.edits, edited.number = [edited.number], edited.number + (60_000 << 22)
    edited.text = "Norrvik, corrected"
    x.server.tweets[edited.edits[0]] = edited
    found = rechecking(x).recheck(posts, {})
    assert found.gone == {deleted.number_text: "deleted", hidden.number_text: "protected or suspended"}
    assert [(post.external_id, post.text) for post in found.posts] == [(str(edited.edits[0]), "Norrvik, corrected")]
    assert found.posts[0].edited_at is not None


def test_many_posts_on_x_go_in_one_job_whose_answer_comes_later(x: test_twitter.TwitterScenario) -> None:
    tweets = [x.tweet(9 + n / 100) for n in range(150)]
    posts = stored(x)
    del x.server.tweets[tweets[3].number]
    x.server.protected.add(tweets[4].number)
    source = rechecking(x)
    begun = source.recheck(posts, {})
    assert (begun.kept, begun.gone) == ((), {})
    waiting = source.recheck([], begun.state)
    assert waiting.state == begun.state
    done = source.recheck([], waiting.state)
    assert done.gone == {tweets[3].number_text: "deleted", tweets[4].number_text: "protected"}
    assert set(done.kept) == {tweet.number_text for tweet in tweets} - set(done.gone)
    assert done.state == {}
    assert x.asked_of("/2/tweets") == []


def test_an_app_that_may_not_make_jobs_looks_up_what_it_is_allowed_to(x: test_twitter.TwitterScenario) -> None:
    tweets = [x.tweet(9 + n / 100) for n in range(30)]
    posts = stored(x)
    x.server.jobs_allowed = False
    found = rechecking(x, recheck_by_lookup=10).recheck(posts, {})
    assert len(found.posts) == 10
    with pytest.raises(CollectorError, match="403"):
        rechecking(x, recheck_by_lookup=0).recheck(posts, {})
    assert len(tweets) == 30


def test_a_job_of_x_that_failed_tells_nothing(x: test_twitter.TwitterScenario) -> None:
    x.fail_next(as_json({"data": {"id": "7", "status": "expired"}}))
    found = rechecking(x).recheck([], {"job": "7", "ids": ["1"]})
    assert (found.posts, found.kept, found.gone, found.state) == ((), (), {}, {})


@pytest.mark.parametrize(
    "job",
    [
        {"id": "7", "status": "complete", "download_url": "http://169.254.169.254/result"},
        {"status": "complete"},
        [],
    ],
)
def test_a_job_of_x_that_makes_no_sense_is_refused(x: test_twitter.TwitterScenario, job: object) -> None:
    x.fail_next(as_json({"data": job}))
    with pytest.raises(CollectorError):
        rechecking(x).recheck([], {"job": "7", "ids": ["1"]})


def test_what_reddit_does_not_know_or_shows_emptied_is_gone(reddit: test_reddit.RedditScenario) -> None:
    kept, deleted, removed = (reddit.submit(9, text=f"words {n}") for n in range(3))
    posts = stored(reddit)
    del reddit.server.things[deleted.name]
    removed.removed = True
    kept.text = "other words"
    found = rechecking(reddit).recheck(posts, {})
    assert found.gone == {deleted.name: "deleted", removed.name: "deleted"}
    assert [(post.external_id, post.text) for post in found.posts] == [(kept.name, "other words")]
    assert found.requests == 2, "the sign-in and one for all three"


def test_what_hacker_news_deleted_or_killed_is_gone(hackernews: test_hackernews.HackerNewsScenario) -> None:
    hackernews.add(500, 60, title="Norrvik")
    hackernews.add(501, 50, title="Norrvik again")
    hackernews.add(502, 40, title="And again")
    posts = stored(hackernews)
    hackernews.server.shelf.items[501].dead = True
    del hackernews.server.shelf.items[502]
    found = rechecking(hackernews).recheck(posts, {})
    assert found.gone == {"501": "deleted", "502": "deleted"}
    assert [post.external_id for post in found.posts] == ["500"]


def test_an_article_whose_page_is_gone_was_taken_back(feeds: test_feeds.FeedsScenario) -> None:
    there, gone = feeds.write("Norrvik stays"), feeds.write("Norrvik goes")
    posts = stored(feeds)
    feeds.server.taken_back.add(gone.number)
    found = rechecking(feeds).recheck(posts, {})
    assert found.gone == {feeds.name(gone): "deleted"}
    assert found.kept == [feeds.name(there)]


def test_an_article_whose_server_is_down_may_still_be_there(feeds: test_feeds.FeedsScenario) -> None:
    feeds.write("Norrvik stays")
    posts = stored(feeds)
    feeds.fail_next(Reply(503))
    found = rechecking(feeds).recheck(posts, {})
    assert (found.kept, found.gone) == ([], {})


# -- counts ------------------------------------------------------------------------------------------------------------


def test_x_counts_what_waits_behind_the_cursor(x: test_twitter.TwitterScenario) -> None:
    store, source = Store(), built(x)
    store.run(source)
    x.clock.advance(minutes=30)
    for minutes in (9, 8, 7):
        x.tweet(minutes)
    assert isinstance(source, Counting)
    assert (source.count(store.cursor).posts, source.count(store.cursor).requests) == (3, 1)
