"""Labelled texts, and the measures of how well a scorer does on them."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from monitor.score import Lines, scored
from monitor.sentiment.contract import Scorer
from monitor.train import LABELS, auc
from storage.records import Label

CLASSES = (Label.NEGATIVE, Label.NEUTRAL, Label.POSITIVE)
_DRAWS = 400
_HOURS = 6
_FEWEST = 20
"""Posts of a brand in six hours from which their share of negatives is compared."""

Line = Mapping[str, Any]


def read_set(folder: Path, name: str) -> list[Line]:
    """The lines of the first file `NAME.*.jsonl.gz` in a folder; none where there is no such file."""
    files = sorted(folder.glob(f"{name}.*jsonl.gz"))
    if not files:
        return []
    with gzip.open(files[0], "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


@dataclass(frozen=True, slots=True)
class Measure:
    """How well a scorer did; `interval` is the 95 % interval of `macro_f1` by bootstrap."""

    lines: int
    macro_f1: float
    interval: tuple[float, float]
    auc_negative: float
    negative_recall: float
    negative_precision: float
    unscored: float


@dataclass(frozen=True, slots=True)
class Told:
    """What a scorer told of lines, beside what they are."""

    truths: Sequence[Label]
    labels: Sequence[Label]
    compounds: Sequence[float]

    def measure(self) -> Measure:
        """The measures of quality.

        A text that is `unscored` counts as wrong in macro-F1 and is left out of the area under the curve.
        """
        table = self._table()
        negatives = np.array([truth is Label.NEGATIVE for truth in self.truths])
        judged = np.array([label is not Label.UNSCORED for label in self.labels])
        compounds = np.array(self.compounds)
        return Measure(
            lines=len(self.truths),
            macro_f1=float(_macro_f1(table[None])[0]),
            interval=_interval(table),
            auc_negative=auc(negatives[judged], -compounds[judged]),
            negative_recall=float(table[0, 0] / max(table[0].sum(), 1)),
            negative_precision=float(table[0, 0] / max(table[:, 0].sum(), 1)),
            unscored=float(1 - judged.mean()),
        )

    def _table(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """How often each truth (row) was told as each label (column); the last column is for `unscored`."""
        order = [*CLASSES, Label.UNSCORED]
        table = np.zeros((3, 4), dtype=np.int64)
        for truth, label in zip(self.truths, self.labels, strict=True):
            table[order.index(truth), order.index(label)] += 1
        return table


def told(lines: Sequence[Line], scorer: Scorer) -> Told:
    """What a scorer tells of lines, toward their `target`, through the same door as `tocsin score`."""
    results = list(scored(lines, scorer, Lines("target")))
    truths = [LABELS[line["label"]] for line in lines]
    return Told(truths, [result.label for result in results], [result.compound for result in results])


def negative_shares(lines: Sequence[Line], labels: Iterable[Label]) -> tuple[float, float, int]:
    """What detection sees of a scorer: the correlation of the true with the told share of negatives per brand and six
    hours, the mean error, and how many such spans there are."""
    spans: dict[tuple[str, int], list[tuple[bool, bool]]] = defaultdict(list)
    for line, label in zip(lines, labels, strict=True):
        span = int(datetime.fromisoformat(line["created_at"]).timestamp() // (_HOURS * 3600))
        spans[line["target"], span].append((line["label"] == "negative", label is Label.NEGATIVE))
    shares = np.array([np.mean(pairs, axis=0) for pairs in spans.values() if len(pairs) >= _FEWEST])
    correlation = float(np.corrcoef(shares.T)[0, 1])
    return correlation, float((shares[:, 1] - shares[:, 0]).mean()), len(shares)


def _macro_f1(tables: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Macro-F1 of each table of truths and labels, over the classes that occur."""
    hits = np.stack([tables[:, place, place] for place in range(3)], axis=1)
    occur = tables.sum(axis=2)
    sums = occur + tables[:, :, :3].sum(axis=1)
    scores = 2 * hits / np.maximum(sums, 1)
    present = occur > 0
    means: np.ndarray[Any, Any] = (scores * present).sum(axis=1) / np.maximum(present.sum(axis=1), 1)
    return means


def _interval(table: np.ndarray[Any, Any]) -> tuple[float, float]:
    draw = np.random.default_rng(0)
    total = int(table.sum())
    draws = draw.multinomial(total, table.ravel() / total, size=_DRAWS).reshape(_DRAWS, *table.shape)
    low, high = np.quantile(_macro_f1(draws), [0.025, 0.975])
    return float(low), float(high)
