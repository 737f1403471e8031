"""The figures of a backtest: what each configuration costs in pages, and what it is worth by what people confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from monitor.backtest.course import Course, Outcome
from monitor.backtest.stories import Anchor, Share, Story, by_verdict, is_same
from storage.records import Verdict

WRONG = (Verdict.FALSE_ALARM, Verdict.NOT_ABOUT_US)


@dataclass(frozen=True, slots=True)
class Figures:
    """One configuration in numbers; minutes are medians, positive `lead_minutes` are earlier.

    `caught`, `noticed` (told as a notice only) and `missed` add up to the incidents that people confirmed. `wrong`,
    `duplicates` and `unjudged` count this configuration's paged incidents: those of a story that people called a false
    alarm or not about them, those of one that was told already, and those that nobody has said anything about.
    `lead_minutes` are against when people were really paged of the confirmed incidents, or, where nothing is confirmed,
    against the first configuration; `delay_minutes` are after the first post of the story.
    """

    pages: int
    notices: int
    pages_per_week: float
    notices_per_week: float
    incidents: int
    confirmed: int
    caught: int
    noticed: int
    missed: int
    wrong: int
    duplicates: int
    unjudged: int
    only_here: int
    not_here: int
    lead_minutes: float | None
    delay_minutes: float | None

    @property
    def recall(self) -> float | None:
        """Share of the confirmed incidents that interrupt people."""
        return self.caught / self.confirmed if self.confirmed else None

    @property
    def precision(self) -> float | None:
        """Share of the judged stories paged that were real."""
        judged = self.caught + self.wrong
        return self.caught / judged if judged else None


def figures(course: Course, number: int, found: Sequence[Story], judged: Sequence[Anchor]) -> Figures:
    """The figures of the course `number` of those that the stories were made of."""
    real = by_verdict(found)[Verdict.REAL]
    shares = [story.shares[number] for story in real]
    caught = sum(share.is_caught for share in shares)
    noticed = sum(not share.is_caught and share.noticed_at is not None for share in shares)
    paged = [outcome for outcome in course.outcomes if outcome.paged_at is not None]
    said = [_said(outcome, course, judged) for outcome in paged]
    pages, notices = course.pages, course.notices
    return Figures(
        pages=len(pages),
        notices=len(notices),
        pages_per_week=len(pages) / course.weeks,
        notices_per_week=len(notices) / course.weeks,
        incidents=len(paged),
        confirmed=len(real),
        caught=caught,
        noticed=noticed,
        missed=len(real) - caught - noticed,
        wrong=sum(Verdict.REAL not in one and any(verdict in one for verdict in WRONG) for one in said),
        duplicates=sum(one == {Verdict.DUPLICATE} for one in said),
        unjudged=sum(not one for one in said),
        only_here=sum(story.is_paged and _paged(story, number) and not _paged(story, 0) for story in found),
        not_here=sum(story.is_paged and _paged(story, 0) and not _paged(story, number) for story in found),
        lead_minutes=_median([_lead(story, number) for story in real or found]),
        delay_minutes=_median([_minutes(story.anchor.began_at, _at(story.shares[number])) for story in real or found]),
    )


def _said(outcome: Outcome, course: Course, judged: Sequence[Anchor]) -> set[Verdict]:
    ends_at = outcome.incident.resolved_at or course.until
    return {one.verdict for one in judged if one.verdict is not None and is_same(one, outcome, ends_at)}


def _paged(story: Story, number: int) -> bool:
    return story.shares[number].is_caught


def _at(share: Share) -> datetime | None:
    return share.paged_at


def lead_from(story: Story) -> datetime | None:
    """What leads are counted from: when people were really paged, or else would be by the first configuration."""
    return story.anchor.outcome.paged_at if story.anchor.verdict is not None else _at(story.shares[0])


def _lead(story: Story, number: int) -> float | None:
    return _minutes(_at(story.shares[number]), lead_from(story))


def _minutes(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds() / 60


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
