"""`tocsin posts search|thread|export`: finding stored posts, and taking them elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from monitor.cli import output, settings
from monitor.cli.failures import Failure
from monitor.cli.settings import DEFAULT, AsJson, ConfigFile
from storage.records import Label

if TYPE_CHECKING:
    from storage.records import MentionedPost, Post
    from storage.search import Found

app = typer.Typer(help="Find stored posts, and take them elsewhere.", no_args_is_help=True, rich_markup_mode=None)

Brand = Annotated[str | None, typer.Option("--brand", "-b", metavar="NAME", help="Only those about this brand.")]
Since = Annotated[datetime | None, typer.Option("--since", help="Published from here on (UTC).", metavar="DATE")]
Until = Annotated[datetime | None, typer.Option("--until", help="Published before this (UTC).", metavar="DATE")]
To = Annotated[
    str, typer.Argument(metavar="FILE", help="What to write: .parquet, .csv or .jsonl, also .gz; - for the terminal.")
]
Form = Annotated[str, typer.Option("--format", metavar="FORM", help="parquet, csv or jsonl, where FILE does not tell.")]
WORDS = 120
"""How much of a post a list shows."""


@app.command(epilog='Example: tocsin posts search "cease and desist" --brand Acme --label negative')
def search(
    words: Annotated[
        str, typer.Argument(metavar="[WORDS]", help='Words, "words in a row", begin*, -without; none for all.')
    ] = "",
    *,
    config: ConfigFile = DEFAULT,
    brand: Brand = None,
    label: Annotated[Label | None, typer.Option("--label", "-l", help="Only those of this sentiment.")] = None,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only of this source.")] = None,
    author: Annotated[str | None, typer.Option("--author", metavar="NAME", help="Only by this account.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many at the most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Find posts by their words, the newest first."""
    from storage import posts

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen, read_only=True) as database, database.read() as tx:
        found = posts.search(
            tx, words, brand=brand, label=label, source=source, author=author,
            since=settings.utc(since), until=settings.utc(until), limit=limit,
        )  # fmt: skip
    if as_json:
        for one in found:
            output.print_json(_found_json(one))
    elif found:
        titles = ("published", "source", "id", "author", "toward", "words")
        output.print_table(titles, [_row(one, chosen.general.timezone) for one in found])
    else:
        output.say("No post has all of that.")


@app.command(epilog="Example: tocsin posts thread hackernews 23847401")
def thread(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The source, as configured.")],
    post_id: Annotated[str, typer.Argument(metavar="ID", help="The source's own name for any post of the thread.")],
    config: ConfigFile = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Show the thread of a post: what it answers, and what answers it."""
    from storage import posts

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen, read_only=True) as database, database.read() as tx:
        asked = posts.get(tx, [(source, post_id)])
        found = posts.thread(tx, source, (asked[0].thread_id or post_id) if asked else post_id)
    if not found:
        raise Failure(f'no post "{post_id}" of the source "{source}" is stored; "tocsin posts search" finds posts')
    if as_json:
        for one in found:
            output.print_json(_post_json(one))
        return
    for one, depth in as_tree(found):
        when, who = (
            output.local(one.created_at, chosen.general.timezone),
            output.plain(one.author_name or one.author or ""),
        )
        output.say(f"{'  ' * depth}[bold]{when}[/] {who}: {output.plain(_words(one))}")


@app.command("export", epilog="Example: tocsin posts export acme.parquet --brand Acme --since 2026-01-01")
def export_(
    to: To,
    config: ConfigFile = DEFAULT,
    brand: Brand = None,
    since: Since = None,
    until: Until = None,
    form: Form = "",
) -> None:
    """Write posts with the sentiment toward the brand into a file, a row per post and brand; see "storage.frames"."""
    from monitor import exports
    from storage import frames

    chosen = settings.read_settings(config, complete=False)
    known = exports.form_of(to, form)
    with settings.open_database(chosen, read_only=True) as database, database.read() as tx:
        rows = exports.export(frames.posts_in_parts(tx, settings.utc(since), settings.utc(until), brand), to, known)
    tell_rows(rows, to)


def tell_rows(rows: int, to: str) -> None:
    """Say what was written, on standard error, lest it stand between the rows."""
    if to != "-":
        output.console(error=True).print(f"{rows:,} rows in {output.plain(to)}")


def as_tree(posts: Sequence[Post]) -> list[tuple[Post, int]]:
    """The posts of a thread with how deep each stands, answers below what they answer, oldest first."""
    known = {post.external_id for post in posts}
    below: dict[str | None, list[Post]] = {}
    for post in posts:
        parent = post.parent_id if post.parent_id in known and post.parent_id != post.external_id else None
        below.setdefault(parent, []).append(post)
    shown: dict[str, tuple[Post, int]] = {}
    waiting = [(post, 0) for post in reversed(below.get(None, []))]
    while waiting:
        post, depth = waiting.pop()
        shown.setdefault(post.external_id, (post, depth))
        waiting += [(child, depth + 1) for child in reversed(below.pop(post.external_id, []))]
    shown.update((post.external_id, (post, 0)) for post in posts if post.external_id not in shown)  # answers in a ring
    return list(shown.values())


def _row(one: Found, timezone: str) -> Sequence[str]:
    post = one.post
    toward = ", ".join(f"{item.mention.brand} {item.score.label.value}" for item in one.mentions)
    author = output.plain(post.author_name or post.author or "")
    places = (output.plain(post.source), output.plain(post.external_id), author)
    return (output.local(post.created_at, timezone), *places, output.plain(toward), output.plain(_words(post)))


def _words(post: Post) -> str:
    said = " ".join(f"{post.title} {post.text}".split())
    return said if len(said) <= WORDS else f"{said[: WORDS - 1]}…"


def _found_json(one: Found) -> dict[str, Any]:
    return _post_json(one.post) | {"mentions": [_mention_json(item) for item in one.mentions]}


def _post_json(post: Post) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(post, builtin_types=(datetime,))
    return shown


def _mention_json(item: MentionedPost) -> dict[str, Any]:
    match, score = item.mention, item.score
    return {
        "brand": match.brand, "relevance": match.relevance, "why": match.reason, "label": score.label,
        "compound": score.compound, "uncertainty": score.uncertainty, "scorer": score.scorer,
        "kinds": list(item.kinds), "content_key": item.content_key,
    }  # fmt: skip
