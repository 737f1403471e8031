"""What became of posts on X: by its batch compliance jobs, which take many at once, or by looking a few up.

A job is made, its list of ids is uploaded as text, X works on it for some minutes, and the result is a file of JSON
lines that names the posts which are to be removed, with the reason. It costs nothing but says nothing of edits; one job
of a kind may run at a time. A lookup is paid for by the post and shows its present wording.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from collectors.contract import CollectorError, Recheck
from collectors.twitter_shapes import looked_up
from storage.records import Post

LOOKED_UP_AT_ONCE = 100
JOB_AT_ONCE = 20_000
"""Ids of one job; X takes far more, but they are remembered until its answer is there."""

_HARMLESS = ("scrub_geo",)
"""Actions that concern what is not kept here."""

_FAILED = ("failed", "expired")


class Questions(Protocol):
    """What X is asked."""

    def lookup(self, ids: list[str]) -> Mapping[str, Any]:
        """Up to 100 posts by id."""

    def make_job(self) -> Mapping[str, Any]:
        """A new compliance job for posts."""

    def job(self, name: str) -> Mapping[str, Any]:
        """How a job stands."""

    def upload(self, address: str, body: bytes) -> None:
        """Hand in the ids of a job."""

    def download(self, address: str) -> bytes:
        """The result of a job."""

    def asked(self) -> int:
        """Requests since this was last asked."""


def by_lookup(ask: Questions, posts: Sequence[Post], source: str, now: datetime) -> Recheck:
    """What became of posts, by looking them up."""
    found: list[Post] = []
    gone: dict[str, str] = {}
    for start in range(0, len(posts), LOOKED_UP_AT_ONCE):
        asked = [post.external_id for post in posts[start : start + LOOKED_UP_AT_ONCE]]
        content = ask.lookup(asked)
        found += looked_up(content, source, now)
        gone |= _missing(content, set(asked))
    there = {post.external_id for post in found}
    return Recheck(found, gone={name: why for name, why in gone.items() if name not in there}, requests=ask.asked())


def _missing(content: Mapping[str, Any], asked: set[str]) -> dict[str, str]:
    """Those of the posts asked for that X says are not to be had, and why."""
    errors = content.get("errors")
    named = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    gone = {str(error.get("resource_id") or error.get("value")): str(error.get("title", "")) for error in named}
    return {name: _reason(title) for name, title in gone.items() if name in asked}


def _reason(title: str) -> str:
    return "protected or suspended" if "authorization" in title.lower() else "deleted"


def begin_job(ask: Questions, posts: Sequence[Post]) -> Recheck:
    """Hand in a job for posts; its answer is taken by `take_job`."""
    made = _fields(ask.make_job())
    ids = [post.external_id for post in posts[:JOB_AT_ONCE]]
    ask.upload(str(made["upload_url"]), "\n".join(ids).encode())
    return Recheck(state={"job": str(made["id"]), "ids": ids}, requests=ask.asked())


def take_job(ask: Questions, state: Mapping[str, Any]) -> Recheck:
    """The answer of a job where it is there; else it is still on its way. A job that failed leaves all untold."""
    job = _fields(ask.job(str(state["job"])))
    status = job.get("status")
    if status in _FAILED:
        return Recheck(requests=ask.asked())
    if status != "complete":
        return Recheck(state=state, requests=ask.asked())
    gone = _results(ask.download(str(job["download_url"])), set(state["ids"]))
    kept = [name for name in state["ids"] if name not in gone]
    return Recheck(kept=kept, gone=gone, requests=ask.asked())


def _results(body: bytes, asked: set[str]) -> dict[str, str]:
    gone: dict[str, str] = {}
    try:
        for line in body.decode().splitlines():
            if line.strip():
                result = json.loads(line)
                if result.get("action") not in _HARMLESS and str(result["id"]) in asked:
                    gone[str(result["id"])] = str(result.get("reason") or "deleted")
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise CollectorError(f"X gave the result of a compliance job that cannot be read: {error!r}") from error
    return gone


def _fields(content: Mapping[str, Any]) -> Mapping[str, Any]:
    found = content.get("data")
    if not isinstance(found, dict) or not found.get("id"):
        raise CollectorError("X gave a compliance job without the documented fields")
    return found
