"""The learned scorer: a linear model over hashed words and letters and over what the lexicons heard.

A model is a file of some 300 kB made by `tocsin train` (monitor/train.py); numpy alone is needed to use it. Its weights
are stored in eight bits by their square roots, which keeps the many small ones apart.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from config.settings import BrandSettings
from monitor.language import UNDETERMINED
from monitor.sentiment.contract import Item
from monitor.sentiment.features import (
    DENSE,
    WORD_BITS,
    Hashed,
    dense_features,
    letter_features,
    normal,
    word_features,
)
from monitor.sentiment.judgement import Judgement, compounds_of, judged
from monitor.sentiment.masking import masked
from monitor.sentiment.model_error import ModelError
from monitor.sentiment.reader import ENGLISH
from monitor.sentiment.toward import TowardBrand
from monitor.sentiment.vocabulary import Numbers
from storage.records import Label, Score

FORMAT = 1
_STEPS = 127


@dataclass(frozen=True, slots=True)
class Model:
    """Weights with a column for the negative and one for the positive logit.

    `calibration` holds slope and intercept of each logit's probability, `cuts` the logits from which a text is called
    negative and positive; `card` says what the model was made of.
    """

    words: npt.NDArray[np.float32]
    letters: npt.NDArray[np.float32]
    dense: Numbers
    intercepts: Numbers
    calibration: Numbers
    cuts: tuple[float, float]
    card: Mapping[str, Any]
    version: str = ""

    def logits(self, texts: Sequence[str], languages: Sequence[str]) -> Numbers:
        """Negative and positive logit of each masked text."""
        plain = [normal(text) for text in texts]
        logits = dense_features(texts, languages) @ self.dense + self.intercepts
        logits += _weighed(word_features(plain), self.words)
        logits += _weighed(letter_features(plain), self.letters)
        return logits

    @property
    def languages(self) -> frozenset[str]:
        """The languages that it learned."""
        return frozenset(self.card["languages"])

    def save(self, path: Path) -> None:
        """Write the model to a file."""
        with path.open("wb") as file:
            np.savez_compressed(
                file,
                words=_packed(self.words),
                letters=_packed(self.letters),
                scales=np.array([_scale(self.words), _scale(self.letters)]),
                dense=self.dense,
                intercepts=self.intercepts,
                calibration=self.calibration,
                cuts=np.array(self.cuts),
                card=np.frombuffer(json.dumps({**self.card, "format": FORMAT}).encode(), dtype=np.uint8),
            )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a model. Raises ModelError where the file is none."""
        try:
            content = path.read_bytes()
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            card = json.loads(arrays["card"].tobytes())
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ModelError(
                f"{path}: not a model ({error}); make one with `tocsin train LABELLED --out {path}`"
            ) from error
        if (
            card.get("format") != FORMAT
            or arrays["words"].shape != (1 << WORD_BITS, 2)
            or len(arrays["dense"]) != DENSE
        ):
            raise ModelError(f"{path}: made by another version of tocsin; train it again with `tocsin train`")
        return cls(
            words=_unpacked(arrays["words"], arrays["scales"][0]),
            letters=_unpacked(arrays["letters"], arrays["scales"][1]),
            dense=arrays["dense"],
            intercepts=arrays["intercepts"],
            calibration=arrays["calibration"],
            cuts=(float(arrays["cuts"][0]), float(arrays["cuts"][1])),
            card=card,
            version=hashlib.blake2b(content, digest_size=6).hexdigest(),
        )


class Learned:
    """Judges with a model the languages that it learned, and with the lexicons the others."""

    name = "learned"

    def __init__(self, model: Model, brands: Sequence[BrandSettings] = ()) -> None:
        self._model = model
        self._others = TowardBrand(brands)
        self._rivals = {brand.name: tuple(brand.rivals) for brand in brands}
        self._empty = model.logits([""], [""])[0]

    @property
    def version(self) -> str:
        """The model's own."""
        return self._model.version

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score for each item, in order."""
        known = [item for item in items if self._knows(item[2])]
        learned = iter(self._scores(known))
        others = iter(self._others.score([item for item in items if not self._knows(item[2])]))
        return [next(learned) if self._knows(language) else next(others) for _, _, language in items]

    def _knows(self, language: str) -> bool:
        return (ENGLISH if language == UNDETERMINED else language) in self._model.languages

    def _scores(self, items: Sequence[Item]) -> list[Score]:
        if not items:
            return []
        texts = [masked(post, mention, self._rivals.get(mention.brand, ())) for post, mention, _ in items]
        logits = self._model.logits(texts, [language for _, _, language in items])
        above = logits - self._empty
        cuts = self._model.cuts
        judgements = judged(logits[:, 0] - cuts[0], logits[:, 1] - cuts[1], compounds_of(above[:, 0], above[:, 1]))
        return list(map(self._score, logits.tolist(), judgements))

    def _score(self, logits: Sequence[float], judgement: Judgement) -> Score:
        calibration = self._model.calibration
        chances = 1.0 / (1.0 + np.exp(-(calibration[0] * logits + calibration[1])))
        chance = {Label.NEGATIVE: chances[0], Label.POSITIVE: chances[1]}.get(
            judgement.label, (1.0 - chances[0]) * (1.0 - chances[1])
        )
        return Score(judgement.compound, judgement.label, self.name, self.version, round(1.0 - float(chance), 3))


def _weighed(features: Hashed, table: npt.NDArray[np.float32]) -> Numbers:
    """For each text the sums of its features' weights, by column."""
    shares = features.shares()
    columns = [
        np.bincount(features.rows, table[features.buckets, column] * shares, features.texts) for column in (0, 1)
    ]
    return np.stack(columns, axis=1)


def _scale(table: npt.NDArray[np.float32]) -> float:
    return float(np.abs(table).max()) or 1.0


def _packed(table: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
    """Weights as steps of the square root of their share of the largest."""
    packed: npt.NDArray[np.int8] = np.rint(np.sign(table) * np.sqrt(np.abs(table) / _scale(table)) * _STEPS).astype(
        np.int8
    )
    return packed


def _unpacked(packed: npt.NDArray[np.int8], scale: float) -> npt.NDArray[np.float32]:
    steps = packed.astype(np.float32) / _STEPS
    unpacked: npt.NDArray[np.float32] = (np.sign(steps) * steps * steps * scale).astype(np.float32)
    return unpacked
