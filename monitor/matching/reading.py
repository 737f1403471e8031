"""What a person reads of a post."""

from __future__ import annotations

from storage.records import Post


def reading_of(post: Post) -> str:
    """The title, unless the text begins with it, and the text."""
    if not post.title or post.text.startswith(post.title):
        return post.text
    return f"{post.title}\n{post.text}" if post.text else post.title
