"""`tocsin detect` from the file to the alert."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.counts import CountsError
from monitor.detect import csv_lines, detect

BEGIN = datetime(2026, 3, 1, 0, 0, 53, tzinfo=UTC)
DAY = 288


def stamp(tick: int) -> str:
    """The timestamp of a row as the files here write it."""
    return f"{BEGIN + timedelta(minutes=5 * tick):%Y-%m-%d %H:%M:%S}"


def history(days: int, seed: int = 1) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Usual days with a daily rhythm."""
    ticks = np.arange(days * DAY)
    return np.random.default_rng(seed).poisson(6 + 4 * np.sin(2 * np.pi * ticks / DAY))


def write(path: Path, *columns: np.ndarray[tuple[int], np.dtype[np.int64]], header: str = "timestamp,value") -> Path:
    """A count file of these columns."""
    lines = [f"{stamp(tick)},{','.join(map(str, row))}" for tick, row in enumerate(zip(*columns, strict=True))]
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_a_burst_is_told_by_the_row_that_made_it_known(tmp_path: Path) -> None:
    series = history(16)
    series[15 * DAY : 15 * DAY + 6] += 90
    report = detect(write(tmp_path / "a.csv", series))
    (alert,) = report.alerts
    assert alert.timestamp == stamp(15 * DAY + 1)
    assert alert.column == "value"
    assert alert.surprise >= 1
    assert alert.low <= alert.expected < alert.high < alert.observed
    assert alert.why == (
        f"{alert.observed:,.0f} in {alert.window} min, where {alert.expected:,.0f} are expected "
        f"and up to {alert.high:,.0f} are usual"
    )
    assert (report.first, report.last, report.holes) == (stamp(0), stamp(16 * DAY - 1), 0)


def test_csv_gives_a_header_and_a_line_for_every_alert(tmp_path: Path) -> None:
    series = history(19)
    series[15 * DAY : 15 * DAY + 6] += 90
    series[17 * DAY : 17 * DAY + 6] += 90
    report = detect(write(tmp_path / "a.csv", series))
    header, *lines = csv_lines(report.alerts)
    assert header == "timestamp,surprise"
    assert [line.split(",")[0] for line in lines] == [alert.timestamp for alert in report.alerts]
    assert [float(line.split(",")[1]) for line in lines] == [alert.surprise for alert in report.alerts]
    assert len(lines) == 2


def test_negative_mentions_are_a_series_of_their_own(tmp_path: Path) -> None:
    posts, negative = history(16) + 20, history(16, seed=2) // 4
    negative[15 * DAY : 15 * DAY + 6] += 12
    report = detect(write(tmp_path / "a.csv", posts + negative, negative, header="timestamp,count,negative"))
    assert {alert.column for alert in report.alerts} == {"negative"}


def test_both_columns_at_once_are_one_line_of_csv(tmp_path: Path) -> None:
    series = history(16)
    series[15 * DAY : 15 * DAY + 6] += 90
    report = detect(write(tmp_path / "a.csv", series, series, header="timestamp,count,negative"))
    assert [alert.column for alert in report.alerts] == ["count", "negative"]
    assert len(list(csv_lines(report.alerts))) == 2


def test_a_hole_in_the_file_is_no_burst_when_it_ends_and_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", history(20))
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[: 16 * DAY] + lines[17 * DAY :]), encoding="utf-8")
    report = detect(path)
    assert report.alerts == ()
    assert report.holes == DAY


def test_sparse_files_have_zeros_where_they_have_no_rows(tmp_path: Path) -> None:
    lines = [f"{stamp(tick)},1" for tick in range(13)]
    lines += [f"{stamp(tick)},1" for tick in range(1000, 15 * DAY, 97)] + [f"{stamp(15 * DAY)},9"]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["timestamp,count", *lines]), encoding="utf-8")
    assert detect(path).alerts == ()
    (alert,) = detect(path, holes_are_zero=True).alerts
    assert alert.timestamp == stamp(15 * DAY)


def test_keen_tells_more_than_standard_and_relaxed_less(tmp_path: Path) -> None:
    series = history(40)
    for day in range(15, 39, 2):
        series[day * DAY : day * DAY + 6] += 10 + 2 * day
    path = write(tmp_path / "a.csv", series)
    relaxed, standard, keen = (len(detect(path, sensitivity=name).alerts) for name in ("relaxed", "standard", "keen"))
    assert relaxed <= standard <= keen
    assert relaxed < keen


def test_rows_too_far_apart_are_refused_by_the_name_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "daily.csv"
    path.write_text("timestamp,count\n2026-03-01,5\n2026-03-02,6\n", encoding="utf-8")
    with pytest.raises(CountsError, match=r"daily\.csv: its rows are 24 hours apart"):
        detect(path)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1000), share=st.floats(0.05, 1.0))
def test_the_alerts_of_a_beginning_are_the_beginning_of_the_alerts(tmp_path: Path, seed: int, share: float) -> None:
    series = history(6, seed)
    for begin in np.random.default_rng(seed).integers(DAY, 6 * DAY, 4):
        series[begin : begin + 20] += 40
    whole = detect(write(tmp_path / "whole.csv", series)).alerts
    part = detect(write(tmp_path / "part.csv", series[: max(1, int(share * len(series)))])).alerts
    assert part == whole[: len(part)]
    assert all(alert.timestamp > stamp(int(share * len(series)) - 1) for alert in whole[len(part) :])
