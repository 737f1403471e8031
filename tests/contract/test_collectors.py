"""Every source in `collectors` keeps the contract, whatever platform it reads."""

from __future__ import annotations

import importlib
import pkgutil
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from types import ModuleType

import pytest
from pydantic import BaseModel, ValidationError

import collectors
from collectors.contract import Charged, Collector, CollectorError, Counting, Rechecking, ThreadReader
from tests.collectors.scenario import Scenario, Store, built, identities, largest
from tests.servers.web import Reply


def sources() -> list[str]:
    """The modules of `collectors` that are sources: those that define `Options`."""
    names = (module.name for module in pkgutil.iter_modules(collectors.__path__))
    return [name for name in names if _defines_options(importlib.import_module(f"collectors.{name}"))]


def _defines_options(module: ModuleType) -> bool:
    return getattr(getattr(module, "Options", None), "__module__", None) == module.__name__


def module_of(source: str) -> ModuleType:
    """The tests of a source, which define its scenario."""
    return importlib.import_module(f"tests.collectors.test_{source}")


@pytest.fixture(params=sources())
def scenario(request: pytest.FixtureRequest) -> Iterator[Scenario]:
    """The platform of a source, and the source as configured for it."""
    opened: AbstractContextManager[Scenario] = module_of(request.param).scenario()
    with opened as given:
        yield given


@pytest.fixture(params=[source for source in sources() if getattr(module_of(source), "ASKS_SOMEBODY", True)])
def asking(request: pytest.FixtureRequest) -> Iterator[Scenario]:
    """The same for the sources that ask a server."""
    opened: AbstractContextManager[Scenario] = module_of(request.param).scenario()
    with opened as given:
        yield given


def read_all(scenario: Scenario, store: Store | None = None) -> Store:
    """Turns until the source has nothing more to give."""
    store = store or Store()
    for _ in range(20):
        if store.run(built(scenario))[-1].complete:
            return store
    raise AssertionError("the source never came to an end")


def test_the_sources_are_found() -> None:
    assert {"files", "hackernews"} <= set(sources())


def test_unknown_keys_are_refused(scenario: Scenario) -> None:
    options: type[BaseModel] = scenario.module.Options
    options(**scenario.options)
    with pytest.raises(ValidationError, match="no_such_key"):
        options(**scenario.options, no_such_key=1)


def test_every_key_is_explained(scenario: Scenario) -> None:
    options: type[BaseModel] = scenario.module.Options
    assert [name for name, field in options.model_fields.items() if not field.description] == []


def test_the_limits_of_the_platform_are_written_down(scenario: Scenario) -> None:
    assert "Limits:" in (scenario.module.__doc__ or "")


def test_building_asks_nobody(scenario: Scenario) -> None:
    collector = built(scenario)
    assert isinstance(collector, Collector)
    assert collector.name == "somewhere"
    assert scenario.asked() == 0


def test_everything_that_was_published_is_read(scenario: Scenario) -> None:
    published = scenario.publish()
    store = read_all(scenario)
    assert len(store.pages) > 2, "the scenario is to need several pages"
    assert set(store.posts) >= published
    assert store.gaps == []


def test_posts_say_when_where_and_in_which_thread(scenario: Scenario) -> None:
    scenario.publish()
    for post in read_all(scenario).posts.values():
        assert post.source
        assert post.text
        assert post.created_at.utcoffset() is not None
        assert post.created_at <= scenario.clock()
        assert post.collected_at == scenario.clock()
        assert post.thread_id is not None


def test_the_last_page_alone_is_complete(scenario: Scenario) -> None:
    scenario.publish()
    store = read_all(scenario)
    assert [page.complete for page in store.pages[:-1]] == [False] * (len(store.pages) - 1)


def test_a_crash_after_any_page_loses_nothing_and_repeats_a_page_at_most(scenario: Scenario) -> None:
    published = scenario.publish()
    whole = read_all(scenario)
    for count in range(1, len(whole.pages)):
        store = Store()
        before = store.run(built(scenario), pages=count)
        after = read_all(scenario, store).pages[count:]
        assert set(store.posts) >= published
        assert len(set(identities(before)) & set(identities(after))) <= largest(whole.pages)


def test_a_crash_before_a_page_is_stored_repeats_that_page_alone(scenario: Scenario) -> None:
    published = scenario.publish()
    whole = read_all(scenario)
    for count in range(1, len(whole.pages)):
        store, lost = Store(), Store()
        store.run(built(scenario), pages=count)
        lost.cursor = store.cursor
        lost.run(built(scenario), pages=1)
        after = read_all(scenario, store).pages[count:]
        assert set(store.posts) >= published
        repeated = set(identities(lost.pages)) & set(identities(after)) & published
        assert len(repeated) <= largest(whole.pages)


def test_a_second_turn_without_news_brings_nothing_new(scenario: Scenario) -> None:
    scenario.publish()
    store = read_all(scenario)
    known, asked = set(store.posts), scenario.asked()
    scenario.clock.advance(minutes=5)
    again = store.run(built(scenario))
    assert set(identities(again)) <= known
    assert again[-1].complete
    assert scenario.asked() - asked <= max(asked, 1)


def test_what_is_published_later_is_read_later(scenario: Scenario) -> None:
    scenario.publish()
    store = read_all(scenario)
    scenario.clock.advance(minutes=30)
    published = scenario.publish()
    assert not published <= set(store.posts)
    read_all(scenario, store)
    assert set(store.posts) >= published
    assert store.gaps == []


