"""What commands print: tables for people, JSON for machines, and nothing that an outsider wrote as it came."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters and marks that turn the direction of writing: a post must not move the cursor nor hide words."""

WIDE = 10_000

SEVERITY_STYLES = {"watch": "cyan", "warning": "yellow", "critical": "bold red"}


def console(*, error: bool = False) -> Console:
    """Standard output, or standard error, with colours only where a person looks at it."""
    from rich.console import Console

    target = Console(stderr=error, highlight=False)
    if not target.is_terminal:
        target.width, target.soft_wrap = WIDE, True  # lines are cut for people, never for programs
    return target


def plain(text: str) -> str:
    """Words of an outsider, harmless on a terminal and without markup."""
    from rich.markup import escape

    return escape(without_controls(text))


def without_controls(text: str) -> str:
    """Words of an outsider without what moves cursors and turns writing around."""
    return _CONTROL.sub("\ufffd", text)


def print_json(value: Any) -> None:
    """One JSON value on a line of its own."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=_as_json) + "\n")


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is nothing that JSON knows")


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str = "") -> None:
    """Rows under titles; cells may hold markup, so that outside words go through `plain` first."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), caption=caption or None, caption_justify="left")
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console().print(table)


def say(text: str) -> None:
    """A line for people, with markup."""
    console().print(text)


def local(moment: datetime, timezone: str) -> str:
    """A moment as people at `timezone` read it, to the minute."""
    return f"{moment.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M}"


def severity_markup(severity: str) -> str:
    """A severity in its colour."""
    style = SEVERITY_STYLES.get(severity, "default")
    return f"[{style}]{severity}[/]"


def progress() -> Progress:
    """A progress display on standard error, silent where nobody watches."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn())
    target = console(error=True)
    return Progress(*columns, console=target, transient=True, disable=not target.is_terminal)
