"""What a report is made of: a few kinds of blocks, which HTML and PDF each draw in their own way.

Every string is clean (alerts/render/outside.py) and complete; a rendering adds no words.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """The beginning of a part."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A few sentences; `is_quiet` ones are for those who want to know more."""

    text: str
    is_quiet: bool = False


@dataclass(frozen=True, slots=True)
class Points:
    """Sentences in a list."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Pairs of a short label and what there is to say."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """A table: its titles, its rows, and how wide the columns are against one another."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...]

    @property
    def is_prose(self) -> bool:
        """Whether the last column, as wide as all others, holds sentences: on a telephone they stand below the rest."""
        return 2 * self.widths[-1] >= sum(self.widths)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A post as it was published: its words, who and where, how far it went, and where it can be read."""

    text: str
    byline: str
    echo: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG with its words for those who do not see it."""

    png: bytes
    words: str


Block = Heading | Paragraph | Points | Facts | Rows | Evidence | Picture


@dataclass(frozen=True, slots=True)
class Document:
    """A report: `kicker` stands small above the title, `foot` below everything. `tone` is a severity or `over`."""

    title: str
    kicker: str
    lead: str
    blocks: tuple[Block, ...]
    foot: str
    tone: str = "over"
