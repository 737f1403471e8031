"""Other thresholds on one's own history: what would have rung, before anything is changed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic.fields import FieldInfo

from config.names import SENSITIVITIES
from config.rewriting import RewritingError, save_detection
from config.settings import Settings
from config.thresholds import ThresholdSettings, presets_of
from config.wording import sentence
from monitor.backtest import variants
from monitor.backtest.compare import Backtest
from monitor.backtest.figures import Figures
from monitor.backtest.stories import Story
from monitor.backtest.variants import Variant, VariantError, toml_of
from monitor.web.access import Analyst, Operator, Viewer
from monitor.web.desk import Desk, desk_of
from monitor.web.pages import page
from monitor.web.seen import seen
from monitor.web.trials import Trial
from storage import audit

router = APIRouter(include_in_schema=False)

AtDesk = Annotated[Desk, Depends(desk_of)]
SPANS: Mapping[str, tuple[str, timedelta | None]] = {
    "7d": ("7 days", timedelta(days=7)),
    "28d": ("28 days", timedelta(days=28)),
    "90d": ("90 days", timedelta(days=90)),
    "all": ("all that is stored", None),
}
MOST_STORIES = 40


@dataclass(frozen=True, slots=True)
class Knob:
    """One threshold as it is offered: its value in force and at the sensitivities, and how far it may be moved."""

    name: str
    words: str
    value: float
    presets: tuple[float, ...]
    low: float
    high: float
    step: float

    @property
    def detector(self) -> str:
        """The detector that it belongs to."""
        return self.name.partition("_")[0]


@dataclass(frozen=True, slots=True)
class Compared:
    """What a trial found, as it is shown: a column for each configuration."""

    names: tuple[str, ...]
    figures: tuple[Figures, ...]
    stories: tuple[Story, ...]
    more: int
    toml: str
    since: datetime
    until: datetime


@router.get("/tune")
def tune(request: Request, person: Viewer, desk: AtDesk, saved: bool = False) -> HTMLResponse:
    """The thresholds, and where to move them."""
    return page(
        request,
        person,
        "tune.html",
        knobs=knobs(desk.settings),
        sensitivities=SENSITIVITIES,
        sensitivity=desk.settings.detection.sensitivity,
        spans=SPANS,
        saved=saved,
    )


@router.post("/tune/try")
async def try_out(request: Request, person: Analyst, desk: AtDesk) -> HTMLResponse:
    """Begin a trial of what the form says."""
    form = {key: str(value) for key, value in (await request.form()).items()}
    try:
        variant = asked(desk.settings, form)
    except VariantError as error:
        return page(request, person, "trial.html", 422, trial=None, failed=str(error))
    length = SPANS.get(form.get("span", ""), SPANS["28d"])[1]
    pair = tuple(variants.distinct([variants.configured(desk.settings), variant]))
    trial = desk.trials.begin(pair, desk.clock() - length if length else None)
    return _shown(request, person, desk, trial)


@router.get("/tune/trials/{trial_id}")
def look(request: Request, person: Analyst, desk: AtDesk, trial_id: str) -> Response:
    """How a trial stands, and what it found; nothing where another took its place, which shows itself."""
    trial = _known(desk, trial_id)
    if trial.is_called_off.is_set() and trial.found is None:
        return Response(status_code=204)
    return _shown(request, person, desk, trial)


@router.post("/tune/save")
def save(person: Operator, desk: AtDesk, trial: Annotated[str, Form(max_length=40)]) -> Response:
    """Write what a trial tried into the configuration file."""
    if not desk.settings.web.write_configuration or desk.config is None:
        raise HTTPException(403, "Writing the configuration from the page is off; web.write_configuration allows it.")
    wanted = _known(desk, trial).variants[-1].settings.detection
    try:
        save_detection(desk.config, wanted)
    except RewritingError as error:
        raise HTTPException(409, str(error)) from error
    before, after = (one.model_dump(mode="json", exclude_unset=True) for one in (desk.settings.detection, wanted))
    with desk.database.write() as tx:
        audit.add(tx, desk.clock(), person.name, "saved thresholds", "", {"before": before, "after": after})
    return RedirectResponse("/tune?saved=true", 303)


def asked(settings: Settings, form: Mapping[str, str]) -> Variant:
    """The configuration that a form describes; `VariantError` where it is none."""
    in_force = settings.thresholds_for().model_dump()
    sensitivity = form.get("sensitivity") or settings.detection.sensitivity
    changes = [f'sensitivity="{sensitivity}"'] if sensitivity != settings.detection.sensitivity else []
    for name in ThresholdSettings.model_fields:
        written = form.get(name, "").strip()
        if written and not _is_same(written, in_force[name]):
            changes.append(f"{name}={_number(written, name, in_force[name])}")
    return variants.changed(settings, changes) if changes else variants.configured(settings)


def knobs(settings: Settings) -> dict[str, list[Knob]]:
    """Every threshold by its detector."""
    in_force = settings.thresholds_for()
    found: dict[str, list[Knob]] = {}
    for name, field in ThresholdSettings.model_fields.items():
        knob = _knob(name, field, float(getattr(in_force, name)))
        found.setdefault(knob.detector, []).append(knob)
    return found


def compared(found: Backtest, trial: Trial) -> Compared:
    """What is shown of a trial's findings."""
    told = [story for story in found.stories if story.is_paged or story.anchor.verdict is not None]
    return Compared(
        names=tuple(course.variant.name for course in found.courses),
        figures=found.figures,
        stories=tuple(told[::-1][:MOST_STORIES]),
        more=max(0, len(told) - MOST_STORIES),
        toml=toml_of(trial.variants[-1]),
        since=found.since,
        until=found.until,
    )


