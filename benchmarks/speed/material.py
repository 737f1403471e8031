"""What the speed is measured on: made posts, or the labelled texts of a folder, in several shapes."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.speed.talk import TALK
from config.settings import Settings
from monitor.demo import words
from storage.records import Engagement, Post, PostKind

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
BRANDS = 200
ALIASES = 10
NAMING = 0.27
"""Share of posts that name a brand, unless a shape says otherwise."""
LATELY = 2_000
"""A copy is of one of so many posts before it."""
_SYLLABLES = ("nor", "vik", "sun", "del", "tal", "mar", "ost", "ka", "lin", "pe", "ro", "fen", "gra", "bi", "zu", "hol")
_FEELINGS = ("😡", "🙏", "👏", "😂", "❤️", "🤬", "✈️", "🔥")
_ANGRY = 0.04
"""Share of made sentences that are somebody's outrage, unless a shape says otherwise: few posts of a day are."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of input: how many brands, which share of the posts are copies, sentences and emoji of a text, which share
    of made sentences are somebody's outrage at a company, or what came after, and seconds from post to post."""

    name: str
    brands: int = BRANDS
    copies: float = 1 / 3
    sentences: int = 1
    emoji: int = 0
    angry: float = _ANGRY
    apart: float = 3.0


TWEETS = Shape("tweets")
USUAL = Shape("170 posts a second", apart=1 / 170)
"""The load of a large installation on a usual day; ticks, which cost the same however much was said, are far apart."""
STORM = Shape("a storm of incidents", angry=2 / 3)
SHAPES = (
    TWEETS,
    Shape("long texts", sentences=40),
    Shape("many emoji", emoji=40),
    Shape("few brands", brands=3),
    Shape("thousands of brands", brands=5_000),
    Shape("nine of ten are copies", copies=0.9),
    STORM,
)


def names(count: int, seed: int = 3) -> list[str]:
    """Made names, all different."""
    draw, made = random.Random(seed), dict[str, None]()  # noqa: S311 - made names, not secrets
    while len(made) < count:
        made["".join(draw.choice(_SYLLABLES) for _ in range(draw.choice((2, 3, 4)))).capitalize()
             + draw.choice(("", " Air", " Mobile", " Bank", "ova", "ix"))] = None  # fmt: skip
    return list(made)


def settings(brands: int = BRANDS, aliases: int = ALIASES) -> Settings:
    """A configuration with `brands` brands of `aliases` aliases each, the first of them the story's."""
    made = names(brands * aliases)
    tables = [
        {"name": made[n * aliases], "aliases": made[n * aliases + 1 : (n + 1) * aliases], "languages": ["en"]}
        for n in range(brands)
    ]
    return Settings.model_validate({"brands": tables, "understanding": {"languages": ["en"]}})


def texts(shape: Shape, brands: list[str], folder: Path | None = None, seed: int = 5) -> Iterator[str]:
    """Texts without end: of the labelled ones of `folder` where given, else made; a copy names whom its model named."""
    draw = random.Random(seed)  # noqa: S311
    source = list(_labelled(folder)) if folder else []
    lately: list[str] = []
    while True:
        if lately and draw.random() < shape.copies:
            text = draw.choice(lately)
        else:
            parts = [draw.choice(source) if source else _sentence(draw, shape.angry) for _ in range(shape.sentences)]
            text = " ".join(parts) + "".join(draw.choices(_FEELINGS, k=shape.emoji))
            text = f"{draw.choice(brands)} {text}" if draw.random() < NAMING else text
        lately.append(text)
        if len(lately) > 2 * LATELY:
            del lately[:LATELY]
        yield text


def _sentence(draw: random.Random, angry: float) -> str:
    parts = draw.choice((words.OUTRAGE, words.AFTER)) if draw.random() < angry else TALK
    text = " ".join(filter(None, (draw.choice(part) for part in parts)))
    return (
        f"{text} {draw.choice(('', '', '😡', '🙏👏', 'https://forum.example/' + str(draw.randrange(10**6))))}".strip()
    )


def _labelled(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row: dict[str, Any] = json.loads(line)
                if row.get("lang", "en") == "en":
                    yield row["text"]


def posts(count: int, shape: Shape, brands: list[str], folder: Path | None = None, seed: int = 7) -> Iterator[Post]:
    """`count` posts, 1,200 an hour unless the shape says otherwise."""
    draw = random.Random(seed)  # noqa: S311
    for number, text in zip(range(count), texts(shape, brands, folder), strict=False):
        yield Post(
            source="twitter",
            external_id=str(number),
            created_at=BEGIN + timedelta(seconds=shape.apart * number),
            text=text,
            kind=PostKind.POST,
            author=f"a{draw.randrange(50_000)}",
            author_reach=int(draw.paretovariate(1.1) * 60),
            engagement=Engagement(likes=draw.randrange(20)),
            language="en",
        )
