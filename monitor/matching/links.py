"""Where in a web address a match stands: a company's site names it, the random letters of a short link do not."""

from __future__ import annotations

import re
from enum import Enum, auto

from monitor.matching.lookup import Place

_ADDRESS = re.compile(r"(?:https?:?/{0,2}|www\.)", re.IGNORECASE)
_SITES = re.compile(r"\.(?:com|org|net|co|io|de|fr|es|it|uk|us|eu|jp|cn|br|ly|me|tv|gov|edu)\b")
_LONGEST = 300


class LinkPart(Enum):
    """The host of an address names a site; what follows it is a path."""

    NONE = auto()
    HOST = auto()
    PATH = auto()


def link_part(folded: str, place: Place) -> LinkPart:
    """Which part of an address the match stands in, if it stands in one."""
    begin = folded.rfind(" ", max(place.start - _LONGEST, 0), place.start) + 1
    before = folded[begin : place.start]
    if "/" not in before and "." not in before and folded[place.end : place.end + 1] != ".":
        return LinkPart.NONE
    address = _ADDRESS.search(before)
    if address is None:
        return LinkPart.HOST if "/" not in before and _SITES.match(folded, place.end) else LinkPart.NONE
    return LinkPart.PATH if "/" in before[address.end() :] else LinkPart.HOST
