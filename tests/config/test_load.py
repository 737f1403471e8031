"""Sound configurations are not refused, and say what the operator meant."""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import time, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.example import example
from config.load import load
from config.positions import Positions
from config.problems import ConfigurationError, KeyPath, key_name
from config.references import SecretReference
from config.settings import Settings
from config.shapes import tables_at
from tests.config.conftest import GOOD, Refusal

SMALLEST = """\
[[brands]]
name = "Acme"
[[sources]]
type = "letterbox.source"
[[channels]]
type = "letterbox.channel"
room = "hall"
[[routes]]
channels = ["letterbox.channel"]
"""
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a configuration, and says where."""

    def written(text: str) -> Path:
        file = tmp_path / "tocsin.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return written


CASES = tomllib.loads(Path(__file__).with_name("good.toml").read_text("utf-8"))["cases"]
SOUND = {
    case["sentence"]: case["text"] if "text" in case else GOOD.replace(case["old"], case["new"], 1) for case in CASES
}
SOUND |= {
    "everything": GOOD,
    "the smallest that watches": SMALLEST,
    "remarks and blank lines": "# a remark\n\n" + GOOD.replace("\n", "   # remark\n", 3),
    "windows line ends": GOOD.replace("\n", "\r\n"),
}


def test_there_are_fifty_sound_configurations() -> None:
    assert len(SOUND) >= 50
    assert len(set(SOUND.values())) == len(SOUND), "a passage that is replaced stands in the sound file"


@pytest.mark.parametrize("text", SOUND.values(), ids=SOUND.keys())
def test_a_sound_configuration_is_not_refused(write: Write, text: str) -> None:
    assert load(write(text), kinds={"outage"}).brands


def test_the_settings_are_what_the_file_says(write: Write) -> None:
    settings = load(write(GOOD))
    assert settings.general.timezone == "Europe/Berlin"
    assert [brand.name for brand in settings.brands] == ["Harbour & Pine", "Oak & Anchor"]
    assert settings.brands[0].sentiment_rules[0].sentiment == "neutral"
    assert settings.sources[0].name == "letters"
    assert settings.sources[0].every == timedelta(minutes=10)
    assert settings.sources[0].options == {"pages": 3, "token": {"env": "LETTERBOX_TOKEN"}}
    assert settings.channels[1].options == {"room": "tower"}
    assert settings.quiet_hours is not None
    assert settings.quiet_hours.start == time(22)
    assert settings.thresholds_for("Oak & Anchor").reach_audience == 50000


def test_a_plug_in_is_called_by_its_type_unless_named(write: Write) -> None:
    assert [source.name for source in load(write(SMALLEST)).sources] == ["letterbox.source"]


def test_settings_do_not_change_after_loading(write: Write) -> None:
    settings = load(write(SMALLEST))
    with pytest.raises(ValidationError, match="frozen"):
        settings.detection.sensitivity = "keen"  # type: ignore[misc]


def test_relative_paths_lie_beside_the_file_wherever_the_program_starts(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = GOOD + '[understanding]\nmodel = "models/ours.bin"\n'
    text = text.replace("pages = 3", 'tray = "letters"').replace('{ env = "LETTERBOX_TOKEN" }', '{ file = "token" }')
    write(text)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    settings = load("../tocsin.toml")
    assert settings.understanding.model is not None
    folder = settings.understanding.model.parent.parent
    assert folder.resolve() == tmp_path.resolve()
    assert settings.database.resolved_url() == f"sqlite:///{folder}/tocsin.db"
    assert settings.sources[0].options["tray"] == str(folder / "letters")
    assert settings.sources[0].options["token"] == {"file": str(folder / "token")}


@pytest.mark.parametrize(
    "url", ["sqlite:////var/lib/tocsin.db", "sqlite:///:memory:", "sqlite://", "postgresql+psycopg://me@host/tocsin"]
)
def test_an_address_that_is_not_relative_stays_as_it_is(write: Write, url: str) -> None:
    assert load(write(GOOD.replace("sqlite:///tocsin.db", url))).database.resolved_url() == url


def test_absolute_paths_stay_as_they_are(write: Write) -> None:
    settings = load(write(GOOD + '[understanding]\nmodel = "/opt/model.bin"\n'))
    assert settings.understanding.model == Path("/opt/model.bin")


def test_what_is_anchored_can_be_validated_by_the_plug_in_again(write: Write, tmp_path: Path) -> None:
    from config.plugins import options_of

    settings = load(write(GOOD.replace('{ env = "LETTERBOX_TOKEN" }', '{ file = "token" }')))
    options = options_of("collectors", "letterbox.source").model_validate(settings.sources[0].options)
    assert options.token == SecretReference(file=tmp_path / "token")  # type: ignore[attr-defined]


def test_secrets_are_looked_for_only_when_asked(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LETTERBOX_TOKEN", raising=False)
    file = write(GOOD)
    load(file)
    with pytest.raises(ConfigurationError) as caught:
        load(file, secrets=True)
    (problem,) = caught.value.problems
    assert problem.key == "sources[0].token"
    assert problem.line == GOOD.splitlines().index('token = { env = "LETTERBOX_TOKEN" }') + 1
    assert "LETTERBOX_TOKEN is not set" in problem.message
    monkeypatch.setenv("LETTERBOX_TOKEN", "x")
    load(file, secrets=True)


def test_a_secret_that_could_be_guessed_is_a_mistake_for_what_runs(write: Write, tmp_path: Path) -> None:
    file = write(SMALLEST + '[web]\nsecret = { file = "web" }\n')
    (tmp_path / "web").write_text("x" * 31)
    load(file)
    with pytest.raises(ConfigurationError, match="has fewer than 32 characters; make one with: openssl"):
        load(file, secrets=True)
    (tmp_path / "web").write_text("x" * 32)
    load(file, secrets=True)


def test_a_model_that_is_not_there_is_a_mistake_for_what_runs(write: Write, tmp_path: Path) -> None:
    file = write(SMALLEST + '[understanding]\nmodel = "ours.model"\n')
    load(file)
    with pytest.raises(ConfigurationError, match=r"there is no file .*ours.model; make one with"):
        load(file, secrets=True)
    (tmp_path / "ours.model").write_bytes(b"x")
    load(file, secrets=True)


def test_secrets_of_what_is_switched_off_are_not_looked_for(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LETTERBOX_TOKEN", raising=False)
    off = GOOD.replace('name = "letters"', 'name = "letters"\nenabled = false')
    found = load(write(off + '[[sources]]\ntype = "letterbox.source"\nname = "other"\n'), secrets=True)
    assert [source.enabled for source in found.sources] == [False, True]


def test_a_secret_database_address_is_looked_for(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LETTERBOX_TOKEN", "x")
    monkeypatch.delenv("TOCSIN_DATABASE", raising=False)
    file = write(GOOD.replace('url = "sqlite:///tocsin.db"', 'url = { env = "TOCSIN_DATABASE" }'))
    with pytest.raises(ConfigurationError, match="TOCSIN_DATABASE is not set"):
        load(file, secrets=True)
    monkeypatch.setenv("TOCSIN_DATABASE", "postgresql+psycopg://me:pw@host/db")
    assert load(file, secrets=True).database.resolved_url() == "postgresql+psycopg://me:pw@host/db"


BRANDS_ONLY = '[[brands]]\nname = "Acme"\n'


def test_a_replay_needs_no_sources_channels_or_routes(write: Write) -> None:
    assert load(write(BRANDS_ONLY), complete=False).brands[0].name == "Acme"


@pytest.mark.parametrize(
    ("without", "message"),
    [
        ("", "no brand is watched"),
        ("", "there is no source: nothing would ever be read"),
        ("", "there is no channel: nobody would be told"),
        ("", "there is no route: nobody would be told"),
        (BRANDS_ONLY, "there is no route: nobody would be told"),
    ],
)
def test_an_empty_configuration_is_an_error_not_quiet(problems: Refusal, without: str, message: str) -> None:
    found = problems(without)
    assert message in [problem.message for problem in found]
    assert all(problem.suggestion for problem in found)


def test_every_mistake_is_said_at_once_in_the_order_of_the_file(problems: Refusal) -> None:
    text = GOOD
    for old, new in (
        ("Europe/Berlin", "Europe/Berlim"),
        ('sensitivity = "keen"', 'sensitivty = "keen"'),
        ("pages = 3", 'pages = "three"'),
        ('fallback = ["tower"]', 'fallback = ["towr"]'),
        ('start = "22:00"', "start = 22"),
    ):
        text = text.replace(old, new)
    found = problems(text)
    assert [problem.key for problem in found] == [
        "general.timezone",
        "brands[0].sensitivty",
        "sources[0].pages",
        "routes[0].fallback[0]",
        "quiet_hours.start",
    ]
    assert [problem.line for problem in found] == sorted(problem.line for problem in found)


def test_a_problem_reads_as_a_compiler_writes_it(problems: Refusal) -> None:
    (problem,) = problems(GOOD.replace('sensitivity = "keen"', 'sensitivty = "keen"'))
    assert str(problem) == f'{problem.file}:13: brands[0].sensitivty: unknown key; did you mean "sensitivity"?'
    assert problem.as_json()["line"] == 13


def keys(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The paths of every key of every table."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from keys(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from keys(inner, (*path, index))


def is_ours(path: KeyPath) -> bool:
    """Whether the key is one of ours, not an option of a plug-in nor a name of the operator's choice."""
    tables = tables_at(Settings, path[:-1])
    return any(path[-1] in table.model_fields for table in tables)


