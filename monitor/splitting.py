"""What a split takes along, and the incidents that a split and a move to another brand make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.casework import Asked, Case
from monitor.detectors.contract import thread_topic
from monitor.transitions import incident_id
from storage import incidents
from storage import posts as post_store
from storage.database import Transaction
from storage.records import COUNTED_AS, Incident, IncidentState, Post, PostKey, fingerprint

_MILLISECOND = timedelta(milliseconds=1)


def chosen_posts(tx: Transaction, incident: Incident, asked: Asked) -> tuple[PostKey, ...]:
    """The posts that the incident rests on which are named, stand in a chosen thread, or say a chosen word."""
    posts = {post.key: post for post in post_store.get(tx, list(incident.evidence))}
    return tuple(key for key in incident.evidence if key in asked.posts or _is_chosen(posts.get(key), asked))


def _is_chosen(post: Post | None, asked: Asked) -> bool:
    if post is None:
        return False
    if post.thread_id is not None and thread_topic(post.source, post.thread_id) in asked.threads:
        return True
    text = f"{post.title} {post.text}".casefold()
    return any(term.casefold() in text for term in asked.terms)


def split_off(tx: Transaction, case: Case, asked: Asked, headline: str) -> Incident:
    """The incident that a split makes: with its posts, as bad and as taken as the one that it comes from."""
    whole = case.incident
    posts = sorted(post_store.get(tx, list(case.chosen)), key=lambda post: (post.created_at, post.key))
    topics = list(asked.threads)
    name = fingerprint(whole.brand, f"split\x1f{whole.id}\x1f{incidents.next_line(tx, whole.id)}")
    return Incident(
        id=_new_id(tx, name, asked.at),
        brand=whole.brand,
        fingerprint=name,
        state=whole.state,
        severity=asked.severity or whole.severity,
        headline=headline,
        began_at=posts[0].created_at if posts else whole.began_at,
        opened_at=min(asked.at, whole.resolved_at or asked.at),
        updated_at=asked.at,
        kind=whole.kind if asked.kind is None else asked.kind,
        topic=topics[0] if topics else "",
        resolved_at=whole.resolved_at,
        acknowledged_at=whole.acknowledged_at,
        acknowledged_by=whole.acknowledged_by,
        origin=posts[0].key if posts else case.chosen[0],
        sources=_sources(case.chosen),
        evidence=case.chosen,
        facts={"topics": topics, "threads": topics, "terms": list(asked.terms), **_counted(whole)},
    )


def moved(tx: Transaction, whole: Incident, at: datetime, brand: str, headline: str) -> Incident:
    """The incident that a move makes: what is told of the old one, about the other brand, and taken by nobody yet."""
    name = fingerprint(brand, f"move\x1f{whole.id}\x1f{incidents.next_line(tx, whole.id)}")
    return replace(
        whole,
        id=_new_id(tx, name, at),
        brand=brand,
        fingerprint=name,
        state=IncidentState.OPEN,
        headline=headline,
        opened_at=at,
        updated_at=at,
        episode=1,
        version=1,
        acknowledged_at=None,
        acknowledged_by=None,
        facts={**whole.facts, COUNTED_AS: whole.counted_as},
    )


def _counted(whole: Incident) -> dict[str, str]:
    """Under which brand it is counted, where that is another one than it is about."""
    return {COUNTED_AS: whole.counted_as} if whole.counted_as != whole.brand else {}


def _new_id(tx: Transaction, name: str, at: datetime) -> str:
    while incidents.get(tx, incident_id(name, at)) is not None:
        at += _MILLISECOND
    return incident_id(name, at)


def _sources(keys: Sequence[PostKey]) -> tuple[str, ...]:
    return tuple(sorted({source for source, _ in keys}))
