"""Where a list goes on: places in it, as short texts that mean nothing to anybody else."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from fastapi import HTTPException

from monitor.web.calendar import within_calendar
from storage.columns import is_storable
from storage.records import Incident, Post
from storage.search import Found


def incident_cursor(last: Incident) -> str:
    """The place after an incident."""
    return encoded(last.opened_at.isoformat(), last.id)


def read_incident_cursor(cursor: str) -> tuple[datetime, str]:
    """The opening and id of the incident after which the list goes on; 422 when that is no cursor of ours."""
    at, name = decoded(cursor, 2)
    return moment(at), str(name)


def encoded(*parts: Any) -> str:
    """A cursor of these parts."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def decoded(cursor: str, length: int) -> list[Any]:
    """The parts of a cursor; 422 when it is none."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise HTTPException(422, NOT_OURS) from error
    if not isinstance(parts, list) or len(parts) != length or not is_storable("".join(map(str, parts))):
        raise HTTPException(422, NOT_OURS)
    return parts


def moment(written: Any) -> datetime:
    """A moment in a cursor."""
    try:
        at = datetime.fromisoformat(str(written))
    except ValueError as error:
        raise HTTPException(422, NOT_OURS) from error
    if at.tzinfo is None or at != within_calendar(at):
        raise HTTPException(422, NOT_OURS)
    return at


NOT_OURS = "That is no place in this list; begin without it."


def post_cursor(last: Found) -> str:
    """The place after a post that was found."""
    return encoded(last.number, last.post.created_at.isoformat())


def read_post_cursor(cursor: str) -> Found:
    """The post after which the search goes on, as far as the search needs it."""
    number, at = decoded(cursor, 2)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**63:
        raise HTTPException(422, NOT_OURS)
    return Found(number, Post("", "", moment(at), ""))
