"""Stored posts read again: under the configuration, the model and the corrections of today.

What changes are the stored mentions, their scores, and the bins. What was told stays told: ticks that were judged,
incidents and their evidence are not touched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.corrections import corrected
from monitor.threads import brands_of_roots, passed_on, root_of
from monitor.understanding import Understanding
from storage import rejudging as store
from storage import threads as thread_store
from storage.database import Transaction
from storage.records import Mention, MentionedPost, Post, PostKey
from storage.rejudging import Change


@dataclass
class Rejudging:
    """Reads stored posts again.

    Where it only tries (`stores` is false) it keeps in mind what the roots of threads would be, for their replies.
    """

    understanding: Understanding
    stores: bool = True
    _replies: set[PostKey] = field(default_factory=set, init=False)
    """Replies that were tried after their root, and are not to be counted twice."""
    _tried: dict[PostKey, dict[str, float]] = field(default_factory=dict, init=False)

    def again(self, tx: Transaction, keys: Collection[PostKey], brands: Collection[str] | None = None) -> list[Change]:
        """Judge stored posts again, toward `brands` or all; then the replies of those whose mentions came or went."""
        asked = [key for key in keys if key not in self._replies]
        changes = self._again(tx, asked, brands)
        roots = {key for change in changes if (key := _passing_on(change)) is not None}
        replies = [key for key in thread_store.replies(tx, roots) if key not in asked] if roots else []
        if not self.stores:
            self._replies.update(replies)
        return changes + self._again(tx, replies, brands) if replies else changes

    def uncorrected(self, tx: Transaction, posts: Sequence[Post]) -> list[MentionedPost]:
        """The mentions in stored posts as they would be if nobody had said anything of these."""
        own = self.understanding.read(posts)
        return own + self.understanding.judged(self._inherited(tx, posts, own))

    def _again(self, tx: Transaction, keys: Collection[PostKey], brands: Collection[str] | None) -> list[Change]:
        def judge(posts: Sequence[Post]) -> Iterable[MentionedPost]:
            own = corrected(tx, self.understanding.read(posts))
            return own + corrected(tx, self.understanding.judged(self._inherited(tx, posts, own)))

        changes = store.judge_again(tx, keys, judge, brands, store=self.stores)
        if not self.stores:
            self._keep_in_mind(tx, changes)
        return changes

    def _inherited(
        self, tx: Transaction, posts: Sequence[Post], own: Sequence[MentionedPost]
    ) -> list[tuple[Post, Mention]]:
        """What replies have through their roots: those read now, those tried before, and those stored."""
        asked = {root for post in posts if (root := root_of(post)) is not None}
        if not asked:
            return []
        read: Mapping[PostKey, Mapping[str, float]] = {post.key: {} for post in posts if root_of(post) is None}
        known = {**thread_store.brands_of(tx, asked), **self._tried, **read, **brands_of_roots(own)}
        return passed_on(posts, own, known)

    def _keep_in_mind(self, tx: Transaction, changes: Sequence[Change]) -> None:
        for change in changes:
            key = _passing_on(change)
            if key is None:
                continue
            if key not in self._tried:
                self._tried[key] = dict(thread_store.brands_of(tx, [key]).get(key, {}))
            if change.after is None and change.before is not None:
                self._tried[key].pop(change.before.mention.brand, None)
            elif change.after is not None:
                self._tried[key][change.after.mention.brand] = change.after.mention.relevance


def _passing_on(change: Change) -> PostKey | None:
    """The post that changed, if its replies may have other mentions because of it."""
    before, after = change
    one = after or before
    if one is None or root_of(one.post) is not None:
        return None
    if before is not None and after is not None and before.mention.relevance == after.mention.relevance:
        return None
    return one.post.key
