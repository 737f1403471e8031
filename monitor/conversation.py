"""The thread in context: which conversation carries an incident, and what a reply replies to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from alerts.page import ThreadGrowth
from storage import posts as post_store
from storage.database import Transaction
from storage.records import Post, PostKey
from storage.remarks import Remark

FEWEST = 5
"""Posts of an incident in one thread from which the thread is worth telling of."""
SHARE = 0.2
"""Share of an incident's posts that a thread must have to be what carries it."""
_HOUR = timedelta(hours=1)


def carrying(tx: Transaction, posts: Sequence[Remark], at: datetime) -> ThreadGrowth | None:
    """The thread that most of the posts stand in, where one carries the incident."""
    counted = Counter((item.source, item.thread_id) for item in posts if item.thread_id is not None)
    if not counted:
        return None
    (source, root), number = max(counted.items(), key=lambda pair: (pair[1], pair[0]))
    if number < max(FEWEST, SHARE * len(posts)):
        return None
    there = [item for item in posts if (item.source, item.thread_id) == (source, root)]
    begun = next(iter(post_store.get(tx, [(source, root)])), None)
    shown = begun or post_store.get(tx, [there[0].key])[0]
    return ThreadGrowth(
        title=_words(shown),
        source=source,
        url=shown.url or "",
        started_at=begun.created_at if begun else None,
        replies=_replies(there, root),
        replies_per_hour=float(sum(at - _HOUR < post.created_at <= at for post in there if post.external_id != root)),
    )


def answered(tx: Transaction, posts: Sequence[Post]) -> dict[PostKey, str]:
    """What each reply among the posts replies to: the post before it, or the root of its thread, where one is known."""
    parents = {post.key: _parent_of(post) for post in posts}
    known = {post.key: _words(post) for post in post_store.get(tx, [key for key in parents.values() if key])}
    return {key: known[parent] for key, parent in parents.items() if parent is not None and parent in known}


def _parent_of(post: Post) -> PostKey | None:
    parent = post.parent_id or post.thread_id
    return None if parent is None or parent == post.external_id else (post.source, parent)


def _replies(there: Sequence[Remark], root: str) -> int:
    """Replies that the source itself counts, or those that were seen, whichever are more."""
    seen = sum(post.external_id != root for post in there)
    told = (post.replies or 0 for post in there if post.external_id == root)
    return max(seen, *told, 0)


def _words(post: Post) -> str:
    return post.title or post.text
