"""What a cluster makes of a history is what one machine makes of it, also when a worker is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard

from collectors.files import read
from monitor.backtest.compare import backtest
from monitor.backtest.variants import at_sensitivity, configured
from monitor.importing import Imported, Importing
from monitor.judging_again import JUDGE_AGAIN
from monitor.replay import replay
from monitor.rescore import Rescoring
from monitor.scale import cluster as clusters
from monitor.scale import imports
from monitor.scale.cluster import Cluster, cluster_at
from monitor.scale.imports import import_all, parts_of
from monitor.scale.rescores import rescore_all
from monitor.scale.workers import Alone, WorkersError
from monitor.understanding import Understanding
from storage import shards, state
from storage.database import Database
from storage.shards import LostShardError
from tests.monitor.test_importing import comment
from tests.monitor.test_workers import BEGIN, LATER, SETTINGS, rows
from tests.storage.test_order import content

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # the engine's own
PART = 15_000
NOW = BEGIN + timedelta(days=9)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Lines, of which there are several parts, and a month of a forum as Pushshift packs it.

    Of the same days: a backtest looks at every slot in between.
    """
    folder = tmp_path_factory.mktemp("dumps")
    lines, dump = folder / "history.jsonl", folder / "RC_2026-03.zst"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    words = ("my Norrvik melted", "what a day", "Tallwind lost it")
    begin = int(BEGIN.timestamp())
    comments = (comment(number, words[number % 3], created_utc=begin + number) for number in range(300))
    packed = "".join(json.dumps(one) + "\n" for one in comments)
    dump.write_bytes(zstandard.ZstdCompressor().compress(packed.encode()))
    return [lines, dump]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two processes of this machine."""
    with cluster_at("local", 2) as found:
        yield found


@pytest.fixture(scope="module")
def one_machine(
    files: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Database, list[Imported]]]:
    """The store that one machine makes of the files, and what it says of it."""
    with closing(Database.open(f"sqlite:///{tmp_path_factory.mktemp('one')}/one.db")) as database:
        importing = Importing(SETTINGS, database, lambda: NOW)
        yield database, [importing.run(path, lambda _: None) for path in files]


def unseen(*_: object) -> None:
    return


def held(database: Database) -> dict[str, Any]:
    """Everything that is stored of posts, whatever their numbers."""
    with database.read() as tx:
        return content(tx)


def counts(found: list[Imported]) -> list[tuple[object, ...]]:
    return [
        (one.file, one.rows, one.posts, one.new_posts, one.mentions, one.left_out, one.first_at, one.last_at, one.done)
        for one in found
    ]


@pytest.mark.postgresql
def test_a_history_is_taken_in_and_judged_again_as_by_one_machine_though_a_worker_is_killed(
    postgresql_url: str,
    files: list[Path],
    cluster: Cluster,
    one_machine: tuple[Database, list[Imported]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(imports, "PART_BYTES", PART)
    alone, said = one_machine
    victims = list(cluster._client.run(os.getpid).values())
    with closing(Database.open(postgresql_url)) as database:
        importing = Importing(SETTINGS, database, lambda: NOW)

        def kill_one(done: int, of: int) -> None:
            if done == 2 and len(victims) == 2:
                assert of > 4
                os.kill(victims.pop(), signal.SIGKILL)

        found = import_all(cluster, importing, files, kill_one)
        assert len(victims) == 1
        assert held(database) == held(alone)
        assert counts(found) == counts(said)
        again = import_all(cluster, importing, files, unseen)
        assert [one.done for one in again] == [True, True]
        with database.read() as tx:
            assert state.load(tx, JUDGE_AGAIN) == (min(one.first_at for one in said if one.first_at), b"")
            jobs = [shards.every(tx, importing.job_of(path)) for path in files]
        assert [len(parts) for parts in jobs] == [len(list(parts_of(files[0], PART))), 1]

        rescoring = Rescoring(database, LATER, Understanding.build(LATER))
        done = rescore_all(cluster, rescoring, NOW, unseen)
        once = Rescoring(alone, LATER, Understanding.build(LATER)).run(unseen)
        assert held(database) == held(alone)
        assert (done.posts, done.changed, done.moves) == (once.posts, once.changed, once.moves)
        assert rescore_all(cluster, rescoring, NOW, unseen).changed == 0

        variants = [configured(LATER), at_sensitivity(LATER, "keen")]
        assert backtest(database, variants, workers=cluster) == backtest(alone, variants)
    told = [replay(read(files[:1]), SETTINGS, workers=workers).alerts for workers in (cluster, Alone())]
    assert told[0] == told[1] != []
    assert cluster.dashboard.startswith("http://127.0.0.1:")


def test_parts_of_a_file_are_all_of_it_and_cut_no_line(files: list[Path]) -> None:
    whole = files[0].read_bytes()
    cuts = [(part["start"], part["end"] or len(whole)) for part in parts_of(files[0], PART)]
    assert b"".join(whole[start:end] for start, end in cuts) == whole
    assert all(whole[start:end].endswith(b"\n") for start, end in cuts)
    assert len(cuts) > 4
    assert [part["end"] for part in parts_of(files[1], 10)] == [None]


def test_a_part_is_gone_on_with_by_whoever_took_it_last(database: Database) -> None:
    with database.write() as tx:
        shards.plan(tx, "import", [{"path": "a"}, {"path": "b"}])
        shards.plan(tx, "import", [{"path": "another"}])  # planned before, and not anew
        first = shards.take(tx, "import", 0, "one")
        assert first is not None
        shards.advance(tx, first, {"rows": 5})
        second = shards.take(tx, "import", 0, "two")
        assert second is not None
    assert (second.what, second.position, second.fence) == ({"path": "a"}, {"rows": 5}, 2)
    with pytest.raises(LostShardError, match="taken over"), database.write() as tx:
        shards.advance(tx, first, {"rows": 9}, NOW)
    with database.write() as tx:
        shards.advance(tx, second, {"rows": 7}, NOW)
        assert shards.take(tx, "import", 0, "three") is None
        assert [(one.position, one.done_at) for one in shards.every(tx, "import")] == [({"rows": 7}, NOW), ({}, None)]
        shards.forget(tx, "import")
        assert shards.every(tx, "import") == []


def test_what_cannot_be_is_said_with_what_to_do(
    sqlite_database: Database, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WorkersError, match=r"PostgreSQL.*\[scale\] workers"):
        import_all(Alone(), Importing(SETTINGS, sqlite_database, lambda: NOW), files, unseen)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(WorkersError, match=r'pip install "tocsin\[cluster\]"'), cluster_at("local"):
        pass
    monkeypatch.undo()
    monkeypatch.setattr(clusters, "CONNECTS_WITHIN", "300ms")
    with pytest.raises(WorkersError, match="dask scheduler"), cluster_at("tcp://127.0.0.1:9"):
        pass


def test_workers_of_another_version_are_refused(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "version", lambda _: "0.0.1")
    with pytest.raises(WorkersError, match="install the same"):
        clusters._refuse_others(cluster._client, "here")
