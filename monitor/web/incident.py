"""Incidents: the list, and the page of one with all that a person needs in order to act on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from alerts.actions import Action, Need, offer, offered
from alerts.render.story import tell
from monitor import shapes
from monitor.care import find
from monitor.web.access import Responder, Viewer
from monitor.web.charts import of_curve
from monitor.web.cursors import incident_cursor, read_incident_cursor
from monitor.web.desk import Desk, desk_of
from monitor.web.pages import page
from monitor.web.work import DONE, board
from storage import attempts, audit, casework, outbox, verdicts
from storage import gaps as gap_store
from storage import incidents as incident_store
from storage import posts as post_store
from storage.attempts import Attempt
from storage.database import Transaction
from storage.records import Delivery, Incident, IncidentState, Post, PostKey, Severity

router = APIRouter(include_in_schema=False)

AtDesk = Annotated[Desk, Depends(desk_of)]
ON_A_PAGE = 50
MOST_DELIVERIES = 100
MOST_OF_THREAD = 300
SNOOZES = ((30, "30 minutes"), (60, "1 hour"), (240, "4 hours"), (720, "12 hours"), (1440, "1 day"))


@dataclass(frozen=True, slots=True)
class Branch:
    """A post of a thread with the answers to it."""

    post: Post
    answers: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Thread:
    """The thread that carries an incident, as a tree; `left_out` are the oldest replies that are not shown."""

    source: str
    branches: tuple[Branch, ...]
    size: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Told:
    """A message and every attempt to deliver it."""

    delivery: Delivery
    attempts: tuple[Attempt, ...]


@router.get("/incidents")
def incidents(
    request: Request,
    person: Viewer,
    desk: AtDesk,
    state: Literal["", "open", "acknowledged", "resolved", "false_alarm"] = "",
    severity: Literal["", "watch", "warning", "critical"] = "",
    brand: Annotated[str, Query(max_length=100)] = "",
    tag: Annotated[str, Query(max_length=100)] = "",
    assigned_to: Annotated[str, Query(max_length=100)] = "",
    before: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """Every incident, the newest first."""
    with desk.database.read() as tx:
        found = incident_store.page(
            tx,
            brand=brand or None,
            states=[IncidentState(state)] if state else (),
            severities=[Severity(severity)] if severity else (),
            tag=tag,
            assigned_to=assigned_to,
            before=read_incident_cursor(before) if before else None,
            limit=ON_A_PAGE + 1,
        )
        shown = found[:ON_A_PAGE]
        works = casework.of_many(tx, [one.id for one in shown])
        tags, people = casework.tags(tx), casework.people(tx)
    older = incident_cursor(shown[-1]) if len(found) > ON_A_PAGE else ""
    brands = [one.name for one in desk.settings.brands]
    chosen = {"state": state, "severity": severity, "brand": brand, "tag": tag, "assigned_to": assigned_to}
    return page(
        request,
        person,
        "incidents.html",
        incidents=shown,
        works=works,
        older=older,
        brands=brands,
        tags=tags,
        people=people,
        chosen=chosen,
    )


@router.get("/incidents/{incident_id}")
def incident(
    request: Request,
    person: Viewer,
    desk: AtDesk,
    incident_id: str,
    done: Annotated[str, Query(max_length=40)] = "",
) -> HTMLResponse:
    """The page of one incident."""
    with desk.database.read() as tx:
        found = find(tx, incident_id)
        events, signals = incident_store.events(tx, found.id), shapes.signals(tx, found.id)
        worked = board(tx, found, events, [brand.name for brand in desk.settings.brands])
        told = _told(tx, found.id)
        thread = _thread(tx, found)
        standing = desk.care.standing(tx, found.id, desk.clock())
        judged = verdicts.of(tx, found.id)
        gaps = gap_store.between(tx, found.began_at, found.resolved_at or desk.clock())
    brief = desk.briefs.page(found, desk.clock())
    return page(
        request,
        person,
        "incident.html",
        incident=found,
        brief=brief,
        story=tell(brief),
        chart=of_curve(brief.curve) if brief.curve else None,
        board=worked,
        signals=signals,
        told=told,
        thread=thread,
        snoozed_until=standing.snoozed_until,
        answers=[link for link in standing.answers if link],
        verdict=judged,
        gaps=[one for one in gaps if one.source in found.sources or not found.sources],
        offers=offered(found.state, is_own=found.is_system and "page" not in found.facts),
        needs=Need,
        snoozes=SNOOZES,
        done=_done(done),
    )


@router.post("/incidents/{incident_id}/act")
def act(
    person: Responder,
    desk: AtDesk,
    incident_id: str,
    action: Annotated[Action, Form()],
    note: Annotated[str, Form(max_length=5000)] = "",
    link: Annotated[str, Form(max_length=2000)] = "",
    minutes: Annotated[int | None, Form(ge=1, le=10_080)] = None,
    twin: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Do what a button says, and show the incident again."""
    at = desk.clock()
    until = at + timedelta(minutes=minutes) if minutes else None
    with desk.database.write() as tx:
        found = find(tx, incident_id)
        desk.care.do(tx, found.id, action, person.name, at, note, until=until, link=link, twin=twin)
        audit.add(tx, at, person.name, action.value, found.id, {"way": person.way.value})
    return RedirectResponse(f"/incidents/{found.id}?done={action.value}", 303)


