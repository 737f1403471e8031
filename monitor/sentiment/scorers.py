"""Which scorer the operator asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from config.settings import BrandSettings
from monitor.sentiment.contract import Scorer
from monitor.sentiment.rules import ruled
from monitor.sentiment.toward import TowardBrand

KNOWN = ("default", "lexicon", "learned")


class ScorerError(ValueError):
    """The settings ask for a scorer that cannot be had; the message says what to do."""


def scorer_of(brands: Sequence[BrandSettings] = (), *, name: str = "default", model: Path | None = None) -> Scorer:
    """The scorer called `name` over these brands, under their rules of sentiment.

    `lexicon` is what comes with the program, `learned` needs a model; `default` is learned where there is a model.
    Raises ScorerError and ModelError.
    """
    if name not in KNOWN:
        raise ScorerError(f"there is no scorer {name!r}; [understanding] scorer is one of {', '.join(KNOWN)}")
    if name == "learned" and model is None:
        raise ScorerError(
            'scorer = "learned" needs a model; train one with `tocsin train` and set [understanding] model'
        )
    if model is None or name == "lexicon":
        return ruled(TowardBrand(brands), brands)
    from monitor.sentiment.learned import Learned, Model  # noqa: PLC0415  (loads numpy: not paid without a model)

    return ruled(Learned(Model.load(model), brands), brands)
