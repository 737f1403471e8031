"""The items of Hacker News one by one, from the site's own interface (https://github.com/HackerNews/API).

Items are numbered in the order of their making, whatever their kind; there is no search and no list of comments, so
reading on means asking for every number up to `maxitem`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from collectors.contract import CollectorError, Quarantined, set_aside
from collectors.egress import Egress
from collectors.moments import from_epoch, not_after
from collectors.plain import plain_text
from storage.records import Engagement, Post, PostKind

WALKED_PER_RUN = 500
_FIRST_WALK = 200
_STEP = 50
_DEEPEST = 40
"""Answers upon answers that are followed up to find a comment's story; deeper ones keep none until the search tells."""
KEPT = 10_000
"""Items whose parents are remembered; of more, as who looks posts up again for weeks comes by, it begins anew."""

_KINDS = {"story": PostKind.STORY, "job": PostKind.STORY, "poll": PostKind.STORY, "comment": PostKind.COMMENT}


@dataclass(frozen=True, slots=True)
class Walked:
    """Posts of a step of the walk, and the number that it reached."""

    posts: list[Post]
    bad: list[Quarantined]
    last_item: int


class Items:
    """Reads items by number."""

    def __init__(self, source: str, url: str, egress: Egress, clock: Callable[[], datetime]) -> None:
        self._source, self._url, self._egress, self._clock = source, url, egress, clock
        self._parents: dict[int, int | None] = {}

    def __len__(self) -> int:
        """Of how many items the parent is remembered."""
        return len(self._parents)

    def walk(self, after: int | None) -> Iterator[Walked]:
        """Everything after the item `after`, in steps, at most 500 items; `None`: the newest 200."""
        newest = self._get("maxitem")
        if not isinstance(newest, int):
            raise CollectorError("the items of Hacker News do not say which is the newest")
        first = (max(newest - _FIRST_WALK, 0) if after is None else after) + 1
        last = min(newest, first + WALKED_PER_RUN - 1)
        self._parents.clear()
        for start in range(first, last + 1, _STEP):
            end = min(start + _STEP - 1, last)
            posts, bad = self.read(range(start, end + 1))
            yield Walked(posts, bad, end)

    def read(self, numbers: Sequence[int]) -> tuple[list[Post], list[Quarantined]]:
        """The posts of these numbers that exist and are neither deleted nor killed."""
        posts: list[Post] = []
        bad: list[Quarantined] = []
        for number in numbers:
            item = self._item(number)
            try:
                if item is not None and item.get("type") in _KINDS and not item.get("deleted") and not item.get("dead"):
                    posts.append(self._post(item))
            except (KeyError, TypeError, ValueError) as error:
                bad.append(set_aside(f"item {number}", repr(error), json.dumps(item)))
        return posts, bad

    def again(self, item: Mapping[str, Any]) -> Post:
        """The post of an item that was set aside; its thread is asked for."""
        return self._post(item)

    def _post(self, item: Mapping[str, Any]) -> Post:
        number, kind, now = int(item["id"]), _KINDS[item["type"]], self._clock()
        title = plain_text(item.get("title") or "")
        root = self._root(number)
        is_story = kind is PostKind.STORY
        return Post(
            source=self._source,
            external_id=str(number),
            created_at=not_after(from_epoch(item["time"]), now),
            text=plain_text(item.get("text") or "") or title,
            kind=kind,
            title=title,
            url=f"https://news.ycombinator.com/item?id={number}",
            author=item.get("by"),
            thread_id=str(root) if root is not None else None,
            parent_id=None if is_story else str(int(item["parent"])),
            engagement=Engagement(item.get("score"), None, item.get("descendants")) if is_story else Engagement(),
            collected_at=now,
        )

    def _root(self, number: int) -> int | None:
        """The story at the top of the item's thread, found by following parents."""
        for _ in range(_DEEPEST):
            if number not in self._parents and self._item(number) is None:
                return None
            parent = self._parents[number]
            if parent is None:
                return number
            number = parent
        return None

    def _item(self, number: int) -> dict[str, Any] | None:
        item = self._get(f"item/{number}")
        if not isinstance(item, dict):
            return None
        parent = item.get("parent")
        if len(self._parents) >= KEPT:
            self._parents.clear()
        self._parents[number] = parent if isinstance(parent, int) else None
        return item

    def _get(self, path: str) -> Any:
        answer = self._egress.fetch(f"{self._url}/{path}.json", service="the items of Hacker News")
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError) as error:
            raise CollectorError(f"the items of Hacker News gave an answer that cannot be read: {error}") from error
