"""The brief of a week or a month: what was said of a brand, what rang, how fast people were, and what nobody saw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from alerts.render.outside import cleaned, cut, safe_link
from alerts.words import clock, count, listed, moment, person, severity_words, span
from config.settings import Settings
from monitor.report import days
from monitor.report.document import Block, Document, Evidence, Facts, Heading, Paragraph, Picture, Points, Rows
from monitor.report.figures import Figures, SourceFigures, gather, middle
from monitor.report.gaps import gap_rows
from monitor.report.period import Period
from storage.database import Transaction
from storage.pulse import Counts
from storage.records import Severity, Verdict
from storage.response import Response
from storage.threads import Discussed

WHOLE = 0.995
"""Share of a time from which on it counts as read."""
MOST_GAPS = 12
LONGEST_TITLE = 200
_SAME = 0.05
"""Numbers that differ by less are about the same."""
_VERDICTS = {
    Verdict.REAL: "real",
    Verdict.FALSE_ALARM: "false alarm",
    Verdict.DUPLICATE: "duplicate",
    Verdict.NOT_ABOUT_US: "not about us",
}
_PAGES = (Severity.WARNING, Severity.CRITICAL)


def brief(tx: Transaction, settings: Settings, brand: str, period: Period, now: datetime) -> Document:
    """The brief of a brand as it stands at `now`."""
    return document(gather(tx, settings, brand, period), now)


def document(figures: Figures, now: datetime) -> Document:
    """The figures in words, tables and a picture."""
    period = figures.period
    kicker = f"{'Weekly' if period.every == 'week' else 'Monthly'} brief · {cleaned(figures.brand)}"
    span_of_it = f"From {moment(period.begin, period.zone)} to {moment(period.end, period.zone)}."
    foot = f"{span_of_it} Made {moment(now, period.zone)} from what was stored by then."
    return Document(headline(figures), kicker, lead(figures), tuple(_blocks(figures)), foot, _tone(figures))


def headline(figures: Figures) -> str:
    """Whose, and of when."""
    return f"{cleaned(figures.brand)}: {figures.period.words}"


def lead(figures: Figures) -> str:
    """The two sentences that somebody reads who reads no more."""
    rang = _number(len(figures.incidents), "incident") if figures.incidents else "No incident"
    worst = f", {_by_severity(figures.incidents)}" if figures.incidents else ""
    against = (
        f", {_against(figures.counts.posts, figures.before.posts, _then(figures))}" if figures.is_comparable else ""
    )
    return f"{rang}{worst}. {_number(figures.counts.posts, 'mention')}{against}."


def in_short(figures: Figures) -> tuple[tuple[str, str], ...]:
    """What there is to say in a sentence each, with a label."""
    told = (
        ("Mentions", _volume(figures)),
        ("Voices", _voices(figures)),
        ("Mood", _mood(figures)),
        ("Incidents", _rang(figures)),
        ("Response", _response(figures)),
        ("Verdicts", _verdicts(figures)),
        ("Against rivals", _against_rivals(figures)),
        ("Seen", _seen(figures)),
    )
    return tuple((label, sentence) for label, sentence in told if sentence)


def _tone(figures: Figures) -> str:
    return (
        max((one.severity for one in figures.incidents), key=lambda one: one.rank).value
        if figures.incidents
        else "over"
    )


def _blocks(figures: Figures) -> Iterator[Block]:
    yield Facts(in_short(figures))
    if drawn := days.picture(figures):
        yield Heading("Day by day")
        yield Picture(drawn, days.alternative(figures))
    yield from _incidents(figures)
    yield from _discussed(figures)
    yield from _sources(figures)
    yield from _rivals(figures)
    yield from _unseen(figures)
    yield from _thresholds(figures)


# -- In a sentence -----------------------------------------------------------------------------------------------------


def _then(figures: Figures) -> str:
    """The period before, as it is called."""
    return f"the {figures.period.every} before"


def _volume(figures: Figures) -> str:
    posts = figures.counts.posts
    said = f"{_number(posts, 'mention')}"
    against = [_against(posts, figures.before.posts, _then(figures))] if figures.is_comparable else []
    if figures.usual is not None:
        against.append(
            f"{count(round(figures.usual))} would be usual (the median of {figures.earlier} {figures.period.every}s)"
        )
    if not against:
        return f"{said}; nothing is known of {_then(figures)} to compare it with."
    return f"{said}, {'; '.join(against)}."


def _voices(figures: Figures) -> str:
    voices = figures.crowd.voices
    if not voices:
        return ""
    said = f"{_number(voices, 'independent voice')} by {_number(figures.crowd.authors, 'author')}"
    return (
        f"{said}, {_against(voices, figures.crowd_before.voices, _then(figures))}."
        if figures.is_comparable
        else f"{said}."
    )


def _mood(figures: Figures) -> str:
    share, before = figures.counts.negative_share, figures.before.negative_share
    if share is None:
        return "Nothing could be judged." if figures.counts.posts else ""
    unscored = figures.counts.unscored
    aside = f" {_number(unscored, 'mention')} could not be judged." if unscored else ""
    against = f", {before:.0%} {_then(figures)}" if before is not None and figures.is_comparable else ""
    return f"{share:.0%} negative{against}.{aside}"


def _rang(figures: Figures) -> str:
    found = figures.incidents
    joint = ", " if len(found) == 1 else ": "
    said = f"{_number(len(found), 'incident')} began{joint}{_by_severity(found)}" if found else "No incident began"
    before = f"; {figures.incidents_before or 'none'} {_then(figures)}" if figures.is_comparable else ""
    left = len(figures.left_over)
    older = f" {left} went on from before." if left else ""
    return f"{said}{before}.{older}"


def _by_severity(found: Sequence[Response]) -> str:
    if len(found) == 1:
        return severity_words(found[0].severity)
    counted = ((severity, sum(one.severity is severity for one in found)) for severity in reversed(Severity))
    plural = {Severity.CRITICAL: "critical", Severity.WARNING: "warnings", Severity.WATCH: "watches"}
    return listed(
        [f"{number} {severity.value if number == 1 else plural[severity]}" for severity, number in counted if number]
    )


def _response(figures: Figures) -> str:
    """Medians over what rang and was not wrong."""
    real = [one for one in figures.incidents if figures.judged.get(one.id, Verdict.REAL) is Verdict.REAL]
    rang = middle(real, lambda one: one.to_know)
    then = [
        f"{words} {_length(took)}"
        for words, took in (
            ("first message", middle(real, lambda one: one.to_tell)),
            ("taken", middle(real, lambda one: one.to_take)),
            ("ended", middle(real, lambda one: one.to_end)),
        )
        if took is not None
    ]
    answered = middle(real, lambda one: one.to_answer)
    said = [
        *([f"Rang {_length(rang)} after it began"] if rang is not None else []),
        *([f"{listed(then)} after that"] if then else []),
        *([f"answered publicly {_length(answered)} after it began"] if answered is not None else []),
    ]
    if not said:
        return ""
    untaken = sum(one.severity in _PAGES and one.acknowledged_at is None for one in real)
    nobody = f" {_number(untaken, 'page')} {'was' if untaken == 1 else 'were'} taken by nobody." if untaken else ""
    return f"{'; '.join(said)}{f' (medians of {len(real)})' if len(real) > 1 else ''}.{nobody}"


def _verdicts(figures: Figures) -> str:
    if not figures.incidents:
        return ""
    said = [figures.judged.get(one.id) for one in figures.incidents]
    parts = [f"{number} {words}" for verdict, words in _VERDICTS.items() if (number := said.count(verdict))]
    waiting = sum(one.severity in _PAGES and one.id not in figures.judged for one in figures.incidents)
    if waiting:
        parts.append(f"{_number(waiting, 'page')} without a verdict yet")
    return f"{listed(parts)}." if parts else ""


def _against_rivals(figures: Figures) -> str:
    own = next((one for one in figures.rivals if one.brand == figures.brand), None)
    if own is None or not any(one.counts.posts for one in figures.rivals):
        return ""
    others = listed([cleaned(one.brand) for one in figures.rivals if one is not own])
    before = f", {own.share_before:.0%} {_then(figures)}" if any(one.before.posts for one in figures.rivals) else ""
    return f"{own.share:.0%} of what was said of it and {others}{before}."


def _seen(figures: Figures) -> str:
    """What was not read, openly: numbers are of what was read."""
    missing = [f"{cleaned(one.name)} {_covered(one)}" for one in figures.sources if not _is_whole(one)]
    if not figures.sources:
        return "No source is read for it."
    if all(_is_taken_in(one) for one in figures.sources):
        return "The posts were taken in, not read from their sources: what is missing is not known."
    if not missing:
        said = "Every source was read throughout, as far as we know."
    else:
        said = f"Not wholly read: {listed(missing)}; the true numbers may be higher."
    ill = [f"{cleaned(name)} {share:.0%}" for name, share in figures.gaps_before.items() if share < WHOLE]
    if ill and figures.is_comparable:
        said += f" {_then(figures).capitalize()} was not wholly read either ({listed(ill)})."
    begins = figures.known_since
    if begins is not None and figures.period.before.begin < begins < figures.period.begin:
        said += f" {_then(figures).capitalize()} is known from {clock(begins, figures.period.zone)} on."
    return said


# -- In whole ----------------------------------------------------------------------------------------------------------


def _incidents(figures: Figures) -> Iterator[Block]:
    yield Heading("What rang")
    if not figures.incidents and not figures.left_over:
        yield Paragraph("Nothing rang, and nothing went on from before.")
        return
    rows = tuple(_row(figures, one) for one in (*figures.left_over, *figures.incidents))
    yield Rows(
        ("began", "severity", "what", "told after", "taken after", "over after", "verdict"),
        rows,
        (5, 4, 11, 4, 5, 4, 4),
    )


def _row(figures: Figures, one: Response) -> tuple[str, ...]:
    taken = _length(one.to_take)
    by = cut(cleaned(person(one.acknowledged_by)), 40) if one.acknowledged_by else ""
    said = figures.judged.get(one.id)
    return (
        clock(one.opened_at, figures.period.zone),
        one.severity.value,
        cut(cleaned(one.headline), LONGEST_TITLE),
        _length(one.to_tell) or "nobody was",
        f"{taken} by {by}" if taken and by else taken or "not taken",
        _length(one.to_end) or "goes on",
        _VERDICTS[said] if said else "",
    )


def _discussed(figures: Figures) -> Iterator[Block]:
    yield Heading("What was discussed most")
    if not figures.discussed:
        yield Paragraph("No thread had more than one mention.")
        return
    yield from (_thread(one) for one in figures.discussed)


def _thread(one: Discussed) -> Evidence:
    title = cut(cleaned(one.post.title) or cleaned(one.post.text), LONGEST_TITLE)
    mood = f", {one.negative_share:.0%} negative" if one.negative_share is not None else ""
    byline = f"{cleaned(one.post.source)} · {_number(one.mentions, 'mention')}{mood}"
    return Evidence(title or "without words", byline, "", safe_link(one.post.url or ""))


def _sources(figures: Figures) -> Iterator[Block]:
    yield Heading("Where it was said")
    if not figures.sources:
        yield Paragraph("No source is read for it.")
        return
    rows = tuple(
        (
            cleaned(one.name),
            count(one.counts.posts),
            count(one.before.posts) if figures.is_comparable else "unknown",
            _share(one.counts),
            "not read" if one.covered is None else f"{one.covered:.0%}",
        )
        for one in figures.sources
    )
    yield Rows(("source", "mentions", _then(figures), "negative", "of the time read"), rows, (6, 3, 4, 3, 4))


def _rivals(figures: Figures) -> Iterator[Block]:
    if not figures.rivals and not figures.unwatched:
        return
    yield Heading("Share of voice")
    if figures.rivals:
        rows = tuple(
            (
                cleaned(one.brand),
                f"{one.share:.0%}",
                f"{one.share_before:.0%}" if one.before.posts or figures.is_comparable else "unknown",
                count(one.counts.posts),
                _share(one.counts),
            )
            for one in figures.rivals
        )
        yield Rows(("brand", "share", _then(figures), "mentions", "negative"), rows, (6, 3, 4, 3, 3))
    if figures.unwatched:
        names = listed([cleaned(name) for name in figures.unwatched])
        yield Paragraph(
            f"Not watched, so not counted: {names}. A rival is counted once it is a brand of its own.", True
        )


def _unseen(figures: Figures) -> Iterator[Block]:
    yield Heading("What could not be seen")
    if not figures.gaps:
        is_taken_in = all(_is_taken_in(one) for one in figures.sources)
        yield Paragraph("Nothing is known of that." if is_taken_in else "No gap is on record.")
        return
    longest = sorted(figures.gaps, key=lambda gap: (gap.filled_at is not None, gap.starts_at - gap.ends_at))[:MOST_GAPS]
    zone = figures.period.zone
    yield gap_rows(sorted(longest, key=lambda gap: (gap.starts_at, gap.source)), zone)
    if len(figures.gaps) > len(longest):
        yield Paragraph(f"And {_number(len(figures.gaps) - len(longest), 'shorter gap')}.", is_quiet=True)


def _thresholds(figures: Figures) -> Iterator[Block]:
    """Nobody waits for a brief, yet judging weeks anew takes minutes: so it says how."""
    since, until = figures.period.first.isoformat(), figures.period.next.isoformat()
    yield Heading("At another sensitivity")
    yield Paragraph("What would have rung in these days under other thresholds is computed when it is asked:")
    yield Points((f"tocsin backtest --sensitivity relaxed,standard,keen --since {since} --until {until}",))


# -- Words -------------------------------------------------------------------------------------------------------------


def _number(number: float, noun: str) -> str:
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def _against(now: float, before: float, then: str) -> str:
    """`30% more than the 926 of the week before`."""
    if not before:
        return f"none {then}"
    if not now:
        return f"{count(before)} {then}"
    ratio = now / before
    if abs(ratio - 1) < _SAME:
        return f"about as many as {then} ({count(before)})"
    if ratio >= 2:
        return f"{count(ratio)} times the {count(before)} of {then}"
    more = "more" if ratio > 1 else "fewer"
    return f"{abs(ratio - 1):.0%} {more} than the {count(before)} of {then}"


def _share(counts: Counts) -> str:
    return "" if counts.negative_share is None else f"{counts.negative_share:.0%}"


def _length(took: timedelta | None) -> str:
    if took is None:
        return ""
    return "at once" if took < timedelta(seconds=1) else span(took.total_seconds())


def _covered(one: SourceFigures) -> str:
    return "not at all" if one.covered is None else f"for {one.covered:.0%} of the time"


def _is_taken_in(one: SourceFigures) -> bool:
    """Whether there are posts of a source that was never read here: they were imported, handed in or replayed."""
    return one.covered is None and bool(one.counts.posts or one.before.posts)


def _is_whole(one: SourceFigures) -> bool:
    return one.covered is not None and one.covered >= WHOLE
