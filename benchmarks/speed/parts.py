"""Single parts of the path: scoring, matching, near-duplicates, judging at a tick and over counts, growth, start-up."""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from benchmarks.speed import material
from benchmarks.speed.measuring import Unit, Watch, ratios, seconds
from benchmarks.speed.paths import BATCH
from monitor.assembly import new_fold
from monitor.detectors.burst import SeriesBank
from monitor.detectors.contract import TICK, Tick
from monitor.fold import Fold
from monitor.keeping import MOST_TICKS, Keeping
from monitor.matching import Matcher
from monitor.sentiment.vader import Vader
from monitor.voices import Role, VoiceFold
from storage.database import Database
from storage.keys import content_key
from storage.records import Incident, IncidentState, Label, Mention, MentionedPost, Post, Score, Severity

CHUNK = 1_000
SCORE = Score(0.0, Label.NEUTRAL, "none", "0")


def scoring(texts: Sequence[str]) -> dict[str, Any]:
    """The same scores as the package, without its detours: at first, and when the words are known."""
    vader = Vader.packaged()
    (first_unit, first_own), (unit, own) = (_scored(vader, texts) for _ in range(2))
    emoji, words = "😡" * 5000, "terrible good " * 6400
    return {
        **ratios(unit, own),
        "ratio_at_first": ratios(first_unit, first_own)["ratio_to_bare_loop"],
        "texts_per_second": round(len(texts) / own.busy),
        "milliseconds_for_5000_emoji": round(1000 * seconds(lambda: vader.polarity(emoji)), 2),
        "milliseconds_for_12800_lexicon_words": round(1000 * seconds(lambda: vader.polarity(words)), 2),
    }


def _scored(vader: Vader, texts: Sequence[str]) -> tuple[Watch, Watch]:
    unit, own = Unit(), Watch()
    for start in range(0, len(texts), CHUNK):
        chunk = texts[start : start + CHUNK]
        unit.over(chunk)
        with own.running():
            for text in chunk:
                vader.polarity(text)
    return unit.watch, own


def matching(posts: Sequence[Post], brands: int, aliases: int = material.ALIASES) -> dict[str, Any]:
    """Finding the brands in posts that no copy came before."""
    told = material.settings().brands  # whom the posts name, however many names are looked for
    chosen = material.settings(brands, aliases).brands
    named = {brand.name for brand in told}
    chosen[: len(told)] = [
        mine.model_copy(update={"name": other.name, "aliases": [name for name in mine.aliases if name not in named]})
        for mine, other in zip(chosen, told, strict=False)
    ]
    new = list({post.text: post for post in posts}.values())
    matchers = iter([Matcher(chosen) for _ in range(3)])  # each has seen nothing yet
    own = seconds(lambda: _matched(next(matchers), new), 3)
    return {"microseconds_a_post": round(1e6 * own / len(new), 2)}


def _matched(matcher: Matcher, posts: Sequence[Post]) -> None:
    for start in range(0, len(posts), BATCH):
        matcher.matches(posts[start : start + BATCH])


def twice_the_text(posts: Sequence[Post]) -> dict[str, Any]:
    """How the cost of matching grows with the length of texts."""
    once, twice = (_understood(posts, times) for times in (1, 2))
    return {"cost_grew": round(twice / once, 2)}


def _understood(posts: Sequence[Post], times: int) -> float:
    matcher = Matcher(material.settings().brands)
    longer = [replace(post, text=" ".join([post.text] * times)) for post in posts]
    return seconds(lambda: _matched(matcher, longer), 1)


def near_duplicates(posts: Sequence[Post]) -> dict[str, Any]:
    """Telling voices from copies and near-copies: every third post is one, half of those with a word changed."""
    fold, made = VoiceFold(), [_mentioned(number, post, posts) for number, post in enumerate(posts)]
    own = seconds(lambda: fold.hear(made), 1)
    copies = sum(one.role is Role.COPY for one in VoiceFold().hear(made))
    return {"microseconds_a_post": round(1e6 * own / len(made), 2), "copies_found": copies}


