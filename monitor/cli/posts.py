"""`tocsin posts`: what people say of stored posts, and judging stored history again."""

from __future__ import annotations

import getpass
import os
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import output, settings
from monitor.cli.settings import DEFAULT, AsJson, ConfigFile
from monitor.cli.spread import ClusterAddress, workers_for
from storage.records import CorrectedLabel

if TYPE_CHECKING:
    from config.settings import Settings
    from monitor.correcting import Corrected, Corrections
    from monitor.rescore import Rescored
    from storage.corrections import Correction
    from storage.database import Database
    from storage.records import Post, PostKey

app = typer.Typer(
    help="Find stored posts, correct their labels, judge history again.", no_args_is_help=True, rich_markup_mode=None
)
corrections_app = typer.Typer(help="See corrections, and take them back.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(corrections_app, name="corrections")

Source = Annotated[str, typer.Argument(metavar="SOURCE", help="The source of the post, as configured.")]
PostId = Annotated[str, typer.Argument(metavar="ID", help="The source's own name for the post.")]
Said = Annotated[
    CorrectedLabel, typer.Option("--label", "-l", help="What it is toward the brand, or that it is not about it.")
]
OfBrand = Annotated[
    str, typer.Option("--brand", "-b", metavar="NAME", help="The brand; not needed where one alone is watched.")
]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it; you, unless said otherwise.")]
Note = Annotated[str, typer.Option("--note", "-n", metavar="TEXT", help="Why, for the others.")]
Brands = Annotated[
    list[str] | None, typer.Option("--brand", "-b", metavar="NAME", help="Only toward this brand; may be repeated.")
]
Since = Annotated[datetime | None, typer.Option("--since", help="Posts from here on (UTC).", metavar="DATE")]
Until = Annotated[datetime | None, typer.Option("--until", help="Posts up to here (UTC).", metavar="DATE")]
WORDS = 90
"""How much of a post a list shows."""


def _me() -> str:
    """Who sits here."""
    try:
        return os.environ.get("TOCSIN_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container's user often has no name
        return f"user {os.getuid()}"


@app.command(epilog='Example: tocsin posts correct hackernews 3829 --label positive --note "praise, oddly put"')
def correct(
    source: Source,
    post: PostId,
    label: Said,
    brand: OfBrand = "",
    config: ConfigFile = DEFAULT,
    by: By = "",
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Say what a post really is toward a brand. It counts at once, for its copies and for those that come.

    A person's word goes before every scorer. Incidents that were told stay as they were. "tocsin train --corrections"
    learns from what people said.
    """
    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen) as database:
        done = _corrections(database, chosen).make(
            (source, post), settings.brand_named(chosen, brand), label, by or _me(), settings.now(), note
        )
    if as_json:
        output.print_json(_json(done.correction) | {"mentions": done.mentions})
        return
    said = done.correction
    what = "is not about" if said.label is CorrectedLabel.NOT_ABOUT_US else f"is {said.label.value} toward"
    output.say(f"The post {output.plain(post)} {what} {output.plain(said.brand)}; {_changed(done)}.")
    output.say(f"Take it back with: tocsin posts corrections undo {said.id[-8:]}")


@corrections_app.command("list", epilog="Example: tocsin posts corrections list --json")
def list_(
    config: ConfigFile = DEFAULT,
    brand: Annotated[str | None, typer.Option("--brand", "-b", metavar="NAME", help="Only toward this brand.")] = None,
    undone: Annotated[bool, typer.Option("--undone", help="Also those that were taken back.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many at the most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List corrections with the words of their posts, the newest first."""
    from storage import corrections, posts

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen) as database, database.read() as tx:
        found = corrections.recent(tx, brand=brand, undone=undone, limit=limit)
        stored = {post.key: post for post in posts.get(tx, list({said.key for said in found}))}
    if as_json:
        for said in found:
            output.print_json(_json(said, stored.get(said.key)))
    elif found:
        titles = ("id", "when", "who", "brand", "label", "post", "words", "why")
        output.print_table(titles, [_row(said, stored, chosen.general.timezone) for said in found])
    else:
        output.say("No corrections.")


@corrections_app.command(epilog="Example: tocsin posts corrections undo 9XK2M4QT")
def undo(
    name: Annotated[str, typer.Argument(metavar="ID", help="The correction; some letters of either end will do.")],
    config: ConfigFile = DEFAULT,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Take a correction back: its post and copies are judged as if it had not been said."""
    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen) as database:
        done = _corrections(database, chosen).undo(name, by or _me(), settings.now())
    if as_json:
        output.print_json(_json(done.correction) | {"mentions": done.mentions})
        return
    output.say(f"The correction {done.correction.id} is taken back; {_changed(done)}.")
    if done.correction.label is CorrectedLabel.NOT_ABOUT_US and done.correction.copies:
        output.say("Copies of the post that it removed come back with: tocsin posts rescore")


@app.command(epilog="Example: tocsin posts rescore --since 2024-05-01 --dry-run")
def rescore(
    config: ConfigFile = DEFAULT,
    since: Since = None,
    until: Until = None,
    brand: Brands = None,
    cluster: ClusterAddress = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many labels would change.")] = False,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Begin anew where an interrupted run would be gone on with.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Judge stored posts again: who is meant and how they feel, under today's configuration, model and corrections.

    Changes stored mentions, their labels and the counts. Does not change what was told: incidents and their messages,
    and what detection made of the time that it has judged. Interrupted, it goes on where it was.
    """
    from monitor.rescore import Rescoring
    from monitor.understanding import Understanding

    chosen = settings.read_settings(config, complete=False)
    brands = tuple(settings.brand_named(chosen, name) for name in brand or ())
    with (
        settings.open_database(chosen) as database,
        workers_for(chosen, cluster) as workers,
        output.progress() as progress,
    ):
        task = progress.add_task("judging again", total=1.0, note="")

        def watch(done: Rescored, share: float) -> None:
            progress.update(task, completed=share, note=f"{done.posts:,} posts, {done.labels:,} labels changed")

        run = Rescoring(
            database,
            chosen,
            Understanding.build(chosen),
            settings.utc(since),
            settings.utc(until),
            brands,
            tries_only=dry_run,
            workers=workers,
        )
        if cluster and not dry_run:
            from monitor.scale.rescores import rescore_all

            def count(parts: int, of: int) -> None:
                progress.update(task, completed=parts / max(of, 1), note=f"{parts:,} of {of:,} parts")

            done = rescore_all(workers, run, settings.now(), count, from_start=from_start)
        else:
            done = run.run(watch, from_start=from_start)
    _tell(done, dry_run=dry_run, as_json=as_json)


def _tell(done: Rescored, *, dry_run: bool, as_json: bool) -> None:
    moves = sorted(done.moves.items(), key=lambda item: (-item[1], item[0]))
    if as_json:
        listed = [{"before": before, "after": after, "posts": count} for (before, after), count in moves]
        output.print_json(
            {"posts": done.posts, "changed": done.changed, "labels": done.labels, "moves": listed, "dry_run": dry_run}
        )
        return
    would = "would change" if dry_run else "changed"
    again = " (gone on with where an earlier run was interrupted)" if done.resumed else ""
    output.say(f"{done.posts:,} posts judged again{again}: {done.labels:,} labels {would}.")
    if moves:
        output.print_table(("before", "now", "mentions"), [(*move, f"{count:,}") for move, count in moves])


def _corrections(database: Database, chosen: Settings) -> Corrections:
    from monitor.correcting import Corrections
    from monitor.rejudging import Rejudging
    from monitor.understanding import Understanding

    return Corrections(database, Rejudging(Understanding.build(chosen)))


def _changed(done: Corrected) -> str:
    count = done.mentions
    return "no stored mention changed" if not count else f"{count:,} stored mention{'s' if count != 1 else ''} changed"


def _json(said: Correction, post: Post | None = None) -> dict[str, Any]:
    """A correction; with its post, a line that "tocsin train" can learn from."""
    found = asdict(said) | {"target": said.brand}
    if post is not None:
        found |= {"text": post.text, "title": post.title, "lang": post.language}
    return found


def _row(said: Correction, stored: dict[PostKey, Post], timezone: str) -> tuple[str, ...]:
    post = stored.get(said.key)
    words = "(no longer stored)" if post is None else " ".join(f"{post.title} {post.text}".split())
    shown = words if len(words) <= WORDS else words[: WORDS - 1] + "…"
    label = said.label.value.replace("_", " ") + (f", taken back by {said.undone_by}" if said.undone_at else "")
    cells = (said.author, said.brand, label, f"{said.source} {said.external_id}", shown, said.comment)
    return (said.id[-8:], output.local(said.at, timezone), *map(output.plain, cells))
