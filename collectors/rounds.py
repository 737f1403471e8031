"""Lists that show their newest entries first (searches, timelines, feeds of a page), read back to what is known.

A round begins at the newest entry and ends where the round before it began. Each of its pages is committed with the
place at which the next one begins, so that a round may be broken off anywhere and be taken up again; only at its end
does `read_until` move.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from msgspec.structs import replace

from collectors.contract import CollectorError, Quarantined, raw_hash, set_aside
from storage.records import Post

T = TypeVar("T")

ODD = (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError, RecursionError)
"""What reading an entry of an unexpected shape raises."""

_KNOWN = 200
"""Posts of a list that are remembered from one round to the next."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list to read: `path` and `query` as its platform wants them.

    `ends_after` is how many entries the platform gives of it at the most, `None` where it gives all. All that a search
    for the brands finds is about them; of other lists (`is_search` false) only what names a brand is followed.
    """

    path: str
    query: str = ""
    ends_after: int | None = None
    is_search: bool = True
    is_followed: bool = True

    @property
    def key(self) -> str:
        """Its name in the cursor."""
        return f"{self.path} {self.query}".strip()


@dataclass(frozen=True, slots=True)
class Found:
    """An answer's posts, in the platform's order, and `place`, where the next page begins (empty at the end).

    `given` counts all entries, those that are left out or cannot be read too; `missing` how many the platform said
    there are beyond those; `untold` names those of which it tells nothing when asked. `gone`, `left` and `changed` are
    those of a `Page`.
    """

    posts: list[Post] = field(default_factory=list)
    bad: list[Quarantined] = field(default_factory=list)
    place: str = ""
    given: int = 0
    missing: int = 0
    untold: frozenset[str] = frozenset()
    gone: Mapping[str, str] = field(default_factory=dict)
    changed: Sequence[Post] = ()
    left: Mapping[str, str] = field(default_factory=dict)

    @property
    def newest(self) -> float:
        """When its newest post was written (s since 1970), 0 for none."""
        return max((post.created_at.timestamp() for post in self.posts), default=0.0)

    @property
    def last(self) -> float:
        """When its last post was written: what is pinned to the top of a list stands first, and says nothing."""
        return self.posts[-1].created_at.timestamp() if self.posts else float("inf")


@runtime_checkable
class ReadsEntries(Protocol):
    """A platform that can read an entry apart from the list that it stood in."""

    service: str
    """Its name in messages."""

    def read(self, entry: Any, of: str) -> Post | None:
        """The post that an entry is, `None` for what is to be left out; `of` says what it belongs to, where that has to
        be known."""


def entries_in(items: Any, platform: ReadsEntries, of: str = "", *, place: str = "") -> Found:
    """`found_in` for a platform that can read entries again: those that it cannot read are kept for that."""
    return found_in(items, lambda item: platform.read(item, of), service=platform.service, place=place, of=of)


def entry_set_aside(entry: Any, error: object, of: str, where: str = "entry") -> Quarantined:
    """An entry that could not be read, kept with what it belongs to; `kept_entry` gives both back."""
    raw = json.dumps({"entry": entry, "of": of}, ensure_ascii=False, default=str)
    return set_aside(where, error, raw)


def kept_entry(raw: bytes, read: Callable[[Any, str], Post | None]) -> list[Post]:
    """What `read` makes by now of an entry that was set aside; `ValueError` where it still makes no sense."""
    try:
        kept = json.loads(raw)
        post = read(kept["entry"], kept["of"])
    except ODD as error:
        raise ValueError(repr(error)) from error
    return [] if post is None else [post]


def found_in(
    items: Any, read: Callable[[Any], Post | None], *, service: str, place: str = "", of: str | None = None
) -> Found:
    """The posts that `read` makes of `items`; it gives `None` for what is to be left out.

    With `of` what cannot be read is kept for another try.
    Raises `CollectorError` where there is no list of them, or none in it can be read.
    """
    if not isinstance(items, (list, tuple)):
        raise CollectorError(f"{service} gave an answer without the documented list")
    posts: list[Post] = []
    bad: list[Quarantined] = []
    for item in items:
        try:
            post = read(item)
        except ODD as error:
            lost = Quarantined("entry", repr(error), raw_hash(repr(item)))
            bad.append(lost if of is None else entry_set_aside(item, repr(error), of))
        else:
            posts += [] if post is None else [post]
    if items and len(bad) == len(items):
        raise CollectorError(f"nothing in the answer of {service} could be read: {bad[0].reason}")
    return Found(posts, bad, place, len(items))


def joined(answers: Iterable[Found]) -> Found:
    """Several answers as one."""
    each = list(answers)
    return Found(
        [post for found in each for post in found.posts],
        [item for found in each for item in found.bad],
        given=sum(found.given for found in each),
    )


def filed_as(post: Post, known: Post) -> Post:
    """The post in the thread that it is known to stand in; looked up by itself, a platform does not always say."""
    return replace(post, thread_id=known.thread_id, parent_id=known.parent_id, url=known.url)


def chunks(names: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """`names` in groups of at most `size`."""
    return (names[start : start + size] for start in range(0, len(names), size))


@dataclass
class Round:
    """How far a list has been read: everything until `read_until`, and a round of which some pages may be left.

    The round was begun at `begun_at`, which those platforms are told that can freeze a list at a moment, and reads back
    to `floor`. `known` are the newest posts of the round before (short hashes of their names), which need not be given
    again; `fresh` those of this one.
    """

    read_until: float
    floor: float = 0.0
    begun_at: float = 0.0
    place: str = ""
    newest: float = 0.0
    seen: int = 0
    known: list[str] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)

    def begin(self, now: float, overlap: float) -> None:
        """Go on at `place`, or begin at the newest entry."""
        if not self.place:
            self.begun_at, self.newest, self.seen, self.fresh = now, 0.0, 0, []
            self.floor = max(self.read_until - overlap, 0.0)

    def begin_anew(self, now: float) -> None:
        """Forget the place, which the platform no longer knows."""
        self.place = ""
        self.begun_at, self.newest, self.seen, self.fresh = now, 0.0, 0, []

    def note(self, found: Found) -> list[Post]:
        """Count a page; returns what is new in it, which what was edited is as well."""
        self.newest, self.seen, self.place = max(self.newest, found.newest), self.seen + found.given, found.place
        marks = {post.external_id: _mark(post) for post in found.posts}
        self.fresh = [*self.fresh, *marks.values()][:_KNOWN]
        return [post for post in found.posts if post.edited_at or marks[post.external_id] not in self.known]

    def end(self) -> None:
        """Everything back to `read_until` has been read."""
        self.read_until, self.place = max(self.read_until, self.newest), ""
        self.known = list(dict.fromkeys((*self.fresh, *self.known)))[:_KNOWN]
        self.newest, self.seen, self.fresh = 0.0, 0, []


def _mark(post: Post) -> str:
    """What a post is known by in a list: its name and its time, which moves where a platform shows that of its edit."""
    return raw_hash(f"{post.external_id} {post.created_at.timestamp()}")[:12]


@dataclass
class Reading:
    """What the cursor holds: rounds by list, and the threads followed: when their root was written, answers read."""

    rounds: dict[str, Round]
    threads: dict[str, list[float]]
    kept: dict[str, Any] = field(default_factory=dict)
    """What a platform keeps beside (an allowance, a sign-in)."""

    @classmethod
    def at(cls, cursor: Mapping[str, Any], listings: Sequence[Listing], first: float) -> Reading:
        """The reading that a cursor tells; a list that is new takes over from those that it has replaced."""
        kept = {key: _round(state) for key, state in cursor.get("rounds", {}).items()}
        present = [listing.key for listing in listings]
        start = min([first, *(state.read_until for key, state in kept.items() if key not in present)])
        rounds = {key: kept.get(key) or Round(start) for key in present}
        threads = {name: list(thread) for name, thread in cursor.get("threads", {}).items()}
        return cls(rounds, threads, dict(cursor.get("kept", {})))

    def cursor(self) -> dict[str, Any]:
        """The cursor that tells this reading."""
        return {
            "rounds": {key: asdict(state) for key, state in self.rounds.items()},
            "threads": {name: list(thread) for name, thread in self.threads.items()},
            "kept": dict(self.kept),
        }


def _round(state: Mapping[str, Any]) -> Round:
    """A round of a cursor, which is not to be changed by reading on."""
    return Round(**{**state, "known": list(state.get("known", ())), "fresh": list(state.get("fresh", ()))})
