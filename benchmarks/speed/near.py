"""Near-duplicates beside the slow way: every post compared with every text that was heard before it.

A third of the posts are copies of one of those before them with a small edit, as people make them: carried on, cut,
with a link or a word more, a word less, another word, two words swapped, a slip of the finger.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from rapidfuzz import fuzz, process

from benchmarks.speed import material
from monitor.voices import ALIKE, ALIKE_SHORT, KEPT_TEXT, SHORT, Role, VoiceFold
from storage.keys import content_key, plain_words
from storage.records import Label, Mention, MentionedPost, Post, Score

COPIES = 1 / 3
LATELY = 1_500
"""A copy is of one of so many posts before it."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SCORE = Score(0.0, Label.NEUTRAL, "none", "0")


def beside_all_pairs(texts: Sequence[str]) -> dict[str, Any]:
    """How many of the copies that were told are some (precision), how many of those that there are were told (recall).

    A copy has the key of an earlier text, or is as like to one as the program claims to tell. `found_by_key` is the
    share that the key alone finds, `made_copies_told` the share of those that were made here.
    """
    said = list(_with_copies(texts, random.Random(4)))  # noqa: S311 - a benchmark
    posts = [_mentioned(number, text) for number, (text, _) in enumerate(said)]
    began = time.process_time()
    heard = VoiceFold().hear(posts)
    took = time.process_time() - began
    told = [one.role is Role.COPY for one in heard]
    by_key, true = _all_pairs(posts)
    right = sum(one and other for one, other in zip(told, true, strict=True))
    made = [is_told for is_told, (_, is_made) in zip(told, said, strict=True) if is_made]
    return {
        "posts": len(posts),
        "microseconds_a_post": round(1e6 * took / len(posts), 2),
        "precision": round(right / sum(told), 4),
        "recall": round(right / sum(true), 4),
        "found_by_key": round(sum(by_key) / sum(true), 3),
        "made_copies_told": round(sum(made) / len(made), 3),
    }


def _all_pairs(posts: Sequence[MentionedPost]) -> tuple[list[bool], list[bool]]:
    """Which posts are copies by their key, and which are by key or by likeness to any distinct text before them."""
    keys: set[str] = set()
    distinct: list[str] = []
    by_key, true = [], []
    for item in posts:
        words = plain_words(item.post.text)
        alike = ALIKE_SHORT if len(words) <= SHORT else ALIKE
        by_key.append(item.content_key in keys)
        true.append(by_key[-1] or _is_like_any(words[:KEPT_TEXT], distinct, alike))
        keys.add(item.content_key)
        if not true[-1]:
            distinct.append(words[:KEPT_TEXT])
    return by_key, true


def _is_like_any(words: str, distinct: Sequence[str], alike: float) -> bool:
    return process.extractOne(words, distinct, scorer=fuzz.ratio, score_cutoff=alike) is not None


def _with_copies(texts: Sequence[str], draw: random.Random) -> Iterator[tuple[str, bool]]:
    """The texts, each once, and between them copies with an edit; with whether it is one of these."""
    said: list[str] = []
    new = iter(dict.fromkeys(texts))
    while True:
        is_made = bool(said) and draw.random() < COPIES
        text = _edited(draw.choice(said[-LATELY:]), draw.choice(said), draw) if is_made else next(new, "")
        if not text:
            return
        said.append(text)
        yield text, is_made


def _edited(text: str, other: str, draw: random.Random) -> str:
    """The text as somebody copied it; words that come in are those of another text."""
    words, word = text.split(), draw.choice(other.split())
    place = draw.randrange(len(words))
    typed = list(words[place])
    typed[draw.randrange(len(typed))] = draw.choice(_LETTERS)
    swapped = [*words[:place], *reversed(words[place : place + 2]), *words[place + 2 :]]
    ways = (
        f"RT @u{draw.randrange(1_000)}: {text}",
        f"{text} https://forum.example/{draw.randrange(10**6)}",
        f"{text} #{word}",
        f"{text[: max(20, len(text) * 9 // 10)]}…",
        text.upper(),
        " ".join((*words[:place], word, *words[place:])),
        " ".join((*words[:place], word, *words[place + 1 :])),
        " ".join((*words[:place], *words[place + 1 :])) or text,
        " ".join((*words[:place], "".join(typed), *words[place + 1 :])),
        " ".join(swapped),
    )
    return draw.choice(ways)


def _mentioned(number: int, text: str) -> MentionedPost:
    post = Post("made", str(number), material.BEGIN + timedelta(seconds=number), text)
    return MentionedPost(post, Mention("Brand", post.source, post.external_id, 1.0), _SCORE, content_key(text))
