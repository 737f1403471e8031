"""Posts, mentions and incidents for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from storage.records import (
    Alert,
    Delivery,
    DeliveryState,
    Incident,
    IncidentState,
    Label,
    Mention,
    MentionedPost,
    Post,
    Reason,
    Score,
    Severity,
    Signal,
    delivery_id,
)
from storage.remarks import Remark

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


def after(**passed: float) -> datetime:
    """A time after noon of the tests' day."""
    return NOON + timedelta(**passed)


def post(external_id: str = "1", **fields: Any) -> Post:
    """A post on the forum, published at noon."""
    return Post(**{"source": "forum", "external_id": external_id, "created_at": NOON, "text": "Acme", **fields})


def mentioned(of: Post, brand: str = "Acme", label: Label = Label.NEGATIVE, **score: Any) -> MentionedPost:
    """The post as a mention of the brand."""
    return MentionedPost(
        post=of,
        mention=Mention(brand, of.source, of.external_id, relevance=0.9, matched=("acme",), reason="its name"),
        score=Score(**{"compound": -0.5, "label": label, "scorer": "lexicon", "version": "1", **score}),
        content_key="a1",
        kinds=("outage",),
    )


def remark(**fields: Any) -> Remark:
    """What a mention of Acme comes to on a page."""
    whole: dict[str, Any] = dict.fromkeys(Remark._fields)
    given = {"source": "forum", "external_id": "1", "created_at": NOON, "title": "", "text": "Acme", "label": "neutral"}
    return Remark(**{**whole, **given, "compound": 0.0, "content_key": "a1", "matched": "[]", "kinds": "[]", **fields})


def incident(incident_id: str = "i1", **fields: Any) -> Incident:
    """An incident of Acme that opened at noon."""
    return Incident(
        **{
            "id": incident_id,
            "brand": "Acme",
            "fingerprint": f"about {incident_id}",
            "state": IncidentState.OPEN,
            "severity": Severity.WARNING,
            "headline": "Acme's parcels are late",
            "began_at": after(minutes=-30),
            "opened_at": NOON,
            "updated_at": NOON,
            **fields,
        }
    )


def signal(**fields: Any) -> Signal:
    """A burst around Acme, found at noon."""
    return Signal(
        **{
            "brand": "Acme",
            "detector": "burst",
            "version": "1",
            "at": NOON,
            "window_start": after(hours=-1),
            "window_end": NOON,
            "observed": 40.0,
            "expected": 5.0,
            "low": 1.0,
            "high": 11.0,
            "surprise": 1.7,
            "severity": Severity.WARNING,
            **fields,
        }
    )


def alert(seq: int = 1, **fields: Any) -> Alert:
    """An alert of the first incident."""
    return Alert(
        **{
            "incident_id": "i1",
            "episode": 1,
            "seq": seq,
            "reason": Reason.OPENED,
            "severity": Severity.WARNING,
            "at": NOON,
            "why": "a new incident",
            "page": {"headline": "Acme's parcels are late"},
            **fields,
        }
    )


def delivery(seq: int = 1, **fields: Any) -> Delivery:
    """A delivery of the first incident to the team's Slack channel, due at noon."""
    given = {
        "incident_id": "i1",
        "episode": 1,
        "seq": seq,
        "reason": Reason.OPENED if seq == 1 else Reason.UPDATE,
        "severity": Severity.WARNING,
        "channel": "slack",
        "target": "#press",
        "state": DeliveryState.PENDING,
        "page": {"headline": "Acme's parcels are late"},
        "created_at": NOON,
        "due_at": NOON,
        "first_due_at": NOON,
        **fields,
    }
    identity = delivery_id(
        given["incident_id"], given["episode"], given["reason"], seq, given["channel"], given["target"]
    )
    return Delivery(**{"id": identity, **given})
