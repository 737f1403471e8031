"""Poison: one post that cannot be judged must not keep those beside it from being judged.

A batch that fails is tried again one by one. What fails then, three times, is set aside with the reason; the others go
on. Where nearly all of many fail it is not the posts that are at fault, and the failure is passed on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Generic, TypeVar

import msgspec
import structlog

from storage.records import Post, SetAside, Stage

_log = structlog.get_logger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

TRIES = 3
FEW = 4
"""So many items may all fail by themselves; of more, the half at the most."""


@dataclass
class Sifted(Generic[Item, Result]):
    """What came of the sound items, and the others with why each failed."""

    results: list[Result]
    poison: list[tuple[Item, str]] = field(default_factory=list)


def sifted(
    judge: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item], name_of: Callable[[Item], str]
) -> Sifted[Item, Result]:
    """The results of `judge` over the items, those left out that make it fail whenever they are tried."""
    try:
        return Sifted(judge(items))
    except Exception as error:  # whatever a post does to a scorer is a fact about the post
        if not items:
            raise
        sieve: Sifted[Item, Result] = Sifted([])
        for item in items:
            _try(judge, item, sieve)
        if len(items) > FEW and len(sieve.poison) * 2 > len(items):
            raise
        for item, reason in sieve.poison:
            _log.warning("post could not be judged and was left out", post=name_of(item), reason=reason)
        if not sieve.poison:
            _log.warning("batch failed once and went through post by post", reason=repr(error))
        return sieve


def _try(judge: Callable[[Sequence[Item]], list[Result]], item: Item, sieve: Sifted[Item, Result]) -> None:
    reason = ""
    for _ in range(TRIES):
        try:
            sieve.results += judge([item])
        except Exception as error:  # noqa: BLE001  (see above)
            reason = f"{type(error).__name__}: {error}"
        else:
            return
    sieve.poison.append((item, reason))


def post_set_aside(post: Post, reason: str, at: datetime) -> SetAside:
    """A post that cannot be judged, as it is kept for another try."""
    raw = msgspec.json.encode(post)
    name = blake2b(f"{post.source}\x1f{post.external_id}".encode("utf-8", "replace"), digest_size=8).hexdigest()
    return SetAside(post.source, f"post {post.external_id}", reason, name, Stage.UNDERSTAND, at, raw)


def post_of(raw: bytes) -> Post:
    """The post that `post_set_aside` kept; `ValueError` when it is none."""
    return msgspec.json.decode(raw, type=Post)
