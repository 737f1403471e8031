"""Count files: what is read, what is refused, and how time is cut."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from monitor.counts import UNKNOWN, Binned, CountsError, into_bins, read_counts

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def write(path: Path, *lines: str) -> Path:
    """A file of lines."""
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def rows(*minutes_and_counts: tuple[float, int]) -> list[str]:
    """Rows at minutes after noon."""
    return [f"{NOON + timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S},{count}" for minutes, count in minutes_and_counts]


def binned(tmp_path: Path, *minutes_and_counts: tuple[float, int], sparse: bool = False) -> Binned:
    """A file with these rows, cut into bins."""
    path = write(tmp_path / "counts.csv", "timestamp,count", *rows(*minutes_and_counts))
    return into_bins(read_counts(path), holes_are_zero=sparse)


def problems(path: Path) -> tuple[str, ...]:
    """What is wrong with a file."""
    with pytest.raises(CountsError) as caught:
        read_counts(path)
    assert all(line.startswith(f"{path}: ") for line in str(caught.value).splitlines())
    return caught.value.problems


def test_timestamps_stay_as_they_stand_and_the_second_column_may_have_any_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "when,mentions", "2026-03-01T12:00:00Z,3", "2026-03-01 12:05,4.0")
    counts = read_counts(path)
    assert counts.stamps == ("2026-03-01T12:00:00Z", "2026-03-01 12:05")
    assert counts.at.tolist() == [NOON.timestamp(), NOON.timestamp() + 300]
    assert counts.columns["mentions"].tolist() == [3, 4]


@pytest.mark.parametrize(
    "stamp",
    ["2026-03-01 12:00:00", "2026-03-01T13:00:00+01:00", str(int(NOON.timestamp())), f"{NOON.timestamp() * 1000:.0f}"],
)
def test_a_time_may_be_written_in_several_ways(tmp_path: Path, stamp: str) -> None:
    assert read_counts(write(tmp_path / "a.csv", f"{stamp},3")).at.tolist() == [NOON.timestamp()]


def test_a_header_is_not_needed_and_a_mark_of_byte_order_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbf2026-03-01 12:00,3,1\r\n2026-03-01 12:05,4,2\r\n\r\n")
    counts = read_counts(path)
    assert {name: values.tolist() for name, values in counts.columns.items()} == {"count": [3, 4], "negative": [1, 2]}


def test_gzip_is_read_whatever_the_name(tmp_path: Path) -> None:
    path = tmp_path / "counts"
    path.write_bytes(gzip.compress(b"timestamp,count\n2026-03-01 12:00,3\n"))
    assert read_counts(path).columns["count"].tolist() == [3]


@pytest.mark.parametrize("cell", ["", "NaN", "null", " NA "])
def test_an_empty_count_says_that_nobody_counted(tmp_path: Path, cell: str) -> None:
    path = write(tmp_path / "a.csv", "timestamp,count", "2026-03-01 12:00,3", f"2026-03-01 12:05,{cell}")
    counts = read_counts(path)
    assert counts.columns["count"].tolist() == [3, UNKNOWN]
    assert into_bins(counts).covered.tolist() == [[True, False]]


def test_every_bad_row_is_told_with_its_line_and_what_to_do(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        "timestamp,count",
        "2026-03-01 12:00,3",
        "2026-02-30 12:00,3",
        "2026-03-01 12:05,many",
        "2026-03-01 12:10,-1",
        "2026-03-01 12:15,2.5",
        "2026-03-01 11:00,1",
        "2026-03-01 12:20",
    )
    assert problems(path) == (
        "line 3: '2026-02-30 12:00' is no time; write it like 2026-03-01 14:05:00 (UTC)",
        "line 4: 'many' is no count; it takes a whole number from 0 on",
        "line 5: '-1' is no count; it takes a whole number from 0 on",
        "line 6: '2.5' is no count; it takes a whole number from 0 on",
        "line 7: 2026-03-01 11:00 is before the line above it; sort the file by time",
        "line 8: 1 columns where 2 are expected",
    )


def test_a_bad_first_row_is_not_taken_for_a_header(tmp_path: Path) -> None:
    assert problems(write(tmp_path / "a.csv", "2026-02-30,3", "2026-03-01 12:00,3"))[0].startswith(
        "line 1: '2026-02-30'"
    )


def test_a_hundred_bad_rows_are_counted_and_the_first_ones_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "timestamp,count", *["2026-03-01 12:00,x"] * 100)
    with pytest.raises(CountsError) as caught:
        read_counts(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[-1].endswith("and 80 more like these")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "there is no row in it"),
        (b"timestamp,count\n", "there is no row in it"),
        (b"timestamp\n", "line 1: the columns of a count file are"),
        (b"timestamp,count,likes\n", "it has also likes"),
        (b"timestamp,count,negative,likes\n", "it has also likes"),
        (b"\xff\xfe\x00", "is no text in UTF-8"),
        (gzip.compress(b"timestamp,count\n", mtime=0)[:-9], "is damaged gzip"),
        (b'timestamp,count\n2026-03-01 12:00,"' + b"9" * 200_000, "line 2: "),
    ],
)
def test_what_is_no_count_file_is_refused_with_the_reason(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert complaint in problems(path)[0]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.csv") == ("cannot be read: No such file or directory",)


def test_rows_of_five_minutes_are_bins_wherever_they_begin(tmp_path: Path) -> None:
    cut = binned(tmp_path, (2.9, 1), (7.9, 2), (12.9, 3))
    assert cut.counts.tolist() == [[1, 2, 3]]
    assert cut.covered.all()
    assert cut.row.tolist() == [0, 1, 2]


def test_rows_that_come_a_little_early_or_late_keep_their_bin(tmp_path: Path) -> None:
    assert binned(tmp_path, (0, 1), (4.8, 2), (10.3, 3), (14.9, 4)).counts.tolist() == [[1, 2, 3, 4]]


def test_minutes_are_added_up_and_known_by_the_last_of_them(tmp_path: Path) -> None:
    cut = binned(tmp_path, *((minute, 1) for minute in range(12)))
    assert cut.counts.tolist() == [[5, 5, 2]]
    assert cut.row.tolist() == [4, 9, 11]


def test_an_hour_is_shared_out_over_its_bins_in_whole_posts(tmp_path: Path) -> None:
    cut = binned(tmp_path, (0, 120), (60, 7))
    assert cut.counts[0, :12].tolist() == [10] * 12
    assert cut.counts[0, 12:].sum() == 7
    assert cut.counts[0, 12:].max() == 1
    assert cut.row.tolist() == [0] * 12 + [1] * 12


def test_rows_of_a_day_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="24 hours apart; bursts are found in counts at most an hour apart"):
        binned(tmp_path, (0, 1), (1440, 2))


def test_a_hole_is_a_gap_unless_rows_without_mentions_were_left_out(tmp_path: Path) -> None:
    series = ((0, 1), (5, 2), (10, 1), (30, 3))
    assert binned(tmp_path, *series).covered.tolist() == [[True] * 3 + [False] * 3 + [True]]
    assert binned(tmp_path, *series, sparse=True).covered.all()
    assert binned(tmp_path, *series).row.tolist() == [0, 1, 2, -1, -1, -1, 3]


def test_a_hole_of_centuries_costs_no_more_than_four_weeks(tmp_path: Path) -> None:
    lines = [*rows((0, 1), (5, 2)), "2999-01-01 00:00:00,3"]
    cut = into_bins(read_counts(write(tmp_path / "a.csv", "timestamp,count", *lines)))
    assert cut.counts.shape == (1, 2 + 28 * 288)
    assert cut.counts[0, -1] == 3
    assert cut.row[-1] == 2


def test_nothing_is_lost_however_the_rows_lie(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    for step in (0.5, 1, 3, 5, 7, 10, 30, 60):
        series = [(step * number, int(rng.integers(0, 50))) for number in range(200)]
        assert binned(tmp_path, *series).counts.sum() == sum(count for _, count in series)
