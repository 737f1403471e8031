"""How surely ordinary words are told from the companies of that name.

    python -m benchmarks.relevance [--data DIR] [--json]

The posts are kept as the ids of corpora with labels given by hand (benchmarks/names/labels.jsonl), the brands as an
operator would configure them (benchmarks/names/brands.toml); the texts are looked for under `DIR`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import something
from config.settings import BrandSettings
from monitor.matching import Matcher
from storage.records import Post

NAMES = Path(__file__).parent / "names"
_Z = 1.96
_AT = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Share:
    """A share that was counted, with its 95 % interval (Wilson 1927): of few posts one knows little."""

    share: float
    low: float
    high: float

    @classmethod
    def of(cls, hits: int, cases: int) -> Share:
        """So many of so many."""
        if not cases:
            return cls(0.0, 0.0, 1.0)
        share, weight = hits / cases, _Z * _Z / cases
        middle, half = share + weight / 2, _Z * math.sqrt((share * (1 - share) + weight / 4) / cases)
        return cls(share, (middle - half) / (1 + weight), (middle + half) / (1 + weight))

    def __str__(self) -> str:
        return f"{self.share:.3f} ({self.low:.2f}-{self.high:.2f})"


@dataclass(frozen=True, slots=True)
class Row:
    """How one name does: of the posts told to be about it, how many are, and of those that are, how many were told."""

    name: str
    posts: int
    relevant: int
    precision: Share
    recall: Share

    def __str__(self) -> str:
        counts = f"{self.posts:4} posts, {self.relevant:4} about it"
        return f"{self.name:8} {counts}  precision {self.precision}  recall {self.recall}"


def rows(data: Path) -> Iterator[Row]:
    """A row for each name whose posts are at hand."""
    labels = [json.loads(line) for line in (NAMES / "labels.jsonl").read_text("utf-8").splitlines()]
    texts = _texts(data, {(label["corpus"], label["id"]) for label in labels})
    for brand in _brands():
        pairs = [
            (label["relevant"], texts[label["corpus"], label["id"]])
            for label in labels
            if label["brand"] == brand.name and (label["corpus"], label["id"]) in texts
        ]
        if pairs:
            yield _row(brand, pairs)


def _row(brand: BrandSettings, pairs: list[tuple[bool, str]]) -> Row:
    matcher = Matcher([brand])
    told = [bool(matcher.match(Post("corpus", str(place), _AT, text))) for place, (_, text) in enumerate(pairs)]
    hits = sum(relevant and said for (relevant, _), said in zip(pairs, told, strict=True))
    relevant = sum(relevant for relevant, _ in pairs)
    return Row(brand.name, len(pairs), relevant, Share.of(hits, sum(told)), Share.of(hits, relevant))


def _brands() -> list[BrandSettings]:
    tables = tomllib.loads((NAMES / "brands.toml").read_text("utf-8"))["brands"]
    return [BrandSettings.model_validate(table) for table in tables]


def _texts(data: Path, wanted: set[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
    """The texts of the wanted ids, from the corpora that are at hand."""
    texts = {}
    for corpus in {corpus for corpus, _ in wanted}:
        for file in sorted(data.glob(f"**/{corpus}*.jsonl.gz")):
            with gzip.open(file, "rt", encoding="utf-8") as lines:
                for line in map(json.loads, lines):
                    if (corpus, str(line["id"])) in wanted:
                        texts[corpus, str(line["id"])] = str(line["text"])
    return texts


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Precision and recall of names that are ordinary words.")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder with the corpora, at any depth")
    parser.add_argument("--json", action="store_true", help="an object a line")
    options = parser.parse_args()
    for row in something(rows(options.data), options.data):
        print(json.dumps(asdict(row)) if options.json else row)


if __name__ == "__main__":
    main()
