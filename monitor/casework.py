"""Work on incidents: assign, tag, link, correct, merge, split, move, and take any of it back. Pure functions.

What a person asks for becomes the details of a line in the timeline, with all that is needed to take it back
(monitor/casework_lines.py reads them); `monitor/caseworker.py` stores it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alerts.words import clock, person
from monitor.casework_lines import READINGS, Work, sentence, taken_back, undoable
from monitor.decisions import LONGEST_NOTE, CareError
from storage.records import Casework, Incident, IncidentEvent, PostKey, Severity

_FREE = frozenset({Work.TAG, Work.UNTAG, Work.LINK, Work.UNLINK, Work.NOTE})
"""What two people may do at once without being in each other's way."""
LONGEST_NAME = 100
LONGEST_HEADLINE = 240
LONGEST_TAG = 50
MOST_TAGS = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks for.

    `to` is who shall carry it (empty: nobody), `other` the related incident or the one to merge into. `headline`,
    `kind` and `severity` are corrections; `posts`, `threads` and `terms` say what is to be split off, `brand` which
    one it is about. `line` is the number of the line to take back, the last one where none is given. `seen` is the
    last line that the person had read: what others did since is not overruled unseen.
    """

    work: Work
    by: str
    at: datetime
    note: str = ""
    to: str | None = None
    tags: tuple[str, ...] = ()
    other: Incident | None = None
    headline: str | None = None
    kind: str | None = None
    severity: Severity | None = None
    posts: tuple[PostKey, ...] = ()
    threads: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    brand: str | None = None
    line: int | None = None
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """An incident with its timeline, what people made of it and, where it is asked for, of the other one."""

    incident: Incident
    lines: Sequence[IncidentEvent] = ()
    work: Casework = field(default_factory=lambda: Casework(""))
    other_work: Casework | None = None
    chosen: tuple[PostKey, ...] = ()
    """The posts of the incident that are to be split off, found by what was asked."""
    found: Severity | None = None
    """How bad it is by detection alone."""
    brands: tuple[str, ...] = ()
    """The brands that are watched."""
    whole: Incident | None = None
    """The incident that it is part of by now."""
    timezone: str = "UTC"


# -- What is to be written --------------------------------------------------------------------------------------------


def decide(case: Case, asked: Asked) -> dict[str, Any] | None:
    """The details of the line to be written, `None` where everything is so already; `CareError` where it cannot be.

    The line's other side, for links, merges and splits, is made by who stores it.
    """
    note = " ".join(asked.note.split())
    if len(note) > LONGEST_NOTE:
        raise CareError(f"a note has at most {LONGEST_NOTE} characters; this one has {len(note)}")
    _refuse_unseen(case, asked)
    details = _DECISIONS[asked.work](case, asked)
    return details if details is None or not note else {**details, "note": note}


def _refuse_unseen(case: Case, asked: Asked) -> None:
    """Nobody overrules what somebody else did while they were looking at something older."""
    if asked.seen is None or asked.work in _FREE:
        return
    free = _FREE if asked.work is not Work.UNDO else frozenset({Work.NOTE})
    kinds = {Work.UNDO, *READINGS} - free
    newer = [event for event in case.lines if event.seq > asked.seen and event.kind in kinds]
    if newer:
        last = newer[-1]
        raise CareError(
            f"{person(last.actor)} did something here at {clock(last.at, case.timezone, asked.at)} ({sentence(last)}), "
            "after you had looked; look at it and try again"
        )


def _assign(case: Case, asked: Asked) -> dict[str, Any] | None:
    to = _plain(asked.to or "")
    if len(to) > LONGEST_NAME:
        raise CareError(f"a name has at most {LONGEST_NAME} characters; this one has {len(to)}")
    if to == (case.work.assigned_to or ""):
        return None
    return {"to": to, "was": case.work.assigned_to or ""}


def _tag(case: Case, asked: Asked) -> dict[str, Any] | None:
    new = [tag for tag in tags_of(asked.tags) if tag not in case.work.tags]
    if len(new) + len(case.work.tags) > MOST_TAGS:
        raise CareError(f"an incident has at most {MOST_TAGS} tags")
    return {"tags": new} if new else None


def _untag(case: Case, asked: Asked) -> dict[str, Any] | None:
    gone = [tag for tag in tags_of(asked.tags) if tag in case.work.tags]
    return {"tags": gone} if gone else None


def tags_of(words: Iterable[str]) -> list[str]:
    """Tags as they are kept: in small letters, one space between words, no commas."""
    found = [_plain(part).casefold() for word in words for part in word.split(",")]
    tags = list(dict.fromkeys(tag for tag in found if tag))
    if not tags:
        raise CareError("say which tag")
    if too_long := next((tag for tag in tags if len(tag) > LONGEST_TAG), None):
        raise CareError(f'a tag has at most {LONGEST_TAG} characters; "{too_long[:LONGEST_TAG]}…" has {len(too_long)}')
    return tags


def _link(case: Case, asked: Asked) -> dict[str, Any] | None:
    other = _other(case, asked, "linked to")
    return None if other.id in case.work.links else {"of": other.id}


def _unlink(case: Case, asked: Asked) -> dict[str, Any] | None:
    other = _other(case, asked, "unlinked from")
    return {"of": other.id} if other.id in case.work.links else None


def _correct(case: Case, asked: Asked) -> dict[str, Any] | None:
    _refuse_part(case, "corrected")
    headline = None if asked.headline is None else _plain(asked.headline)
    kind = None if asked.kind is None else "_".join(_plain(asked.kind).split()).casefold()
    if headline is None and kind is None and asked.severity is None:
        raise CareError("say what is to be corrected: the headline, the kind or the severity")
    if headline is not None and not 0 < len(headline) <= LONGEST_HEADLINE:
        raise CareError(f"a headline has 1 to {LONGEST_HEADLINE} characters; this one has {len(headline)}")
    if kind is not None and len(kind) > LONGEST_TAG:
        raise CareError(f"a kind has at most {LONGEST_TAG} characters; this one has {len(kind)}")
    now = case.incident
    wanted = {"headline": headline, "kind": kind, "severity": asked.severity}
    new = {name: value for name, value in wanted.items() if value is not None and value != getattr(now, name)}
    if not new:
        return None
    then = {"severity_then": (case.found or now.severity).value} if "severity" in new else {}
    return {**new, **then, "was": {name: str(getattr(now, name)) for name in new}}


def _merge(case: Case, asked: Asked) -> dict[str, Any] | None:
    incident, into = case.incident, _other(case, asked, "merged into")
    if case.work.merged_into == into.id:
        return None
    _refuse_part(case, "merged again")
    if into.brand != incident.brand:
        raise CareError(f"{into.id} is about {into.brand or 'the program'}: what is related only is linked, not merged")
    other = case.other_work
    if other is not None and other.merged_into is not None:
        raise CareError(f"{into.id} is part of {other.merged_into} itself; merge into that")
    if incident.state.is_live and not into.state.is_live:
        raise CareError(f"{into.id} is over and {incident.id} goes on; merge {into.id} into {incident.id} instead")
    return {"of": into.id, "was": standing_of(incident)}


def _split_up(case: Case, asked: Asked) -> dict[str, Any]:
    _refuse_part(case, "split")
    if not (asked.posts or asked.threads or asked.terms):
        raise CareError("say what is to be split off: posts, threads or words")
    if not case.chosen:
        raise CareError("none of the posts that the incident rests on is among what you chose")
    if set(case.incident.evidence) <= set(case.chosen):
        raise CareError("that is all that the incident rests on; leave something, or correct its headline")
    listed = {"posts": [list(key) for key in case.chosen], "threads": list(asked.threads), "terms": list(asked.terms)}
    return {**listed, "headline": _headline(case, asked)}


def _headline(case: Case, asked: Asked) -> str:
    headline = _plain(asked.headline or "") or f"{case.incident.headline} (split off)"
    return headline[:LONGEST_HEADLINE]


def _move(case: Case, asked: Asked) -> dict[str, Any] | None:
    """Another brand: what is about it already, as a part of something else too, stays as it is."""
    incident, brand = case.incident, _brand(case, _plain(asked.brand or ""))
    if brand == (case.whole or incident).brand:
        return None
    _refuse_part(case, "moved")
    if not incident.state.is_live:
        raise CareError(f"incident {incident.id} is over ({incident.state.value}); only what goes on is moved")
    about = incident.headline.removeprefix(f"{incident.brand}: ")
    moved = f"{brand}: {about}" if about != incident.headline else about
    headline = (_plain(asked.headline or "") or moved)[:LONGEST_HEADLINE]
    return {"brand": brand, "from": incident.brand, "headline": headline, "was": standing_of(incident)}


def _brand(case: Case, said: str) -> str:
    found = next((name for name in case.brands if name.casefold() == said.casefold()), None)
    if found is None:
        there = ", ".join(case.brands) or "none"
        raise CareError(f'no brand that is watched is called "{said}"; there are: {there}')
    return found


def _plain(text: str) -> str:
    """Words in one line, without what cannot be seen."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _noted(_: Case, asked: Asked) -> dict[str, Any]:
    if not asked.note.strip():
        raise CareError("a note needs words")
    return {}


