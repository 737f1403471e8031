"""Writing what a collector read: posts, what was understood of them, counts, cursor and gaps, in one transaction.

The outcome is a function of the set of everything ever written (storage/reading.py): order, batching and repetition
change nothing, and the bins are always the exact counts of the mentions stored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from itertools import chain

from msgspec import structs

from storage import cursors, gaps, post_rows, quarantine, runs, samples
from storage.bins import add_differences
from storage.database import Transaction
from storage.reading import PostState, Reading, Readings, first_sight, is_single, storable_readings
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
    samples: list[EngagementSample] = field(default_factory=list)
    """Counts of reactions that were not known, and some that were."""
    set_aside: int = 0


def lock(tx: Transaction, posts: Iterable[Post], samples: Iterable[EngagementSample] = ()) -> None:
    """Let nobody else write to the sources of these until the transaction ends."""
    post_rows.lock(tx, chain((post.source for post in posts), (sample.source for sample in samples)))


def write(tx: Transaction, page: Intake) -> Written:
    """Write a page of readings, and say what was new. Erased posts stay away.

    Nearly all posts are read for the first time, and once: these go to the database as they are. Only the others have
    states that are joined.
    """
    readings = storable_readings(_readings(page))
    keys = set(readings.keys)
    sampled = {(sample.source, sample.external_id) for sample in page.samples}
    post_rows.lock(tx, (source for source, _ in chain(keys, sampled)))
    readings = _without_erased(tx, readings, keys)
    before = post_rows.load(tx, keys | sampled)
    earlier = samples.of_posts(tx, keys - before.keys())  # a sample may have come before its post
    sampled.update(before, ((sample.source, sample.external_id) for sample in earlier))
    firsts, others = _apart(readings, keys, sampled)
    written = _join(tx, before, _Given(others, page.samples, earlier))
    sights = post_rows.insert(tx, firsts)
    new = [mentioned for reading in firsts.each for mentioned in reading.mentions]
    add_differences(tx, (), new)
    _write_progress(tx, page)
    return replace(
        written,
        new_posts=written.new_posts + len(firsts),
        new_mentions=written.new_mentions + new,
        samples=written.samples + sights,
        set_aside=len(page.set_aside),
    )


def _readings(page: Intake) -> list[Reading]:
    posts = {id(post): post for post in _as_understood(page.posts, page.mentions)}
    mentions: dict[int, list[MentionedPost]] = {}
    for mentioned in page.mentions:
        number = id(posts.setdefault(id(mentioned.post), mentioned.post))
        mentions.setdefault(number, []).append(mentioned)
    return [Reading(post, mentions.get(number, ())) for number, post in posts.items()]


def _as_understood(posts: Sequence[Post], mentions: Sequence[MentionedPost]) -> Sequence[Post]:
    """The posts with the languages that were recognised where their sources tell none: else each were two readings."""
    if all(post.language for post in posts):
        return posts
    understood = {mentioned.post.key: mentioned.post for mentioned in mentions}
    return [post if post.language else _recognised(post, understood.get(post.key, post)) for post in posts]


def _recognised(post: Post, understood: Post) -> Post:
    """The post as it was understood, unless that is another reading of it."""
    return understood if structs.replace(post, language=understood.language) == understood else post


def _without_erased(tx: Transaction, readings: Readings, keys: set[PostKey]) -> Readings:
    erased = post_rows.erased(tx, keys)
    if not erased:
        return readings
    keys -= erased
    return Readings.of([reading for key, reading in readings.keyed() if key not in erased])


def _apart(
    readings: Readings, keys: AbstractSet[PostKey], known: Collection[PostKey]
) -> tuple[Readings, list[Reading]]:
    """The readings that are the only ones of their posts, and those that are to be joined with what is known."""
    if len(keys) == len(readings) and keys.isdisjoint(known) and all(map(is_single, readings.each)):  # as a rule
        return readings, []
    firsts: dict[PostKey, Reading] = {}
    others: list[Reading] = []
    joined = set(known)
    for key, reading in readings.keyed():
        if key not in joined and key not in firsts and is_single(reading):
            firsts[key] = reading
            continue
        joined.add(key)
        others.append(reading)
        if key in firsts:
            others.append(firsts.pop(key))
    return Readings.of(list(firsts.values())), others


@dataclass(frozen=True, slots=True)
class _Given:
    """What is to be joined with what is known: readings, and samples that come now or came before their post."""

    readings: Sequence[Reading]
    samples: Sequence[EngagementSample]
    earlier: Sequence[EngagementSample]


def _join(tx: Transaction, before: Mapping[PostKey, PostState], given: _Given) -> Written:
    after = {key: state.copy() for key, state in before.items()}
    for reading in given.readings:
        state = after.get(reading.post.key)
        if state is None:
            after[reading.post.key] = PostState.of(reading)
        else:
            state.add(reading)
    for key, (at, engagement) in samples.newest([*given.earlier, *given.samples]).items():
        state = after.get(key)
        if state is not None:
            state.add_engagement(engagement, at)
    written = _store(tx, before, after)
    kept = _keep_samples(tx, before, after, given)
    newest = (sample for key, state in after.items() if state != before.get(key) and (sample := state.sample()))
    return replace(written, samples=[*kept, *newest])


def _keep_samples(
    tx: Transaction, before: Mapping[PostKey, PostState], after: Mapping[PostKey, PostState], given: _Given
) -> list[EngagementSample]:
    """Keep the samples that do not stand in the rows of their posts, which hold the newest."""

    def stands(sample: EngagementSample) -> bool:
        state = after.get((sample.source, sample.external_id))
        return state is not None and state.engagement_at == sample.at

    stood = (sample for state in before.values() if (sample := state.sample()))
    sights = (sample for reading in given.readings if (sample := first_sight(reading.post)))
    kept = [sample for sample in (*given.samples, *stood, *sights) if not stands(sample)]
    samples.write(tx, kept)
    samples.remove(tx, filter(stands, given.earlier))
    return kept


def _store(tx: Transaction, before: Mapping[PostKey, PostState], after: Mapping[PostKey, PostState]) -> Written:
    new = [state for key, state in after.items() if key not in before]
    changed = [(before[key], state) for key, state in after.items() if key in before and state != before[key]]
    post_rows.insert_states(tx, new)
    post_rows.update(tx, changed)
    now = chain.from_iterable(_mentions(state) for state in chain(new, (state for _, state in changed)))
    add_differences(tx, chain.from_iterable(_mentions(old) for old, _ in changed), now)
    return Written(
        new_posts=len(new),
        new_mentions=[
            *(mentioned for state in new for mentioned in _mentions(state)),
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
