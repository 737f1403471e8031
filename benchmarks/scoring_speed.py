"""How fast posts are matched and scored, against the bare loop of the package over the same texts.

    python -m benchmarks.scoring_speed [--data FILE.jsonl[.gz]] [--json]

The bare loop is `SentimentIntensityAnalyzer().polarity_scores(text)`; ratios and figures are medians of rounds taken
side by side, on one core. Without a file, made texts are used.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from config.settings import BrandSettings
from monitor.language import Identifier
from monitor.matching import Matcher
from monitor.score import read_lines
from monitor.sentiment.toward import TowardBrand
from monitor.sentiment.vader import Vader, packaged_lexicon
from storage.records import Mention, Post

ROUNDS = 5
BATCH = 500
_AT = datetime(2020, 1, 1, tzinfo=UTC)
_SYLLABLES = [consonant + vowel for consonant in "bcdfghjklmnprstvwz" for vowel in "aeiou"]
_OPENINGS = ("@acme", "I really", "Why does", "Thanks to Acme", "RT @shop: new", "still waiting,", "Love how", "LOL")
_MIDDLES = (
    "my parcel was late again",
    "the app keeps crashing on me",
    "your staff in the shop were so kind",
    "they ship",
)
_ENDINGS = (
    "and nobody answers!",
    ":) http://t.co/x1",
    "for the third time this month",
    "today #acme",
    "😡",
    "not great",
    "",
)

Figures = dict[str, float | str]


def figures(texts: Sequence[str]) -> Iterator[Figures]:
    """Every figure, an object each."""
    posts = [Post("speed", str(place), _AT, text, language="en") for place, text in enumerate(texts)]
    yield from _scoring(texts, posts)
    yield from _lengths()
    for brands in (200, 5_000):
        matcher = Matcher(_brands(brands))
        spent = _median(partial(_match_all, matcher, posts))
        yield {"what": f"matching {brands} brands of 10 names", "us_per_post": round(spent / len(posts) * 1e6, 2)}
    identifier = Identifier(["en", "es", "de", "fr", "it", "pt"])
    spent = _median(lambda: [identifier.identify(text) for text in texts])
    yield {"what": "recognising one of six languages", "per_second": round(len(texts) / spent)}


def _scoring(texts: Sequence[str], posts: Sequence[Post]) -> Iterator[Figures]:
    package, vader = SentimentIntensityAnalyzer(), Vader.packaged()
    items = [(post, Mention("Acme", post.source, post.external_id, 1.0, ("Acme",)), "en") for post in posts]

    ways: list[tuple[str, Callable[[], object]]] = [
        ("the bare loop", lambda: [package.polarity_scores(text) for text in texts]),
        ("VADER's four scores, equal to the last digit", lambda: [vader.polarity(text) for text in texts]),
        ("VADER's compound, equal to the last digit", lambda: [vader.compound(text) for text in texts]),
        ("toward the brand, copies not remembered", lambda: TowardBrand().score(items)),
    ]
    rounds = [[_spent(way) for _, way in ways] for _ in range(ROUNDS)]
    for place, (what, _) in enumerate(ways):
        ratio = statistics.median(spent[0] / spent[place] for spent in rounds)
        seconds = statistics.median(spent[place] for spent in rounds)
        yield {"what": what, "ratio_to_bare_loop": round(ratio, 2), "per_second": round(len(texts) / seconds)}


def _lengths() -> Iterator[Figures]:
    """Texts on which the package takes seconds."""
    vader, draw = Vader.packaged(), random.Random(1)  # noqa: S311  (the same texts every time)
    words = list(packaged_lexicon())
    for count in (12_800, 25_600):
        text = " ".join(draw.choice(words) for _ in range(count))
        yield {
            "what": f"{count} words of the lexicon",
            "ms": round(_median(partial(vader.polarity, text)) * 1e3, 1),
        }
    for count in (5_000, 10_000):
        yield {
            "what": f"{count} emoji",
            "ms": round(_median(partial(vader.polarity, "😡" * count)) * 1e3, 1),
        }


def _match_all(matcher: Matcher, posts: Sequence[Post]) -> None:
    for start in range(0, len(posts), BATCH):
        matcher.matches(posts[start : start + BATCH])


def _brands(count: int) -> list[BrandSettings]:
    draw = random.Random(2)  # noqa: S311  (the same names every time)

    def name() -> str:
        return "".join(draw.choice(_SYLLABLES) for _ in range(draw.randint(3, 5))).capitalize()

    return [BrandSettings(name=f"{name()} {place}", aliases=[name() for _ in range(9)]) for place in range(count)]


def _made() -> list[str]:
    draw = random.Random(3)  # noqa: S311  (the same texts every time)
    return [" ".join((draw.choice(_OPENINGS), draw.choice(_MIDDLES), draw.choice(_ENDINGS))) for _ in range(5_000)]


def _spent(way: Callable[[], object]) -> float:
    began = time.process_time()
    way()
    return time.process_time() - began


def _median(way: Callable[[], object]) -> float:
    return statistics.median(_spent(way) for _ in range(ROUNDS))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="How fast posts are matched and scored.")
    parser.add_argument("--data", type=Path, help="JSONL of posts with text")
    parser.add_argument("--limit", type=int, default=5_000, help="how many posts of the file")
    parser.add_argument("--json", action="store_true", help="an object a line")
    options = parser.parse_args()
    texts = [line["text"] for line in read_lines(options.data)][: options.limit] if options.data else _made()
    for each in figures(texts):
        print(
            json.dumps(each) if options.json else "  ".join(f"{key} {value}" for key, value in each.items()), flush=True
        )


if __name__ == "__main__":
    main()
