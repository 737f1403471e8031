"""The words of a page, as every rendering is given them (made by alerts/render/story.py)."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.actions import Offer


@dataclass(frozen=True, slots=True)
class ToldQuote:
    """A post as it is shown: `byline` says who, where and when, `echo` how far it went, `context` what it replies to;
    each may be empty."""

    text: str
    byline: str
    echo: str
    url: str
    context: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert within a digest: `news` is what is new in it, `link` where all of it is, `command` how to see it."""

    tone: str
    badge: str
    brand: str
    headline: str
    lead: str
    standing: str
    news: tuple[str, ...]
    link: str
    command: str


@dataclass(frozen=True, slots=True)
class Story:
    """A page in words. `tone` is `critical`, `warning`, `watch` or `over`, and chooses a colour, never the meaning.

    `standing` says who has it and who is on duty, `opens` what its address leads to,
    `why_title` what stands above `why`. `facts` are pairs of a short label
    and a sentence; `actions` pairs of what to do and the command that does it, `offers` all that a person may do, for
    those who can show buttons. `foot` is the last line. `entries` are the alerts of a digest, which is of no incident:
    its `incident` is empty, and its `facts` say each entry in a sentence, for those who show no more.
    """

    badge: str
    tone: str
    headline: str
    brand: str
    lead: str
    began: str
    standing: str
    changed: tuple[str, ...]
    notes: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    origin: ToldQuote | None
    quotes: tuple[ToldQuote, ...]
    why: tuple[str, ...]
    similar: tuple[tuple[str, str], ...]
    actions: tuple[tuple[str, str], ...]
    offers: tuple[Offer, ...]
    incident: str
    at: str
    url: str
    foot: str
    opens: str = "Open the incident"
    why_title: str = "Why it rang"
    entries: tuple[Entry, ...] = ()
