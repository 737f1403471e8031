"""Stored posts judged again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from msgspec.structs import replace

from storage import bins, posts, rejudging
from storage.database import Database, Transaction
from storage.ingest import Intake, write
from storage.records import Label, MentionedPost, Post
from tests.storage.examples import NOON, after, mentioned, post

LABELS = st.sampled_from([None, *Label])
KEYS = [("forum", name) for name in "123"]


def stored(tx: Transaction) -> dict[tuple[str, str], Label]:
    found = posts.window(tx, after(days=-1), after(days=1))
    return {(item.post.external_id, item.mention.brand): item.score.label for item in found}


def counted(tx: Transaction) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in bins.series(tx, "Acme", after(days=-1), after(days=1)):
        found.update(posts=each.posts, negative=each.negative, positive=each.positive, unscored=each.unscored)
    return +found


def as_labelled(labels: Sequence[Label | None]) -> rejudging.Judge:
    def judge(found: Sequence[Post]) -> list[MentionedPost]:
        wanted = dict(zip(KEYS, labels, strict=True))
        return [mentioned(each, label=label) for each in found if (label := wanted[each.key]) is not None]

    return judge


@given(first=st.lists(LABELS, min_size=3, max_size=3), second=st.lists(LABELS, min_size=3, max_size=3))
@examples(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_bins_are_the_exact_counts_of_what_is_stored(
    database: Database, first: list[Label | None], second: list[Label | None]
) -> None:
    with database.write() as tx:
        write(tx, Intake(posts=[post(name, created_at=after(minutes=int(name))) for _, name in KEYS]))
        for labels in (first, second):
            rejudging.judge_again(tx, KEYS, as_labelled(labels))
            told = [label for label in labels if label is not None]
            expected = Counter(label.value for label in told if label is not Label.NEUTRAL)
            assert counted(tx) == expected + Counter(posts=len(told))
            assert rejudging.judge_again(tx, KEYS, as_labelled(labels)) == []
        rejudging.judge_again(tx, KEYS, as_labelled([None, None, None]))
        assert counted(tx) == Counter()


def test_what_would_change_is_told_without_changing_it(database: Database) -> None:
    with database.write() as tx:
        write(tx, Intake(posts=[post("2")], mentions=[mentioned(post("1"))]))
    with database.read() as tx:
        changes = rejudging.judge_again(tx, KEYS[:2], as_labelled([None, Label.POSITIVE, None]), store=False)
        assert [(one and one.score.label, other and other.score.label) for one, other in changes] == [
            (Label.NEGATIVE, None),
            (None, Label.POSITIVE),
        ]
        assert stored(tx) == {("1", "Acme"): Label.NEGATIVE}


def test_mentions_of_other_brands_stay_where_one_is_asked_for(database: Database) -> None:
    with database.write() as tx:
        write(tx, Intake(mentions=[mentioned(of := post("1")), mentioned(of, brand="Bolt")]))
        rejudging.judge_again(tx, KEYS[:1], lambda _found: [], ["Acme"])
        assert stored(tx) == {("1", "Bolt"): Label.NEGATIVE}


def test_a_later_reading_counts_after_a_post_was_judged_again(database: Database) -> None:
    with database.write() as tx:
        first = post("1", collected_at=NOON)
        write(tx, Intake(mentions=[mentioned(first)]))
        rejudging.judge_again(tx, KEYS[:1], as_labelled([Label.POSITIVE, None, None]))
        write(tx, Intake(mentions=[mentioned(replace(first, collected_at=after(minutes=1)), label=Label.NEUTRAL)]))
        assert stored(tx) == {("1", "Acme"): Label.NEUTRAL}


def test_pages_give_every_post_once_in_either_order(database: Database) -> None:
    with database.write() as tx:
        write(tx, Intake(posts=[post(str(number), created_at=after(minutes=number // 2)) for number in range(7)]))
        for newest_first in (False, True):
            seen: list[str] = []
            position = None
            for _ in range(4):
                page = rejudging.page(tx, position, limit=2, newest_first=newest_first, until=after(minutes=3))
                seen += [each.external_id for each in page.posts]
                position = page.position
                if position is None:
                    break
            assert sorted(seen) == list("012345")
            assert seen == sorted(seen, reverse=newest_first)
        assert [each.external_id for each in rejudging.page(tx, since=after(minutes=3)).posts] == ["6"]