def _mentioned(number: int, post: Post, posts: Sequence[Post]) -> MentionedPost:
    model = posts[number // 2] if number % 3 == 0 else post
    text = f"{model.text} indeed" if number % 6 == 0 else model.text
    said = replace(post, text=text)
    return MentionedPost(said, Mention("Brand", said.source, said.external_id, 1.0), SCORE, content_key(text))


def tick(series: int) -> dict[str, Any]:
    """Judging many count series at one tick, the state saved included."""
    bank = SeriesBank([str(number) for number in range(series)])
    counts = np.random.default_rng(1).poisson(2.0, series)
    bank.push(counts)
    return {"milliseconds": round(1000 * seconds(lambda: (bank.push(counts), bank.dump()), 9), 1)}


def whole_state(brands: int, mentions: int, warm: int = 150) -> dict[str, Any]:
    """Judging many brands tick by tick, of which `mentions` speak, and keeping all that is known in a database.

    Over a whole stretch of ticks from one beginning to the next, so that its longest one is among them.
    """
    chosen = material.settings(brands, 1)
    made = _ticks([brand.name for brand in chosen.brands], mentions)
    fold, keeping = new_fold(chosen), Keeping()
    fold.at = material.BEGIN
    for tick in islice(made, warm):
        fold.step(tick)
    with tempfile.TemporaryDirectory() as place, Database.open(f"sqlite:///{place}/speed.db") as database:
        taken = [_kept(database, fold, keeping, tick) for tick in islice(made, MOST_TICKS + 1)]
        with database.read() as tx:
            back = seconds(lambda: Keeping().load(tx, new_fold(chosen)), 1)
    return {
        "milliseconds": round(1000 * statistics.fmean(taken), 1),
        "milliseconds_in_the_median": round(1000 * statistics.median(taken), 1),
        "milliseconds_with_a_beginning": round(1000 * taken[0], 1),
        "kilobytes_of_the_whole_state": len(fold.dump()) // 1000,
        "seconds_to_take_it_up_again": round(back, 2),
    }


def _kept(database: Database, fold: Fold, keeping: Keeping, tick: Tick) -> float:
    """Seconds of processor time for judging a tick and keeping what is known then."""
    watch = Watch()
    with watch.running():
        taken = keeping.taking()
        taken.append(tick)
        fold.step(tick)
        with database.write() as tx:
            keeping.save(tx, fold, tick.at, taken)
    return watch.busy


def _ticks(brands: Sequence[str], mentions: int) -> Iterator[Tick]:
    """Ticks without end, in which so many posts speak of a brand each."""
    draw, posts = random.Random(9), material.posts(10**9, material.TWEETS, list(brands))  # noqa: S311
    for number in count(1):
        said: dict[str, list[MentionedPost]] = {}
        for post in islice(posts, mentions):
            brand = draw.choice(brands)
            mention = Mention(brand, post.source, post.external_id, 1.0)
            said.setdefault(brand, []).append(MentionedPost(post, mention, SCORE, content_key(post.text)))
        yield Tick(material.BEGIN + TICK * number, said)


def counts(series: int, days: int) -> dict[str, Any]:
    """Detection over count series from files: points judged a second."""
    made = np.random.default_rng(2).poisson(3.0, (series, 288 * days))
    bank = SeriesBank([str(number) for number in range(series)])
    return {"points_per_second": round(made.size / seconds(lambda: bank.sweep(made), 1))}


def open_incidents(few: int, many: int) -> dict[str, Any]:
    """What a quiet tick costs while incidents are open."""
    costs = [_quiet_tick(number) for number in (few, many)]
    return {
        f"microseconds_with_{few}": round(1e6 * costs[0]),
        f"microseconds_with_{many}": round(1e6 * costs[1]),
        "microseconds_an_incident": round(1e6 * (costs[1] - costs[0]) / (many - few), 1),
    }


def _quiet_tick(number: int) -> float:
    fold = new_fold(material.settings())
    fold.at = material.BEGIN
    fold.known = {str(n): _incident(n) for n in range(number)}
    ticks = iter([Tick(material.BEGIN + TICK * step) for step in range(1, 10)])
    return seconds(lambda: fold.step(next(ticks)), 5)


def _incident(number: int) -> Incident:
    at = material.BEGIN - timedelta(minutes=5)
    return Incident(
        f"{number:026}", f"Brand {number}", f"print {number}", IncidentState.OPEN, Severity.WARNING,
        "made", at, at, at, facts={"holds_for": 86400.0},
    )  # fmt: skip


def start_up(*arguments: str) -> dict[str, Any]:
    """How long a command takes, by the processor and by the clock."""
    with tempfile.TemporaryDirectory() as place:
        config = Path(place) / "tocsin.toml"
        config.write_text(f'[database]\nurl = "sqlite:///{place}/tocsin.db"\n[[brands]]\nname = "Norrvik"\n')
        Database.open(f"sqlite:///{place}/tocsin.db").close()
        chosen = [str(config) if argument == "CONFIG" else argument for argument in arguments]
        command = [sys.executable, "-c", "from monitor.cli import main; main()", *chosen]
        busy, clock = _timed(lambda: subprocess.run(command, check=False, capture_output=True), 5)
    return {"seconds": round(busy, 2), "seconds_by_the_clock": round(clock, 2)}


def _timed(run: Callable[[], object], repeat: int) -> tuple[float, float]:
    """The least processor time of a child, and the least time by the clock."""
    import resource
    import time

    found = []
    for _ in range(repeat):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        run()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found.append((busy, time.perf_counter() - began))
    return min(busy for busy, _ in found), min(clock for _, clock in found)
