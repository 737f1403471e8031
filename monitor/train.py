"""Learning a sentiment model from labelled lines: what `tocsin train` does.

Two logistic regressions (negative against the rest, positive against the rest) over the features of
monitor/sentiment/features.py. Each is the mean of one over plain features, which fits its own trade best, and one over
features weighed by their log-count ratios (Wang & Manning 2012, "Baselines and Bigrams"), which travels best.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from config.settings import BrandSettings
from monitor.score import Lines, read_lines
from monitor.sentiment.features import (
    DENSE,
    LETTER_BITS,
    WORD_BITS,
    Hashed,
    dense_features,
    letter_features,
    normal,
    word_features,
)
from monitor.sentiment.learned import Model
from monitor.sentiment.masking import masked
from monitor.sentiment.vocabulary import Numbers
from storage.records import Label

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LABELS = {
    **{label.value: label for label in (Label.NEGATIVE, Label.NEUTRAL, Label.POSITIVE)},
    "complaint": Label.NEGATIVE,
    "not_complaint": Label.NEUTRAL,
}
"""What the labels of lines mean."""

CORRECTIONS = "corrections"
"""What the card calls lines that came from corrections."""
_FEWEST = 40
"""Lines below which there is nothing to learn."""
_KNOWN_FROM = 0.02
"""Share of the lines, and 100 of them, from which a language counts as learned."""
_HELD_OUT = 5
"""One line in so many is held out to calibrate probabilities, and to say how good the model is."""
_CUTS = (0.2, 0.0)
"""Logits from which a text is called negative and positive; fitted ones travel worse."""
_NEVER = -30.0
"""The logit of a label that no line has."""
_BATCH = 512

Truths = npt.NDArray[np.bool_]


class TrainingError(ValueError):
    """The lines cannot be learned from; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled text with its brand masked."""

    text: str
    language: str
    label: Label


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was learned: the model, and on the lines held out its macro-F1 and area under the curve of the negative."""

    model: Model
    lines: int
    held_out: int
    macro_f1: float
    auc_negative: float


class _Mixture(NamedTuple):
    """How the parts weigh against one another in one regression: the scale of words, letters and dense numbers, and the
    inverse of the regularisation for 20,000 lines."""

    words: float
    letters: float
    dense: float
    strength: float
    by_ratio: bool


_MIXTURES = (
    _Mixture(words=3.0, letters=3.0, dense=1.0, strength=0.1, by_ratio=False),
    _Mixture(words=1.0, letters=1.0, dense=0.5, strength=1.0, by_ratio=True),
)


def learn(
    files: Sequence[Path],
    *,
    brand_field: str | None = "target",
    labels: Mapping[str, str] | None = None,
    languages: Sequence[str] = (),
    corrections: Sequence[Mapping[str, Any]] = (),
    brands: Sequence[BrandSettings] = (),
) -> Lesson:
    """A model of the labelled lines of JSONL files (`id, text, label`; `lang` and `brand_field` are used).

    `labels` says what labels of other names mean (`{"irony": "negative"}`). `corrections` are lines of what people said
    of stored posts, toward the `target` among `brands` (monitor/corrections.py). Raises TrainingError, LineError.
    """
    maker = Lines(brand_field, brands, languages)
    meanings = {**LABELS, **{name: Label(meaning) for name, meaning in (labels or {}).items()}}
    examples = [example for file in files for example in _examples(file, read_lines(file), maker, meanings)]
    examples += _examples(CORRECTIONS, corrections, Lines("target", brands, languages), meanings)
    _check(examples)
    return _lesson(examples, [*(file.name for file in files), *([CORRECTIONS] if corrections else [])])


def _examples(
    name: Path | str, lines: Iterable[Mapping[str, Any]], maker: Lines, meanings: Mapping[str, Label]
) -> Iterator[Example]:
    for number, line in enumerate(lines, 1):
        label = meanings.get(str(line.get("label")))
        if label is None:
            raise TrainingError(
                f"{name}, line {number}: the label {line.get('label')!r} is none of {', '.join(meanings)}; "
                "say what it means with --label NAME=negative, neutral or positive"
            )
        (post, mention, language), _ = maker.item(line)
        yield Example(masked(post, mention), language, label)


