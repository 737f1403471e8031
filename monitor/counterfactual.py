"""What neighbouring sensitivities would have made of an incident: earlier, later, or not at all.

Computed when asked, by judging the stored posts around the incident again, at every sensitivity in one pass. Judging
begins up to `WARM_UP` before the incident, so that what is usual is known; on a shorter history it is exact. The
sensitivity in force is judged again as well, and the others are compared with that: so a post that came late moves all
of them alike, and what is left is the difference that the sensitivity makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.names import SENSITIVITIES, Sensitivity
from config.settings import Settings
from monitor.backtest.course import Folds, Progress, days, span_of, warm_up_of
from monitor.backtest.stories import SLACK, Anchor, Share, lived, share_of
from monitor.backtest.variants import Variant
from monitor.fold import floor_tick
from storage.database import Database
from storage.records import Incident

LONGEST = timedelta(days=3)
"""An incident is followed for so long at the most: whoever has not heard of it by then did not need a bell."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """What one sensitivity would have done: when people would have been interrupted and noticed, `None` for never.

    `minutes_later` compares the first page where the sensitivity in force pages too, else the first word of any sort:
    negative is earlier, `None` where there is nothing to compare. `was_paged` says that people would have been
    interrupted before the story began, by an incident that it would have been part of.
    """

    sensitivity: Sensitivity
    paged_at: datetime | None = None
    noticed_at: datetime | None = None
    minutes_later: float | None = None
    was_paged: bool = False
    is_page_in_force: bool = True

    @property
    def sentence(self) -> str:
        """In words: `at relaxed, 23 minutes later`."""
        name = self.sensitivity
        if self.was_paged:
            return f"at {name}, as part of an incident that people were paged of before"
        if self.is_page_in_force and self.paged_at is None and self.noticed_at is not None:
            return f"at {name}, a notice only"
        if self.paged_at is None and self.noticed_at is None:
            return f"not at {name}"
        raised = ", and as a page" if self.paged_at is not None and not self.is_page_in_force else ""
        return f"at {name}, {self._when()}{raised}"

    def _when(self) -> str:
        if self.minutes_later is None:
            return f"at {self.paged_at or self.noticed_at:%H:%M} UTC"
        minutes = round(abs(self.minutes_later))
        if minutes == 0:
            return "at the same moment"
        length = f"{minutes} minute{'' if minutes == 1 else 's'}" if minutes < 120 else f"{minutes / 60:.1f} hours"
        return f"{length} {'later' if self.minutes_later > 0 else 'earlier'}"


def counterfactual(
    database: Database, settings: Settings, incident: Incident, progress: Progress | None = None
) -> list[Alternative]:
    """The other sensitivities' word on a stored incident, the strictest first; none when its brand is not watched.

    Reads up to a month of posts and judges them once for each sensitivity: seconds for some thousand posts. `progress`
    is told of each day that was judged.
    """
    if settings.brand(incident.counted_as) is None:
        return []
    own = _brand_sensitivity(settings, incident.counted_as) or settings.detection.sensitivity
    names: list[Sensitivity] = [own, *(name for name in SENSITIVITIES if name != own)]
    variants = [Variant(name, _at(settings, incident.counted_as, name)) for name in names]
    shares = _shares(database, incident, variants, progress)
    return [_alternative(name, shares[0], share) for name, share in zip(names[1:], shares[1:], strict=False)]


def _shares(
    database: Database, incident: Incident, variants: Sequence[Variant], progress: Progress | None
) -> list[Share]:
    """What each variant has of the incident; none when nothing is stored. Stops once all of them have paged."""
    stored = span_of(database)
    if stored is None:
        return []
    began_at = min(incident.began_at, incident.opened_at)
    until = min(incident.resolved_at or stored[1], incident.opened_at + LONGEST, stored[1]) + SLACK
    with database.read() as tx:
        anchor = Anchor(lived(tx, incident), until)
    folds = Folds(variants)
    sources = [source.name for source in variants[0].settings.sources]
    begin, end = warm_up_of(began_at, stored[0]), floor_tick(until)
    for day in days(database, begin, end, sources):
        for tick in day:
            if folds.step(tick) and tick.at >= incident.opened_at:
                shares = [share_of(anchor, course) for course in folds.courses(began_at, tick.at)]
                if all(share.paged_at for share in shares):
                    return shares
        if progress is not None:
            progress(day[-1].at, (day[-1].at - begin) / (end - begin))
    return [share_of(anchor, course) for course in folds.courses(began_at, until)]


def _brand_sensitivity(settings: Settings, name: str) -> Sensitivity | None:
    brand = settings.brand(name)
    return brand.sensitivity if brand else None


def _at(settings: Settings, name: str, sensitivity: Sensitivity) -> Settings:
    """The configuration with another sensitivity for this brand; thresholds that are set stay."""
    brands = [
        brand.model_copy(update={"sensitivity": sensitivity}) if brand.name == name else brand
        for brand in settings.brands
    ]
    return settings.model_copy(update={"brands": brands})


def _alternative(sensitivity: Sensitivity, own: Share, other: Share) -> Alternative:
    is_page = own.paged_at is not None
    mine = own.paged_at if is_page else own.noticed_at
    theirs = other.paged_at if is_page else min(filter(None, (other.noticed_at, other.paged_at)), default=None)
    later = None if mine is None or theirs is None else (theirs - mine).total_seconds() / 60
    return Alternative(sensitivity, other.paged_at, other.noticed_at, later, other.was_paged, is_page)
