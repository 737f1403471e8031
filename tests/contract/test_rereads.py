"""What a source of lists has set aside is read again as it would have been read the first time."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from collectors.contract import Collector, Rereads
from collectors.rounds import ReadsEntries
from storage.records import Post
from tests.collectors.scenario import Scenario, Store, built
from tests.contract.test_collectors import module_of, sources

UNKNOWN = {"telegram_channels"}
"""Sources of lists whose entries are objects of a library."""


def platform_of(collector: Collector) -> Any:
    """What a source of lists asks, `None` for another source."""
    lists = getattr(collector, "_lists", collector)
    return getattr(lists, "_platform", None)


def of_lists() -> list[str]:
    """The sources that are read by lists."""
    return [name for name in sources() if _mentions_lists(name)]


def _mentions_lists(name: str) -> bool:
    module = importlib.import_module(f"collectors.{name}")
    return hasattr(module, "Listed") and name not in UNKNOWN


@pytest.fixture(params=of_lists())
def world(request: pytest.FixtureRequest) -> Iterator[Scenario]:
    """The platform of a source of lists."""
    opened: AbstractContextManager[Scenario] = module_of(request.param).scenario()
    with opened as given:
        yield given


def as_read(post: Post) -> tuple[Any, ...]:
    """What must not depend on when a post was read, and below what."""
    return (post.external_id, post.created_at, post.kind, post.title, post.text, post.author, post.url, post.brands)


def test_the_sources_of_lists_are_found() -> None:
    assert {"bluesky", "googleplay", "meta", "mastodon", "youtube"} <= set(of_lists())


def test_an_entry_that_was_not_understood_is_read_once_it_is(world: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    world.publish()
    reader = platform_of(built(world))
    assert isinstance(reader, ReadsEntries)
    understand, wrong = type(reader).read, Store()  # type: ignore[attr-defined]
    seen: set[str] = set()

    def misunderstand(self: Any, entry: Any, of: str) -> Post | None:
        post: Post | None = understand(self, entry, of)
        if post is not None and (post.external_id in seen or len(seen) < 3):
            seen.add(post.external_id)
            raise KeyError("published")
        return post

    with monkeypatch.context() as patch:
        patch.setattr(type(reader), "read", misunderstand)
        wrong.run(built(world))
    right, source = Store(), built(world)
    right.run(source)
    kept = [item.raw for page in wrong.pages for item in page.quarantined if item.raw is not None]
    assert isinstance(source, Rereads)
    again = [post for raw in kept for post in source.reread(raw)]
    assert {post.external_id for post in again} == seen != set()
    for post in again:
        assert as_read(post) == as_read(right.posts[post.external_id])


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"entry": {}, "of": ""}', b"\xff"])
def test_what_still_makes_no_sense_is_said_to_be_so(world: Scenario, raw: bytes) -> None:
    source = built(world)
    assert isinstance(source, Rereads)
    with pytest.raises(ValueError, match=r"."):
        source.reread(raw)