def test_a_rate_limit_is_passed_on_and_not_tried_again(asking: Scenario) -> None:
    error = _failure(asking, Reply(429, headers={"Retry-After": "7"}))
    assert error.retry_after == 7
    assert not error.permanent


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_failing_server_is_temporary(asking: Scenario, status: int) -> None:
    assert not _failure(asking, Reply(status, b"<h1>Oops</h1>", {"content-type": "text/html"})).permanent


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_permanent(asking: Scenario, status: int) -> None:
    error = _failure(asking, Reply(status, b"{}", {"content-type": "application/json"}))
    assert error.permanent
    assert str(status) in str(error)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b'{"data": [{"id": "1"', {"content-type": "application/json"}),
        Reply(200, b"<!doctype html><html><body>Please sign in</body></html>", {"content-type": "text/html"}),
        Reply(200, b"[]", {"content-type": "application/json"}),
        Reply(200, b'"text"', {"content-type": "application/json"}),
        Reply(200, b"{}", {"content-type": "application/json"}),
        Reply(200, b"", {"content-type": "application/json"}),
        Reply(200, b"x" * 1000, {"content-type": "application/json"}, cut=500),
        Reply(200, b"\xff\xfe\x00", {"content-type": "application/json", "content-encoding": "gzip"}),
        Reply(200, b"[" * 100_000, {"content-type": "application/json"}),
        Reply(302, headers={"location": "/elsewhere"}),
    ],
    ids=["half", "page", "list", "string", "object", "nothing", "cut", "gzip", "deep", "redirect"],
)
def test_an_answer_that_makes_no_sense_loses_nothing(asking: Scenario, reply: Reply) -> None:
    if reply.body in getattr(asking, "empty_answers", ()):
        _nothing_is_lost(asking, reply)  # on this platform it means that there is nothing
    else:
        _failure(asking, reply)


def _nothing_is_lost(asking: Scenario, reply: Reply) -> None:
    published, store = asking.publish(), Store()
    asking.fail_next(*[reply] * 5)
    assert store.run(built(asking))[-1].posts == ()
    asking.fail_next()
    asking.clock.advance(minutes=5)
    assert set(read_all(asking, store).posts) >= published


def test_a_failure_between_pages_is_told_and_keeps_what_was_read(asking: Scenario) -> None:
    published = asking.publish()
    store = Store()
    stream = built(asking).collect(None)
    store.keep(next(stream))
    asking.fail_next(*[Reply(503)] * 50)
    with suppress(CollectorError):
        deque(map(store.keep, stream))
    assert not store.pages[-1].complete
    asking.fail_next()
    asking.clock.advance(minutes=5)
    read_all(asking, store)
    assert set(store.posts) >= published


def test_the_probe_says_in_a_sentence_what_it_found(scenario: Scenario) -> None:
    scenario.publish()
    assert len(built(scenario).probe().split()) > 3


def test_the_probe_fails_where_the_platform_refuses(asking: Scenario) -> None:
    asking.publish()
    asking.fail_next(*[Reply(403)] * 5)
    with pytest.raises(CollectorError, match="403"):
        built(asking).probe()


def test_what_it_costs_is_known_without_asking(scenario: Scenario) -> None:
    source = built(scenario)
    if isinstance(source, Charged):
        tariff = source.tariff()
        assert tariff.requests_per_turn >= 1
        assert min(tariff.dollars_per_request, tariff.dollars_per_post, tariff.dollars_per_count) >= 0
    assert scenario.asked() == 0


def test_counts_grow_with_what_waits(scenario: Scenario) -> None:
    source = built(scenario)
    if not isinstance(source, Counting):
        return
    published = scenario.publish()
    before = source.count(None)
    assert before.posts >= len(published)
    store = read_all(scenario)
    assert source.count(store.cursor).posts == 0


def test_what_was_published_is_still_there(asking: Scenario) -> None:
    published = asking.publish()
    posts = [post for name, post in read_all(asking).posts.items() if name in published]
    source = built(asking)
    if isinstance(source, Rechecking):
        answer = source.recheck(posts[: source.recheck_at_once], {})
        assert answer.gone == {}
        told = {post.external_id for post in answer.posts} | set(answer.kept)
        assert told <= {post.external_id for post in posts}
        assert told or answer.state


def test_a_thread_is_read_without_a_cursor_and_holds_the_post(asking: Scenario) -> None:
    asking.publish()
    posts = list(read_all(asking).posts.values())
    source = built(asking)
    if isinstance(source, ThreadReader):
        pages = list(source.thread(posts[0], 10))
        assert all(not page.cursor and not page.complete for page in pages)
        assert posts[0].thread_id in {post.external_id for page in pages for post in page.posts}


def test_a_rate_limit_on_a_recheck_is_passed_on(asking: Scenario) -> None:
    asking.publish()
    posts = list(read_all(asking).posts.values())
    source = built(asking)
    if not isinstance(source, Rechecking):
        return
    asking.fail_next(*[Reply(429, headers={"Retry-After": "7"})] * 50)
    with suppress(CollectorError):
        assert source.recheck(posts[:5], {}).gone == {}


def _failure(asking: Scenario, reply: Reply) -> CollectorError:
    """The error of a source whose platform answers the first request so; afterwards all that was published is read."""
    published = asking.publish()
    asked, store = asking.asked(), Store()
    asking.fail_next(*[reply] * 50)
    collector = built(asking)
    with pytest.raises(CollectorError) as caught:
        store.run(collector)
    assert asking.asked() - asked <= 5, "it asked again and again"
    asking.fail_next()
    asking.clock.advance(minutes=5)
    for _ in range(20):
        if store.run(collector)[-1].complete:
            break
    assert set(store.posts) >= published
    return caught.value