def _shown(request: Request, person: Any, desk: Desk, trial: Trial) -> HTMLResponse:
    may_save = desk.settings.web.write_configuration and desk.config is not None and person.role.rank >= 3
    found = compared(trial.found, trial) if trial.found else None
    with desk.database.read() as tx:
        read = seen(tx, desk.settings, found.since, found.until) if found else None
    return page(
        request, person, "trial.html", trial=trial, failed=trial.failed, found=found, may_save=may_save,
        is_same=len(trial.variants) == 1, read=read,
    )  # fmt: skip


def _known(desk: Desk, trial_id: str) -> Trial:
    trial = desk.trials.get(trial_id)
    if trial is None:
        raise HTTPException(404, "This trial is no longer kept; begin another.")
    return trial


def _knob(name: str, field: FieldInfo, value: float) -> Knob:
    presets = tuple(float(presets_of(name)[level]) for level in SENSITIVITIES)
    is_whole = isinstance(presets_of(name)["standard"], int)
    low, high = min(*presets, value), max(*presets, value)
    reach = max(high - low, high / 2, 1 if is_whole else 0.1)
    lowest = _bound(field, ("ge", "gt"))
    floor = low - reach if lowest is None else max(lowest, low - reach)
    step = 1.0 if is_whole else 0.01 if high < 10 else 0.1
    highest = _bound(field, ("le", "lt"))
    ceiling = high + reach if highest is None else min(highest, high + reach)
    lowest_step = math.floor(floor / step) * step if lowest is None or floor > lowest else floor
    return Knob(name, sentence(field), value, presets, round(lowest_step, 3), round(ceiling, 3), step)


def _bound(field: FieldInfo, names: Sequence[str]) -> float | None:
    bounds = (getattr(one, name, None) for one in field.metadata for name in names)
    return next((float(bound) for bound in bounds if bound is not None), None)


def _number(written: str, name: str, like: object) -> str:
    try:
        number = float(written)
    except ValueError as error:
        raise VariantError(f"{name}: {written[:40]!r} is no number") from error
    return str(int(number)) if isinstance(like, int) and number.is_integer() else repr(number)


def _is_same(written: str, value: float) -> bool:
    try:
        return float(written) == float(value)
    except ValueError:
        return False