def _check(examples: Sequence[Example]) -> None:
    counts = Counter(example.label for example in examples)
    if len(examples) < _FEWEST or not counts[Label.NEGATIVE] or len(counts) < 2:
        told = ", ".join(f"{count} {label.value}" for label, count in counts.items()) or "none"
        raise TrainingError(
            f"too little to learn from ({told}); there must be {_FEWEST} lines at least, some negative and some not"
        )


def _lesson(examples: Sequence[Example], sources: Sequence[str]) -> Lesson:
    """Learn from four fifths, see how it does on the rest, then learn from all."""
    features = _features(examples)
    truths = {label: np.array([example.label is label for example in examples]) for label in Label}
    held = np.arange(len(examples)) % _HELD_OUT == 0
    trial = _fitted(features.of(~held), {label: truth[~held] for label, truth in truths.items()})
    logits = features.of(held).logits(trial)
    told = {label: truth[held] for label, truth in truths.items()}
    calibration = np.array(
        [_calibrated(logits[:, 0], told[Label.NEGATIVE]), _calibrated(logits[:, 1], told[Label.POSITIVE])]
    )
    weights = _fitted(features, truths)
    return Lesson(
        model=_model(weights, calibration.T, _card(examples, sources)),
        lines=len(examples),
        held_out=int(held.sum()),
        macro_f1=_macro_f1(logits, told),
        auc_negative=auc(told[Label.NEGATIVE], logits[:, 0]),
    )


@dataclass(frozen=True, slots=True)
class _Features:
    """Features of texts as matrices with a row for each."""

    words: csr_matrix
    letters: csr_matrix
    dense: Numbers

    def of(self, chosen: Truths) -> _Features:
        """The features of some of the texts."""
        return _Features(self.words[chosen], self.letters[chosen], self.dense[chosen])

    def logits(self, weights: _Weights) -> Numbers:
        """Negative and positive logits."""
        logits: Numbers = (
            self.words @ weights.words
            + self.letters @ weights.letters
            + self.dense @ weights.dense
            + weights.intercepts
        )
        return logits


@dataclass(frozen=True, slots=True)
class _Weights:
    """One column for the negative and one for the positive logit."""

    words: Numbers
    letters: Numbers
    dense: Numbers
    intercepts: Numbers


def _features(examples: Sequence[Example]) -> _Features:
    from scipy.sparse import vstack  # noqa: PLC0415  (comes with scikit-learn: only paid when training)

    texts = [normal(example.text) for example in examples]
    batches = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
    return _Features(
        vstack([_matrix(word_features(batch), WORD_BITS) for batch in batches]).tocsr(),
        vstack([_matrix(letter_features(batch), LETTER_BITS) for batch in batches]).tocsr(),
        dense_features([example.text for example in examples], [example.language for example in examples]),
    )


def _matrix(features: Hashed, bits: int) -> csr_matrix:
    from scipy.sparse import csr_matrix  # noqa: PLC0415

    return csr_matrix((features.shares(), (features.rows, features.buckets)), shape=(features.texts, 1 << bits))


def _fitted(features: _Features, truths: Mapping[Label, Truths]) -> _Weights:
    """The weights of both logits, each the mean of the mixtures."""
    columns = [_column(features, truths[Label.NEGATIVE], "balanced"), _column(features, truths[Label.POSITIVE], None)]
    words, letters, dense, intercepts = (np.stack(parts, axis=-1) for parts in zip(*columns, strict=True))
    return _Weights(words, letters, dense, intercepts)