EXAMPLE = example()
KEYS = [path for path in keys(tomllib.loads(EXAMPLE)) if is_ours(path) and len(str(path[-1])) > 3]


def together(paths: Sequence[KeyPath]) -> list[list[KeyPath]]:
    """The keys in groups that one file may have wrong at once: one of each table, and no table beside its own keys."""
    tables = {path[:length] for path in paths for length in range(len(path))}
    groups: defaultdict[int, list[KeyPath]] = defaultdict(list)
    before: Counter[KeyPath] = Counter()
    for path in paths:
        if path not in tables:
            groups[before[path[:-1]]].append(path)
            before[path[:-1]] += 1
    return [*([path] for path in paths if path in tables), *groups.values()]


def test_the_groups_are_all_keys() -> None:
    assert sorted(map(key_name, chain(*together(KEYS)))) == sorted(map(key_name, KEYS))


@pytest.mark.parametrize("paths", together(KEYS), ids=lambda paths: key_name(paths[0]))
def test_every_key_misspelt_is_refused_on_its_line_with_the_right_key(problems: Refusal, paths: list[KeyPath]) -> None:
    positions, lines, wanted = Positions(EXAMPLE.encode()), EXAMPLE.splitlines(), set()
    for path in paths:
        line, key = positions.line(path), str(path[-1])
        wrong = key[:-2] + key[-1] + key[-2] if key[-1] != key[-2] else key[:-1]
        lines[line - 1] = lines[line - 1].replace(key, wrong, 1)
        wanted.add((line, key))
    told = [problem for problem in problems("\n".join(lines)) if problem.message == "unknown key"]
    missed = {
        (line, key)
        for line, key in wanted
        if not any(problem.line == line and f'"{key}"' in problem.suggestion for problem in told)
    }
    assert missed == set()
