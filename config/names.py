"""Values that several settings choose from; the standard library alone, so that a command's help costs nothing."""

from __future__ import annotations

from typing import Literal, get_args

Sensitivity = Literal["relaxed", "standard", "keen"]
SENSITIVITIES: tuple[Sensitivity, ...] = get_args(Sensitivity)

ScorerName = Literal["default", "lexicon", "learned", "transformer"]
SeverityName = Literal["watch", "warning", "critical"]
RoleName = Literal["viewer", "responder", "analyst", "operator"]
SentimentName = Literal["negative", "neutral", "positive"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
BriefPeriod = Literal["week", "month"]
