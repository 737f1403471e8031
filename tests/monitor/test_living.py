"""Whether a process is dead is told by its name, and only where that is certain."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from config.settings import Settings
from monitor.app import App
from monitor.living import is_dead, new_name
from storage import incidents, leases, outbox
from storage.database import Database
from storage.records import DeliveryState
from tests.storage.examples import NOON, delivery, incident


@contextmanager
def somebody() -> Iterator[subprocess.Popen[bytes]]:
    """Another process, which does nothing."""
    process = subprocess.Popen(["sleep", "600"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def one_who_died() -> str:
    """The name of a process that was killed."""
    with somebody() as process:
        return new_name(process.pid)


def with_part(name: str, number: int, part: str) -> str:
    """The name with one of its parts exchanged."""
    parts = name.rsplit("-", 4)
    parts[number] = part
    return "-".join(parts)


def test_who_runs_is_not_dead() -> None:
    with somebody() as process:
        assert not is_dead(new_name(process.pid))
    assert not is_dead(new_name())


def test_two_names_of_one_process_differ() -> None:
    assert new_name() != new_name()


def test_who_was_killed_is_dead() -> None:
    assert is_dead(one_who_died())


def test_who_has_the_number_of_a_dead_one_is_not_taken_for_it() -> None:
    assert is_dead(with_part(new_name(), 3, "1"))


def test_nothing_is_known_of_another_machine_or_of_one_that_was_started_again() -> None:
    assert not is_dead(with_part(one_who_died(), 2, "00000000"))


def test_nothing_is_known_of_names_that_do_not_say_it() -> None:
    assert not any(map(is_dead, ("", "one", "web-1", "web-1-4711-abcdef", "a-b-c-d-e", "web-x-3a127db8-1-ab12cd")))


def test_nothing_is_known_where_the_machine_does_not_tell(tmp_path: Path) -> None:
    name = new_name(proc=tmp_path)
    assert str(os.getpid()) in name
    assert not is_dead(name, proc=tmp_path)
    assert not is_dead(with_part(one_who_died(), 2, ""), proc=tmp_path)


def test_who_comes_after_a_dead_process_leads_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tocsin.db'}"
    settings = Settings.model_validate({"brands": [{"name": "Acme"}], "database": {"url": url}})
    with somebody() as process:
        killed = App(settings, lambda: NOON, new_name(process.pid))
        killed.plan()
        second = App(settings, lambda: NOON + timedelta(seconds=1))
        second.plan()
        assert (killed.is_leader, second.is_leader) == (True, False)
    second.share()
    second.lead()
    assert second.is_leader
    killed.database.close()
    second.stop()


def test_what_a_dead_process_was_sending_is_looked_into_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tocsin.db'}"
    settings = Settings.model_validate({"brands": [{"name": "Acme"}], "database": {"url": url}})
    with somebody() as process, Database.open(url) as database:
        killed = App(settings, lambda: NOON, new_name(process.pid))
        killed.plan()
        with database.write() as tx:
            incidents.insert(tx, incident())
            outbox.enqueue(tx, [delivery()])
            (claimed,) = outbox.claim(tx, NOON, killed.owner, timedelta(seconds=30))
    second = App(settings, lambda: NOON + timedelta(seconds=1))
    second.plan()
    with second.database.write() as tx:
        (doubtful,) = outbox.claim(tx, NOON + timedelta(seconds=1), "sender", timedelta(seconds=30))
        assert leases.get(tx, "leader").owner == second.owner
    assert (doubtful.id, doubtful.state) == (claimed.id, DeliveryState.AMBIGUOUS)
    killed.database.close()
    second.stop()
