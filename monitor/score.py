"""Relevance and sentiment for lines of text: what `tocsin score` does."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from config.settings import BrandSettings, UnderstandingSettings
from monitor.language import Identifier
from monitor.matching import Matcher
from monitor.sentiment.contract import Item, Scorer
from monitor.sentiment.scorers import scorer_of
from storage.records import Label, Mention, Post

_BATCH = 512
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LineError(ValueError):
    """A line of a file cannot be read; the message says which and why."""


@dataclass(frozen=True, slots=True)
class ScoredLine:
    """A line's score; `relevance` is how sure it is that the text names the brand, `None` where no brand was given."""

    id: str
    compound: float
    label: Label
    language: str
    relevance: float | None
    uncertainty: float

    def as_json(self) -> dict[str, Any]:
        """JSON types only."""
        return {
            "id": self.id,
            "compound": self.compound,
            "label": self.label.value,
            "language": self.language,
            "relevance": self.relevance,
            "uncertainty": self.uncertainty,
        }


def scored_file(
    path: Path,
    *,
    brand_field: str | None = None,
    model: Path | None = None,
    brands: Sequence[BrandSettings] = (),
    languages: Sequence[str] = (),
    asked: UnderstandingSettings | None = None,
) -> Iterator[ScoredLine]:
    """The scores of a JSONL file (`.gz` too) whose lines have `id` and `text`, in order.

    Sentiment is toward the brand that `brand_field` names in each line; it may be one of `brands`, or any name. The
    `lang` of a line is believed, other languages are recognised among `languages`. Raises LineError.
    """
    yield from scored(
        read_lines(path), scorer_of(brands, model=model, asked=asked), Lines(brand_field, brands, languages)
    )


class Lines:
    """Makes items to score out of lines."""

    def __init__(
        self, brand_field: str | None = None, brands: Sequence[BrandSettings] = (), languages: Sequence[str] = ()
    ) -> None:
        self._field = brand_field
        self._brands = {brand.name.casefold(): brand for brand in brands}
        self._identifier = Identifier(languages)
        self._matcher = lru_cache(maxsize=10_000)(self._matcher_of)

    def item(self, line: Mapping[str, Any]) -> tuple[Item, float | None]:
        """What to score of a line, and its relevance."""
        post = Post("lines", str(line["id"]), _EPOCH, line["text"], language=line.get("lang"))
        language = self._identifier.language_of(post)
        target = line.get(self._field) if self._field else None
        if not target:
            return (post, Mention("", post.source, post.external_id, 1.0), language), None
        brand, matcher = self._matcher(str(target))
        found = matcher.match(post)
        if not found:
            return (post, Mention(brand, post.source, post.external_id, 0.0), language), 0.0
        return (post, found[0], language), found[0].relevance

    def _matcher_of(self, target: str) -> tuple[str, Matcher]:
        brand = self._brands.get(target.casefold()) or BrandSettings(name=target, handles=_handles(target))
        return brand.name, Matcher([brand.model_copy(update={"minimum_relevance": 0.0})])


def scored(lines: Iterable[Mapping[str, Any]], scorer: Scorer, maker: Lines) -> Iterator[ScoredLine]:
    """The scores of lines, in order."""
    waiting = iter(lines)
    while batch := [maker.item(line) for line in islice(waiting, _BATCH)]:
        scores = scorer.score([item for item, _ in batch])
        for ((post, _, language), relevance), score in zip(batch, scores, strict=True):
            yield ScoredLine(post.external_id, score.compound, score.label, language, relevance, score.uncertainty)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file; lines without an `id` are numbered. Raises LineError."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        for number, raw in enumerate(file, 1):
            if raw.strip():
                yield _line(raw, number, path)


def _line(raw: str, number: int, path: Path) -> dict[str, Any]:
    try:
        line = json.loads(raw)
    except ValueError as error:
        raise LineError(f"{path}, line {number}: not JSON ({error}); each line must be one object") from error
    if not isinstance(line, dict) or not isinstance(line.get("text"), str):
        raise LineError(f'{path}, line {number}: there is no "text"; each line must be an object with "id" and "text"')
    return {"id": number, **line}


def _handles(target: str) -> list[str]:
    """The account that a name suggests (`Virgin America` → `@VirginAmerica`)."""
    squeezed = "".join(char for char in target if char.isalnum())
    return [squeezed] if squeezed else []
