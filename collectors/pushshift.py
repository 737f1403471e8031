"""Rows of Reddit's archives as Pushshift and its successors pack them: submissions (RS_…) and comments (RC_…), a JSON
object a line, zstd with a window of 2 GiB.

They become the posts that collectors/reddit.py makes of the same things, under the same names, so that an archive and
what is read live are one history. What was deleted or removed when it was archived is left out.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from collectors.reddit_shapes import is_gone, post_of
from storage.records import Post


class GoneError(ValueError):
    """The thing had been deleted or removed when it was archived."""


def is_archived(row: Mapping[str, Any]) -> bool:
    """Whether a row is a submission or a comment of such an archive, and no other row about Reddit."""
    if "subreddit" not in row or "created_utc" not in row or "id" not in row:
        return False
    return ("body" in row and "link_id" in row) or ("title" in row and ("selftext" in row or "domain" in row))


def archived_post(row: Mapping[str, Any], source: str, now: datetime) -> Post:
    """The post that an archived thing was; `ValueError` where it makes none."""
    fields = {**row, "created_utc": _seconds(row["created_utc"]), "edited": _seconds(row.get("edited") or 0) or False}
    for name in ("title", "selftext", "body"):
        if isinstance(fields.get(name), str):
            fields[name] = html.unescape(fields[name]).replace("\0", "�")
    words = fields.get("body", fields.get("selftext"))
    if is_gone(fields) or (words in ("[deleted]", "[removed]") and ("body" in fields or not fields.get("title"))):
        raise GoneError("deleted or removed before it was archived")
    try:
        post = post_of(fields, source, now)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not the fields of a thing of Reddit ({error!r:.100})") from error
    if not post.text:
        raise ValueError("no text")
    return post


def _seconds(value: Any) -> float:
    """A time that older archives write as text; `True` was once written for "edited, who knows when"."""
    if value is True:
        return 0.0
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{value!r:.60} is not a time") from error
