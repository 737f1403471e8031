"""Memory that is not in use goes back to the system, where the C library has a way, and circles are let go of."""

from __future__ import annotations

import gc
import platform
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from weakref import ref

import pytest

from alerts.render import curve
from alerts.render.drawing import drawn
from collectors import streams
from config.settings import Settings
from monitor import judge, language, lately, memory, outlook, remembered, slack_desk, telling_words, understanding
from monitor.app import App
from monitor.detectors import reach, terms, threads, trouble
from monitor.matching import matcher
from monitor.sentiment import toward, wording
from monitor.web import briefs, others, throttle, trials
from storage import escalations, outbox
from storage.database import Database
from storage.records import Post

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps heaps for threads")


class Part:
    """Something that holds itself, as the parts of a figure hold each other."""

    def __init__(self) -> None:
        self.whole = self


@pytest.fixture
def no_search() -> Iterator[None]:
    """Python does not look for circles by itself meanwhile."""
    gc.disable()
    yield
    gc.enable()


def resident_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@glibc
def test_holes_in_the_heap_are_given_back() -> None:
    held = [bytearray(20_000) for _ in range(4_000)]
    del held[:-1:1]  # the last keeps the heap from shrinking by itself
    before = resident_mb()
    assert memory.give_back()
    assert before - resident_mb() > 40


@glibc
def test_connections_that_rest_keep_nothing_of_the_file(tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{tmp_path / 'large.db'}") as database:
        with database.write() as tx:
            tx.exec_driver_sql("CREATE TABLE large (words BLOB)")
            tx.exec_driver_sql("INSERT INTO large (words) VALUES (randomblob(1800))", [()] * 5_000)
        memory.give_back()
        before = resident_mb()
        with ExitStack() as stack:
            for _ in range(4):
                tx = stack.enter_context(database.read())
                assert tx.exec_driver_sql("SELECT count(*) FROM large WHERE words <> ''").scalar() == 5_000
            while_they_work = resident_mb()
        memory.give_back()
        assert while_they_work - before > 20
        assert resident_mb() - before < 8


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _name: object())
    assert (memory.economise(), memory.give_back()) == (False, False)


def test_one_thread_draws_for_all_of_them_and_passes_on_what_goes_wrong() -> None:
    names: set[str] = set()
    threads = [
        threading.Thread(target=lambda: names.add(drawn(lambda: threading.current_thread().name))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 1
    with pytest.raises(ZeroDivisionError):
        drawn(lambda: 1 / 0)


@pytest.mark.usefixtures("no_search")
def test_nothing_is_left_of_what_was_drawn_although_it_holds_itself() -> None:
    assert drawn(lambda: ref(Part()))() is None


@pytest.mark.usefixtures("no_search")
def test_a_look_at_what_is_due_leaves_no_circles_behind() -> None:
    with Database.open("sqlite://") as database, database.write() as tx:
        outbox.claim(tx, NOON, "me", timedelta(seconds=30), known=["mail"])
        gc.collect()
        for _ in range(10):  # there is one each second
            outbox.claim(tx, NOON, "me", timedelta(seconds=30), known=["mail"])
        assert gc.collect() < 500


@pytest.mark.usefixtures("no_search")
def test_a_look_at_stranded_escalations_leaves_no_circles_behind() -> None:
    with Database.open("sqlite://") as database, database.write() as tx:
        escalations.stranded(tx, NOON)
        gc.collect()
        for _ in range(10):  # there is one each second
            escalations.stranded(tx, NOON)
        assert gc.collect() < 50


@pytest.mark.usefixtures("no_search")
def test_what_became_old_and_holds_itself_is_let_go_of_with_the_rest() -> None:
    part = Part()
    gc.collect()  # it is among the old ones now, which are looked through once in days
    old = ref(part)
    del part
    program = App(Settings.model_validate({"brands": [{"name": "Acme"}], "database": {"url": "sqlite://"}}))
    program.give_back()
    program.stop()
    assert old() is None


def test_what_serves_copies_alone_is_let_go_of_with_the_rest() -> None:
    program = App(Settings.model_validate({"brands": [{"name": "Acme"}], "database": {"url": "sqlite://"}}))
    posts = [Post("blog", str(number), NOON, f"Acme sold me the boots {number}, a good pair") for number in range(500)]
    program.pipeline.understanding.read(posts)  # words stay known
    program.give_back()
    tracemalloc.start()
    program.pipeline.understanding.read(posts)
    while_copies_come, _ = tracemalloc.get_traced_memory()
    program.give_back()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    program.stop()
    assert while_copies_come > 300 * len(posts)
    assert after < 30 * len(posts)


def test_what_is_remembered_is_bounded_as_the_documentation_says() -> None:
    pages = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    table = pages.partition("\n## Memory\n")[2]
    of_brands = (reach.MOST_TEXTS, trouble.MOST_SAID)
    of_texts = (matcher._KEPT, toward._COPIES, understanding._COPIES, language._COPIES)
    for said in (
        "| {:,} and {:,} |".format(*of_brands),
        f"of all companies together {judge.MOST[0]:,} of either",
        f"{lately.MOST:,} mentions",
        f"| {threads.MOST_THREADS:,} |",
        f"| {terms.MOST_KNOWN:,} terms |",
        f"up to {remembered.LONGEST:,} characters | {{:,}}, {{:,}}, {{:,}} and {{:,}} texts |".format(*of_texts),
        f"| {wording._MEMORY:,} words, and as many parts of words |",
        f"| texts of incidents and of the week before | {telling_words.REMEMBERED:,} texts |",
        f"| {streams.MOST_WAITING:,}; then it is hung up on",
        f"| {briefs.MOST}, {trials.MOST_KEPT} and {others.MOST_KEPT} |",
        f"| {throttle.MOST_NAMES:,} addresses |",
        f"| {slack_desk.MOST_NAMES:,} names;",
        f"| pictures of curves | messages | {curve.MOST_KEPT} |",
    ):
        assert said in table, said
    assert outlook.REMEMBERED == 2, "two looks, says the table"
