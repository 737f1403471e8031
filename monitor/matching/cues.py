"""What tells whether an ordinary word is a company's name: how it is written, its neighbours, the talk around it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from monitor.matching.campaigns import is_campaign
from monitor.matching.folding import Folded
from monitor.matching.links import LinkPart, link_part
from monitor.matching.lookup import Place
from monitor.matching.terms import TermKind

_WORD = re.compile(r"\w+(?:[’']\w+)*")
_LAST_WORD = re.compile(r"(\w+(?:[’']\w+)*)(,?)\s+$")
_SENTENCE_END = re.compile(r"[.!?:;…\n“\"(|–—-]\s*$")
_WINDOW = 60
"""Letters before and after a word that are its neighbourhood."""
_TITLE_SHARE = 0.6
"""Share of words with a capital from which a text is written as a title, where capitals say little."""

_DETERMINERS = frozenset(
    ("a", "an", "the", "this", "that", "these", "those", "some", "any", "no", "one", "every", "each", "another")
)
_PREPOSITIONS = frozenset(
    ("by", "from", "with", "at", "on", "via", "vs", "than", "like", "for", "against", "and", "or", "cc")
)
_COMPANY_NEXT = frozenset(
    (
        *(
            "inc",
            "corp",
            "corporation",
            "ltd",
            "llc",
            "plc",
            "co",
            "group",
            "store",
            "stores",
            "shop",
            "ceo",
            "cfo",
            "cto",
        ),
        *(
            "customer",
            "customers",
            "employee",
            "employees",
            "staff",
            "worker",
            "workers",
            "engineer",
            "engineers",
            "devs",
        ),
        *("stock", "shares", "app", "apps", "website", "site", "account", "service", "support", "team", "rep", "reps"),
        *("founder", "executive", "executives", "product", "products", "event", "pilot", "devices", "device"),
    )
)
_COMPANY_DOES = frozenset(
    (
        *("said", "says", "announces", "announced", "launches", "launched", "sues", "sued", "buys", "buying", "bought"),
        *(
            "acquires",
            "acquired",
            "acquire",
            "purchases",
            "purchased",
            "reports",
            "reported",
            "unveils",
            "unveiled",
            "wants",
        ),
        *(
            "plans",
            "fires",
            "fired",
            "cuts",
            "raises",
            "removes",
            "bans",
            "banned",
            "refuses",
            "offers",
            "faces",
            "apologizes",
        ),
        *("confirms", "denies", "patents", "releases", "released", "introduces", "introduced", "threatens", "blocks"),
        *(
            "closes",
            "closing",
            "hires",
            "adds",
            "fixes",
            "settles",
            "needs",
            "getting",
            "making",
            "will",
            "won't",
            "can't",
        ),
        *("may", "could", "should", "has", "doesn't", "didn't", "isn't"),
    )
)
_BUSINESS = re.compile(
    r"\b(?:customers?|companies|company|ceo|lawsuit|antitrust|acquires?|acquiring|acquisition|merger|stocks?|shares|earnings"
    r"|dividends?|investors?|market|quarter|revenue|profits?|prices?|subscribers?|subscription|contract|refund|bill(?:ed|ing)?"
    r"|outage|layoffs?|employees|employer|patents?|monopoly|brand|retail|rivals?|competitors?|carriers?|update|release"
    r"|devices?|support|service|hardware|software|developers?|devs|engineers?|launch(?:es|ed)?)\b"
    r"|[$€£]\d+(?:[.,]\d+)*\s?(?:[kmb]n?|thousand|million|billion)?\b"
)
_TICKER = re.compile(r"(?<!\w)\$[a-z]{1,5}\b")


class Cue(NamedTuple):
    """Something that speaks for (above 0) or against the brand, in log-odds, and what it is in words."""

    weight: float
    why: str


def cues_around(text: Folded, place: Place) -> Iterator[Cue]:
    """Cues from how the word is written and from its neighbours."""
    start, end = text.clean_at(place.start), text.clean_at(place.end)
    written, before, after = (
        text.clean[start:end],
        text.clean[max(start - _WINDOW, 0) : start],
        text.clean[end : end + _WINDOW],
    )
    if link_part(text.folded, place) == LinkPart.HOST:
        yield Cue(2.0, "in a web address")
    elif before.endswith("@"):
        yield Cue(2.5, "written as an account")
    elif is_campaign(text.folded, place.start, place.end):
        yield Cue(2.5, "in the hashtag of a campaign")
    elif before.endswith("#"):
        yield Cue(2.0 if written[:1].isupper() else 1.1, "written as a hashtag")
    elif place.term.kind == TermKind.TICKER:
        yield from _market(text, place)
    else:
        yield from _shape(text, written, before)
        yield from _before(before, written)
        yield from _after(text, after, written)


def cues_of_text(text: Folded, place: Place) -> Iterator[Cue]:
    """Cues from what the text talks about, beside the place itself."""
    talk = {match[0] for match in _BUSINESS.finditer(text.folded)}
    if place.term.kind is not TermKind.TICKER:
        talk.update(match[0] for match in _TICKER.finditer(text.folded))
    if talk:
        yield Cue(1.0 if len(talk) == 1 else 1.6, f"talk of {min(talk)}")


def _market(text: Folded, place: Place) -> Iterator[Cue]:
    """A ticker of one letter: money and stylised letters look the same."""
    if len(_TICKER.findall(text.folded)) > 1:
        yield Cue(3.0, "among other tickers")
    elif place.start == 0 or not text.folded[: place.start].strip("rt "):
        yield Cue(2.0, "at the start")


def _shape(text: Folded, written: str, before: str) -> Iterator[Cue]:
    is_start = not before.strip() or _SENTENCE_END.search(before) is not None
    if written.isupper() and len(written) > 3 and not text.clean.isupper():
        yield Cue(0.8, "in capitals")
    elif written[:1].isupper():
        if is_start or is_titled(text.clean):
            yield Cue(1.1, "with a capital")
        else:
            yield Cue(2.0, "with a capital inside a sentence")
    elif written[:1].islower() and any(char.isupper() for char in text.clean):
        yield Cue(-1.2, "in lower case")


def _before(before: str, written: str) -> Iterator[Cue]:
    word = _LAST_WORD.search(before)
    if word is None:
        return
    last = word[1].lower()
    starts = _SENTENCE_END.search(before[: word.start(1)]) is not None or not before[: word.start(1)].strip()
    if word[2] == ",":
        if word[1][0].isupper() and not starts:
            yield Cue(0.6, f"in a list after {word[1]}")
    elif last in _DETERMINERS or (last == "to" and written.islower()):
        yield Cue(-1.0 if written.islower() else -0.4, f"after “{last}”")
    elif last in _PREPOSITIONS:
        yield Cue(0.7, f"after “{last}”")
    elif word[1][0].isupper() and len(last) > 2 and not starts:
        yield Cue(-1.3, f"after the name {word[1]}")


def _after(text: Folded, after: str, written: str) -> Iterator[Cue]:
    if re.match(r"[’']s\b", after) and written[:1].isupper():
        yield Cue(0.8, "in the possessive")
        return
    word = re.match(r"\s+(\w+(?:[’']\w+)?)", after)
    if word is None:
        return
    following = word[1].lower().replace("’", "'")
    if following in _COMPANY_NEXT:
        yield Cue(1.5, f"before “{following}”")
    elif following in _COMPANY_DOES and written[:1].isupper():
        yield Cue(1.2, f"before “{following}”")
    elif word[1][:1].isupper() and not is_titled(text.clean) and not word[1].isupper():
        yield Cue(-0.7, f"before the name {word[1]}")


def is_titled(clean: str) -> bool:
    """Whether nearly every word has a capital, as in a headline."""
    words = [word for word in _WORD.findall(clean) if len(word) > 3]
    return len(words) > 2 and sum(word[0].isupper() for word in words) >= _TITLE_SHARE * len(words)