def _column(features: _Features, truth: Truths, class_weight: str | None) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Words, letters, dense numbers and intercept of one logit."""
    if not truth.any():
        return np.zeros(1 << WORD_BITS), np.zeros(1 << LETTER_BITS), np.zeros(DENSE), np.array(_NEVER)
    fits = [_fit(features, truth, mixture, class_weight) for mixture in _MIXTURES]
    words, letters, dense, intercepts = (np.mean(parts, axis=0) for parts in zip(*fits, strict=True))
    return words, letters, dense, intercepts


def _fit(
    features: _Features, truth: Truths, mixture: _Mixture, class_weight: str | None
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """One regression, its weights brought back to the scale of the features."""
    from scipy.sparse import csr_matrix, diags, hstack  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    ones = np.ones(features.words.shape[1]), np.ones(features.letters.shape[1])
    ratios = (_ratios(features.words, truth), _ratios(features.letters, truth)) if mixture.by_ratio else ones
    scales = np.concatenate((ratios[0] * mixture.words, ratios[1] * mixture.letters, np.full(DENSE, mixture.dense)))
    matrix = (hstack([features.words, features.letters, csr_matrix(features.dense)]) @ diags(scales)).tocsr()
    occurring = np.unique(matrix.indices)
    strength = mixture.strength * max(1.0, math.sqrt(20_000 / len(truth)))
    regression = LogisticRegression(C=strength, max_iter=300, tol=1e-3, class_weight=class_weight)
    regression.fit(matrix[:, occurring], truth)
    weights = np.zeros(matrix.shape[1])
    weights[occurring] = regression.coef_[0] * scales[occurring]
    words, letters, dense = np.split(weights, [1 << WORD_BITS, (1 << WORD_BITS) + (1 << LETTER_BITS)])
    return words, letters, dense, np.array(regression.intercept_[0])


def _ratios(matrix: csr_matrix, truth: Truths) -> Numbers:
    """How much more often each feature stands in texts of the label than in others, as an absolute logarithm."""
    inside = np.asarray((matrix[truth] > 0).sum(axis=0)).ravel() + 1.0
    outside = np.asarray((matrix[~truth] > 0).sum(axis=0)).ravel() + 1.0
    ratios: Numbers = np.abs(np.log(inside / inside.sum()) - np.log(outside / outside.sum()))
    return ratios


def _calibrated(logits: Numbers, truth: Truths) -> tuple[float, float]:
    """Slope and intercept that turn logits into probabilities (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    if truth.all() or not truth.any():
        return 1.0, 0.0
    regression = LogisticRegression(C=1.0).fit(logits[:, None], truth)
    return float(regression.coef_[0, 0]), float(regression.intercept_[0])


def _model(weights: _Weights, calibration: Numbers, card: Mapping[str, Any]) -> Model:
    return Model(
        words=weights.words.astype(np.float32),
        letters=weights.letters.astype(np.float32),
        dense=weights.dense,
        intercepts=weights.intercepts,
        calibration=calibration,
        cuts=_CUTS,
        card=card,
    )


def _card(examples: Sequence[Example], sources: Sequence[str]) -> dict[str, Any]:
    languages = Counter(example.language for example in examples)
    return {
        "sources": list(sources),
        "lines": len(examples),
        "labels": {
            label.value: count for label, count in sorted(Counter(example.label for example in examples).items())
        },
        "languages": sorted(
            language for language, count in languages.items() if count >= min(100, _KNOWN_FROM * len(examples))
        ),
    }


def _macro_f1(logits: Numbers, truths: Mapping[Label, Truths]) -> float:
    """The mean over the labels that occur of the harmonic mean of precision and recall."""
    above = logits - np.array(_CUTS)
    negative = (above[:, 0] >= 0) & (above[:, 0] >= above[:, 1])
    positive = ~negative & (above[:, 1] >= 0)
    told = {Label.NEGATIVE: negative, Label.POSITIVE: positive, Label.NEUTRAL: ~negative & ~positive}
    scores = [
        2 * (truths[label] & told[label]).sum() / (truths[label].sum() + told[label].sum())
        for label in told
        if truths[label].any()
    ]
    return float(np.mean(scores))


def auc(truth: Truths, logits: Numbers) -> float:
    """The chance that a text of the label has a higher logit than another, ties half."""
    from scipy.stats import rankdata  # noqa: PLC0415

    inside = int(truth.sum())
    outside = len(truth) - inside
    if not inside or not outside:
        return math.nan
    return float((rankdata(logits)[truth].sum() - inside * (inside + 1) / 2) / (inside * outside))
