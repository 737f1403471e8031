"""What people made of an incident, as its timeline says it.

Everything that people do is a line, and what they made of an incident is what its lines say, read in order without
those that were taken back: taking back is a line of its own, and nothing is ever removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any

from alerts.words import person
from storage.records import Casework, IncidentEvent, Part, Severity


class Work(StrEnum):
    """A piece of casework; the value is the kind of the line in the timeline."""

    ASSIGN = "assigned"
    TAG = "tagged"
    UNTAG = "untagged"
    LINK = "linked"
    UNLINK = "unlinked"
    NOTE = "note"
    CORRECT = "corrected"
    MERGE = "merged"
    TOOK_IN = "took_in"
    """The other side of a merge."""
    SPLIT = "split"
    SPLIT_OFF = "split_off"
    """The other side of a split: how the new incident began."""
    MOVE = "moved"
    MOVED_HERE = "moved_here"
    """The other side of a move to another brand: how the incident of that brand began."""
    UNDO = "undone"


SIDES: Mapping[str, Work] = {
    Work.LINK: Work.LINK,
    Work.UNLINK: Work.UNLINK,
    Work.MERGE: Work.TOOK_IN,
    Work.SPLIT: Work.SPLIT_OFF,
    Work.MOVE: Work.MOVED_HERE,
}
"""The line in the timeline of the other incident, for what concerns two."""
OTHER_SIDES: Mapping[str, Work] = {**SIDES, **{theirs: Work(mine) for mine, theirs in SIDES.items()}}
"""The same, seen from either."""


def is_pair(kind: str) -> bool:
    """Whether a line has another side, in the timeline of another incident."""
    return kind in OTHER_SIDES


def counting(lines: Iterable[IncidentEvent]) -> list[IncidentEvent]:
    """The lines of casework that nobody took back."""
    listed = list(lines)
    gone = {event.details.get("line") for event in listed if event.kind == Work.UNDO}
    return [event for event in listed if event.kind in READINGS and event.seq not in gone]


def taken_back(lines: Iterable[IncidentEvent]) -> dict[int, str]:
    """The numbers of the lines that were taken back, and by whom."""
    return {int(event.details["line"]): event.actor for event in lines if event.kind == Work.UNDO}


def undoable(lines: Iterable[IncidentEvent]) -> list[IncidentEvent]:
    """The lines that can be taken back, the last first: also notes, which change nothing but what is read."""
    listed = list(lines)
    gone = taken_back(listed)
    kinds = {*READINGS, Work.NOTE}
    return [event for event in reversed(listed) if event.kind in kinds and event.seq not in gone]


def said(incident_id: str, lines: Iterable[IncidentEvent]) -> Casework:
    """What people made of an incident, by its timeline."""
    work = Casework(incident_id)
    listed = list(lines)
    for event in counting(listed):
        work = READINGS[Work(event.kind)](work, event.details)
    gone = taken_back(listed)
    begun = (event for event in listed if event.kind in (Work.SPLIT_OFF, Work.MOVED_HERE) and event.seq in gone)
    put_back = next(begun, None)
    if put_back is not None and work.merged_into is None:
        work = replace(work, split_from=str(put_back.details["of"]), merged_into=str(put_back.details["of"]))
    return work


def _assigned(work: Casework, details: Mapping[str, Any]) -> Casework:
    return replace(work, assigned_to=details.get("to") or None)


def _tagged(work: Casework, details: Mapping[str, Any]) -> Casework:
    return replace(work, tags=tuple(sorted({*work.tags, *details["tags"]})))


def _untagged(work: Casework, details: Mapping[str, Any]) -> Casework:
    return replace(work, tags=tuple(tag for tag in work.tags if tag not in details["tags"]))


def _linked(work: Casework, details: Mapping[str, Any]) -> Casework:
    return replace(work, links=tuple(sorted({*work.links, str(details["of"])})))


def _unlinked(work: Casework, details: Mapping[str, Any]) -> Casework:
    return replace(work, links=tuple(link for link in work.links if link != details["of"]))


def _corrected(work: Casework, details: Mapping[str, Any]) -> Casework:
    changed = replace(work, headline=details.get("headline", work.headline), kind=details.get("kind", work.kind))
    if "severity" not in details:
        return changed
    return replace(changed, severity=Severity(details["severity"]), severity_then=Severity(details["severity_then"]))


def _merged(work: Casework, details: Mapping[str, Any]) -> Casework:
    return replace(
        work, merged_into=str(details["of"]), is_member=True, merged_episode=int(details["detected_episode"])
    )


def _split(work: Casework, details: Mapping[str, Any]) -> Casework:
    posts = tuple((str(source), str(name)) for source, name in details["posts"])
    part = Part(str(details["of"]), posts, tuple(details["threads"]), tuple(details["terms"]))
    return replace(work, parts=(*work.parts, part))


def _split_off(work: Casework, details: Mapping[str, Any]) -> Casework:
    return replace(work, split_from=str(details["of"]))


def _as_it_was(work: Casework, _: Mapping[str, Any]) -> Casework:
    return work


READINGS: Mapping[Work, Callable[[Casework, Mapping[str, Any]], Casework]] = {
    Work.ASSIGN: _assigned,
    Work.TAG: _tagged,
    Work.UNTAG: _untagged,
    Work.LINK: _linked,
    Work.UNLINK: _unlinked,
    Work.CORRECT: _corrected,
    Work.MERGE: _merged,
    Work.TOOK_IN: _as_it_was,
    Work.SPLIT: _split,
    Work.SPLIT_OFF: _split_off,
    Work.MOVE: _merged,
    Work.MOVED_HERE: _as_it_was,
}


# -- In words ---------------------------------------------------------------------------------------------------------


def sentence(event: IncidentEvent) -> str:
    """A line of casework as people read it, without who and when; the kind of any other line."""
    told = _SENTENCES.get(event.kind)
    return told(event.details) if told else event.kind.replace("_", " ")


def _given(details: Mapping[str, Any]) -> str:
    return f"gave it to {person(str(details['to']))}" if details.get("to") else "gave it to nobody"


def _corrections(details: Mapping[str, Any]) -> str:
    was = details.get("was", {})
    parts = [
        f"the {name} from {was.get(name) or 'nothing'} to {details[name] or 'nothing'}"
        for name in ("severity", "kind", "headline")
        if name in details
    ]
    return f"corrected {' and '.join(parts)}"


_SENTENCES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    Work.ASSIGN: _given,
    Work.TAG: lambda details: f"tagged it {', '.join(details['tags'])}",
    Work.UNTAG: lambda details: f"took the tag {', '.join(details['tags'])} off it",
    Work.LINK: lambda details: f"linked it to {details['of']}",
    Work.UNLINK: lambda details: f"unlinked it from {details['of']}",
    Work.CORRECT: _corrections,
    Work.MERGE: lambda details: f"merged it into {details['of']}",
    Work.TOOK_IN: lambda details: f"merged {details['of']} into it",
    Work.SPLIT: lambda details: f"split {details['of']} off it",
    Work.SPLIT_OFF: lambda details: f"split it off {details['of']}",
    Work.MOVE: lambda details: f"moved it to {details['brand']} ({details['of']})",
    Work.MOVED_HERE: lambda details: f"moved it here from {details['from']} ({details['of']})",
    Work.UNDO: lambda details: f"took back line {details['line']} ({str(details['what']).replace('_', ' ')})",
}
