"""Formats of files of posts, and what is wrong inside them."""

from __future__ import annotations

import csv
import gzip
import json
import tracemalloc
from pathlib import Path

import pytest
import zstandard

from collectors.contract import CollectorError
from collectors.files import Report, read
from collectors.tables import _Zstd
from storage.records import Post
from tests.collectors.test_files import one, row, write

ROWS = [row(number, likes=number) for number in range(5)]


def as_csv(path: Path, delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, ROWS[0], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(ROWS)
    return path


def as_parquet(path: Path) -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.Table.from_pylist(ROWS), path)
    return path


def packed(path: Path) -> Path:
    lines = "".join(json.dumps(each) + "\n" for each in ROWS).encode()
    is_zstd = path.suffix == ".zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(lines) if is_zstd else gzip.compress(lines))
    return path


def test_every_format_means_the_same(tmp_path: Path) -> None:
    expected = list(read([write(tmp_path / "a.jsonl", *ROWS)]))
    assert len(expected) == 5
    for path in (
        as_csv(tmp_path / "a.csv"),
        as_csv(tmp_path / "b.csv", ";"),
        as_csv(tmp_path / "a.tsv", "\t"),
        as_parquet(tmp_path / "a.parquet"),
        packed(tmp_path / "a.jsonl.gz"),
        packed(tmp_path / "a.jsonl.zst"),
    ):
        assert list(read([path])) == expected, path.name


def test_archives_with_the_longest_window_are_read(tmp_path: Path) -> None:
    lines = "".join(json.dumps(each) + "\n" for each in ROWS).encode()
    longest = zstandard.ZstdCompressionParameters(window_log=31, enable_ldm=True)
    path = tmp_path / "dump.jsonl.zst"
    with path.open("wb") as file, zstandard.ZstdCompressor(compression_params=longest).stream_writer(file) as writer:
        writer.write(lines)
    assert len(list(read([path]))) == 5


def test_packed_files_joined_together_are_read_to_the_end(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.jsonl.zst")
    path.write_bytes(path.read_bytes() + zstandard.ZstdCompressor().compress(json.dumps(row(9)).encode()))
    assert len(list(read([path]))) == 6


def test_several_brands_in_one_cell(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('id,date,text,brands\n1,2026-03-01,"one, two","Norrvik | Fjord; AB"\n', encoding="utf-8")
    assert one(path).brands == ("Norrvik", "Fjord", "AB")


def test_a_line_of_csv_that_does_not_fit_its_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,date,text\n1,2026-03-01,fine\n2,2026-03-01,one,two\n3,2026-03-01\n", encoding="utf-8")
    report = Report()
    assert len(list(read([path], report=report))) == 1
    assert [(bad.line, bad.reason) for bad in report.bad] == [
        (2, "4 cells where the header has 3"),
        (3, "2 cells where the header has 3"),
    ]


def test_bytes_that_are_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,date,text\n1,2026-03-01,caf\xe9\n2,2026-03-01,tea\n")
    (tmp_path / "b.jsonl").write_bytes(b'{"id":1,"date":"2026-03-01","text":"caf\xe9"}\n')
    report = Report()
    assert len(list(read([tmp_path / "a.csv", tmp_path / "b.jsonl"], report=report))) == 1
    assert report.quarantined == 2


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst", "a.parquet"])
def test_a_damaged_file_is_read_as_far_as_it_goes_and_reported(tmp_path: Path, name: str) -> None:
    path = as_parquet(tmp_path / name) if name.endswith("parquet") else packed(tmp_path / name)
    path.write_bytes(path.read_bytes()[:-20])
    report = Report()
    list(read([path], report=report))
    assert report.reasons.total() == 1
    assert "damaged or cut short" in report.bad[0].reason


def test_a_name_that_says_no_format(tmp_path: Path) -> None:
    with pytest.raises(CollectorError, match=r"known are \.jsonl"):
        list(read([write(tmp_path / "posts.doc")]))


def test_a_line_without_end_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.tables.LONGEST_LINE", 200)
    report = Report()
    path = write(tmp_path / "a.jsonl", row(1), row(2, text="x" * 1000), row(3))
    assert [post.external_id for post in read([path], report=report) if isinstance(post, Post)] == ["p1", "p3"]
    assert "longer than 200 bytes" in report.bad[0].reason


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        path = write(tmp_path / f"{count}.jsonl", *(row(number) for number in range(count)))
        tracemalloc.start()
        for _ in read([path]):
            pass
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(9000) < 1.2 * peak(3000)


def test_a_csv_line_without_an_end_is_left_out_and_the_rest_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.tables.LONGEST_LINE", 200)
    path = tmp_path / "a.csv.gz"
    lines = "id,date,text\n1,2026-03-01,fine\n2,2026-03-01," + "x" * 5000 + "\n3,2026-03-01,fine\n"
    path.write_bytes(gzip.compress(lines.encode()))
    report = Report()
    assert [post.external_id for post in read([path], report=report) if isinstance(post, Post)] == ["1", "3"]
    assert [bad.reason for bad in report.bad] == ["not CSV: the line is longer than 200 characters"]


def test_a_quotation_mark_that_is_never_closed_takes_no_other_row_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.tables.MOST_LINES", 20)
    rows = [f'{number},2026-03-01,"in\ntwo lines"' for number in range(30)]
    rows[3] = '3,2026-03-01,"never closed'
    for number in range(4, 26):
        rows[number] = f"{number},2026-03-01,plain"
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["id,date,text", *rows, '30,2026-03-01,"nor this\nat the end']))
    report = Report()
    found = [post.external_id for post in read([path], report=report) if isinstance(post, Post)]
    assert found == [str(number) for number in range(30) if number != 3]
    assert [bad.reason for bad in report.bad] == [
        "not CSV: a quotation mark is not closed within 20 lines",
        "not CSV: a quotation mark is not closed in the last 2 lines of the file",
    ]


def test_a_mark_of_byte_order_belongs_to_no_row(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row(1)) + "\n", encoding="utf-8-sig")
    assert one(path).external_id == "p1"


def test_a_zstd_bomb_is_unpacked_a_piece_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zst"
    with path.open("wb") as file, zstandard.ZstdCompressor().stream_writer(file) as writer:
        for _ in range(256):
            writer.write(bytes(1 << 20))
    with _Zstd(path.open("rb")) as unpacked:
        buffer, total, held = bytearray(1 << 20), 0, 0
        while count := unpacked.readinto(buffer):
            total += count
            held = max(held, len(unpacked._ready))
    assert total == 256 << 20
    assert held <= 80 << 20
