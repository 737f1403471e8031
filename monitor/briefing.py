"""Makes the page of an incident: everything a person needs in order to act, from what is stored about it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self

from msgspec import structs

from alerts.duty import Rota
from alerts.page import Curve, Forecast, Mark, Page, Quote, SourceCoverage, SourceShare
from alerts.system import SystemIncidents
from alerts.words import person
from config.settings import Settings
from monitor import shapes
from monitor.casework_lines import Work
from monitor.conversation import answered, carrying
from monitor.detectors.contract import TICK
from monitor.detectors.growth import growth
from monitor.fold import floor_tick
from monitor.incidents import Change
from monitor.kinds import titles
from monitor.register import Told
from monitor.response import response
from monitor.similar import similar
from monitor.telling_words import spelt_out, telling_words, wordings
from storage import bins as bin_store
from storage import casework as casework_store
from storage import gaps as gap_store
from storage import incidents as incident_store
from storage import outbox as outbox_store
from storage import posts as post_store
from storage import remarks as remark_store
from storage import silences as silence_store
from storage.database import Transaction
from storage.records import Casework, Engagement, Gap, Incident, IncidentEvent, Label, Post, PostKey, Reason, Signal
from storage.remarks import Remark
from storage.samples import counted_at

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
    on duty, `titles` how headlines name each kind."""

    public_url: str = ""
    timezone: str = "UTC"
    drill: bool = False
    system: SystemIncidents | None = None
    rota: Rota = field(default_factory=Rota)
    titles: Mapping[str, str] = field(default_factory=lambda: titles(()))

    @classmethod
    def build(cls, settings: Settings, *, drill: bool = False, system: SystemIncidents | None = None) -> Self:
        """The briefing of one configuration."""
        general = settings.general
        public_url, rota = general.public_url.rstrip("/"), Rota.build(settings)
        return cls(public_url, general.timezone, drill, system, rota, titles(settings.kinds))

    def page(self, tx: Transaction, told: Told) -> Page:
        """The page of an incident as it is at `told.at`."""
        incident, at = told.incident, told.at
        if incident.is_system and self.system is not None:
            return self.system.page(incident, at)
        family = shapes.family(tx, incident.id)
        signals = shapes.signals(tx, incident.id, family)
        events = incident_store.events(tx, incident.id)
        posts = remark_store.newest(tx, incident.began_at, at, incident.counted_as, MOST_POSTS)
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
            kind_title=self.titles.get(incident.kind, ""),
            state=incident.state,
            episode=incident.episode,
            opened_at=incident.opened_at,
            acknowledged_by=incident.acknowledged_by,
            acknowledged_at=incident.acknowledged_at,
            resolved_at=incident.resolved_at,
            **_casework(tx, incident, family),
            **_numbers(signals),
            **_crowd(posts),
            **_outlook(tx, incident, at),
            sources=_path(posts),
            origin=_origin(tx, incident, posts, at),
            quotes=_in_context(tx, _quotes(tx, posts, incident, terms)),
            thread=carrying(tx, posts, at),
            terms=terms,
            coverage=_coverage(tx, incident, at),
            why=_why(signals),
            changed=(told.why,) if told.before is not None and told.why else (),
            notes=_whence(incident, events),
            curve=_curve(tx, incident, at),
            similar=similar(tx, incident, terms, at, self.public_url),
            response=response(incident, events, outbox_store.arrivals(tx, incident.id)),
            **_pause(tx, incident, at),
            on_duty=self.rota.at(at, incident.brand) if incident.state.is_live else (),
            url=f"{self.public_url}/incidents/{incident.id}" if self.public_url else "",
            timezone=self.timezone,
            drill=self.drill,
        )


def _casework(tx: Transaction, incident: Incident, family: Sequence[Casework]) -> dict[str, Any]:
    """Who carries it, and what was merged into it."""
    below = [work for work in family if work.is_member]
    headlines = tuple(shapes.stored(tx, work.incident_id).headline for work in below)
    return {"carried_by": casework_store.of(tx, incident.id).assigned_to or "", "merged": headlines}


