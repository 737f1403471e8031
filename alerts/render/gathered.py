"""Fitting all of a digest into what a platform takes: a longer list makes each alert shorter, and none is left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from alerts.render.outside import cut
from alerts.render.told import Entry

Made = TypeVar("Made")

ROOMS = (400, 240, 140, 80, 60, 40)
"""Characters of an alert's own sentences, from all of them to a few words."""
_SHORTEST_WITH_LINK = 140


def fitted(make: Callable[[int], Made], fits: Callable[[Made], bool]) -> Made:
    """What `make` makes with the most room for each alert that still fits."""
    made = make(ROOMS[0])
    for room in ROOMS[1:]:
        if fits(made):
            break
        made = make(room)
    return made


def headline(entry: Entry, room: int) -> str:
    """The headline, which is cut last of all."""
    return cut(entry.headline, room)


def details(entry: Entry, room: int) -> list[str]:
    """What follows the headline: as much as there is room for."""
    left = room - len(entry.headline)
    kept: list[str] = []
    for sentence in filter(None, (*entry.news, entry.lead, entry.standing)):
        left -= len(sentence)
        if left < 0:
            break
        kept.append(sentence)
    return kept


def link(entry: Entry, room: int) -> str:
    """Where all of it is, as long as there is room for an address."""
    return entry.link if room >= _SHORTEST_WITH_LINK and len(entry.link) < 150 else ""
