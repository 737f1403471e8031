"""Makes the page of an incident: everything a person needs in order to act, from what is stored about it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self

from alerts.duty import Rota
from alerts.page import Curve, Forecast, Mark, Page, Quote, SourceCoverage, SourceShare
from alerts.system import SystemIncidents
from config.settings import Settings
from monitor import shapes
from monitor.conversation import answered, carrying
from monitor.detectors.contract import TICK
from monitor.detectors.growth import growth
from monitor.fold import floor_tick
from monitor.incidents import Change
from monitor.register import Told
from monitor.response import response
from monitor.similar import similar
from monitor.telling_words import telling_words, wordings
from storage import bins as bin_store
from storage import casework as casework_store
from storage import gaps as gap_store
from storage import incidents as incident_store
from storage import outbox as outbox_store
from storage import posts as post_store
from storage import samples as sample_store
from storage import silences as silence_store
from storage.database import Transaction
from storage.records import (
    Bin,
    Engagement,
    Incident,
    Label,
    MentionedPost,
    Post,
    PostKey,
    Reason,
    Signal,
)

CURVE_FOR = timedelta(hours=24)
CURVE_BIN = timedelta(minutes=15)
USUAL_FOR = timedelta(days=7)
GROWTH_FOR = timedelta(hours=3)
FORECAST_HOURS = 3
QUOTES = 4
CLEAREST = ("thread", "slow_burn", "burst", "backlash")
"""Detectors whose numbers stand in the page, the last one first."""
MOST_POSTS = 5_000
"""Posts of one incident that are read for a page; the newest count when there are more."""

REASONS = {
    Change.OPENED: Reason.OPENED,
    Change.REOPENED: Reason.OPENED,
    Change.ESCALATED: Reason.ESCALATED,
    Change.UPDATED: Reason.UPDATE,
    Change.JOINED: Reason.UPDATE,
    Change.HELD: Reason.UPDATE,
    Change.RESOLVED: Reason.RESOLVED,
}


@dataclass(frozen=True, slots=True)
class Briefing:
    """Makes pages; `public_url` begins the links to this installation, `timezone` is the readers', `rota` says who is
    on duty."""

    public_url: str = ""
    timezone: str = "UTC"
    drill: bool = False
    system: SystemIncidents | None = None
    rota: Rota = field(default_factory=Rota)

    @classmethod
    def build(cls, settings: Settings, *, drill: bool = False, system: SystemIncidents | None = None) -> Self:
        """The briefing of one configuration."""
        general = settings.general
        return cls(general.public_url.rstrip("/"), general.timezone, drill, system, Rota.build(settings))

    def page(self, tx: Transaction, told: Told) -> Page:
        """The page of an incident as it is at `told.at`."""
        incident, at = told.incident, told.at
        if incident.is_system and self.system is not None:
            return self.system.page(incident, at)
        signals = shapes.signals(tx, incident.id)
        events = incident_store.events(tx, incident.id)
        posts = _posts(tx, incident, at)
        terms = _terms(tx, incident, posts)
        return Page(
            headline=incident.headline,
            brand=incident.brand,
            severity=incident.severity,
            reason=REASONS[told.change],
            incident_id=incident.id,
            at=at,
            began_at=incident.began_at,
            kind=incident.kind,
            state=incident.state,
            episode=incident.episode,
            opened_at=incident.opened_at,
            acknowledged_by=incident.acknowledged_by,
            acknowledged_at=incident.acknowledged_at,
            resolved_at=incident.resolved_at,
            **_casework(tx, incident),
            **_numbers(signals),
            **_crowd(posts),
            **_outlook(tx, incident, at),
            sources=_path(posts),
            origin=_origin(tx, incident, posts, at),
            quotes=_in_context(tx, _quotes(posts, incident, terms)),
            thread=carrying(tx, posts, at),
            terms=terms,
            coverage=_coverage(tx, incident, at),
            why=_why(signals),
            changed=(told.why,) if told.before is not None and told.why else (),
            curve=_curve(tx, incident, at),
            similar=similar(tx, incident, terms, at, self.public_url),
            response=response(incident, events, outbox_store.arrivals(tx, incident.id)),
            **_pause(tx, incident, at),
            on_duty=self.rota.at(at, incident.brand) if incident.state.is_live else (),
            url=f"{self.public_url}/incidents/{incident.id}" if self.public_url else "",
            timezone=self.timezone,
            drill=self.drill,
        )


def _casework(tx: Transaction, incident: Incident) -> dict[str, Any]:
    """Who carries it, and what was merged into it."""
    below = [work for work in shapes.family(tx, incident.id) if work.is_member]
    headlines = tuple(shapes.stored(tx, work.incident_id).headline for work in below)
    return {"carried_by": casework_store.of(tx, incident.id).assigned_to or "", "merged": headlines}


def _posts(tx: Transaction, incident: Incident, at: datetime) -> list[MentionedPost]:
    """The posts about the brand since the incident began, newest last, and its evidence."""
    posts = post_store.window(tx, incident.began_at, at, brand=incident.brand, newest=MOST_POSTS)
    return _as_counted_at(tx, posts, at)


def _as_counted_at(tx: Transaction, posts: Sequence[MentionedPost], at: datetime) -> list[MentionedPost]:
    """The posts with the engagement known at `at`: what is stored of it may be younger, as in every replay."""
    then = sample_store.counted_at(tx, [item.post.key for item in posts], at)
    return [_counted(item, then.get(item.post.key, Engagement())) for item in posts]


def _counted(item: MentionedPost, engagement: Engagement) -> MentionedPost:
    if item.post.engagement == engagement:  # of most: it is made anew for thousands of posts otherwise
        return item
    return replace(item, post=replace(item.post, engagement=engagement))


def _by_time(item: MentionedPost) -> tuple[datetime, PostKey]:
    return (item.post.created_at, item.post.key)


def _numbers(signals: Sequence[Signal]) -> dict[str, Any]:
    """Observed against usual, from the newest signal of the detector that people understand best."""
    ranked = sorted(signals, key=lambda signal: (_clearest(signal), signal.at))
    if not ranked:
        return {}
    signal = ranked[-1]
    return {
        "observed": signal.observed,
        "expected": signal.expected,
        "low": signal.low,
        "high": signal.high,
        "unit": signal.unit,
        "window_seconds": int((signal.window_end - signal.window_start).total_seconds()),
    }


def _outlook(tx: Transaction, incident: Incident, at: datetime) -> dict[str, Any]:
    """How fast it grows, and what the next hours will bring; nothing once it is over."""
    if not incident.state.is_live:
        return {}
    end = floor_tick(at)
    usual = sum(one.posts for one in bin_store.series(tx, incident.brand, end - USUAL_FOR - CURVE_FOR, end - CURVE_FOR))
    counts = [0] * (GROWTH_FOR // TICK)
    for one in bin_store.series(tx, incident.brand, end - GROWTH_FOR, end):
        counts[(one.start - end + GROWTH_FOR) // TICK] += one.posts
    found = growth(counts, usual / (USUAL_FOR / TICK))
    ahead = next(item for item in found.forecasts if item.hours == FORECAST_HOURS)
    forecast = Forecast(ahead.hours, round(ahead.expected), round(ahead.low), round(ahead.high))
    return {"doubling_hours": found.doubling_hours, "forecast": forecast}


def _clearest(signal: Signal) -> int:
    """Counts of voices in a window first; what is expected per day or compared with other threads only if need be."""
    return CLEAREST.index(signal.detector) if signal.detector in CLEAREST else -1


def _crowd(posts: Sequence[MentionedPost]) -> dict[str, Any]:
    """How many really speak: voices are distinct authors saying distinct things."""
    texts = {item.content_key for item in posts}
    authors = {(item.post.source, item.post.author) for item in posts if item.post.author}
    voices = min(len(texts), len(authors)) if authors else len(texts)
    scored = [item.score.label for item in posts if item.score.label is not Label.UNSCORED]
    reach = sum(item.post.author_reach or 0 for item in posts)
    return {
        "posts": len(posts),
        "voices": voices,
        "authors": len(authors),
        "reach": reach or None,
        "copies_share": 1 - len(texts) / len(posts) if posts else 0.0,
        "negative_share": scored.count(Label.NEGATIVE) / len(scored) if scored else None,
    }


def _path(posts: Sequence[MentionedPost]) -> tuple[SourceShare, ...]:
    """The sources in the order in which the incident reached them."""
    first: dict[str, datetime] = {}
    counts: Counter[str] = Counter()
    texts: dict[str, set[str]] = {}
    for item in posts:
        first.setdefault(item.post.source, item.post.created_at)
        counts[item.post.source] += 1
        texts.setdefault(item.post.source, set()).add(item.content_key)
    return tuple(SourceShare(name, at, counts[name], len(texts[name])) for name, at in first.items())


def _origin(tx: Transaction, incident: Incident, posts: Sequence[MentionedPost], at: datetime) -> Quote | None:
    if incident.origin is None:
        return None
    known = next((item for item in posts if item.post.key == incident.origin), None)
    if known is not None:
        return quote(known.post, known)
    then = sample_store.counted_at(tx, [incident.origin], at)
    found = post_store.get(tx, [incident.origin])
    return next((quote(replace(post, engagement=then.get(post.key, Engagement()))) for post in found), None)


def _quotes(posts: Sequence[MentionedPost], incident: Incident, terms: Sequence[str]) -> list[tuple[Post, Quote]]:
    """The posts that tell most: on the point, carried far, answered much, against the brand; each wording and each
    author once."""
    copies = Counter(item.content_key for item in posts)
    evidence = set(incident.evidence)
    ranked = sorted(posts, key=lambda item: (-_weight(item, copies, evidence, terms), _by_time(item)))
    chosen: list[MentionedPost] = []
    for item in ranked:
        told = {(other.content_key, other.post.author) for other in chosen}
        if not any(item.content_key == key or (author and item.post.author == author) for key, author in told):
            chosen.append(item)
        if len(chosen) == QUOTES:
            break
    return [(item.post, quote(item.post, item, copies[item.content_key])) for item in chosen]


def _in_context(tx: Transaction, quotes: Sequence[tuple[Post, Quote]]) -> tuple[Quote, ...]:
    """The quotes, each reply with what it replies to."""
    words = answered(tx, [post for post, _ in quotes])
    return tuple(replace(said, answers=words.get(post.key, "")) for post, said in quotes)


def _weight(item: MentionedPost, copies: Counter[str], evidence: set[PostKey], terms: Sequence[str]) -> float:
    engagement = item.post.engagement
    answered = (engagement.likes or 0) + 2 * (engagement.replies or 0) + 3 * (engagement.shares or 0)
    heard = (
        math.log1p(item.post.author_reach or 0) / 2 + math.log1p(answered) + math.log1p(copies[item.content_key] - 1)
    )
    against = max(0.0, -item.score.compound) + 0.5 * bool(item.kinds) + 0.25 * (item.post.key in evidence)
    text = f"{item.post.title} {item.post.text}".casefold()
    on_point = min(3, sum(term.casefold() in text for term in terms))
    return (1.0 + heard) * (0.1 + against) * (1.0 + on_point)


def quote(post: Post, mentioned: MentionedPost | None = None, copies: int = 1) -> Quote:
    """A post as it is shown."""
    judged = mentioned is not None and mentioned.score.label is not Label.UNSCORED
    return Quote(
        text=post.text or post.title,
        title=post.title if post.text else "",
        source=post.source,
        at=post.created_at,
        author=post.author_name or post.author or "",
        url=post.url or "",
        reach=post.author_reach,
        likes=post.engagement.likes,
        shares=post.engagement.shares,
        replies=post.engagement.replies,
        views=post.engagement.views,
        copies=copies,
        sentiment=mentioned.score.compound if judged and mentioned is not None else None,
    )


def _coverage(tx: Transaction, incident: Incident, at: datetime) -> tuple[SourceCoverage, ...]:
    start = min(incident.began_at, at - timedelta(hours=1))
    shares = gap_store.coverage(tx, incident.sources, start, at)
    return tuple(SourceCoverage(name, share, _missing(tx, name, start, at)) for name, share in sorted(shares.items()))


def _missing(tx: Transaction, source: str, start: datetime, at: datetime) -> str:
    """Why a source was not wholly read: the reason of the longest gap."""
    gaps = [gap for gap in gap_store.between(tx, start, at, source) if gap.filled_at is None]
    longest = max(gaps, key=lambda gap: (min(gap.ends_at, at) - max(gap.starts_at, start), gap.reason), default=None)
    return longest.reason if longest else ""


def _pause(tx: Transaction, incident: Incident, at: datetime) -> dict[str, Any]:
    """The snooze in force that lasts longest."""
    mine = [silence for silence in silence_store.active(tx, at) if silence.incident_id == incident.id]
    last = max(mine, key=lambda silence: silence.ends_at, default=None)
    return {"snoozed_until": last.ends_at, "snoozed_by": last.author} if last else {}


def _terms(tx: Transaction, incident: Incident, posts: Sequence[MentionedPost]) -> tuple[str, ...]:
    """What the posts have that the week before had not; where words are not set apart, what the detectors found."""
    usual = post_store.wordings(tx, incident.began_at - USUAL_FOR, incident.began_at, incident.brand, MOST_POSTS)
    names = [incident.brand, *(term for item in posts for term in item.mention.matched)]
    return telling_words(wordings(posts), usual, names) or tuple(incident.facts.get("terms", ()))


def _why(signals: Iterable[Signal]) -> tuple[str, ...]:
    """The latest sentence of each detector, strongest first."""
    latest: dict[str, Signal] = {}
    for signal in sorted(signals, key=lambda signal: signal.at):
        latest[signal.detector] = signal
    ordered = sorted(latest.values(), key=lambda signal: -signal.surprise)
    return tuple(str(signal.facts["why"]) for signal in ordered if signal.facts.get("why"))


def _curve(tx: Transaction, incident: Incident, at: datetime) -> Curve:
    """Posts per quarter of an hour over the last day, against the mean and spread of the week before."""
    start = _floor(min(at - CURVE_FOR, incident.began_at - timedelta(hours=3)))
    shown = _quarters(bin_store.series(tx, incident.brand, start, at), start, at)
    usual = _quarters(bin_store.series(tx, incident.brand, start - USUAL_FOR, start), start - USUAL_FOR, start)
    mean = sum(usual) / len(usual)
    spread = math.sqrt(sum((count - mean) ** 2 for count in usual) / len(usual))
    size = len(shown)
    return Curve(
        start=start,
        bin_seconds=int(CURVE_BIN.total_seconds()),
        observed=tuple(shown),
        expected=(round(mean, 2),) * size,
        low=(round(max(0.0, mean - 2 * spread), 2),) * size,
        high=(round(mean + 2 * spread, 2),) * size,
        marks=(Mark(incident.began_at, "began"), Mark(incident.opened_at, "rang")),
        unit="posts",
    )


def _floor(moment: datetime) -> datetime:
    return moment - timedelta(seconds=moment.timestamp() % CURVE_BIN.total_seconds())


def _quarters(counted: Sequence[Bin], start: datetime, end: datetime) -> list[float]:
    counts = [0.0] * max(1, math.ceil((end - start) / CURVE_BIN))
    for one in counted:
        counts[int((one.start - start) / CURVE_BIN)] += one.posts
    return counts
