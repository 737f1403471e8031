"""Which threshold is in force: the sensitivity's, unless the operator says otherwise, unless a brand says otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from config.names import SENSITIVITIES
from config.settings import BrandSettings, Settings
from config.thresholds import ThresholdSettings, presets_of

NAMES = list(ThresholdSettings.model_fields)


def settings(detection: dict[str, Any], brand: dict[str, Any]) -> Settings:
    return Settings.model_validate({"detection": detection, "brands": [{"name": "Acme", **brand}]})


@pytest.mark.parametrize("name", NAMES)
def test_every_threshold_has_a_value_at_each_sensitivity_and_a_sentence(name: str) -> None:
    assert set(presets_of(name)) == set(SENSITIVITIES)
    assert ThresholdSettings.model_fields[name].description
    for sensitivity in SENSITIVITIES:
        assert getattr(ThresholdSettings.preset(sensitivity), name) == presets_of(name)[sensitivity]


@pytest.mark.parametrize("name", NAMES)
def test_the_default_is_the_standard_one(name: str) -> None:
    assert getattr(ThresholdSettings(), name) == presets_of(name)["standard"]


@pytest.mark.parametrize("sensitivity", SENSITIVITIES)
def test_a_brand_follows_the_sensitivity_of_detection(sensitivity: str) -> None:
    assert settings({"sensitivity": sensitivity}, {}).thresholds_for("Acme") == ThresholdSettings.preset(sensitivity)  # type: ignore[arg-type]


def test_a_brand_may_have_its_own_sensitivity() -> None:
    chosen = settings({"sensitivity": "relaxed"}, {"sensitivity": "keen"})
    assert chosen.thresholds_for("Acme") == ThresholdSettings.preset("keen")
    assert chosen.thresholds_for() == ThresholdSettings.preset("relaxed")


def test_a_brand_overrides_detection_which_overrides_the_sensitivity() -> None:
    first, second, third = NAMES[0], NAMES[1], NAMES[2]
    keen = ThresholdSettings.preset("keen")
    chosen = settings(
        {"sensitivity": "keen", "thresholds": {first: 77, second: 78}}, {"thresholds": {second: 79}}
    ).thresholds_for("Acme")
    assert (getattr(chosen, first), getattr(chosen, second)) == (77, 79)
    assert getattr(chosen, third) == getattr(keen, third)


def test_a_threshold_set_to_the_standard_value_still_overrides_the_sensitivity() -> None:
    name = next(name for name in NAMES if presets_of(name)["keen"] != presets_of(name)["standard"])
    standard = presets_of(name)["standard"]
    chosen = settings({"sensitivity": "keen", "thresholds": {name: standard}}, {})
    assert getattr(chosen.thresholds_for("Acme"), name) == standard


def test_a_brand_that_is_not_configured_follows_detection() -> None:
    chosen = settings({"sensitivity": "relaxed"}, {"sensitivity": "keen"})
    assert chosen.thresholds_for("Nobody") == ThresholdSettings.preset("relaxed")
    assert chosen.thresholds_for(BrandSettings(name="Other")) == ThresholdSettings.preset("relaxed")
