"""Configurations to compare: the one in force, other sensitivities, single thresholds, other files, and a scale.

The scale is called strictness and runs from 0 (`keen`) over 0.5 (`standard`) to 1 (`relaxed`). Between two of them
every threshold lies on the straight line from one preset's value to the next one's, whole numbers rounded; so a step up
the scale never makes a single threshold easier to reach.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from config.names import SENSITIVITIES, Sensitivity
from config.settings import DetectionSettings, Settings
from config.suggestions import did_you_mean
from config.thresholds import ThresholdSettings, presets_of
from monitor.incidents import CorrelationSettings
from monitor.judge import JudgeSettings

AS_CONFIGURED = "as configured"
STRICTNESS: Mapping[Sensitivity, float] = {"keen": 0.0, "standard": 0.5, "relaxed": 1.0}
LEVELS = tuple(step / 8 for step in range(9))
"""Places of the scale that are tried, the most sensitive first."""
CONSEQUENTIAL = ("detection.sensitivity", "alerting.material_growth")
"""Settings beside the thresholds on which it depends what is told."""


class VariantError(ValueError):
    """What was asked to be tried is no configuration; the message says why and what is."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A configuration under a name; `strictness` is its place on the scale, where it has one."""

    name: str
    settings: Settings
    strictness: float | None = None


def configured(settings: Settings) -> Variant:
    """The configuration in force."""
    return Variant(AS_CONFIGURED, settings)


def at_sensitivity(settings: Settings, sensitivity: Sensitivity) -> Variant:
    """Another sensitivity; brands that have one of their own, and thresholds that are set, keep theirs."""
    return Variant(sensitivity, _with_detection(settings, {"sensitivity": sensitivity}), STRICTNESS[sensitivity])


def at_strictness(settings: Settings, strictness: float) -> Variant:
    """A place on the scale; thresholds that the operator sets, and brands' own settings, stay as they are."""
    preset = next((name for name, place in STRICTNESS.items() if place == strictness), None)
    if preset is not None:
        return at_sensitivity(settings, preset)
    between = thresholds_at(strictness).overridden_by(settings.detection.thresholds)
    chosen = _with_detection(settings, {"thresholds": between})
    return Variant(f"strictness {strictness:g}", chosen, strictness)


def thresholds_at(strictness: float) -> ThresholdSettings:
    """Every threshold at a place on the scale, 0 to 1."""
    if not 0.0 <= strictness <= 1.0:
        raise VariantError(f"strictness {strictness:g} is not on the scale; it runs from 0 (keen) to 1 (relaxed)")
    return ThresholdSettings.model_validate(
        {name: _between(name, strictness) for name in ThresholdSettings.model_fields}
    )


def _between(name: str, strictness: float) -> float:
    values = presets_of(name)
    lower, upper = ("keen", "standard") if strictness <= STRICTNESS["standard"] else ("standard", "relaxed")
    share = (strictness - STRICTNESS[lower]) / (STRICTNESS[upper] - STRICTNESS[lower])  # type: ignore[index]
    value = float(values[lower]) * (1.0 - share) + float(values[upper]) * share
    return round(value) if isinstance(values["standard"], int) else round(value, 4)


def changed(settings: Settings, assignments: Sequence[str]) -> Variant:
    """The configuration with `KEY=VALUE` set; a key is a threshold's name or one of `CONSEQUENTIAL`."""
    tables = {name: table.model_dump(exclude_unset=True) for name, table in _tables(settings).items()}
    for assignment in assignments:
        key, is_one, value = assignment.partition("=")
        if not is_one:
            raise VariantError(f'"{assignment}" sets nothing; write KEY=VALUE, such as crowd_fewest_voices=10')
        _assign(tables, key.strip(), _value(value.strip()))
    try:
        update = {name: type(table).model_validate(tables[name]) for name, table in _tables(settings).items()}
    except ValueError as error:
        raise VariantError(f"{', '.join(assignments)}: {_first_reason(error)}") from error
    return Variant(", ".join(assignments), settings.model_copy(update=update))


def _tables(settings: Settings) -> dict[str, Any]:
    return {"detection": settings.detection, "alerting": settings.alerting}


def _assign(tables: dict[str, dict[str, Any]], key: str, value: Any) -> None:
    name = key.removeprefix("detection.").removeprefix("thresholds.")
    if name in ThresholdSettings.model_fields:
        tables["detection"].setdefault("thresholds", {})[name] = value
        return
    known = next((one for one in CONSEQUENTIAL if key in (one, one.partition(".")[2])), None)
    if known is None:
        raise VariantError(
            f'there is no threshold "{key}"; {did_you_mean(key, [*ThresholdSettings.model_fields, *CONSEQUENTIAL])}'
        )
    table, _, field = known.partition(".")
    tables[table][field] = value


def _value(written: str) -> Any:
    """As TOML reads it; a bare word is a word."""
    try:
        return tomllib.loads(f"value = {written}")["value"]
    except tomllib.TOMLDecodeError:
        return written


def _first_reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{first['loc'][-1] if first['loc'] else 'it'}: {first['msg']}"


def other(name: str, settings: Settings, base: Settings) -> Variant:
    """Another file's configuration; one without brands is tried on the brands of `base`."""
    return Variant(name, settings if settings.brands else settings.model_copy(update={"brands": base.brands}))


def distinct(variants: Iterable[Variant]) -> list[Variant]:
    """The variants without those that detect alike; the first of equals stays and is called by all their names."""
    found: dict[str, Variant] = {}
    for variant in variants:
        same = found.get(key := _essence(variant.settings))
        if same is None:
            found[key] = variant
        elif variant.name not in same.name.split(" = "):
            place = same.strictness if same.strictness is not None else variant.strictness
            found[key] = replace(same, name=f"{same.name} = {variant.name}", strictness=place)
    return list(found.values())


def _essence(settings: Settings) -> str:
    """All on which it depends what a configuration tells."""
    judged = JudgeSettings.from_settings(settings)
    return repr((judged.thresholds, judged.kinds, CorrelationSettings.from_settings(settings)))


def toml_of(variant: Variant) -> str:
    """The tables of the configuration file that make it so; they take the place of those that are there."""
    detection = variant.settings.detection
    preset = ThresholdSettings.preset(detection.sensitivity)
    own = detection.thresholds.model_dump(include=detection.thresholds.model_fields_set)
    pinned = {
        name: value for name, value in own.items() if variant.strictness is None or value != getattr(preset, name)
    }
    lines = ["[detection]", f'sensitivity = "{detection.sensitivity}"']
    if pinned:
        lines += ["", "[detection.thresholds]", *(f"{name} = {value}" for name, value in pinned.items())]
    return "\n".join(lines)


def neighbours(sensitivity: Sensitivity) -> tuple[Sensitivity, ...]:
    """The sensitivities other than this one, the stricter first."""
    return tuple(name for name in SENSITIVITIES if name != sensitivity)


def _with_detection(settings: Settings, update: dict[str, Any]) -> Settings:
    detection: DetectionSettings = settings.detection.model_copy(update=update)
    return settings.model_copy(update={"detection": detection})
