"""Writing what a collector read: posts, what was understood of them, counts, cursor and gaps, in one transaction.

The outcome is a function of the set of everything ever written (storage/reading.py): order, batching and repetition
change nothing, and the bins are always the exact counts of the mentions stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from storage import cursors, gaps, post_rows, quarantine, runs, samples
from storage.bins import add_differences
from storage.database import Transaction
from storage.reading import PostState, Reading, storable_reading
from storage.records import CollectorRun, Cursor, EngagementSample, Gap, MentionedPost, Post, PostKey, SetAside


@dataclass(frozen=True, slots=True)
class Intake:
    """What is to be written together. A mention brings its post along, whether or not `posts` lists it too."""

    posts: Sequence[Post] = ()
    mentions: Sequence[MentionedPost] = ()
    samples: Sequence[EngagementSample] = ()
    cursor: Cursor | None = None
    gaps: Sequence[Gap] = ()
    set_aside: Sequence[SetAside] = ()
    run: CollectorRun | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What was new in it. `changed_mentions` are known ones judged anew or whose post changed; `removed_mentions` are
    those that an edit took back, as they were."""

    new_posts: int = 0
    new_mentions: list[MentionedPost] = field(default_factory=list)
    changed_posts: int = 0
    changed_mentions: list[MentionedPost] = field(default_factory=list)
    removed_mentions: list[MentionedPost] = field(default_factory=list)
    set_aside: int = 0


def lock(tx: Transaction, posts: Iterable[Post], samples: Iterable[EngagementSample] = ()) -> None:
    """Let nobody else write to the sources of these until the transaction ends."""
    post_rows.lock(tx, {post.source for post in posts} | {sample.source for sample in samples})


def write(tx: Transaction, page: Intake) -> Written:
    """Write a page of readings, and say what was new. Erased posts stay away."""
    readings = _readings(page)
    keys = {reading.post.key for reading in readings}
    post_rows.lock(tx, {source for source, _ in keys} | {sample.source for sample in page.samples})
    readings = _without_erased(tx, readings, keys)
    before = post_rows.load(tx, keys | {(sample.source, sample.external_id) for sample in page.samples})
    after = {key: state.copy() for key, state in before.items()}
    _add_readings(after, readings)
    _add_samples(tx, after, before, page.samples)
    samples.write(tx, page.samples)
    written = _store(tx, before, after)
    _write_progress(tx, page)
    return replace(written, set_aside=len(page.set_aside))


def _readings(page: Intake) -> list[Reading]:
    mentions: dict[int, tuple[Post, list[MentionedPost]]] = {id(post): (post, []) for post in page.posts}
    for mentioned in page.mentions:
        mentions.setdefault(id(mentioned.post), (mentioned.post, []))[1].append(mentioned)
    return [storable_reading(Reading(post, tuple(of_post))) for post, of_post in mentions.values()]


def _without_erased(tx: Transaction, readings: list[Reading], keys: set[PostKey]) -> list[Reading]:
    erased = post_rows.erased(tx, keys)
    if not erased:
        return readings
    keys -= erased
    return [reading for reading in readings if reading.post.key not in erased]


def _add_readings(states: dict[PostKey, PostState], readings: Iterable[Reading]) -> None:
    for reading in readings:
        state = states.get(reading.post.key)
        if state is None:
            states[reading.post.key] = PostState.of(reading)
        else:
            state.add(reading)


def _add_samples(
    tx: Transaction,
    states: Mapping[PostKey, PostState],
    before: Mapping[PostKey, PostState],
    given: Sequence[EngagementSample],
) -> None:
    earlier = samples.of_posts(tx, states.keys() - before.keys())  # a sample may have come before its post
    for key, (at, engagement) in samples.newest([*earlier, *given]).items():
        state = states.get(key)
        if state is not None:
            state.add_engagement(engagement, at)


def _store(tx: Transaction, before: Mapping[PostKey, PostState], after: Mapping[PostKey, PostState]) -> Written:
    new = [state for key, state in after.items() if key not in before]
    changed = [(before[key], state) for key, state in after.items() if key in before and state != before[key]]
    post_rows.insert(tx, new)
    post_rows.update(tx, changed)
    add_differences(tx, [old for old, _ in changed], [*new, *(state for _, state in changed)])
    return Written(
        new_posts=len(new),
        new_mentions=[
            *(mentioned for state in new if state.mentions for mentioned in _mentions(state)),
            *(mentioned for old, state in changed for mentioned in _mentions(state, but=old)),
        ],
        changed_posts=len(changed),
        changed_mentions=[mentioned for old, state in changed for mentioned in _changed_mentions(old, state)],
        removed_mentions=[mentioned for old, state in changed for mentioned in _mentions(old, but=state)],
    )


def _mentions(state: PostState, but: PostState | None = None) -> list[MentionedPost]:
    without = but.mentions if but else {}
    return [_current(state, kept) for brand, (kept, _) in state.mentions.items() if brand not in without]


def _changed_mentions(old: PostState, new: PostState) -> list[MentionedPost]:
    kept = [brand for brand in new.mentions if brand in old.mentions]
    pairs = [(_current(old, old.mentions[brand][0]), _current(new, new.mentions[brand][0])) for brand in kept]
    return [after for before, after in pairs if before != after]


def _current(state: PostState, kept: MentionedPost) -> MentionedPost:
    if kept.post is state.post:
        return kept
    return MentionedPost(state.post, kept.mention, kept.score, kept.content_key, kept.kinds)


def _write_progress(tx: Transaction, page: Intake) -> None:
    if page.cursor is not None:
        cursors.save(tx, page.cursor)
    gaps.add(tx, page.gaps)
    quarantine.add(tx, page.set_aside)
    if page.run is not None:
        runs.add(tx, page.run)
