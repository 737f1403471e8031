"""`make bench` runs what is there."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks import something
from benchmarks.__main__ import SHORT, main


@pytest.mark.parametrize("command", SHORT, ids=lambda command: command[0])
def test_every_short_benchmark_is_a_module(command: tuple[str, ...]) -> None:
    assert find_spec(command[0]) is not None


def test_a_benchmark_that_fails_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert main([["benchmarks.nowhere"]]) == 1
    assert "failed: python -m benchmarks.nowhere" in capfd.readouterr().err


def test_a_folder_without_anything_to_measure_is_told(tmp_path: Path) -> None:
    assert list(something([1], tmp_path)) == [1]
    with pytest.raises(SystemExit, match=f"lies in {tmp_path}"):
        list(something([], tmp_path))
