"""Made mentions and ticks for the tests of the judge; every text is our own."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from monitor.detectors.contract import TICK, Tick
from monitor.judge import Judge
from monitor.kinds import Taxonomy
from storage.keys import content_key
from storage.records import (
    Engagement,
    EngagementSample,
    Label,
    Mention,
    MentionedPost,
    Post,
    PostKind,
    Score,
    Signal,
)

START = datetime(2024, 3, 4, tzinfo=UTC)
BRAND = "Fernweh Air"
TAXONOMY = Taxonomy.build()
COMPOUNDS = {Label.NEGATIVE: -0.6, Label.POSITIVE: 0.6, Label.NEUTRAL: 0.0, Label.UNSCORED: 0.0}
_NUMBERS = itertools.count()


def _words(line: str) -> list[str]:
    return line.split()


SUBJECTS = _words("gate desk crew seat screen ticket counter lounge website hotline meal shuttle queue voucher")
VERBS = _words("froze vanished broke stalled closed moved changed opened shrank doubled arrived waited")
PLACES = _words("Lisbon Porto Oslo Bergen Malmo Turin Genoa Lyon Nantes Cork Derry Graz Linz Brno Gdansk")
TIMES = _words("monday tuesday yesterday tonight again early late twice today lately finally already")


def said(
    text: str,
    at: datetime = START,
    *,
    brand: str = BRAND,
    author: str | None = None,
    label: Label = Label.NEUTRAL,
    source: str = "plaza",
    reach: int | None = None,
    thread_id: str | None = None,
    language: str = "en",
    external_id: str | None = None,
) -> MentionedPost:
    """A mention as the understanding gives it, its kinds read from the text."""
    name = external_id or f"p{next(_NUMBERS)}"
    kind = PostKind.REPLY if thread_id not in (None, name) else PostKind.POST
    post = Post(source, name, at, text, kind=kind, author=author, author_reach=reach, thread_id=thread_id)
    score = Score(COMPOUNDS[label], label, "test", "1")
    mention = Mention(brand, source, name, 1.0, (brand,))
    return MentionedPost(post, mention, score, content_key(text), TAXONOMY.kinds(text, language))


def chatter(
    count: int, begin: datetime, end: datetime, *, seed: int = 1, negative: float = 0.2, brand: str = BRAND
) -> list[MentionedPost]:
    """Ordinary talk of distinct people in distinct words, spread evenly at random over a span."""
    dice = random.Random(f"{seed} {begin} {count}")
    seconds = (end - begin).total_seconds()
    moments = sorted(begin + timedelta(seconds=dice.uniform(0, seconds)) for _ in range(count))
    return [
        said(
            remark(dice),
            moment,
            author=f"a{dice.random()}",
            label=Label.NEGATIVE if dice.random() < negative else Label.NEUTRAL,
            brand=brand,
        )
        for moment in moments
    ]


def remark(dice: random.Random) -> str:
    """A sentence that hardly anybody else says."""
    parts = (SUBJECTS, VERBS, PLACES, TIMES)
    words = [dice.choice(words) for words in parts] + [dice.choice(words) for words in parts]
    return f"{' '.join(words)} {dice.randrange(36**6):x}{dice.choice('qwxz')}"


def usual_days(days: int, a_day: int, *, until: datetime = START, negative: float = 0.2) -> list[MentionedPost]:
    """Days of ordinary talk that end at `until`."""
    begin = until - timedelta(days=days)
    return [
        item
        for day in range(days)
        for item in chatter(
            a_day, begin + timedelta(days=day), begin + timedelta(days=day + 1), seed=day, negative=negative
        )
    ]


def comments(thread: str, at: datetime, replies: int, likes: int, source: str = "plaza") -> EngagementSample:
    """A reading of a thread."""
    return EngagementSample(source, thread, at, Engagement(likes=likes, replies=replies))


def floor(moment: datetime) -> datetime:
    """The tick boundary at or before a moment."""
    return moment - timedelta(seconds=moment.timestamp() % TICK.total_seconds())


def ticks(
    mentions: Iterable[MentionedPost],
    samples: Iterable[EngagementSample] = (),
    *,
    begin: datetime | None = None,
    end: datetime | None = None,
) -> Iterator[Tick]:
    """The ticks of a history, from the first post to the last (or `begin` to `end`)."""
    said_in: dict[datetime, dict[str, list[MentionedPost]]] = defaultdict(lambda: defaultdict(list))
    for item in mentions:
        said_in[floor(item.post.judged_at)][item.mention.brand].append(item)
    read_in: dict[datetime, list[EngagementSample]] = defaultdict(list)
    for sample in samples:
        read_in[floor(sample.at)].append(sample)
    moments = [*said_in, *read_in]
    at = begin or min(moments)
    end = end or max(moments) + TICK
    while at < end:
        yield Tick(at + TICK, said_in.get(at, {}), read_in.get(at, ()))
        at += TICK


def judged(
    mentions: Sequence[MentionedPost],
    samples: Sequence[EngagementSample] = (),
    *,
    brands: Sequence[str] = (BRAND,),
    end: datetime | None = None,
) -> list[Signal]:
    """The ringing signals of a history."""
    judge = Judge(brands)
    return [one for tick in ticks(mentions, samples, end=end) for one in judge.step(tick) if one.surprise >= 1.0]
