"""Single values are changed in a configuration, and nothing else is."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from config.load import load
from config.rewriting import RewritingError, save_detection, with_values
from config.settings import DetectionSettings
from config.thresholds import ThresholdSettings

BRAND = '[[brands]]\nname = "Acme" # ours\n'
KEEN = DetectionSettings(sensitivity="keen", thresholds=ThresholdSettings(burst_fewest=7))


@pytest.mark.parametrize(
    "text",
    [
        BRAND,
        f'{BRAND}\n[detection]\nsensitivity = "relaxed"  # night\n\n[detection.thresholds]\nburst_fewest = 3\n[web]\n',
        f"[detection] # how\nlateness = '15m'\n{BRAND}",
        f"[detection.thresholds]\n\n[web]\nport = 1\n{BRAND}",
    ],
)
def test_the_values_are_those_wanted_and_the_rest_is_as_it_was(tmp_path: Path, text: str) -> None:
    file = tmp_path / "tocsin.toml"
    file.write_text(text)
    file.chmod(0o600)
    save_detection(file, KEEN)
    assert load(file, complete=False).detection == KEEN
    assert "# ours" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["tocsin.toml"]


@pytest.mark.parametrize("line", ['detection.sensitivity = "keen"', 'detection = { lateness = "5m" }'])
def test_a_file_that_says_it_in_another_way_is_left_alone(tmp_path: Path, line: str) -> None:
    text = f"{line}\n{BRAND}"
    file = tmp_path / "tocsin.toml"
    file.write_text(text)
    with pytest.raises(RewritingError, match="by hand"):
        save_detection(file, KEEN)
    assert file.read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["tocsin.toml"]


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RewritingError, match="cannot be written"):
        save_detection(tmp_path / "none.toml", KEEN)


def test_values_go_into_their_own_table() -> None:
    text = with_values("[a]\nx = 1\n[b]\nx = 2\n", "a", {"x": 3, "y": "z"})
    assert tomllib.loads(text) == {"a": {"x": 3, "y": "z"}, "b": {"x": 2}}
