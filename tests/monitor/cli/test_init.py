"""`tocsin init`: a first configuration, right from the start."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from config.load import load
from config.plugins import available
from tests.monitor.cli.conftest import Run

SMTP = (
    "--set", "smtp.host=mail.example.com",
    "--set", "smtp.sender=tocsin@example.com",
    "--set", "smtp.recipients=ada@example.com, bo@example.com",
)  # fmt: skip


def test_without_questions_the_defaults_make_a_file_that_loads(tocsin: Run, folder: Path) -> None:
    result = tocsin("init", "--yes", "--brand", "Acme")
    assert result.exit_code == 0, result.output
    settings = load(folder / "tocsin.toml")
    assert [brand.name for brand in settings.brands] == ["Acme"]
    assert [source.type for source in settings.sources] == ["hackernews"]
    assert settings.routes[0].channels == [channel.name for channel in settings.channels] == ["smtp"]


@pytest.mark.parametrize("kind", available("collectors"))
def test_every_source_can_be_chosen(tocsin: Run, folder: Path, kind: str) -> None:
    result = tocsin("init", "--yes", "--brand", "Acme", "--source", kind)
    assert result.exit_code == 0, result.output
    assert [source.type for source in load(folder / "tocsin.toml").sources] == [kind]


@pytest.mark.parametrize("kind", available("alerts.channels"))
def test_every_channel_can_be_chosen(tocsin: Run, folder: Path, kind: str) -> None:
    result = tocsin("init", "--yes", "--brand", "Acme", "--channel", kind)
    assert result.exit_code == 0, result.output
    assert [channel.type for channel in load(folder / "tocsin.toml").channels] == [kind]


def test_every_key_has_its_sentence(tocsin: Run, folder: Path) -> None:
    tocsin("init", "--yes", "--brand", "Acme", "--alias", "ACME Inc", "--timezone", "Europe/Berlin")
    lines = (folder / "tocsin.toml").read_text().splitlines()
    keys = [number for number, line in enumerate(lines) if " = " in line and not line.startswith("#")]
    assert len(keys) >= 6
    assert all(lines[number - 1].startswith("#") or lines[number].startswith("type") for number in keys)


def test_what_must_be_changed_and_set_is_said(tocsin: Run, folder: Path) -> None:
    result = tocsin("init", "--yes", "--brand", "Acme", "--channel", "slack")
    lines = (folder / "tocsin.toml").read_text().splitlines()
    marked = [number for number, line in enumerate(lines, 1) if line.endswith("# <- change this")]
    assert marked
    assert all(f"Change line {number}:" in result.output for number in marked)
    assert "Set in the environment: TOCSIN_SLACK_TOKEN" in result.output
    assert 'Then: "tocsin check --live"' in result.output


def test_a_file_is_never_overwritten(tocsin: Run, folder: Path) -> None:
    file = folder / "tocsin.toml"
    file.write_text("precious")
    for arguments in (["--yes", "--brand", "Acme"], ["--all"], []):
        result = tocsin("init", *arguments)
        assert result.exit_code == 2
        assert "exists already and is left as it is" in result.output
    assert file.read_text() == "precious"


def test_another_file_can_be_named(tocsin: Run, folder: Path) -> None:
    result = tocsin("init", "--yes", "--brand", "Acme", "-o", "other.toml")
    assert "tocsin check --live --config other.toml" in result.output
    assert (folder / "other.toml").exists()


def test_questions_make_the_same_file(tocsin: Run, folder: Path) -> None:
    answers = [
        "Apple",
        "Apple Inc, Apple Computer",
        "y",
        "iphone, mac",
        "Europe/Berlin",
        "hackernews",
        "slack",
        "C0123ABCD",
    ]
    result = tocsin("init", input="\n".join(answers) + "\n")
    assert result.exit_code == 0, result.output
    settings = load(folder / "tocsin.toml")
    (brand,) = settings.brands
    assert (brand.name, brand.aliases) == ("Apple", ["Apple Inc", "Apple Computer"])
    assert (brand.ambiguous, brand.context) == (True, ["iphone", "mac"])
    assert settings.general.timezone == "Europe/Berlin"
    assert settings.channels[0].options["channels"] == ["C0123ABCD"]
    assert "change this" not in (folder / "tocsin.toml").read_text()


def test_an_answer_that_cannot_be_is_asked_for_again(tocsin: Run, folder: Path) -> None:
    answers = [
        "Acme",
        "",
        "n",
        "Europe/Berlim",
        "Europe/Berlin",
        "hackernwes",
        "hackernews",
        "slack",
        "#press",
        "C0123ABCD",
    ]
    result = tocsin("init", input="\n".join(answers) + "\n")
    assert result.exit_code == 0, result.output
    assert 'did you mean "Europe/Berlin"?' in result.output
    assert 'there is no "hackernwes"' in result.output
    assert "is not a channel id" in result.output
    assert load(folder / "tocsin.toml").channels[0].options["channels"] == ["C0123ABCD"]


def test_options_of_plug_ins_are_set_from_the_command_line(tocsin: Run, folder: Path) -> None:
    given = ("--source", "hackernews", "--set", "hackernews.watch_at_most=7", "--set", "hackernews.fallback=false")
    result = tocsin("init", "--yes", "--brand", "Acme", *given)
    assert result.exit_code == 0, result.output
    options = load(folder / "tocsin.toml").sources[0].options
    assert options == {"watch_at_most": 7, "fallback": False}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--yes"], "say which company to watch: --brand NAME"),
        (["--yes", "--brand", "A", "--source", "hackernwes"], 'there is no "hackernwes"; known: '),
        (["--yes", "--brand", "A", "--set", "x"], "write TYPE.KEY=VALUE"),
        (["--yes", "--brand", "A", "--set", "hackernews.fallbak=no"], 'did you mean "fallback"?'),
        (["--yes", "--brand", "A", "--set", "pigeon.colour=grey"], "no such source or channel was chosen"),
        (["--yes", "--brand", "A", "--timezone", "Europe/Berlim"], 'did you mean "Europe/Berlin"?'),
    ],
)
def test_answers_that_make_no_sense_write_nothing(
    tocsin: Run, folder: Path, arguments: list[str], message: str
) -> None:
    result = tocsin("init", *arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert not list(folder.iterdir())


def test_all_settings_can_be_written(tocsin: Run, folder: Path) -> None:
    assert tocsin("init", "--all").exit_code == 0
    found = tomllib.loads((folder / "tocsin.toml").read_text())
    assert {"general", "database", "brands", "sources", "channels", "routes", "alerting"} <= set(found)
