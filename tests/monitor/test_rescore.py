"""Stored history judged again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from config.settings import Settings
from monitor.assembly import assemble
from monitor.correcting import Corrections
from monitor.pipeline import Batch
from monitor.rejudging import Rejudging
from monitor.rescore import NOBODY, Rescored, Rescoring
from monitor.understanding import Understanding
from storage import posts, rejudging
from storage.database import Database
from storage.records import CorrectedLabel, Post, PostKind
from tests.storage.examples import NOON, after

BEFORE = Settings.model_validate({"brands": [{"name": "Norrvik"}]})
RULE = {"words": ["war room"], "sentiment": "negative"}
AFTER = Settings.model_validate(
    {"brands": [{"name": "Norrvik", "aliases": ["NVK"], "exclude": ["norrvik bay"], "sentiment_rules": [RULE]}]}
)
HISTORY = [
    Post("forum", "1", NOON, "Norrvik opened a war room"),
    Post("forum", "2", after(minutes=1), "NVK is slow today"),
    Post("forum", "3", after(minutes=2), "We swam at Norrvik Bay"),
    Post("forum", "4", after(minutes=3), "It was cold", PostKind.REPLY, thread_id="3"),
    Post("forum", "5", after(minutes=4), "Norrvik is fine"),
]
ROOT = structs.replace(HISTORY[2], thread_id="3")


@pytest.fixture
def known(database: Database) -> Database:
    assemble(BEFORE, database).ingest(Batch([ROOT, *HISTORY[:2], *HISTORY[3:]]))
    return database


def rescoring(database: Database, settings: Settings = AFTER, **asked: object) -> Rescoring:
    return replace(Rescoring(database, settings, Understanding.build(settings)), **asked)  # type: ignore[arg-type]


def unseen(_done: Rescored, _share: float) -> None:
    return


def stored(database: Database) -> dict[str, tuple[str, str]]:
    with database.read() as tx:
        found = posts.window(tx, NOON, after(days=1))
    return {item.post.external_id: (item.score.label.value, item.score.scorer) for item in found}


MOVES = Counter({("neutral", "negative"): 1, (NOBODY, "negative"): 1, ("neutral", NOBODY): 2})


def test_history_is_as_if_it_had_been_read_under_todays_configuration(known: Database, tmp_path: Path) -> None:
    done = rescoring(known).run(unseen)
    assert (done.posts, done.labels) == (5, done.moves.total())
    with Database.open(f"sqlite:///{tmp_path}/other.db") as other:
        assemble(AFTER, other).ingest(Batch([*HISTORY[:2], ROOT, *HISTORY[3:]]))
        assert stored(known) == stored(other)
    assert done.moves == MOVES
    again = rescoring(known).run(unseen)
    assert (again.posts, again.changed) == (5, 0)


def test_a_dry_run_says_what_would_change_and_changes_nothing(known: Database) -> None:
    before = stored(known)
    assert rescoring(known, tries_only=True).run(unseen).moves == MOVES
    assert stored(known) == before


def test_only_the_span_and_the_brand_that_were_asked_for_are_judged(known: Database) -> None:
    done = rescoring(known, since=after(minutes=1), until=after(minutes=2)).run(unseen)
    assert (done.posts, done.labels) == (1, 1)
    assert rescoring(known, brands=("Somebody",)).run(unseen).changed == 0


def test_an_interrupted_run_is_gone_on_with(known: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.rescore.BATCH", 2)

    def interrupt(done: Rescored, share: float) -> None:
        assert 0 < share < 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rescoring(known).run(interrupt)
    read: list[int] = []
    whole_page = rejudging.page

    def page(*arguments: object, **options: object) -> rejudging.Page:
        found = whole_page(*arguments, **options)  # type: ignore[arg-type]
        read.append(len(found.posts))
        return found

    monkeypatch.setattr("storage.rejudging.page", page)
    done = rescoring(known).run(unseen)
    assert (done.posts, done.moves, done.resumed, sum(read)) == (5, MOVES, True, 3)
    assert not rescoring(known).run(unseen).resumed


def test_it_begins_anew_when_something_that_judging_rests_on_has_changed(
    known: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.rescore.BATCH", 2)

    def interrupt(_done: Rescored, _share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rescoring(known).run(interrupt)
    corrections = Corrections(known, Rejudging(Understanding.build(AFTER)))
    corrections.make(("forum", "1"), "Norrvik", CorrectedLabel.POSITIVE, "Ada", NOON)
    done = rescoring(known).run(unseen)
    assert (done.posts, done.resumed) == (5, False)
    assert stored(known)["1"] == ("positive", "correction")