def _undo(case: Case, asked: Asked) -> dict[str, Any]:
    listed = undoable(case.lines)
    if asked.line is not None:
        listed = [event for event in listed if event.seq == asked.line]
    if not listed:
        raise CareError(_why_not(case, asked.line))
    event = listed[0]
    return {"line": event.seq, "what": event.kind}


def _why_not(case: Case, line: int | None) -> str:
    if line is None:
        return "there is nothing to take back: nobody has worked on this incident, or all of it was taken back"
    who = taken_back(case.lines).get(line)
    if who is not None:
        return f"{person(who)} took back line {line} already"
    return (
        f"line {line} is no casework; take back a line that says assigned, tagged, linked, corrected, merged, split "
        "or moved"
    )


_DECISIONS: Mapping[Work, Callable[[Case, Asked], dict[str, Any] | None]] = {
    Work.ASSIGN: _assign,
    Work.TAG: _tag,
    Work.UNTAG: _untag,
    Work.LINK: _link,
    Work.UNLINK: _unlink,
    Work.NOTE: _noted,
    Work.CORRECT: _correct,
    Work.MERGE: _merge,
    Work.SPLIT: _split_up,
    Work.MOVE: _move,
    Work.UNDO: _undo,
}
DOABLE: tuple[Work, ...] = tuple(_DECISIONS)
"""What a person may ask for."""


def _other(case: Case, asked: Asked, what: str) -> Incident:
    if asked.other is None:
        raise CareError("say which other incident")
    if asked.other.id == case.incident.id:
        raise CareError(f"incident {case.incident.id} cannot be {what} itself")
    return asked.other


def _refuse_part(case: Case, what: str) -> None:
    if case.incident.is_system:
        raise CareError(f"an incident of the program's own is not {what}; it ends when its cause does")
    if case.work.merged_into is not None:
        raise CareError(f"incident {case.incident.id} is part of {case.work.merged_into}; do it there, or undo that")


def standing_of(incident: Incident) -> dict[str, Any]:
    """How it stood with people, so that a merge can be taken back."""
    moments = {"resolved_at": incident.resolved_at, "acknowledged_at": incident.acknowledged_at}
    told = {name: None if at is None else at.isoformat() for name, at in moments.items()}
    return {"state": incident.state.value, "acknowledged_by": incident.acknowledged_by, **told}
