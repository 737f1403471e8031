"""A corpus of broken configurations (broken.toml): each is refused with line, key and advice, and for nothing else."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.config.conftest import GOOD, Refusal


class Case(NamedTuple):
    """One mistake: the passage it replaces, the key it must be reported at, and words of the report."""

    sentence: str
    old: str
    new: str
    key: str
    message: str
    advice: str = ""


CASES = [Case(**case) for case in tomllib.loads(Path(__file__).with_name("broken.toml").read_text("utf-8"))["cases"]]
UNROUTED = {"routes that leave critical alerts out", "a route for one kind only", "a route for one source only"} | {
    "a route for one language only",
    "a route that leaves the night out",
}
"""Mistakes that every brand suffers from."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.sentence)
def test_refused_with_line_key_and_advice(case: Case, problems: Refusal) -> None:
    assert case.old in GOOD
    text = GOOD.replace(case.old, case.new, 1)
    found = problems(text)
    problem = next((problem for problem in found if problem.key == case.key and case.message in problem.message), None)
    assert problem is not None, f"{case.sentence}: {[str(problem) for problem in found]}"
    assert case.advice in problem.suggestion, str(problem)
    marked = [number for number, line in enumerate(text.splitlines(), 1) if "#!" in line]
    assert not marked or problem.line in marked
    assert not case.sentence.startswith("a secret in") or "hunter2" not in str(found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.sentence)
def test_one_mistake_is_one_problem(case: Case, problems: Refusal) -> None:
    found = problems(GOOD.replace(case.old, case.new, 1))
    brands = [problem for problem in found if problem.key.startswith("brands[")]
    assert len(found) == (len(brands) if case.sentence in UNROUTED else 1), [str(problem) for problem in found]