def _whence(incident: Incident, events: Sequence[IncidentEvent]) -> tuple[str, ...]:
    """Where it was found, and who said that it is about this brand; its figures are still those of the other."""
    line = next((event for event in events if event.kind == Work.MOVED_HERE), None)
    if line is None or incident.counted_as == incident.brand:
        return ()
    words = f": {line.details['note']}" if line.details.get("note") else "."
    moved = f"{person(line.actor)} moved it here from {incident.counted_as}, whose posts and figures these are{words}"
    return (moved,)


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
    counted = bin_store.posts(tx, incident.counted_as, end - USUAL_FOR - CURVE_FOR, end)
    usual = sum(number for start, number in counted.items() if start < end - CURVE_FOR)
    counts = [counted.get(end - GROWTH_FOR + place * TICK, 0) for place in range(GROWTH_FOR // TICK)]
    found = growth(counts, usual / (USUAL_FOR / TICK))
    ahead = next(item for item in found.forecasts if item.hours == FORECAST_HOURS)
    forecast = Forecast(ahead.hours, round(ahead.expected), round(ahead.low), round(ahead.high))
    return {"doubling_hours": found.doubling_hours, "forecast": forecast}


def _clearest(signal: Signal) -> int:
    """Counts of voices in a window first; what is expected per day or compared with other threads only if need be."""
    return CLEAREST.index(signal.detector) if signal.detector in CLEAREST else -1


def _crowd(posts: Sequence[Remark]) -> dict[str, Any]:
    """How many really speak: voices are distinct authors saying distinct things."""
    texts = {item.content_key for item in posts}
    authors = {(item.source, item.author) for item in posts if item.author}
    voices = min(len(texts), len(authors)) if authors else len(texts)
    labels = Counter(item.label for item in posts)
    scored = len(posts) - labels[Label.UNSCORED]
    reach = sum(item.reach or 0 for item in posts)
    return {
        "posts": len(posts),
        "voices": voices,
        "authors": len(authors),
        "reach": reach or None,
        "copies_share": 1 - len(texts) / len(posts) if posts else 0.0,
        "negative_share": labels[Label.NEGATIVE] / scored if scored else None,
    }


def _path(posts: Sequence[Remark]) -> tuple[SourceShare, ...]:
    """The sources in the order in which the incident reached them."""
    first: dict[str, datetime] = {}
    texts: dict[str, set[str]] = {}
    for item in posts:
        first.setdefault(item.source, item.created_at)
        texts.setdefault(item.source, set()).add(item.content_key)
    counts = Counter(item.source for item in posts)
    return tuple(SourceShare(name, at, counts[name], len(texts[name])) for name, at in first.items())


def _origin(tx: Transaction, incident: Incident, posts: Sequence[Remark], at: datetime) -> Quote | None:
    if incident.origin is None:
        return None
    known = next((item for item in posts if item.key == incident.origin), None)
    found = post_store.get(tx, [incident.origin])
    if known is not None:
        return next((quote(post, known) for post in found), None)
    then = counted_at(tx, [incident.origin], at)
    return next((quote(structs.replace(post, engagement=then.get(post.key, Engagement()))) for post in found), None)


def _quotes(
    tx: Transaction, posts: Sequence[Remark], incident: Incident, terms: Sequence[str]
) -> list[tuple[Post, Quote]]:
    """The posts that tell most: on the point, carried far, answered much, against the brand; each wording and each
    author once."""
    copies = Counter(item.content_key for item in posts)
    chosen = _most_telling(posts, copies, set(incident.evidence), [term.casefold() for term in terms])
    whole = {post.key: post for post in post_store.get(tx, [item.key for item in chosen])}
    return [(whole[item.key], quote(whole[item.key], item, copies[item.content_key])) for item in chosen]


def _most_telling(
    posts: Sequence[Remark], copies: Counter[str], evidence: set[PostKey], terms: Sequence[str]
) -> list[Remark]:
    weights = [_weight(item, copies, evidence, terms) for item in posts]
    chosen: list[Remark] = []
    for place in sorted(range(len(posts)), key=lambda place: (-weights[place], place)):
        item = posts[place]
        told = {(other.content_key, other.author) for other in chosen}
        if not any(item.content_key == key or (author and item.author == author) for key, author in told):
            chosen.append(item)
        if len(chosen) == QUOTES:
            break
    return chosen


def _in_context(tx: Transaction, quotes: Sequence[tuple[Post, Quote]]) -> tuple[Quote, ...]:
    """The quotes, each reply with what it replies to."""
    words = answered(tx, [post for post, _ in quotes])
    return tuple(replace(said, answers=words.get(post.key, "")) for post, said in quotes)


def _weight(item: Remark, copies: Counter[str], evidence: set[PostKey], terms: Sequence[str]) -> float:
    answered = (item.likes or 0) + 2 * (item.replies or 0) + 3 * (item.shares or 0)
    heard = math.log1p(item.reach or 0) / 2 + math.log1p(answered) + math.log1p(copies[item.content_key] - 1)
    against = max(0.0, -item.compound) + 0.5 * item.has_kinds + 0.25 * (item.key in evidence)
    text = item.words.casefold()
    on_point = min(3, [term in text for term in terms].count(True))
    return (1.0 + heard) * (0.1 + against) * (1.0 + on_point)


def quote(post: Post, remark: Remark | None = None, copies: int = 1) -> Quote:
    """A post as it is shown; `remark` has what it says of the brand, and how far it went."""
    counts = remark or post.engagement
    judged = remark is not None and remark.label != Label.UNSCORED
    return Quote(
        text=post.text or post.title,
        title=post.title if post.text else "",
        source=post.source,
        at=post.created_at,
        author=post.author_name or post.author or "",
        url=post.url or "",
        reach=post.author_reach,
        likes=counts.likes,
        shares=counts.shares,
        replies=counts.replies,
        views=counts.views,
        copies=copies,
        sentiment=remark.compound if judged and remark is not None else None,
    )


def _coverage(tx: Transaction, incident: Incident, at: datetime) -> tuple[SourceCoverage, ...]:
    start = min(incident.began_at, at - timedelta(hours=1))
    missing = [gap for gap in gap_store.between(tx, start, at) if gap.is_open]
    found: list[SourceCoverage] = []
    for name in sorted(set(incident.sources)):
        gaps = [gap for gap in missing if gap.source == name]
        share = 1.0 - gap_store.share_missing(gaps, start, at)
        found.append(SourceCoverage(name, share, _longest_reason(gaps, start, at)))
    return tuple(found)


def _longest_reason(gaps: Sequence[Gap], start: datetime, at: datetime) -> str:
    """Why a source was not wholly read: the reason of the longest gap."""
    longest = max(gaps, key=lambda gap: (min(gap.ends_at, at) - max(gap.starts_at, start), gap.reason), default=None)
    return longest.reason if longest else ""


def _pause(tx: Transaction, incident: Incident, at: datetime) -> dict[str, Any]:
    """The snooze in force that lasts longest."""
    mine = [silence for silence in silence_store.active(tx, at) if silence.incident_id == incident.id]
    last = max(mine, key=lambda silence: silence.ends_at, default=None)
    return {"snoozed_until": last.ends_at, "snoozed_by": last.author} if last else {}


def _terms(tx: Transaction, incident: Incident, posts: Sequence[Remark]) -> tuple[str, ...]:
    """What the posts have that the week before had not; where words are not set apart, what the detectors found."""
    usual = post_store.wordings(tx, incident.began_at - USUAL_FOR, incident.began_at, incident.counted_as, MOST_POSTS)
    names = [incident.brand, incident.counted_as, *remark_store.terms(posts)]
    told = wordings(posts)
    return telling_words(told, usual, names) or spelt_out(incident.facts.get("terms", ()), told)


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
    quarters = _quarters(tx, incident.counted_as, start - USUAL_FOR, at)
    usual, shown = quarters[: USUAL_FOR // CURVE_BIN], quarters[USUAL_FOR // CURVE_BIN :]
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


def _quarters(tx: Transaction, brand: str, since: datetime, until: datetime) -> list[float]:
    counts = [0.0] * math.ceil((until - since) / CURVE_BIN)
    for start, number in bin_store.posts(tx, brand, since, until).items():
        counts[(start - since) // CURVE_BIN] += number
    return counts
