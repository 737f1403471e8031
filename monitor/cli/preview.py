"""`tocsin check --preview`: what a name would have matched, before it goes into the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.cli import output, settings
from monitor.cli.failures import BAD_USAGE, Failure

if TYPE_CHECKING:
    from config.settings import Settings
    from monitor.preview import Example, Look, Preview
    from storage.records import Post

WORDS = 140
"""How much of a post an example shows."""
LONGEST_NAME = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for: names of one brand, or those that no stored mention has, and where to look."""

    names: Sequence[str]
    unseen: bool
    brand: str
    files: Sequence[Path]
    since: datetime | None
    seconds: float


def show(chosen: Settings, asked: Asked, *, as_json: bool) -> None:
    """Look, and print what was seen."""
    from monitor.preview import look

    _refuse(chosen, asked)
    with _posts(chosen, asked) as posts, output.progress() as progress:
        names = _names(chosen, asked)
        task = progress.add_task("reading posts", total=None, note="")

        def watch(seen: Look) -> None:
            progress.update(task, note=f"{seen.posts:,}, back to {seen.first_at:%Y-%m-%d}")

        looked = look(posts, chosen.brands, names, seconds=asked.seconds, progress=watch) if names else None
    if looked is None:
        _say_nothing_unseen(as_json=as_json)
    elif as_json:
        for preview in looked.previews:
            output.print_json(_json(looked, preview))
    else:
        _print(looked, asked, chosen.general.timezone)


def _refuse(chosen: Settings, asked: Asked) -> None:
    """Refuse before the reading what cannot be answered."""
    if not chosen.brands:
        raise Failure("no brand is watched; add a table [[brands]] with a name", code=BAD_USAGE)
    missing = [f"{file}: there is no such file" for file in asked.files if not file.is_file()]
    missing += [
        f"--preview {name[:40]!r}: a name has 1 to {LONGEST_NAME} letters" for name in asked.names if _is_odd(name)
    ]
    if asked.unseen and asked.files:
        missing.append("--preview-unseen asks stored mentions; with --history name what to preview")
    if missing:
        raise Failure(*missing, code=BAD_USAGE)


def _is_odd(name: str) -> bool:
    return not name.strip() or len(name) > LONGEST_NAME


@contextmanager
def _posts(chosen: Settings, asked: Asked) -> Iterator[Iterable[Post]]:
    """The posts to look through: those of the files, or the stored ones, the newest first."""
    from collectors.files import read
    from monitor.cli.replay import row_format
    from monitor.preview import stored
    from storage.records import Post

    since = settings.utc(asked.since)
    if asked.files:
        events = read(asked.files, row_format(chosen, ""))
        yield (event for event in events if isinstance(event, Post) and (since is None or event.created_at >= since))
        return
    with settings.open_database(chosen, read_only=True) as database:
        yield stored(database, since=since)


def _names(chosen: Settings, asked: Asked) -> list[tuple[str, str]]:
    from monitor.preview import unseen

    found = [(settings.brand_named(chosen, asked.brand), name.strip()) for name in asked.names]
    if asked.unseen:
        brands = chosen.brands
        if asked.brand:
            brands = [brand for brand in brands if brand.name == settings.brand_named(chosen, asked.brand)]
        with settings.open_database(chosen, read_only=True) as database:
            found += unseen(database, brands)
    return list(dict.fromkeys(found))


def _say_nothing_unseen(*, as_json: bool) -> None:
    if not as_json:
        output.say("Every configured name has matched a stored post.")


def _print(looked: Look, asked: Asked, timezone: str) -> None:
    output.say(_seen(looked, asked, timezone))
    for preview in looked.previews:
        output.say(_headline(preview))
        for source, count in preview.sources.most_common():
            output.say(f"    {output.plain(source)}: {count:,}, {preview.new_sources[source]:,} new")
        for example in preview.examples:
            output.say(_line(example))


def _headline(preview: Preview) -> str:
    name, brand, certainty = output.plain(preview.name), output.plain(preview.brand), preview.mean_relevance
    posts = f"{preview.matched:,} post{'' if preview.matched == 1 else 's'}, {preview.new:,} of them new"
    sure = "" if certainty is None else f", relevance {certainty:.2f} on average"
    doubt = f"; {preview.doubtful:,} more hold it and are too doubtful" if preview.doubtful else ""
    return f"[bold]{name}[/] ({brand}): {posts}{sure}{doubt}"


def _seen(looked: Look, asked: Asked, timezone: str) -> str:
    if looked.first_at is None or looked.last_at is None:
        return "There are no posts to look through."
    first, last = (output.local(at, timezone) for at in (looked.first_at, looked.last_at))
    seen = f"{looked.posts:,} posts from {first} to {last} were looked through"
    if looked.is_complete:
        return f"{seen}."
    return f"[yellow]{seen}; the rest was not, for want of time[/] (--seconds {asked.seconds:g})."


def _line(example: Example) -> str:
    post = example.post
    words = " ".join(f"{post.title} {post.text}".split())
    shown = words if len(words) <= WORDS else words[: WORDS - 1] + "…"
    mark = "[green]new[/]" if example.is_new else "known"
    return f"    {mark} {example.relevance:.2f} {output.plain(f'{shown} ({example.reason})')}"


def _json(looked: Look, preview: Preview) -> dict[str, Any]:
    return {
        "brand": preview.brand,
        "name": preview.name,
        "posts": preview.matched,
        "new": preview.new,
        "doubtful": preview.doubtful,
        "mean_relevance": None if preview.mean_relevance is None else round(preview.mean_relevance, 3),
        "sources": {
            source: {"posts": count, "new": preview.new_sources[source]} for source, count in preview.sources.items()
        },
        "examples": [
            {
                "source": one.post.source,
                "external_id": one.post.external_id,
                "created_at": one.post.created_at,
                "title": output.without_controls(one.post.title),
                "text": output.without_controls(one.post.text),
                "relevance": one.relevance,
                "reason": one.reason,
                "new": one.is_new,
            }
            for one in preview.examples
        ],
        "looked_through": {
            "posts": looked.posts,
            "from": looked.first_at,
            "to": looked.last_at,
            "complete": looked.is_complete,
        },
    }
