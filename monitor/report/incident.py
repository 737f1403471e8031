"""The post-mortem of an incident: what happened, how fast we were, on what evidence, and what was done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.page import Page, Response
from alerts.render.curve import alternative, picture
from alerts.render.outside import cleaned, cut
from alerts.render.story import tell
from alerts.render.told import Story, ToldQuote
from alerts.words import clock, moment, person, span
from config.settings import Settings
from monitor.care import Care
from monitor.casework_lines import READINGS, Work, sentence, taken_back
from monitor.report.document import Block, Document, Evidence, Facts, Heading, Paragraph, Picture, Points, Rows
from monitor.report.gaps import gap_rows
from monitor.report.redaction import Redaction
from storage import casework as casework_store
from storage import gaps as gap_store
from storage import incidents as incident_store
from storage import outbox as outbox_store
from storage.database import Transaction
from storage.records import Casework, Delivery, Gap, Incident, IncidentEvent

LONGEST_NOTE = 400
STILL_SHOWN = timedelta(hours=6)
"""How long after the last that was heard of it a live incident is drawn."""
MOST_ROWS = 200
"""Lines of a timeline, and messages, that are shown; the last count when there are more."""

_CLOCK = (
    ("detected", "From the first post to the alarm"),
    ("paged", "From the alarm to the first message"),
    ("acknowledged", "From the first message until somebody took it"),
    ("answered", "From the alarm to the public answer"),
    ("resolved", "From the alarm to its end"),
)


@dataclass(frozen=True, slots=True)
class _Case:
    """Everything that is known of the incident."""

    incident: Incident
    page: Page
    story: Story
    events: Sequence[IncidentEvent]
    deliveries: Sequence[Delivery]
    gaps: Sequence[Gap]
    work: Casework
    redaction: Redaction | None


def post_mortem(
    tx: Transaction, settings: Settings, incident: Incident, now: datetime, *, redacted: bool = False
) -> Document:
    """The report of one incident, as of its end, or of the last that was heard of it."""
    at = incident.resolved_at or min(now, incident.updated_at + STILL_SHOWN)
    page = Care.build(settings).brief(tx, incident, at)
    redaction = Redaction() if redacted else None
    page = redaction.page(page) if redaction else page
    case = _Case(
        incident,
        page,
        tell(page),
        incident_store.events(tx, incident.id)[-MOST_ROWS:],
        outbox_store.history(tx, incident.id)[-MOST_ROWS:],
        [gap for gap in gap_store.between(tx, incident.began_at, at) if gap.source in incident.sources],
        casework_store.of(tx, incident.id),
        redaction,
    )
    kicker = f"Post-mortem · {case.story.brand}{' · redacted' if redacted else ''}"
    foot = f"Incident {incident.id}, as of {moment(at, page.timezone)}. Made {moment(now, page.timezone)}."
    return Document(case.story.headline, kicker, _lead(case), tuple(_blocks(case)), foot, case.story.tone)


def _lead(case: _Case) -> str:
    zone, incident = case.page.timezone, case.incident
    began = f"It began on {moment(incident.began_at, zone)}"
    if incident.resolved_at is None:
        return f"{began} and still goes on."
    lasted = span((incident.resolved_at - incident.began_at).total_seconds())
    return f"{began} and was over after {lasted}. {case.story.badge}."


def _blocks(case: _Case) -> Iterator[Block]:
    yield from _response(case.page.response, case.page.timezone)
    if drawn := picture(case.page):
        yield Heading("Its course")
        yield Picture(drawn, alternative(case.page))
    yield Heading("What is known")
    yield Facts((*case.story.facts, *_casework(case)))
    if case.story.why:
        yield Heading("Why it rang")
        yield Points(case.story.why)
    yield from _evidence(case)
    yield from _timeline(case)
    yield from _messages(case)
    yield from _coverage(case)
    if case.story.similar:
        yield Heading("Like this before")
        yield Points(tuple(sentence for sentence, _ in case.story.similar))


def _casework(case: _Case) -> Iterator[tuple[str, str]]:
    """What people made of it, as facts."""
    work = case.work
    related = [*work.links, *(part.into for part in work.parts), *filter(None, (work.merged_into, work.split_from))]
    for label, words in (
        ("Carried by", cleaned(person(work.assigned_to)) if work.assigned_to else ""),
        ("Tags", cleaned(", ".join(work.tags))),
        ("See also", ", ".join(dict.fromkeys(related))),
    ):
        if words:
            yield label, words


def _response(response: Response | None, zone: str) -> Iterator[Block]:
    if response is None:
        return
    spans = response.spans
    ends = {
        "detected": (response.detected_at, ""),
        "paged": (response.paged_at, ""),
        "acknowledged": (response.acknowledged_at, response.acknowledged_by),
        "answered": (response.answered_at, response.answered_by),
        "resolved": (response.resolved_at, response.resolved_by),
    }
    rows = []
    for name, words in _CLOCK:
        at, who = ends[name]
        by = cleaned(person(who)) if who and who != "tocsin" else ""
        took = _took(spans.get(name)) if at else "not yet"
        rows.append((words, took, clock(at, zone) if at else "", by))
    yield Heading("How fast we were")
    yield Rows(("", "it took", "at", "by"), tuple(rows), (9, 4, 4, 4))
    if response.answer:
        yield Paragraph(f"The public answer: {cleaned(response.answer)}")


def _took(length: timedelta | None) -> str:
    if length is None:
        return "unknown"
    return "at once" if length < timedelta(seconds=1) else span(length.total_seconds())


def _evidence(case: _Case) -> Iterator[Block]:
    if case.story.origin:
        yield Heading("Where it began")
        yield _shown(case.story.origin)
    if case.story.quotes:
        yield Heading("What people said")
        yield from (_shown(quote) for quote in case.story.quotes)


def _shown(quote: ToldQuote) -> Evidence:
    return Evidence(quote.text, quote.byline, quote.echo, quote.url)


def _timeline(case: _Case) -> Iterator[Block]:
    yield Heading("What happened when")
    rows = tuple(_line(case, event) for event in case.events)
    yield Rows(("at", "what", "who", ""), rows, (4, 3, 3, 11))


def _line(case: _Case, event: IncidentEvent) -> tuple[str, str, str, str]:
    said = [str(event.details.get(key, "")) for key in ("verdict", "note", "why", "link")]
    if event.kind in READINGS or event.kind == Work.UNDO:
        said.insert(0, sentence(event))
    if event.seq in taken_back(case.events):
        said.append("taken back")
    words = cut(cleaned(": ".join(filter(None, said)).replace("_", " ")), LONGEST_NOTE)
    words = case.redaction.text(words) if case.redaction and event.actor == "tocsin" else words
    who = "" if event.actor == "tocsin" else cleaned(person(event.actor))
    return (clock(event.at, case.page.timezone), event.kind.replace("_", " "), who, words)


def _messages(case: _Case) -> Iterator[Block]:
    yield Heading("Who was told")
    if not case.deliveries:
        yield Paragraph("Nobody was told of it.")
        return
    rows = []
    for item in case.deliveries:
        late = item.sent_at - item.first_due_at if item.sent_at else None
        place = cleaned(f"{item.channel} {item.target}".strip())
        how = "sent" if item.sent_at else f"{item.state.value}: {cleaned(item.last_error or '')}".rstrip(": ")
        after = _took(late) if late is not None else ""
        rows.append((clock(item.created_at, case.page.timezone), item.reason.value, place, cut(how, 120), after))
    yield Rows(("decided", "what", "where", "state", "after"), tuple(rows), (4, 3, 6, 5, 3))


def _coverage(case: _Case) -> Iterator[Block]:
    yield Heading("What could not be seen")
    if not case.gaps:
        yield Paragraph("Every source that carries it was read throughout, as far as we know.")
        return
    zone = case.page.timezone
    yield gap_rows(case.gaps, zone)
