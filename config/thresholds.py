"""Every threshold of every detector, in one place, with its value at each of the three sensitivities.

A new threshold is one line here; the example file, the reference page and the schema follow from it. Fields that the
operator sets win over the preset, globally first and then for a brand (`Settings.thresholds_for`).
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from config.names import Sensitivity


def _threshold(description: str, *, relaxed: float, standard: float, keen: float, **bounds: Any) -> Any:
    """A field whose default is its `standard` value and which knows its value at the other sensitivities."""
    presets: JsonDict = {"relaxed": relaxed, "standard": standard, "keen": keen}
    return Field(default=standard, description=description, json_schema_extra={"presets": presets}, **bounds)


class ThresholdSettings(BaseModel):
    """Thresholds of the detectors. What is not set follows the sensitivity."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    burst_surprise: float = _threshold(
        "Improbability of a count under the usual rate, in nats, from which a burst is signalled.",
        relaxed=12.0,
        standard=9.0,
        keen=6.5,
        gt=0,
    )
    burst_minimum_voices: int = _threshold(
        "Fewest voices in the window for a burst.", relaxed=12, standard=8, keen=5, ge=1
    )
    burst_minimum_ratio: float = _threshold(
        "Fewest times the usual rate for a burst.", relaxed=3.0, standard=2.0, keen=1.6, ge=1
    )
    negative_minimum_voices: int = _threshold(
        "Fewest negative voices in the window for a negative surge.", relaxed=8, standard=5, keen=3, ge=1
    )
    negative_share: float = _threshold(
        "Share of scored voices that are negative from which a surge counts as a backlash.",
        relaxed=0.55,
        standard=0.45,
        keen=0.35,
        ge=0,
        le=1,
    )
    thread_minimum_voices: int = _threshold(
        "Fewest voices in one thread before its growth is judged.", relaxed=20, standard=12, keen=8, ge=1
    )
    thread_surprise: float = _threshold(
        "Improbability of one thread's growth, in nats, from which it is signalled.",
        relaxed=12.0,
        standard=9.0,
        keen=6.5,
        gt=0,
    )
    reach_minimum: int = _threshold(
        "Audience of one author from which a negative post alone is signalled.",
        relaxed=1_000_000,
        standard=250_000,
        keen=100_000,
        ge=1,
    )
    sources_minimum: int = _threshold(
        "Number of sources that a story must have reached to be signalled as spreading.",
        relaxed=3,
        standard=2,
        keen=2,
        ge=2,
    )
    critical_surprise: float = _threshold(
        "Strength of a signal, as a multiple of its threshold, from which an incident is critical.",
        relaxed=4.0,
        standard=3.0,
        keen=2.5,
        ge=1,
    )
    warning_surprise: float = _threshold(
        "Strength of a signal, as a multiple of its threshold, from which an incident is a warning.",
        relaxed=1.75,
        standard=1.5,
        keen=1.25,
        ge=1,
    )

    @classmethod
    def preset(cls, sensitivity: Sensitivity) -> ThresholdSettings:
        """All thresholds at one sensitivity."""
        return cls.model_validate({name: presets_of(name)[sensitivity] for name in cls.model_fields})

    def overridden_by(self, *overrides: ThresholdSettings) -> ThresholdSettings:
        """These thresholds with the fields that each of `overrides` sets explicitly, the last one winning."""
        chosen = self.model_dump()
        for override in overrides:
            chosen.update(override.model_dump(include=override.model_fields_set))
        return ThresholdSettings.model_validate(chosen)


def presets_of(name: str) -> dict[str, Any]:
    """The value of the threshold `name` at each sensitivity."""
    extra = ThresholdSettings.model_fields[name].json_schema_extra
    presets = extra.get("presets") if isinstance(extra, dict) else None
    if not isinstance(presets, dict):
        raise TypeError(f"the threshold {name} has no presets; define it through _threshold()")
    return dict(presets)
