"""Features of texts for the learned scorer, numpy alone: what the lexicons heard, and hashed words and letters.

Words, pairs and triples of words, words after a negation, and runs of three to five letters within words each fall into
a bucket of a table. The hashes are the same on every machine and in every process.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.sentiment.reader import evidence_of
from monitor.sentiment.toward import NEGATIVE, POSITIVE
from monitor.sentiment.vocabulary import Numbers

WORD_BITS = 17
LETTER_BITS = 16
_LENGTHS = (3, 4, 5)
_LONGEST = 4_000
"""Letters of a text that are read: no post is longer in what it says, and none can hold the program up."""

_LINK = re.compile(r"(?:https?:?//|www\.)\S+|\bhttps?\b")
_ACCOUNT = re.compile(r"@\w+")
_TOKEN = re.compile(r"\w+(?:'\w+)?|[^\w\s]+")
_ELONGATED = re.compile(r"(.)\1{2,}")
_STOPS = frozenset(".,!?;:")
_NEGATIONS = frozenset(
    (
        *("not", "no", "never", "nothing", "nobody", "none", "nor", "neither", "without", "hardly", "barely", "cannot"),
        *(
            "cant",
            "dont",
            "doesnt",
            "didnt",
            "wont",
            "isnt",
            "wasnt",
            "nunca",
            "jamás",
            "sin",
            "ni",
            "nadie",
            "não",
            "nao",
        ),
        *("jamais", "nem", "sem", "pas", "sans", "aucun", "aucune", "non", "mai", "senza", "nessuno", "nicht", "nie"),
        *("kein", "keine", "keinen", "ohne"),
    )
)
_REACH = 4
"""How many words a negation reaches, at most to the end of its clause."""

_MULTIPLIER = np.uint32(16_777_619)
_SPREAD = np.uint32(2_654_435_769)
_WORD, _PAIR, _TRIPLE, _SKIPPED, _NEGATED, _EDGE = (
    np.uint32(seed) for seed in (17, 3_001, 70_001, 900_001, 5_000_011, 77)
)

Places = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Hashed:
    """Features of a batch: pairs of a text's place and a bucket; `texts` is how many texts there are."""

    texts: int
    rows: Places
    buckets: Places

    def shares(self) -> Numbers:
        """The value of each feature: one over the root of how many its text has."""
        counts = np.bincount(self.rows, minlength=self.texts)
        shares: Numbers = (1.0 / np.sqrt(np.maximum(counts, 1)))[self.rows]
        return shares


DENSE = 2
"""How many numbers describe a text beside its hashed features."""


def dense_features(texts: Sequence[str], languages: Sequence[str]) -> Numbers:
    """For each masked text the logits of the lexicons, zeros where they heard nothing.

    The evidence itself is left out: weights for it that were learned from one collection are worse on others than those
    that were set by hand for all.
    """
    dense = np.zeros((len(texts), DENSE))
    for _, rows, evidence in evidence_of(texts, languages):
        for column, weights in enumerate((NEGATIVE, POSITIVE)):
            dense[rows, column] = (weights.logits(evidence) + weights.base) / 2
    return dense


def normal(text: str) -> str:
    """The text in lower case, with one form for links and one for accounts, and no letter more than three times."""
    text = text[:_LONGEST].lower().replace("’", "'")
    return " ".join(_ELONGATED.sub(r"\1\1\1", _ACCOUNT.sub("\ue002", _LINK.sub("\ue001", text))).split())


def word_features(texts: Sequence[str]) -> Hashed:
    """The word features of normal texts."""
    hashes: list[int] = []
    counts: list[int] = []
    negated: list[bool] = []
    for text in texts:
        tokens = _TOKEN.findall(text)
        hashes.extend([zlib.crc32(token.encode("utf-8", "surrogatepass")) for token in tokens])
        negated.extend(_after_negation(tokens))
        counts.append(len(tokens))
    rows = np.repeat(np.arange(len(texts)), counts)
    words = np.array(hashes, dtype=np.uint32)
    after = np.array(negated, dtype=bool)
    pairs, triples = rows[1:] == rows[:-1], rows[2:] == rows[:-2]
    return _bucketed(
        len(texts),
        WORD_BITS,
        (rows, _mixed(_WORD, words)),
        (rows[after], _mixed(_NEGATED, words[after])),
        (rows[1:][pairs], _mixed(_PAIR, words[:-1], words[1:])[pairs]),
        (rows[2:][triples], _mixed(_TRIPLE, words[:-2], words[1:-1], words[2:])[triples]),
        (rows[2:][triples], _mixed(_SKIPPED, words[:-2], words[2:])[triples]),
    )


def letter_features(texts: Sequence[str]) -> Hashed:
    """The letter features of normal texts: runs of letters within a word, the spaces around it included."""
    points = np.frombuffer("".join(f" {text} " for text in texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    rows = np.repeat(np.arange(len(texts)), [len(text) + 2 for text in texts])
    spaces = np.concatenate(([0], np.cumsum(points == ord(" "))))
    runs = []
    for length in _LENGTHS:
        count = max(len(points) - length + 1, 0)
        starts = np.arange(count)
        inside = (spaces[starts + length - 1] == spaces[starts + 1]) & (
            rows[:count] == rows[length - 1 : length - 1 + count]
        )
        hashed = _mixed(np.uint32(length), *(points[shift : shift + count] for shift in range(length)))
        runs.append((rows[:count][inside], hashed[inside]))
    return _bucketed(len(texts), LETTER_BITS, *runs)


def _after_negation(tokens: Sequence[str]) -> list[bool]:
    left = 0
    after = []
    for token in tokens:
        if token[0] in _STOPS:
            left = 0
        after.append(left > 0)
        left = max(left - 1, 0)
        if token in _NEGATIONS or token.endswith("n't"):
            left = _REACH
    return after


def _mixed(seed: np.uint32, *parts: Hashes) -> Hashes:
    """One hash for each place of the parts, whose order counts."""
    mixed = np.full(parts[0].shape, seed, dtype=np.uint32)
    for part in parts:
        mixed = (mixed ^ part) * _MULTIPLIER
        mixed ^= mixed >> np.uint32(15)
    return mixed


def _bucketed(texts: int, bits: int, *features: tuple[Places, Hashes]) -> Hashed:
    """Features in their buckets, each once for a text."""
    rows = np.concatenate([rows for rows, _ in features])
    hashes = np.concatenate([hashes for _, hashes in features])
    buckets = ((hashes * _SPREAD) >> np.uint32(32 - bits)).astype(np.int64)
    keys = np.unique((rows << bits) | buckets)
    return Hashed(texts, keys >> bits, keys & ((1 << bits) - 1))
