"""A short form of `python -m benchmarks.fuzz`: the corpus, and some hundred mutations of it, the same in every run."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from benchmarks.fuzz import CORPUS, TARGETS, Result, inputs, seeds, tried

TRIES = 60


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_is_read_is_understood_or_refused(name: str) -> None:
    result = Result(name)
    for data in islice(inputs(name, random.Random(name)), TRIES):
        tried(name, data, result)
    assert result.findings == []
    assert result.inputs == TRIES


def test_every_target_has_a_corpus_and_every_corpus_a_target() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert all(len(seeds(name)) > 2 for name in TARGETS)
