"""Replies speak of what their thread is about: three hundred comments under an article about us name us nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitor.sifting import sifted
from monitor.understanding import Understanding
from storage import threads as thread_store
from storage.database import Transaction
from storage.records import Mention, MentionedPost, Post, PostKey


def root_of(post: Post) -> PostKey | None:
    """The root of the thread in which a post is a reply, or `None` where it is none."""
    if post.thread_id is None or post.thread_id == post.external_id:
        return None
    return (post.source, post.thread_id)


def inherited(
    tx: Transaction, understanding: Understanding, posts: Sequence[Post], mentions: Sequence[MentionedPost]
) -> list[MentionedPost]:
    """The mentions that replies have through their threads, beside `mentions`, which they have by their own words.

    Both ways round, so that the order of arrival does not matter: replies of `posts` whose root is stored or arrives
    with them, and replies that are stored already and whose root arrives only now.
    """
    roots = brands_of_roots(mentions)
    replies = [post for post in posts if post.thread_id is not None and root_of(post) is not None]
    asked = {root for post in replies if (root := root_of(post)) is not None}
    known = {**thread_store.brands_of(tx, asked), **{key: roots[key] for key in asked & roots.keys()}}
    found = passed_on(replies, mentions, known) if known else []
    answered = thread_store.answered(tx, roots)
    arriving = {post.key for post in posts} if answered else set()
    for root in sorted(answered):
        for brand, relevance in roots[root].items():
            stored = thread_store.replies_without(tx, root, brand)
            found += [(post, _mention(post, brand, relevance)) for post in stored if post.key not in arriving]
    if not found:
        return []
    return sifted(understanding.judged, found, lambda item: item[0].external_id).results


def passed_on(
    posts: Sequence[Post], mentions: Sequence[MentionedPost], known: Mapping[PostKey, Mapping[str, float]]
) -> list[tuple[Post, Mention]]:
    """What replies among the posts have through the brands that are `known` of roots, and not by their own words."""
    own = {(item.post.key, item.mention.brand) for item in mentions}
    found: list[tuple[Post, Mention]] = []
    for post in posts:
        root = root_of(post)
        for brand, relevance in (known.get(root, {}) if root else {}).items():
            if (post.key, brand) not in own:
                found.append((post, _mention(post, brand, relevance)))
    return found


def brands_of_roots(mentions: Sequence[MentionedPost]) -> dict[PostKey, dict[str, float]]:
    """Of mentions by their own words, the posts that may be roots, with their brands."""
    roots: dict[PostKey, dict[str, float]] = {}
    for item in mentions:
        if root_of(item.post) is None:
            roots.setdefault(item.post.key, {})[item.mention.brand] = item.mention.relevance
    return roots


def _mention(post: Post, brand: str, relevance: float) -> Mention:
    return Mention(brand, post.source, post.external_id, relevance, (), "a reply in a thread about it")
