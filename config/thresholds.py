"""Every threshold of every detector, in one place, with its value at each of the three sensitivities.

The name begins with the detector: `crowd_fewest_voices` is `fewest_voices` of `monitor.detectors.crowd`. A threshold is
one entry here; the example file, the reference page and the schema follow from it. Fields that the operator sets win
over the preset, globally first and then for a brand (`Settings.thresholds_for`).
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

    burst_brief: float = _threshold(
        "Novelty of a burst (deviations of the daily maxima beyond their mean) that rings.",
        relaxed=1.75,
        standard=1.4,
        keen=1.12,
        gt=0,
    )
    burst_lasting: float = _threshold(
        "Novelty of a rise over three hours, short bursts aside, that rings.",
        relaxed=2.0,
        standard=1.6,
        keen=1.28,
        gt=0,
    )
    burst_fewest: int = _threshold(
        "Fewest posts in three hours for a burst.",
        relaxed=5,
        standard=5,
        keen=5,
        ge=1,
    )
    burst_escalation: float = _threshold(
        "Times as surprising a burst must become to ring again within the day.",
        relaxed=2.0,
        standard=2.0,
        keen=2.0,
        gt=1,
    )
    crowd_fewest_voices: int = _threshold(
        "Fewest voices that make a crowd.",
        relaxed=12,
        standard=8,
        keen=6,
        ge=1,
    )
    crowd_fewest_adverse: int = _threshold(
        "Fewest adverse voices that make a crowd.",
        relaxed=8,
        standard=5,
        keen=4,
        ge=1,
    )
    crowd_fewest_to_page: int = _threshold(
        "Fewest adverse voices in a crowd that interrupts people.",
        relaxed=15,
        standard=10,
        keen=7,
        ge=1,
    )
    crowd_adverse_share: float = _threshold(
        "Share of a crowd that must be adverse.",
        relaxed=0.4,
        standard=0.3,
        keen=0.25,
        ge=0,
        le=1,
    )
    crowd_as_usual: float = _threshold(
        "Times the brand's own usual adverse share that a crowd must reach.",
        relaxed=1.2,
        standard=1.0,
        keen=0.9,
        ge=0,
    )
    crowd_calm_share: float = _threshold(
        "Share of voices about something calm (a launch, a game) from which a crowd interrupts nobody.",
        relaxed=0.4,
        standard=0.5,
        keen=0.6,
        ge=0,
        le=1,
    )
    crowd_page: float = _threshold(
        "Surprise, as a multiple of what rings, from which an adverse crowd interrupts people.",
        relaxed=1.6,
        standard=1.3,
        keen=1.1,
        ge=1,
    )
    crowd_critical: float = _threshold(
        "Surprise, as a multiple of what rings, from which an adverse crowd is critical.",
        relaxed=4.0,
        standard=3.0,
        keen=2.5,
        ge=1,
    )
    trouble_notice_grave: int = _threshold(
        "Voices in a day naming a grave kind of harm that are worth a notice.",
        relaxed=3,
        standard=2,
        keen=2,
        ge=1,
    )
    trouble_notice_serious: int = _threshold(
        "Voices in a day naming a serious kind of harm that are worth a notice.",
        relaxed=4,
        standard=3,
        keen=2,
        ge=1,
    )
    trouble_notice_any: int = _threshold(
        "Voices in a day naming any kind of harm that are worth a notice.",
        relaxed=6,
        standard=4,
        keen=3,
        ge=1,
    )
    trouble_page_grave: int = _threshold(
        "Voices in a day naming a grave kind of harm that interrupt people.",
        relaxed=5,
        standard=3,
        keen=2,
        ge=1,
    )
    trouble_page_serious: int = _threshold(
        "Voices in a day naming a serious kind of harm that interrupt people.",
        relaxed=8,
        standard=5,
        keen=4,
        ge=1,
    )
    trouble_page_any: int = _threshold(
        "Voices in a day naming any kind of harm that interrupt people.",
        relaxed=8,
        standard=5,
        keen=4,
        ge=1,
    )
    trouble_surprise: float = _threshold(
        "Improbability of such voices, in nats, that is asked beside their number for a notice.",
        relaxed=5.0,
        standard=3.5,
        keen=2.5,
        ge=0,
    )
    trouble_page_surprise: float = _threshold(
        "Improbability of such voices, in nats, that is asked beside their number to interrupt people.",
        relaxed=7.0,
        standard=5.0,
        keen=4.0,
        ge=0,
    )
    trouble_coherence: float = _threshold(
        "Share of such voices that must use a term in common to interrupt people.",
        relaxed=0.65,
        standard=0.55,
        keen=0.45,
        ge=0,
        le=1,
    )
    trouble_critical: float = _threshold(
        "Times the number that interrupts people from which a grave kind is critical.",
        relaxed=4.0,
        standard=3.0,
        keen=2.5,
        ge=1,
    )
    thread_grave: float = _threshold(
        "Heat of a thread about a grave kind of harm that interrupts people.",
        relaxed=1.5,
        standard=1.15,
        keen=0.95,
        gt=0,
    )
    thread_serious: float = _threshold(
        "Heat of a thread about a serious kind of harm that interrupts people.",
        relaxed=1.7,
        standard=1.3,
        keen=1.1,
        gt=0,
    )
    thread_negative: float = _threshold(
        "Heat of a negative thread that interrupts people.",
        relaxed=2.7,
        standard=2.2,
        keen=1.8,
        gt=0,
    )
    thread_neutral: float = _threshold(
        "Heat of any other thread that is worth a notice.",
        relaxed=2.8,
        standard=2.2,
        keen=1.8,
        gt=0,
    )
    thread_fewest: int = _threshold(
        "Fewest comments (and half points) of a thread that rings.",
        relaxed=40,
        standard=25,
        keen=18,
        ge=1,
    )
    thread_fame: float = _threshold(
        "Additional heat asked for each doubling of the brand's hot threads of four weeks.",
        relaxed=0.35,
        standard=0.35,
        keen=0.35,
        ge=0,
    )
    thread_notice: float = _threshold(
        "Part of the heat that interrupts people from which a thread is worth a notice.",
        relaxed=0.85,
        standard=0.8,
        keen=0.75,
        gt=0,
        le=1,
    )
    thread_critical: float = _threshold(
        "Heat of a critical thread.",
        relaxed=4.0,
        standard=3.0,
        keen=2.5,
        gt=0,
    )
    slow_burn_deviations: float = _threshold(
        "Deviations above the usual total of a day that ring.",
        relaxed=6.0,
        standard=4.75,
        keen=4.0,
        gt=0,
    )
    slow_burn_ratio: float = _threshold(
        "Times the usual total of a day that ring.",
        relaxed=2.2,
        standard=1.8,
        keen=1.5,
        ge=1,
    )
    slow_burn_fewest: int = _threshold(
        "Fewest voices in a day that ring.",
        relaxed=45,
        standard=30,
        keen=20,
        ge=1,
    )
    slow_burn_adverse_share: float = _threshold(
        "Share of the day's voices that must be adverse.",
        relaxed=0.7,
        standard=0.6,
        keen=0.5,
        ge=0,
        le=1,
    )
    slow_burn_as_usual: float = _threshold(
        "Times the brand's own usual adverse share that the day must reach.",
        relaxed=1.2,
        standard=1.0,
        keen=0.9,
        ge=0,
    )
    reach_audience: int = _threshold(
        "Audience of one author from which an adverse text is worth a notice.",
        relaxed=1_000_000,
        standard=250_000,
        keen=100_000,
        ge=1,
    )
    reach_copies: int = _threshold(
        "Copies of one adverse text from which it is worth a notice.",
        relaxed=40,
        standard=20,
        keen=12,
        ge=2,
    )
    reach_usual: float = _threshold(
        "Times the brand's own largest audience or number of copies of late that must be exceeded.",
        relaxed=1.5,
        standard=1.0,
        keen=0.8,
        ge=0,
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
