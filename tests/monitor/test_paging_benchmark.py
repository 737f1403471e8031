"""The benchmark of paging measures the defaults, not a configuration tuned to its histories."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from benchmarks import folder_in
from benchmarks.paging.__main__ import HEAD, SENSITIVITIES, STANDARD, WITHOUT, Variant, row, verdicts
from config.load import load
from config.settings import Settings

CONFIGS = sorted((Path(__file__).resolve().parents[2] / "benchmarks" / "paging").glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_configuration_names_brands_and_languages_and_nothing_else(path: Path) -> None:
    assert load(path, complete=False).brands
    assert set(tomllib.loads(path.read_text(encoding="utf-8"))) <= {"brands", "understanding", "sources"}


@pytest.mark.parametrize("variant", [*SENSITIVITIES, *WITHOUT], ids=lambda variant: variant.name)
def test_every_variant_is_a_valid_configuration(variant: Variant) -> None:
    settings = Settings.model_validate(tomllib.loads(variant.table()))
    assert settings.detection.sensitivity == variant.sensitivity


def test_a_result_is_a_row_with_a_verdict_for_what_went_wrong() -> None:
    total = {
        "corpus": "plaza", "incidents": 2, "caught": 1, "delay_min": 42.0, "pages": 3, "notices": 1,
        "traps": 1, "traps_paged": 1, "stray": 1, "stray_week": 0.01,
    }  # fmt: skip
    entries = [
        {"id": "a", "brand": "Bolt", "expect": "page", "caught": False},
        {"id": "b", "brand": "Bolt", "expect": "ignore", "trap_pages": 1},
        {"id": "c", "brand": "Bolt", "expect": "page", "caught": True},
    ]
    result = {"variant": STANDARD.name, "total": total, "entries": entries}
    assert row(result) == "| plaza | 1/2 | 42 | 3 | 1 | 1/1 | 1 | 0.01 |"
    assert row(result).count("|") == HEAD.count("|")
    assert list(verdicts(result)) == ["missed: a (Bolt, expects page)", "paged on a trap: b (Bolt)"]


def test_the_folder_of_histories_or_the_one_above_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "incidents").mkdir()
    assert folder_in(tmp_path, "incidents") == tmp_path / "incidents"
    assert folder_in(tmp_path / "incidents", "incidents") == tmp_path / "incidents"
