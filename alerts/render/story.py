"""A page put into words, without markup: what every rendering says, in the order in which a reader needs it.

Every string of a `Story` is clean (alerts/render/outside.py) and complete in itself, so that a channel only chooses how
much of it to show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from alerts.actions import Action, Need, Offer, offered
from alerts.page import ALL_QUIET, BRIEF, TEST, WHOLE, OnDuty, Page, Quote
from alerts.render.outside import cleaned, cut, safe_link
from alerts.render.told import Entry, Story, ToldQuote
from alerts.words import clock, count, every, listed, moment, person, short_count, span, span_words
from storage.records import IncidentState, Reason, Severity

_BADGES = {
    Severity.CRITICAL: "Critical: act now",
    Severity.WARNING: "Warning: look at it soon",
    Severity.WATCH: "Watch: nothing to do yet",
}
_FULL_COVERAGE = 0.995
_LONG_UNANSWERED = timedelta(minutes=10)
_SHOWN_COMMANDS = 3
QUOTE_LENGTH = 220
CONTEXT_LENGTH = 100


def tell(page: Page) -> Story:
    """Put a page into words."""
    if page.entries:
        return _digest(page)
    return {BRIEF: _brief, TEST: _test}.get(page.kind, _told)(page)


def _test(page: Page) -> Story:
    """A message that tries a channel offers nothing: no command and no button would find an incident."""
    at = moment(page.at, page.timezone)
    return replace(
        _told(replace(page, kind="")),
        badge="Test",
        began=f"Sent {at}",
        standing="",
        why_title="Why you get this",
        actions=(),
        offers=(),
        incident="",
        foot=f"As of {at}",
    )


def _brief(page: Page) -> Story:
    """A look back asks for nothing: it has labelled sentences, and a way to the whole of it."""
    told = [(cleaned(label), cut(cleaned(said), 600)) for label, _, said in (one.partition(": ") for one in page.why)]
    return replace(
        _told(replace(page, why=(), kind="")),
        badge="Brief",
        began=f"Made {moment(page.at, page.timezone)}",
        facts=tuple(pair for pair in told if pair[0] != WHOLE),
        actions=tuple(pair for pair in told if pair[0] == WHOLE),
        offers=(),
        opens="Open the brief",
    )


def _told(page: Page) -> Story:
    origin = _quote(page, page.origin) if page.origin else None
    shown = [quote for quote in page.quotes if quote != page.origin]
    return Story(
        badge=_badge(page),
        tone="over" if _is_over(page) else page.severity.value,
        headline=cut(cleaned(page.headline), 240) or f"Something is happening around {cleaned(page.brand)}",
        brand=cleaned(page.brand),
        lead=_lead(page),
        began=_began(page),
        standing=" ".join(_standing(page)),
        changed=_sentences(page.changed),
        notes=_sentences(page.notes),
        facts=tuple(_facts(page)),
        origin=origin,
        quotes=tuple(_quote(page, quote) for quote in shown),
        why=_sentences(page.why),
        why_title="What is wrong" if page.is_own else "Why it rang",
        similar=_similar(page),
        actions=_actions(page),
        offers=offered(page.state, is_own=page.is_own),
        incident=cleaned(page.incident_id),
        at=moment(page.at, page.timezone),
        url=safe_link(page.url),
        foot=f"Incident {cleaned(page.incident_id)}, as of {moment(page.at, page.timezone)}",
    )


def _digest(page: Page) -> Story:
    """Several alerts put into words, one after another."""
    entries = tuple(map(_entry, page.entries))
    at = moment(page.at, page.timezone)
    first = entries[0].headline
    lead, opens = (f"First of them: {first}", "See all of them") if len(entries) > 1 else (first, "See it")
    return Story(
        badge="Drill · Digest" if page.drill else "Digest",
        tone=entries[0].tone,
        headline=page.headline,
        brand=cut(cleaned(page.brand), 120),
        lead=lead,
        began=f"Gathered since {clock(page.began_at, page.timezone, page.at)}",
        standing="",
        changed=_sentences(page.changed),
        notes=_sentences(page.notes),
        facts=tuple((f"{entry.badge} · {entry.brand}", _said(entry)) for entry in entries),
        origin=None,
        quotes=(),
        why=(),
        similar=(),
        actions=((opens, "tocsin incidents list"),),
        offers=(),
        incident="",
        at=at,
        url=safe_link(page.url),
        foot=f"As of {at}",
        opens=opens,
        entries=entries,
    )


def _entry(page: Page) -> Entry:
    story = tell(page)
    return Entry(
        tone=story.tone,
        badge=story.badge.split(":", 1)[0],
        brand=story.brand,
        headline=story.headline,
        lead=story.lead,
        standing=f"{story.began}. {story.standing}".rstrip(),
        news=(*story.changed, *story.notes),
        link=story.url,
        command=f"tocsin incidents show {story.incident}",
    )


def _said(entry: Entry) -> str:
    return cut(" ".join(filter(None, (ended(entry.headline), entry.lead, entry.standing))), 400)


def ended(words: str) -> str:
    """Words as a sentence that ends."""
    return words if words.endswith((".", "!", "?", "…")) else f"{words}."


def _sentences(sentences: tuple[str, ...]) -> tuple[str, ...]:
    """Sentences of ours, with outside words in them, as sentences: a capital letter and a full stop."""
    texts = (cut(cleaned(sentence), 400) for sentence in sentences)
    return tuple(f"{text[0].upper()}{text[1:]}{'' if text[-1] in '.!?…' else '.'}" for text in texts if text)


def _is_over(page: Page) -> bool:
    return not page.state.is_live or page.reason is Reason.RESOLVED


def _badge(page: Page) -> str:
    if page.kind == ALL_QUIET:
        return "All quiet"
    badge = _BADGES[page.severity]
    if page.state is IncidentState.FALSE_ALARM:
        badge = "False alarm"
    elif _is_over(page):
        badge = "Over"
    elif page.state is IncidentState.ACKNOWLEDGED and page.acknowledged_by:
        badge = f"{page.severity.value.capitalize()}: {_somebody(page.acknowledged_by)} has it"
    return f"Drill · {badge}" if page.drill else badge


def _lead(page: Page) -> str:
    """What it is about and how much of it there is, as one would say it aloud.

    Without figures when it is over, since those are of before; they are not said twice where the headline says them.
    """
    return " ".join(part for part in (_about(page), figures(page)) if part)


def figures(page: Page) -> str:
    """How much of it there is, in a sentence; nothing when it is over."""
    return "" if _is_over(page) else _numbers(page)


def _about(page: Page) -> str:
    """What a person would say if asked what happened: the kind of harm, and the words with which it began."""
    about, began = cleaned(page.about), cut(_beginning(page), 110)
    words = listed([cut(cleaned(term), 40) for term in page.terms[:5]])
    said = f"“{began}”" if began else f"people say {words}" if words else ""
    sentence = ": ".join(filter(None, (about, said)))
    if not sentence:
        return ""
    return f"{sentence[0].upper()}{sentence[1:]}{'' if began.endswith(('.', '!', '?', '…')) else '.'}"


def _beginning(page: Page) -> str:
    """The title of what it began with, or of the thread that carries it."""
    titles = (page.origin.title if page.origin else "", page.thread.title if page.thread else "")
    return next((title for one in titles if (title := cleaned(one))), "")


def _numbers(page: Page) -> str:
    if page.observed is None:
        return ""
    said = f"{count(page.observed)} {page.unit} in {span_words(page.window_seconds)}"
    if page.expected is None:
        return f"{said}."
    times = page.observed / page.expected if page.expected > 0 else 0
    if times >= 2:
        is_known = f" {count(page.observed)} " in page.headline
        said = f"{count(times)} times the usual{'' if is_known else f': {said}'}"
    if page.low is not None and page.high is not None and page.high > page.low:
        return f"{said}; {count(page.low)} to {count(page.high)} at most times."
    return f"{said}; {count(page.expected)} would be usual."


def _began(page: Page) -> str:
    began = f"Began {clock(page.began_at, page.timezone, page.at)}"
    if page.resolved_at is not None:
        lasted = span((page.resolved_at - page.began_at).total_seconds())
        return f"{began}, over since {clock(page.resolved_at, page.timezone, page.at)} after {lasted}"
    ago = (page.at - page.began_at).total_seconds()
    return f"{began}, {span(ago)} ago" if ago >= 60 else began


def _standing(page: Page) -> Iterator[str]:
    """Who has it, whether it rests, whether it was answered, and whom to call."""
    if _is_over(page):
        return
    if page.state is IncidentState.ACKNOWLEDGED and page.acknowledged_by:
        taken = page.acknowledged_at
        since = f" since {clock(taken, page.timezone, page.at)}" if taken else ""
        yield f"{_somebody(page.acknowledged_by)} has it{since}."
    else:
        yield "Nobody has taken it yet."
    if page.carried_by:
        yield f"Carried by {_somebody(page.carried_by)}."
    if page.snoozed_until is not None:
        until = clock(page.snoozed_until, page.timezone, page.at)
        yield f"Snoozed by {_somebody(page.snoozed_by)} until {until}."
    if page.on_duty:
        yield f"On duty: {listed([_on_duty(page, one) for one in page.on_duty[:3]])}."


def _somebody(actor: str) -> str:
    return cut(person(cleaned(actor)), 60) or "somebody"


def _on_duty(page: Page, one: OnDuty) -> str:
    until = f" until {clock(one.until, page.timezone, page.at)}" if one.until else ""
    return f"{cut(cleaned(one.name), 80)}{until}"


def _clock(page: Page) -> str:
    """The response clock in one sentence; what has not happened yet is said with how long it is waited for."""
    told = page.response
    if told is None:
        return ""
    took = {name: span(max(length.total_seconds(), 1)) for name, length in told.spans.items()}
    parts = [f"rang {took['detected']} after it began" if "detected" in took else "rang"]
    parts[0] += f" ({clock(told.detected_at, page.timezone, page.at)})"
    if "paged" in took:
        parts.append(f"first message after {took['paged']}")
    if "acknowledged" in took:
        parts.append(f"taken after {took['acknowledged']}")
    if "answered" in took:
        parts.append(f"answered publicly after {took['answered']}")
    elif page.state.is_live and page.at - told.detected_at >= _LONG_UNANSWERED:
        parts.append(f"no public answer for {span((page.at - told.detected_at).total_seconds() // 60 * 60)}")
    if "resolved" in took and not page.state.is_live:
        parts.append(f"over after {took['resolved']}")
    said = ", ".join(parts)
    return f"{said[0].upper()}{said[1:]}."


def _answer(page: Page) -> str:
    told = page.response
    return f"{safe_link(told.answer)} ({_somebody(told.answered_by)})" if told and safe_link(told.answer) else ""


def _facts(page: Page) -> Iterator[tuple[str, str]]:
    for label, sentence in (
        ("Speed", "" if _is_over(page) else _speed(page)),
        ("Who", _who(page)),
        ("Mood", _mood(page)),
        ("Path", _path(page)),
        ("Thread", _thread(page)),
        ("Merged", "; ".join(cut(cleaned(headline), 120) for headline in page.merged[:5])),
        ("Clock", _clock(page)),
        ("Our answer", _answer(page)),
        ("Words", ", ".join(cut(cleaned(term), 40) for term in page.terms[:8]) if _beginning(page) else ""),
        ("Not seen", _unseen(page)),
    ):
        if sentence:
            yield label, cut(sentence, 600)


def _speed(page: Page) -> str:
    parts: list[str] = []
    if page.doubling_hours is not None and page.doubling_hours > 0:
        parts.append(f"It doubles {every(page.doubling_hours * 3600)}.")
    if page.forecast is not None:
        parts.append(
            f"The next {span(page.forecast.hours * 3600)} will bring about {count(page.forecast.expected)} posts "
            f"({count(page.forecast.low)} to {count(page.forecast.high)}, four times in five)."
        )
    return " ".join(parts)


def _who(page: Page) -> str:
    if not page.posts:
        return ""
    posts = f"{count(page.posts)} post{'s' if page.posts != 1 else ''}"
    parts = [f"{posts} by {count(page.authors)} authors" if page.authors > 1 else posts]
    if page.voices:
        parts.append(f"{count(page.voices)} independent voice{'s' if page.voices != 1 else ''}")
    if page.copies_share >= 0.05:
        parts.append(f"{page.copies_share:.0%} copied from others")
    if page.reach:
        parts.append(f"audience up to {short_count(page.reach)}")
    return f"{', '.join(parts)}."


def _mood(page: Page) -> str:
    if page.negative_share is None:
        return ""
    tenths = round(page.negative_share * 10)
    if tenths >= 10:
        return "Nearly all of it is against the brand."
    return f"{tenths} in 10 are against the brand." if tenths else "Hardly any of it is against the brand."


def _path(page: Page) -> str:
    steps = [
        f"{cleaned(share.source)} {clock(share.first_at, page.timezone, page.at)}"
        + (f" ({count(share.posts)} post{'s' if share.posts != 1 else ''})" if share.posts else "")
        for share in page.sources
    ]
    return " → ".join(steps)


def _thread(page: Page) -> str:
    thread = page.thread
    if thread is None:
        return ""
    parts = [f"“{cut(cleaned(thread.title), 120)}” on {cleaned(thread.source)}"]
    if thread.replies is not None:
        parts.append(f"{count(thread.replies)} replies")
    if thread.replies_per_hour is not None:
        usual = f" (usual: {count(thread.usual_per_hour)})" if thread.usual_per_hour is not None else ""
        parts.append(f"{count(thread.replies_per_hour)} an hour{usual}")
    return f"{', '.join(parts)}."


def _unseen(page: Page) -> str:
    missing = [
        f"{cleaned(one.source)} was read for {one.share:.0%} of this time"
        + (f" ({cleaned(one.note)})" if one.note else "")
        for one in page.coverage
        if one.share < _FULL_COVERAGE
    ]
    return f"{listed(missing)}; the true numbers may be higher." if missing else ""


def _quote(page: Page, quote: Quote) -> ToldQuote:
    title, text = cleaned(quote.title), cleaned(quote.text)
    joint = " " if title.endswith((".", "!", "?", "…", ":")) else ": "
    whole = f"{title}{joint}{text}" if title and text and not text.startswith(title) else text or title
    who = cut(cleaned(quote.author), 60)
    at = _when(quote.at, page)
    byline = " · ".join(part for part in (who, cleaned(quote.source), at) if part)
    context = cut(cleaned(quote.answers), CONTEXT_LENGTH) if cleaned(quote.answers) != _beginning(page) else ""
    return ToldQuote(cut(whole, QUOTE_LENGTH), byline, _echo(quote), safe_link(quote.url), context)


def _when(at: datetime, page: Page) -> str:
    return clock(at, page.timezone, page.at)


def _echo(quote: Quote) -> str:
    counted = (
        (quote.reach, "follower", "followers"),
        (quote.likes, "like", "likes"),
        (quote.shares, "share", "shares"),
        (quote.replies, "reply", "replies"),
        (quote.views, "view", "views"),
    )
    parts = [f"{short_count(number)} {plural if number != 1 else one}" for number, one, plural in counted if number]
    if quote.copies > 1:
        parts.append(f"copied {count(quote.copies - 1)} time{'s' if quote.copies > 2 else ''}")
    return ", ".join(parts)


def _similar(page: Page) -> tuple[tuple[str, str], ...]:
    return tuple(
        (
            f"{clock(past.at, page.timezone)}: {cut(cleaned(past.headline), 120)}"
            + (f" ({cut(cleaned(past.outcome), 240)})" if past.outcome else "")
            + (f"; the answer of then: {safe_link(past.answer)}" if safe_link(past.answer) else ""),
            safe_link(past.url),
        )
        for past in page.similar
    )


def _actions(page: Page) -> tuple[tuple[str, str], ...]:
    """What a person is likeliest to do now, as commands; only to look when it is over."""
    see = ("See all of it", f"tocsin incidents show {page.incident_id}")
    if _is_over(page):
        return (see,)
    offers = offered(page.state, is_own=page.is_own)
    likely = [offer for offer in offers if offer.needs is not Need.INCIDENT][:_SHOWN_COMMANDS]
    return (*((offer.label, _command(page, offer)) for offer in likely), see)


def _command(page: Page, offer: Offer) -> str:
    needed = {Need.LINK: " LINK", Need.TIME: " 2h", Need.WORDS: ' "your words"'}.get(offer.needs, "")
    by = ' --by "your name"' if offer.action is Action.ACKNOWLEDGE else ""
    return f"tocsin incidents {offer.command} {page.incident_id}{needed}{by}"
