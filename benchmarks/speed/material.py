"""What the speed is measured on: made posts, or the labelled texts of a folder, about two hundred made brands."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from config.settings import Settings
from monitor.demo import words
from storage.records import Engagement, Post, PostKind

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
BRANDS = 200
ALIASES = 10
_SYLLABLES = ("nor", "vik", "sun", "del", "tal", "mar", "ost", "ka", "lin", "pe", "ro", "fen", "gra", "bi", "zu", "hol")


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


def texts(count: int, folder: Path | None = None, seed: int = 5) -> list[str]:
    """`count` texts: the labelled ones of `folder` where given, else made; a third are copies, as among real posts."""
    draw = random.Random(seed)  # noqa: S311
    source = list(_labelled(folder)) if folder else []
    made: list[str] = []
    while len(made) < count:
        if made and draw.random() < 1 / 3:
            made.append(draw.choice(made))
        else:
            made.append(draw.choice(source) if source else _sentence(draw))
    return made


def _sentence(draw: random.Random) -> str:
    parts = draw.choice((words.ORDINARY, words.OUTRAGE, words.AFTER))
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


def posts(count: int, brands: list[str], matching: float, folder: Path | None = None, seed: int = 7) -> list[Post]:
    """`count` posts at 1,200 an hour; the share `matching` of them names one of `brands`."""
    draw = random.Random(seed)  # noqa: S311
    return [
        Post(
            source="twitter",
            external_id=str(number),
            created_at=BEGIN + timedelta(seconds=3 * number),
            text=f"{draw.choice(brands)} {text}" if draw.random() < matching else text,
            kind=PostKind.POST,
            author=f"a{draw.randrange(count)}",
            author_reach=int(draw.paretovariate(1.1) * 60),
            engagement=Engagement(likes=draw.randrange(20)),
            language="en",
        )
        for number, text in enumerate(texts(count, folder))
    ]
