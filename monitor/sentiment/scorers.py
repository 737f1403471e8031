"""Which scorer the operator asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from config.settings import BrandSettings, UnderstandingSettings
from monitor.sentiment.contract import Scorer
from monitor.sentiment.fallback import Missing, StandIn
from monitor.sentiment.model_error import ModelError
from monitor.sentiment.rules import ruled
from monitor.sentiment.stars import Starred
from monitor.sentiment.toward import TowardBrand

KNOWN = ("default", "lexicon", "learned", "transformer")


class ScorerError(ValueError):
    """The settings ask for a scorer that cannot be had; the message says what to do."""


def scorer_of(
    brands: Sequence[BrandSettings] = (),
    *,
    name: str = "default",
    model: Path | None = None,
    asked: UnderstandingSettings | None = None,
) -> Scorer:
    """The scorer called `name` over these brands, under their rules of sentiment.

    `lexicon` is what comes with the program, `learned` needs a model that was trained here, `transformer` the folder of
    one; `default` is what the model is. `asked` has the further settings of a transformer. Raises ScorerError and
    ModelError.
    """
    return _heeding(_scorer(brands, name, model, asked or UnderstandingSettings()), brands)


def steady_scorer_of(
    brands: Sequence[BrandSettings], asked: UnderstandingSettings
) -> tuple[Scorer, StandIn | Missing | None]:
    """The scorer that was asked for, or the lexicon where it cannot be had or fails; and what knows of the latter."""
    try:
        inner = _scorer(brands, asked.scorer, asked.model, asked)
    except (ScorerError, ModelError) as error:
        missing = Missing(TowardBrand(brands), str(error))
        return _heeding(missing, brands), missing
    if isinstance(inner, TowardBrand):
        return _heeding(inner, brands), None
    steady = StandIn(inner, TowardBrand(brands))
    return _heeding(steady, brands), steady


def _heeding(scorer: Scorer, brands: Sequence[BrandSettings]) -> Scorer:
    """The scorer under what is surer than words: the stars of reviews, and the brands' own rules."""
    return Starred(ruled(scorer, brands))


def _scorer(brands: Sequence[BrandSettings], name: str, model: Path | None, asked: UnderstandingSettings) -> Scorer:
    if name not in KNOWN:
        raise ScorerError(f"there is no scorer {name!r}; [understanding] scorer is one of {', '.join(KNOWN)}")
    if name == "learned" and model is None:
        raise ScorerError(
            'scorer = "learned" needs a model; train one with `tocsin train` and set [understanding] model'
        )
    if name == "transformer" and model is None:
        raise ScorerError('scorer = "transformer" needs a model: the folder with model.onnx and its tokenizer')
    if model is None or name == "lexicon":
        return TowardBrand(brands)
    if name == "transformer" or (name == "default" and model.is_dir()):
        from monitor.sentiment.transformer import Transformer  # noqa: PLC0415  (an extra)

        return Transformer(
            model,
            TowardBrand(brands),
            languages=asked.transformer_languages,
            aspect=asked.transformer_aspect,
            seconds=asked.transformer_deadline.total_seconds(),
        )
    from monitor.sentiment.learned import Learned, Model  # noqa: PLC0415  (loads numpy: not paid without a model)

    return Learned(Model.load(model), brands)
