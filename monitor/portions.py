"""Much in portions that fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def portions(items: Iterable[Item], size_of: Callable[[Item], int], most: int) -> Iterator[list[Item]]:
    """The items in order, in portions of a size of `most` together; what is larger is a portion by itself."""
    portion: list[Item] = []
    size = 0
    for item in items:
        of_item = size_of(item)
        if portion and size + of_item > most:
            yield portion
            portion, size = [], 0
        portion.append(item)
        size += of_item
    if portion:
        yield portion