@router.get("/incidents/{incident_id}/alternatives")
def other_sensitivities(
    request: Request, person: Viewer, desk: AtDesk, incident_id: str, version: int | None = None
) -> HTMLResponse:
    """What other sensitivities would have done, or how far it is judged; `version` is the one that is waited for."""
    with desk.database.read() as tx:
        found = find(tx, incident_id)
    return page(request, person, "alternatives.html", judging=desk.others.of(found, version))


def _done(value: str) -> str:
    if value in DONE:
        return DONE[value]
    try:
        return f"You {offer(Action(value)).done.replace('says', 'say').replace('noted', 'wrote a note')}."
    except ValueError:
        return ""


def _told(tx: Transaction, incident_id: str) -> list[Told]:
    newest = outbox.history(tx, incident_id)[-MOST_DELIVERIES:][::-1]
    return [Told(one, tuple(attempts.of(tx, one.id))) for one in newest]


def _thread(tx: Transaction, incident: Incident) -> Thread | None:
    """The thread in which most of the evidence stands."""
    keys: list[PostKey] = [*incident.evidence, *([incident.origin] if incident.origin else [])]
    found = post_store.get(tx, list(dict.fromkeys(keys)))
    threads = Counter((post.source, post.thread_id) for post in found if post.thread_id)
    if not threads:
        return None
    (source, thread_id), _ = threads.most_common(1)[0]
    posts = post_store.thread(tx, source, str(thread_id))
    if len(posts) < 2:
        return None
    kept = [posts[0], *posts[1:][-MOST_OF_THREAD:]]
    return Thread(source, tree(kept), len(posts), len(posts) - len(kept))


def tree(posts: Sequence[Post]) -> tuple[Branch, ...]:
    """Posts of one thread as a tree, each level in the order of time.

    A post that answers none of the others stands at the top; so does what would answer itself in a circle.
    """
    known = {post.external_id: post for post in posts}
    answers: dict[str, list[Post]] = {}
    tops: list[Post] = []
    for post in posts:
        parent = post.parent_id
        if parent in known and parent != post.external_id and not _is_in_circle(post, known):
            answers.setdefault(str(parent), []).append(post)
        else:
            tops.append(post)

    def branch(post: Post, depth: int) -> Branch:
        below = answers.get(post.external_id, ())
        if depth >= DEEPEST:  # what goes deeper is shown at this depth, one after another
            return Branch(post, tuple(Branch(one, ()) for one in _all_below(post, answers)))
        return Branch(post, tuple(branch(one, depth + 1) for one in below))

    return tuple(branch(post, 0) for post in tops)


DEEPEST = 5


def _is_in_circle(post: Post, known: dict[str, Post]) -> bool:
    seen = {post.external_id}
    at: Post | None = known.get(post.parent_id or "")
    while at is not None:
        if at.external_id in seen:
            return True
        seen.add(at.external_id)
        at = known.get(at.parent_id or "")
    return False


def _all_below(post: Post, answers: dict[str, list[Post]]) -> list[Post]:
    found: list[Post] = []
    waiting = list(answers.get(post.external_id, ()))
    while waiting:
        one = waiting.pop(0)
        found.append(one)
        waiting += answers.get(one.external_id, ())
    return sorted(found, key=lambda one: (one.created_at, one.external_id))
