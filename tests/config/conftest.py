"""Two plug-ins of another distribution, so that these tests stand on no source or channel of ours."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel, ConfigDict, Field

from config.load import load
from config.problems import ConfigurationError, Problem
from config.references import SecretReference

GOOD = """\
[general]
name = "press office"
timezone = "Europe/Berlin"
public_url = "https://tocsin.example.com"

[database]
url = "sqlite:///tocsin.db"

[[brands]]
name = "Harbour & Pine"
aliases = ["H&P"]
exclude = ["Harbour & Pine Street"]
sensitivity = "keen"
minimum_relevance = 0.6
ambiguous = false

[brands.thresholds]
crowd_fewest_voices = 4

[[brands.sentiment_rules]]
words = ["bunk"]
sentiment = "neutral"

[[brands]]
name = "Oak & Anchor"

[[sources]]
type = "letterbox.source"
name = "letters"
every = "10m"
pages = 3
token = { env = "LETTERBOX_TOKEN" }

[detection]
sensitivity = "standard"
lateness = "15m"

[detection.thresholds]
reach_audience = 50000

[[channels]]
type = "letterbox.channel"
name = "carillon"
room = "hall"

[[channels]]
type = "letterbox.channel"
name = "tower"
room = "tower"

[[routes]]
channels = ["carillon"]
fallback = ["tower"]

[quiet_hours]
start = "22:00"
end = "07:00"
days = ["monday"]

[alerting]
repeat_critical = "15m"

[[kinds]]
name = "tip_over"
words = { en = ["tipped over"] }
"""


class LetterOptions(BaseModel):
    """Letters that arrive by post."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: SecretReference | None = Field(default=None, description="Key of the box.")
    pages: int = Field(default=1, ge=1, description="How many pages are read.")
    tray: Path | None = Field(default=None, description="Where letters are kept.")
    order: str = Field(default="newest", pattern="^(newest|oldest)$", description="Which come first.")


class BellOptions(BaseModel):
    """A bell in a room."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    room: str = Field(min_length=1, description="Where it hangs.")

    @property
    def targets(self) -> tuple[str, ...]:
        """The room."""
        return (self.room,)


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules `letterbox.source` and `letterbox.channel`."""
    for name, options in (("letterbox.source", LetterOptions), ("letterbox.channel", BellOptions)):
        module = ModuleType(name)
        module.__dict__.update(Options=options, build=lambda *_: None)
        monkeypatch.setitem(sys.modules, name, module)


Refusal = Callable[[str], list[Problem]]


@pytest.fixture
def problems(tmp_path: Path) -> Refusal:
    """Loads a text that must be refused, and gives its problems."""

    def refuse(text: str) -> list[Problem]:
        file = tmp_path / "tocsin.toml"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigurationError) as caught:
            load(file, kinds={"outage"})
        return caught.value.problems

    return refuse
