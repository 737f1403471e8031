"""`tocsin detect` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.monitor.cli.conftest import Run


@pytest.fixture
def counts(folder: Path) -> Path:
    """Two quiet days, then a flood."""
    file = folder / "counts.csv"
    rows = [f"2026-03-{1 + tick // 288:02}T{tick // 12 % 24:02}:{tick % 12 * 5:02}:07Z,4" for tick in range(600)]
    flood = [row.removesuffix("4") + "80" for row in rows[-6:]]
    file.write_text("\n".join(["timestamp,posts", *rows[:-6], *flood]), encoding="utf-8")
    return file


def test_csv_has_timestamps_as_in_the_file(tocsin: Run, counts: Path) -> None:
    result = tocsin("detect", str(counts), "--csv")
    header, line = result.stdout.splitlines()
    assert (result.exit_code, header, line.split(",")[0]) == (0, "timestamp,surprise", "2026-03-03T01:40:07Z")


def test_json_is_an_object_a_line(tocsin: Run, counts: Path) -> None:
    (alert,) = map(json.loads, tocsin("detect", str(counts), "--json").stdout.splitlines())
    assert alert["timestamp"] == "2026-03-03T01:40:07Z"
    assert alert["column"] == "posts"
    assert alert["why"].startswith(f"{alert['observed']:.0f} in {alert['window']} min")


def test_people_get_a_table_with_what_was_expected(tocsin: Run, counts: Path) -> None:
    shown = tocsin("detect", str(counts)).stdout
    assert "2026-03-03T01:40:07Z" in shown
    assert "1 bursts from 2026-03-01T00:00:07Z to 2026-03-03T01:55:07Z" in shown
    assert "gaps" not in shown


def test_a_bad_file_ends_with_its_lines_and_code_two(tocsin: Run, folder: Path) -> None:
    file = folder / "bad.csv"
    file.write_text("timestamp,count\nyesterday,5\n2026-03-01 00:00,x\n", encoding="utf-8")
    result = tocsin("detect", str(file), "--csv")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"tocsin: {file}: line 2: 'yesterday' is no time; write it like 2026-03-01 14:05:00 (UTC)",
        f"tocsin: {file}: line 3: 'x' is no count; it takes a whole number from 0 on",
    ]
