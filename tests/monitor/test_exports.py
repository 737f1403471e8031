"""Tables for analysts as files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.exports import ExportError, export, form_of

FRAME = pd.DataFrame(
    {
        "at": pd.to_datetime(["2026-03-07T18:05:00Z", "2026-03-07T18:06:00.25Z"], format="ISO8601").astype(
            "datetime64[us, UTC]"
        ),
        "text": pd.array(["late again", "=HYPERLINK(1)"], dtype="string"),
        "likes": pd.array([3, pd.NA], dtype="Int64"),
        "label": pd.Categorical(["negative", "neutral"]),
        "delay": pd.to_timedelta([90, None], unit="s").astype("timedelta64[us]"),
    }
)


@pytest.mark.parametrize("name", ["x.parquet", "x.csv", "x.csv.gz", "x.jsonl", "x.jsonl.gz"])
def test_parts_make_one_table_in_every_form(tmp_path: Path, name: str) -> None:
    place = str(tmp_path / name)
    assert export([FRAME, FRAME.iloc[:1]], place, form_of(place)) == 3
    read = {"parquet": pd.read_parquet, "csv": pd.read_csv, "jsonl": lambda at: pd.read_json(at, lines=True)}
    found = read[form_of(place)](place)
    assert list(found.columns) == ["at", "text", "likes", "label", "delay_seconds"]
    assert list(pd.to_datetime(found["at"], format="ISO8601")) == [FRAME["at"][0], FRAME["at"][1], FRAME["at"][0]]
    assert list(found["label"]) == ["negative", "neutral", "negative"]
    assert found["delay_seconds"][0] == 90
    assert found["likes"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize("name", ["x.parquet", "x.csv", "x.jsonl"])
def test_a_table_without_rows_is_a_file_that_can_be_read(tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    assert export([FRAME.iloc[:0]], str(place), form_of(name)) == 0
    assert place.exists()
    if name != "x.jsonl":
        found = pd.read_parquet(place) if name == "x.parquet" else pd.read_csv(place)
        assert list(found.columns)[:2] == ["at", "text"]


def test_times_in_text_are_utc_to_the_microsecond(tmp_path: Path) -> None:
    export([FRAME], str(tmp_path / "x.jsonl.gz"), "jsonl")
    first = json.loads(gzip.decompress((tmp_path / "x.jsonl.gz").read_bytes()).splitlines()[0])
    assert first["at"] == "2026-03-07T18:05:00.000000Z"
    export([FRAME], str(tmp_path / "x.csv"), "csv")
    assert "2026-03-07T18:06:00.250000Z" in (tmp_path / "x.csv").read_text()


@given(st.text(max_size=12))
def test_no_cell_of_a_csv_is_a_formula(text: str) -> None:
    from io import StringIO

    from monitor.exports import _write_csv

    out = StringIO()
    _write_csv([pd.DataFrame({"text": pd.array([text], dtype="string")})], out)
    cell = out.getvalue().removeprefix("text\n").removeprefix('"')
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")) or not text


def test_a_file_that_cannot_be_written_is_said_and_the_old_one_stays(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="could not be written: No such file or directory"):
        export([FRAME], str(tmp_path / "nowhere" / "x.csv"), "csv")

    def broken() -> object:
        yield FRAME
        raise RuntimeError

    place = tmp_path / "x.csv"
    place.write_text("old")
    with pytest.raises(RuntimeError):
        export(broken(), str(place), "csv")  # type: ignore[arg-type]
    assert place.read_text() == "old"
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize(("place", "form"), [("x.xlsx", ""), ("x", ""), ("-", "parquet"), ("x.parquet.gz", "")])
def test_a_form_that_is_not_known_is_refused_with_what_to_do(place: str, form: str) -> None:
    with pytest.raises(ExportError, match=r"end it with \.parquet|ends with \.parquet"):
        form_of(place, form)
