"""Every threshold that the operator may set reaches the detector that it is named after."""

from __future__ import annotations

from dataclasses import fields

import pytest

from config.names import SENSITIVITIES
from config.settings import Settings
from config.thresholds import ThresholdSettings
from monitor.detectors.burst import PRESETS, BurstSettings
from monitor.detectors.crowd import CrowdSettings
from monitor.detectors.reach import ReachSettings
from monitor.detectors.slow_burn import SlowBurnSettings
from monitor.detectors.threads import ThreadSettings
from monitor.detectors.trouble import TroubleSettings
from monitor.judge import ELSE, JudgeSettings, Thresholds, thresholds_of

DETECTORS = {
    "burst": BurstSettings,
    "crowd": CrowdSettings,
    "trouble": TroubleSettings,
    "thread": ThreadSettings,
    "slow_burn": SlowBurnSettings,
    "reach": ReachSettings,
}
NO_THRESHOLDS = {"burst_silence_ticks", "burst_rise_ticks", "crowd_burst"}


def in_force(thresholds: Thresholds, name: str) -> object:
    """The value of a threshold at the detector that obeys it."""
    detector = next(detector for detector in DETECTORS if name.startswith(f"{detector}_"))
    holder: object = thresholds.crowd.burst if detector == "burst" else getattr(thresholds, detector)
    return getattr(holder, name.removeprefix(f"{detector}_"))


def test_every_threshold_of_every_detector_can_be_set() -> None:
    known = {f"{name}_{field.name}" for name, detector in DETECTORS.items() for field in fields(detector)}
    assert known - NO_THRESHOLDS == set(ThresholdSettings.model_fields)


def test_the_standard_thresholds_are_the_benchmarked_ones() -> None:
    assert thresholds_of(ThresholdSettings.preset("standard")) == Thresholds()


@pytest.mark.parametrize("sensitivity", SENSITIVITIES)
def test_the_burst_detector_alone_is_as_sensitive_as_within_the_program(sensitivity: str) -> None:
    chosen = thresholds_of(ThresholdSettings.preset(sensitivity))  # type: ignore[arg-type]
    assert chosen.crowd.burst == PRESETS[sensitivity]


@pytest.mark.parametrize("name", ThresholdSettings.model_fields)
def test_what_a_brand_sets_reaches_the_detector_for_this_brand_alone(name: str) -> None:
    value = getattr(ThresholdSettings.preset("relaxed"), name) + (0.01 if "share" in name else 1)
    own = {"thresholds": {name: min(value, 1.0) if name in ("thread_notice", "trouble_coherence") else value}}
    settings = Settings.model_validate({"brands": [{"name": "Acme", **own}, {"name": "Bolt"}]})
    judged = JudgeSettings.from_settings(settings)
    assert in_force(judged.thresholds["Acme"], name) == own["thresholds"][name]
    assert judged.thresholds["Bolt"] == judged.thresholds[ELSE] == Thresholds()


def test_a_kind_of_the_operators_own_is_known() -> None:
    settings = Settings.model_validate({"kinds": [{"name": "tip_over", "words": {"en": ["tipped over"]}}]})
    assert "tip_over" in JudgeSettings.from_settings(settings).kinds
