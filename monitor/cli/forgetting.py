"""`tocsin db forget`, `compliance` and `prune`: the rights of people, the terms of platforms, and what is old."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output, settings
from monitor.cli.failures import BAD_USAGE, FOUND_PROBLEMS, Failure
from monitor.cli.settings import DEFAULT, AsJson, ConfigFile

if TYPE_CHECKING:
    from config.settings import Settings
    from monitor.sources.erasing import Receipt
    from storage.database import Database

Source = Annotated[str, typer.Option("--source", metavar="NAME", help="Only this source; all of them otherwise.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


def forget(
    author: Annotated[str, typer.Argument(metavar="AUTHOR", help="The account's name or identity, with or without @.")],
    config: ConfigFile = DEFAULT,
    source: Source = "",
    yes: Yes = False,
    keep_files: Annotated[
        bool, typer.Option("--keep-files", help="Do not rewrite the database's files; bytes may stay in them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Erase all posts of an author, wherever they stand, and print a receipt.

    The posts, their wordings, scores and engagement, what incidents and messages tell of them, and the search index.
    Messages in channels that can be edited are changed; counts stay. What was erased is not stored again. Backups,
    exports and mails made before are not within reach; the receipt says which mails.
    """
    from alerts.routing import Routing
    from monitor.sources.erasing import Erasing

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen) as database:
        erasing = Erasing(database, Routing.build(chosen), author, source or None)
        found = erasing.find()
        if found.posts and not yes:
            counted = _listed(Counter(name for name, _ in found.posts))
            typer.confirm(f"Erase {counted} by {author}?", abort=True, err=True)
        untold = erasing.erase(found, settings.now())
        if untold is None:
            where = f" on {source}" if source else ""
            raise Failure(f'no post of "{author}"{where} is stored', code=BAD_USAGE)
        receipt = erasing.receipt(untold, found, settings.now(), rewrite=not keep_files)
        _print_receipt(receipt, chosen.general.timezone, as_json=as_json)
        erasing.done(untold)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} post{'s' if count != 1 else ''} on {name}" for name, count in sorted(counts.items()))


def _print_receipt(receipt: Receipt, timezone: str, *, as_json: bool) -> None:
    if as_json:
        output.print_json(asdict(receipt))
        return
    if receipt.posts:
        output.say(f"Erased {output.plain(_listed(receipt.posts))} at {output.local(receipt.at, timezone)}.")
    else:
        output.say(f"No post of theirs is stored; {receipt.waiting} that waited or were set aside are erased.")
    if receipt.cut_off_since:
        since = output.local(receipt.cut_off_since, timezone)
        output.say(f"An erasure of {since} was cut off; what it erased and did not come to tell is among this.")
    if receipt.messages_changed:
        places = ", ".join(sorted({f"{one.channel} {one.target}" for one in receipt.messages_changed}))
        output.say(
            f"{len(receipt.messages_changed)} messages that quoted them are being changed: {output.plain(places)}."
        )
    for one in receipt.messages_beyond:
        when = output.local(one.sent_at, timezone) if one.sent_at else "an unknown time"
        output.say(
            f"[yellow]Not within reach:[/] a message of {output.plain(when)} to {output.plain(one.target)} "
            f"through {output.plain(one.channel)}."
        )
    if not receipt.files_rewritten:
        output.say('Bytes of them may stay in the files until "tocsin db prune --rewrite" is run.')
    output.say("Backups and exports made before still hold them.")


def compliance(config: ConfigFile = DEFAULT, source: Source = "", as_json: AsJson = False) -> None:
    """Look all stored posts up again now: remove what was deleted or hidden, judge anew what was edited.

    "tocsin run" does the same by itself, every `recheck_every`. The exit code is 1 when a source could not be asked
    to the end.
    """
    chosen = settings.read_settings(config, secrets=True)
    with settings.open_database(chosen) as database:
        found = [_looked_up(database, chosen, name) for name in _sources(chosen, source)]
    if as_json:
        output.print_json(found)
    else:
        for one in found:
            output.say(f"[bold]{output.plain(str(one['source']))}[/]: {output.plain(_sentence(one))}")
    if any(one["stopped"] for one in found):
        raise typer.Exit(FOUND_PROBLEMS)


def _sources(chosen: Settings, named: str) -> list[str]:
    names = [source.name for source in chosen.sources if source.enabled]
    if named and named not in names:
        raise Failure(f'there is no source "{named}"; there are {", ".join(names)}', code=BAD_USAGE)
    return [named] if named else names


def _looked_up(database: Database, chosen: Settings, name: str) -> dict[str, object]:
    from collectors.contract import Rechecking
    from monitor.assembly import assemble, build_rechecks
    from monitor.sources.rechecks import whole_round

    configured = next(source for source in chosen.sources if source.name == name)
    one = build_rechecks(configured, chosen, database, assemble(chosen, database), settings.now)
    if not isinstance(one.collector, Rechecking):
        return {"source": name, "can_tell": False, "asked": 0, "gone": 0, "changed": 0, "stopped": ""}
    done, stopped = whole_round(one)
    counts = {"asked": done.asked, "gone": done.gone, "changed": done.changed} if done else dict.fromkeys(_COUNTS, 0)
    return {"source": name, "can_tell": True, **counts, "stopped": stopped}


_COUNTS = ("asked", "gone", "changed")


def _sentence(one: Mapping[str, object]) -> str:
    if not one["can_tell"]:
        return "its platform gives no way to ask what became of posts."
    told = f"{one['asked']} posts looked up, {one['gone']} removed, {one['changed']} edited."
    return f"{told} Stopped: {one['stopped']}." if one["stopped"] else told


def prune(
    config: ConfigFile = DEFAULT,
    rewrite: Annotated[
        bool, typer.Option("--rewrite", help="Rewrite the files, so that nothing of it is left in them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Delete the posts that are older than their source's `keep` says. Counts stay, and what incidents rest on.

    "tocsin run" does the same every hour.
    """
    from monitor.sources import retention
    from storage import upkeep

    chosen = settings.read_settings(config, complete=False)
    kept = retention.spans(chosen.sources)
    with settings.open_database(chosen) as database:
        gone = retention.prune(database, kept, settings.now())
        if rewrite:
            upkeep.purge(database)
    if as_json:
        output.print_json({"deleted": gone, "rewritten": rewrite})
        return
    output.say(f"Deleted {output.plain(_listed(gone))}." if gone else "There was nothing older than is to be kept.")
