"""Work on incidents: what may be done, what the lines say, and that all of it can be taken back."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from alerts.policy import Change
from alerts.speak import Speaker
from config.settings import Settings
from monitor import shapes
from monitor.care import Action, Care, CareError
from monitor.casework import Asked, Case, decide, tags_of
from monitor.casework_lines import Work, counting, said, sentence
from monitor.caseworker import Caseworker, Worked
from storage import casework as casework_store
from storage import incidents, outbox
from storage.database import Database, Transaction
from storage.ingest import Intake, write
from storage.records import (
    SYSTEM,
    Casework,
    DeliveryState,
    Incident,
    IncidentEvent,
    IncidentState,
    Reason,
    Severity,
)
from tests.monitor.cli import letterbox
from tests.monitor.test_care import SETTINGS, page_of
from tests.storage.examples import NOON, after, incident, mentioned, post

CRITICAL, WARNING, WATCH = Severity.CRITICAL, Severity.WARNING, Severity.WATCH
EVIDENCE = (("forum", "1"), ("forum", "2"), ("forum", "3"))


@pytest.fixture
def caseworker(monkeypatch: pytest.MonkeyPatch) -> Caseworker:
    """Casework that tells two rooms."""
    for name, module in letterbox.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    speaker = Speaker.build(Settings.model_validate(SETTINGS))
    return Caseworker(Care(speaker, lambda _tx, of, at: page_of(of, at)))


def opened(tx: Transaction, caseworker: Caseworker, name: str = "i1", **fields: Any) -> Incident:
    """An incident whose first message waits to be sent."""
    new = incident(name, **{"evidence": EVIDENCE, **fields})
    incidents.insert(tx, new)
    incidents.append_event(tx, name, NOON, "opened")
    caseworker.care.speaker.speak(tx, new, Change.OPENED, page_of(new, NOON), NOON)
    return new


def sent(tx: Transaction) -> None:
    """Everything that is due is sent."""
    for item in outbox.claim(tx, after(minutes=10), "sender", timedelta(minutes=1), 50):
        outbox.record(tx, item.id, item.fence, state=DeliveryState.SENT, now=after(minutes=1), remote_id=item.id)


def do(tx: Transaction, caseworker: Caseworker, name: str, work: Work, by: str = "Ada", **asked: Any) -> Worked:
    at = asked.pop("at", after(minutes=20))
    other = incidents.get(tx, asked.pop("other")) if "other" in asked else None
    return caseworker.do(tx, name, Asked(work, by, at, other=other, **asked))


def waiting(tx: Transaction, name: str) -> list[tuple[str, str]]:
    return [(item.reason.value, item.target) for item in outbox.history(tx, name) if not item.state.is_terminal]


# -- What may be done -------------------------------------------------------------------------------------------------

CASE = Case(incident(), (), Casework("i1", assigned_to="Bo", tags=("recall",), links=("i2",)))


def ask(work: Work, **fields: Any) -> Asked:
    return Asked(work, "Ada", NOON, **fields)


@pytest.mark.parametrize(
    ("asked", "details"),
    [
        (ask(Work.ASSIGN, to=" Cy  Lee "), {"to": "Cy Lee", "was": "Bo"}),
        (ask(Work.ASSIGN, to=""), {"to": "", "was": "Bo"}),
        (ask(Work.ASSIGN, to="Bo"), None),
        (ask(Work.TAG, tags=("Legal, recall", "Two  words")), {"tags": ["legal", "two words"]}),
        (ask(Work.TAG, tags=("recall",)), None),
        (ask(Work.UNTAG, tags=("recall", "legal")), {"tags": ["recall"]}),
        (ask(Work.LINK, other=incident("i2")), None),
        (ask(Work.LINK, other=incident("i3"), note=" a  b "), {"of": "i3", "note": "a b"}),
        (ask(Work.UNLINK, other=incident("i2")), {"of": "i2"}),
        (ask(Work.UNLINK, other=incident("i3")), None),
        (ask(Work.CORRECT, headline="Acme's parcels are late"), None),
        (ask(Work.CORRECT, kind="Late Parcels"), {"kind": "late_parcels", "was": {"kind": ""}}),
        (
            ask(Work.CORRECT, severity=CRITICAL),
            {"severity": CRITICAL, "severity_then": "warning", "was": {"severity": "warning"}},
        ),
        (ask(Work.NOTE, note="seen"), {"note": "seen"}),
    ],
)
def test_what_is_asked_for_becomes_a_line(asked: Asked, details: dict[str, Any] | None) -> None:
    assert decide(CASE, asked) == details


PART = replace(CASE, work=Casework("i1", merged_into="i9", is_member=True))


@pytest.mark.parametrize(
    ("case", "asked", "why"),
    [
        (CASE, ask(Work.TAG, tags=(" , ",)), "say which tag"),
        (CASE, ask(Work.TAG, tags=("x" * 51,)), "at most 50 characters"),
        (CASE, ask(Work.TAG, tags=tuple(f"t{n}" for n in range(20))), "at most 20 tags"),
        (CASE, ask(Work.ASSIGN, to="x" * 101), "at most 100 characters"),
        (CASE, ask(Work.LINK), "which other incident"),
        (CASE, ask(Work.LINK, other=incident("i1")), "cannot be linked to itself"),
        (CASE, ask(Work.CORRECT), "what is to be corrected"),
        (CASE, ask(Work.CORRECT, headline="  "), "1 to 240 characters"),
        (CASE, ask(Work.NOTE), "needs words"),
        (CASE, ask(Work.NOTE, note="x" * 2001), "at most 2000 characters"),
        (CASE, ask(Work.UNDO), "nothing to take back"),
        (CASE, ask(Work.UNDO, line=7), "line 7 is no casework"),
        (CASE, ask(Work.SPLIT), "posts, threads or words"),
        (CASE, ask(Work.SPLIT, terms=("glass",)), "none of the posts"),
        (CASE, ask(Work.MERGE, other=incident("i1")), "cannot be merged into itself"),
        (CASE, ask(Work.MERGE, other=incident("i2", brand="Bolt")), "about Bolt"),
        (CASE, ask(Work.MERGE, other=incident("i2", state=IncidentState.RESOLVED)), "merge i2 into i1 instead"),
        (
            replace(CASE, other_work=Casework("i2", merged_into="i3")),
            ask(Work.MERGE, other=incident("i2")),
            "part of i3 itself",
        ),
        (PART, ask(Work.MERGE, other=incident("i2")), "is part of i9"),
        (PART, ask(Work.CORRECT, severity=WATCH), "is part of i9"),
        (PART, ask(Work.SPLIT, terms=("glass",)), "is part of i9"),
        (replace(CASE, incident=incident(brand=SYSTEM)), ask(Work.CORRECT, severity=WATCH), "the program's own"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(case: Case, asked: Asked, why: str) -> None:
    with pytest.raises(CareError, match=why):
        decide(case, asked)


def line(seq: int, kind: Work, **details: Any) -> IncidentEvent:
    return IncidentEvent("i1", seq, NOON, kind.value, "Ada", details)


def test_the_lines_say_what_people_made_of_it_without_those_that_were_taken_back() -> None:
    lines = [
        line(1, Work.ASSIGN, to="Bo", was=""),
        line(2, Work.TAG, tags=["recall", "legal"]),
        line(3, Work.ASSIGN, to="Cy", was="Bo"),
        line(4, Work.UNDO, line=3, what="assigned"),
        line(5, Work.UNTAG, tags=["legal"]),
        line(6, Work.CORRECT, severity="watch", severity_then="critical", was={"severity": "critical"}),
    ]
    work = said("i1", lines)
    assert (work.assigned_to, work.tags) == ("Bo", ("recall",))
    assert (work.severity, work.severity_then) == (WATCH, CRITICAL)
    assert [event.seq for event in counting(lines)] == [1, 2, 5, 6]
    assert [sentence(event) for event in lines] == [
        "gave it to Bo",
        "tagged it recall, legal",
        "gave it to Cy",
        "took back line 3 (assigned)",
        "took the tag legal off it",
        "corrected the severity from critical to watch",
    ]


def test_tags_are_kept_in_small_letters_each_once() -> None:
    assert tags_of(["Recall,  Two  Words ", "recall"]) == ["recall", "two words"]


def test_somebody_who_looked_before_another_changed_it_is_told_so() -> None:
    lines = (line(4, Work.ASSIGN, to="Bo", was=""), line(5, Work.TAG, tags=["legal"]))
    case = replace(CASE, lines=lines, work=Casework("i1", assigned_to="Bo"))
    with pytest.raises(CareError, match=r"Ada did something here at .*gave it to Bo.*look at it and try again"):
        decide(case, ask(Work.ASSIGN, to="Cy", seen=3))
    assert decide(case, ask(Work.ASSIGN, to="Cy", seen=4)) is not None  # a tag is in nobody's way
    assert decide(case, ask(Work.TAG, tags=("recall",), seen=1)) is not None


# -- What becomes of it -----------------------------------------------------------------------------------------------


def test_an_assignment_is_stored_and_told(database: Database, caseworker: Caseworker) -> None:
    with database.write() as tx:
        opened(tx, caseworker)
        sent(tx)
        done = do(tx, caseworker, "i1", Work.ASSIGN, to="Bo", note="knows the supplier")
        again = do(tx, caseworker, "i1", Work.ASSIGN, "Cy", to="Bo")
    assert (done.work.assigned_to, done.changed, again.changed) == ("Bo", True, False)
    assert done.deliveries[0].page["changed"] == ["Ada gave it to Bo: knows the supplier"]
    with database.read() as tx:
        assert [one.id for one in incidents.recent(tx, assigned_to="Bo")] == ["i1"]
        assert incidents.recent(tx, assigned_to="Cy") == []
        assert [event.seq for event in incidents.events(tx, "i1")] == [1, 2]


def test_of_two_who_assign_it_at_once_the_second_learns_what_the_first_did(
    database: Database, caseworker: Caseworker
) -> None:
    with database.write() as tx:
        opened(tx, caseworker)
    both = threading.Barrier(2)

    def assign(to: str) -> str:
        both.wait(10)
        try:
            with database.write() as tx:
                return str(do(tx, caseworker, "i1", Work.ASSIGN, f"by {to}", to=to, seen=1).work.assigned_to)
        except CareError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        told = dict(zip(("Bo", "Cy"), pool.map(assign, ("Bo", "Cy")), strict=True))
    with database.read() as tx:
        winner = casework_store.of(tx, "i1").assigned_to
        assert [event.seq for event in incidents.events(tx, "i1")] == [1, 2]
    (late,) = (words for to, words in told.items() if to != winner)
    assert f"by {winner} did something here" in late


def test_what_detection_remembers_leaves_alone_what_people_made_meanwhile(
    sqlite_database: Database, caseworker: Caseworker
) -> None:
    with sqlite_database.write() as tx:
        new = opened(tx, caseworker)
        do(tx, caseworker, "i1", Work.CORRECT, headline="A rumour")
        do(tx, caseworker, "i1", Work.ASSIGN, to="Bo")
        casework_store.remember(tx, "i1", replace(new, severity=CRITICAL))
        do(tx, caseworker, "i1", Work.TAG, tags=("legal",))
        work = casework_store.of(tx, "i1")
    assert (work.assigned_to, work.tags, work.headline) == ("Bo", ("legal",), "A rumour")
    assert work.detected is not None
    assert work.detected.severity is CRITICAL


def test_tags_and_links_find_incidents_again(database: Database, caseworker: Caseworker) -> None:
    with database.write() as tx:
        opened(tx, caseworker)
        opened(tx, caseworker, "i2")
        do(tx, caseworker, "i1", Work.TAG, tags=("Recall", "legal"))
        do(tx, caseworker, "i2", Work.LINK, other="i1")
    with database.read() as tx:
        assert [one.id for one in incidents.page(tx, tag="recall")] == ["i1"]
        assert [one.id for one in incidents.live(tx, tag="legal", assigned_to="")] == ["i1"]
        assert casework_store.of(tx, "i1").links == ("i2",)
        assert casework_store.tags(tx) == ["legal", "recall"]
        there, here = incidents.events(tx, "i1")[-1], incidents.events(tx, "i2")[-1]
        assert (there.details["pair"], here.details["pair"]) == (here.seq, there.seq)
    with database.write() as tx:
        do(tx, caseworker, "i1", Work.UNDO)  # from the other side
        assert (casework_store.of(tx, "i1").links, casework_store.of(tx, "i2").links) == ((), ())


def test_a_severity_raised_by_hand_pages_and_one_that_is_lowered_does_not(
    database: Database, caseworker: Caseworker
) -> None:
    with database.write() as tx:
        opened(tx, caseworker)
        sent(tx)
        raised = do(tx, caseworker, "i1", Work.CORRECT, severity=CRITICAL)
        assert {item.reason for item in raised.deliveries} == {Reason.ESCALATED}
        sent(tx)
        lowered = do(tx, caseworker, "i1", Work.CORRECT, severity=WATCH, at=after(minutes=30))
        assert not any(item.page["changed"] for item in lowered.deliveries)
        assert incidents.get(tx, "i1") == lowered.incident
        assert lowered.incident.severity is WATCH


def test_a_merged_incident_is_over_its_messages_are_dropped_and_the_other_says_so(
    database: Database, caseworker: Caseworker
) -> None:
    with database.write() as tx:
        opened(tx, caseworker, severity=CRITICAL, evidence=EVIDENCE[:2], sources=("forum",))
        opened(tx, caseworker, "i2", evidence=EVIDENCE[1:], sources=("plaza",))
        done = do(tx, caseworker, "i1", Work.MERGE, other="i2")
        assert (done.incident.state, done.work.merged_into) == (IncidentState.RESOLVED, "i2")
        assert waiting(tx, "i1") == []
        dropped = {item.last_error for item in outbox.history(tx, "i1")}
        assert dropped == {"part of i2 now: Ada merged it into i2"}
        host = incidents.get(tx, "i2")
        assert host is not None
        assert (host.severity, set(host.evidence)) == (CRITICAL, set(EVIDENCE))
        assert host.sources == ("forum", "plaza")
        assert {reason for reason, _ in waiting(tx, "i2")} == {"opened"}  # nobody had read the first message yet
        assert [work.incident_id for work in shapes.family(tx, "i2")] == ["i1"]


def test_who_was_told_of_a_merged_incident_hears_where_it_goes_on(database: Database, caseworker: Caseworker) -> None:
    with database.write() as tx:
        opened(tx, caseworker)
        opened(tx, caseworker, "i2")
        sent(tx)
        told = do(tx, caseworker, "i1", Work.MERGE, other="i2").deliveries
        said_of = {(item.incident_id, item.reason.value): item.page["changed"] for item in told}
    assert said_of["i1", "resolved"] == ['Ada merged it into "Acme\'s parcels are late" (i2).']
    assert said_of["i2", "update"] == ['Ada merged "Acme\'s parcels are late" into it.']


def test_an_undone_merge_leaves_both_as_they_were(database: Database, caseworker: Caseworker) -> None:
    with database.write() as tx:
        opened(tx, caseworker, severity=CRITICAL)
        opened(tx, caseworker, "i2")
        sent(tx)
        caseworker.care.do(tx, "i1", Action.ACKNOWLEDGE, "Bo", after(minutes=15))
        before = seen_by_people(tx)
        do(tx, caseworker, "i1", Work.MERGE, other="i2")
        back = do(tx, caseworker, "i2", Work.UNDO, "Cy", at=after(minutes=25))
        assert seen_by_people(tx) == before
        assert {item.reason.value for item in back.deliveries if item.incident_id == "i1"} == {"update"}
        assert [event.kind for event in incidents.events(tx, "i1")][-2:] == ["merged", "undone"]


def with_posts(tx: Transaction) -> None:
    texts = {"1": "Glass in the oven!", "2": "The parcel is late", "3": "Late again"}
    found = [mentioned(post(name, text=text, thread_id="t1")) for name, text in texts.items()]
    write(tx, Intake(mentions=found))


def test_a_split_takes_its_posts_into_an_incident_of_its_own(database: Database, caseworker: Caseworker) -> None:
    with database.write() as tx:
        with_posts(tx)
        opened(tx, caseworker, facts={"terms": ["glass", "late"]})
        sent(tx)
        before = seen_by_people(tx)
        done = do(
            tx, caseworker, "i1", Work.SPLIT, terms=("glass",), headline="Acme: glass in ovens", severity=CRITICAL
        )
        new = done.other
        assert new is not None
        assert (new.headline, new.severity, new.evidence) == ("Acme: glass in ovens", CRITICAL, (EVIDENCE[0],))
        assert (done.incident.evidence, done.incident.facts["terms"]) == (EVIDENCE[1:], ["late"])
        assert {item.reason.value for item in done.deliveries if item.incident_id == new.id} == {"opened"}
        assert casework_store.of(tx, new.id).split_from == "i1"
        do(tx, caseworker, new.id, Work.CORRECT, headline="Glass")
        do(tx, caseworker, new.id, Work.UNDO)
        do(tx, caseworker, "i1", Work.UNDO, at=after(minutes=30))
        assert seen_by_people(tx) == before
        ended = incidents.get(tx, new.id)
        assert ended is not None
        assert not ended.state.is_live
        assert waiting(tx, new.id) == []


def test_a_split_is_not_taken_back_while_its_part_was_merged_elsewhere(
    sqlite_database: Database, caseworker: Caseworker
) -> None:
    with sqlite_database.write() as tx:
        with_posts(tx)
        opened(tx, caseworker)
        opened(tx, caseworker, "i2")
        new = do(tx, caseworker, "i1", Work.SPLIT, posts=(("forum", "1"),)).other
        assert new is not None
        do(tx, caseworker, new.id, Work.MERGE, other="i2")
        with pytest.raises(CareError, match="merged or split since"):
            do(tx, caseworker, "i1", Work.UNDO)


def test_what_is_part_of_an_incident_is_part_of_what_that_is_merged_into(
    sqlite_database: Database, caseworker: Caseworker
) -> None:
    with sqlite_database.write() as tx:
        for name, severity in (("i1", CRITICAL), ("i2", WATCH), ("i3", WATCH)):
            opened(tx, caseworker, name, severity=severity)
        do(tx, caseworker, "i1", Work.MERGE, other="i2")
        do(tx, caseworker, "i2", Work.MERGE, other="i3")
        assert shapes.survivor(tx, "i1") == "i3"
        assert shapes.stored(tx, "i3").severity is CRITICAL
        do(tx, caseworker, "i1", Work.UNDO)
        assert shapes.stored(tx, "i3").severity is WATCH
        assert shapes.stored(tx, "i1").state is IncidentState.OPEN
        assert shapes.survivor(tx, "i2") == "i3"


# -- All of it can be taken back --------------------------------------------------------------------------------------


def seen_by_people(tx: Transaction) -> list[Any]:
    """What people see: every incident that stands by itself or was merged, with what they made of it."""
    rows: list[Any] = []
    for one in sorted(incidents.recent(tx, limit=1000), key=lambda one: one.id):
        work = casework_store.of(tx, one.id)
        if not casework_store.is_put_back(work):
            rows.append((replace(one, updated_at=NOON, version=1), replace(work, detected=None)))
    return rows


NAMES = ("i1", "i2", "i3")
pieces = st.lists(
    st.one_of(
        st.tuples(st.just(Work.ASSIGN), st.fixed_dictionaries({"to": st.sampled_from(["", "Bo", "Cy"])})),
        st.tuples(st.just(Work.TAG), st.fixed_dictionaries({"tags": st.sampled_from([("a",), ("a", "b")])})),
        st.tuples(st.just(Work.UNTAG), st.fixed_dictionaries({"tags": st.sampled_from([("a",), ("b",)])})),
        st.tuples(st.sampled_from([Work.LINK, Work.UNLINK]), st.fixed_dictionaries({"other": st.sampled_from(NAMES)})),
        st.tuples(st.just(Work.MERGE), st.fixed_dictionaries({"other": st.sampled_from(NAMES)})),
        st.tuples(
            st.just(Work.CORRECT),
            st.fixed_dictionaries(
                {}, optional={"severity": st.sampled_from(list(Severity)), "headline": st.sampled_from(["x", "y"])}
            ),
        ),
        st.tuples(
            st.just(Work.SPLIT),
            st.fixed_dictionaries({"posts": st.sampled_from([(EVIDENCE[0],), EVIDENCE[:2]])}),
        ),
        st.tuples(st.just(Work.MOVE), st.fixed_dictionaries({"brand": st.sampled_from(["Acme", "Bolt"])})),
        st.tuples(st.just(Work.NOTE), st.just({"note": "seen"})),
    ).flatmap(lambda piece: st.tuples(st.sampled_from(NAMES), st.just(piece))),
    max_size=12,
)


class _TakenBackError(Exception):
    """Ends a transaction that is not to be kept."""


@contextmanager
def kept_by_nobody(database: Database) -> Iterator[Transaction]:
    """A transaction of which nothing stays."""
    with suppress(_TakenBackError), database.write() as tx:
        yield tx
        raise _TakenBackError


@pytest.fixture(scope="module")
def empty() -> Iterator[Database]:
    with Database.open("sqlite://") as database:
        yield database


@given(pieces=pieces)
@examples(max_examples=15)
def test_any_work_that_is_taken_back_in_reverse_order_leaves_what_people_saw(
    empty: Database, pieces: list[tuple[str, tuple[Work, dict[str, Any]]]]
) -> None:
    care = Care(Speaker.build(Settings()), lambda _tx, of, at: page_of(of, at), brands=("Acme", "Bolt"))
    caseworker = Caseworker(care)
    with kept_by_nobody(empty) as tx:
        for name, severity in zip(NAMES, Severity, strict=True):
            incidents.insert(tx, incident(name, evidence=EVIDENCE, severity=severity))
        history: list[Any] = []
        done: list[IncidentEvent] = []
        for name, (work, asked) in pieces:
            before = seen_by_people(tx)
            with suppress(CareError):
                event = do(tx, caseworker, name, work, **asked).event
                history += [before] if event else []
                done += [event] if event else []
        for event in reversed(done):
            do(tx, caseworker, event.incident_id, Work.UNDO, line=event.seq)
            assert seen_by_people(tx) == history.pop()
        for name in NAMES:
            seqs = [event.seq for event in incidents.events(tx, name)]
            assert seqs == list(range(1, len(seqs) + 1))
