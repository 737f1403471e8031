"""What is remembered of texts so that copies of them are not worked out again, and letting go of it.

A running program holds words of people in such tables for as long as nothing newer pushes them out. Whoever is
forgotten must be forgotten there, too: every table is known here, and all of them are emptied at once. None is more
than a short cut, so that emptying them changes no result.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar
from weakref import WeakSet, WeakValueDictionary

if TYPE_CHECKING:
    from functools import _lru_cache_wrapper

LONGEST = 1_000
"""Characters of a text that is remembered: longer ones are seldom copied, and would make the memory large."""

T = TypeVar("T")
Asked = TypeVar("Asked")
_NOTHING: Any = object()


class Table(Protocol):
    """Something that remembers texts and can let go of them."""

    def let_go(self) -> None:
        """Remember none of them any more; from any thread, at any time."""


_functions: WeakSet[_lru_cache_wrapper[object]] = WeakSet()
_tables: WeakValueDictionary[int, Table] = WeakValueDictionary()
_lock = threading.Lock()


def remembering(most: int) -> Callable[[Callable[..., T]], _lru_cache_wrapper[T]]:
    """A decorator: the function's last results are remembered, at most so many, until texts are to be let go of."""

    def wrap(function: Callable[..., T]) -> _lru_cache_wrapper[T]:
        wrapped = lru_cache(maxsize=most)(function)
        with _lock:
            _functions.add(wrapped)
        return wrapped

    return wrap


def minded(table: Table) -> None:
    """Let the table be emptied with the others, for as long as it lives."""
    with _lock:
        _tables[id(table)] = table


class Known(Generic[Asked, T]):
    """What was found out of texts, of at most so many: copies of them are not worked out again.

    A third of all posts are copies of one that came shortly before. So it is emptied every few minutes, too
    (`let_go_of_copies`): where little is read it would fill for a day, and look like a leak for as long.
    """

    def __init__(self, most: int, length_of: Callable[[Asked], int]) -> None:
        self._most = most
        self._length_of = length_of
        self._kept: dict[Asked, T] = {}
        minded(self)

    def let_go(self) -> None:
        """Remember no text."""
        self._kept = {}

    def of(self, asked: Sequence[Asked], find: Callable[[Sequence[Asked]], Iterable[T]]) -> list[T]:
        """What is known of each; all of which nothing is known are found out at once, and each only once."""
        known: list[Any] = list(map(self._kept.get, asked, repeat(_NOTHING)))
        new = list(dict.fromkeys([each for each, told in zip(asked, known, strict=True) if told is _NOTHING]))
        if not new:
            return known
        found = dict(zip(new, find(new), strict=True))
        self._keep(found)
        return [found[each] if told is _NOTHING else told for each, told in zip(asked, known, strict=True)]

    def _keep(self, found: Mapping[Asked, T]) -> None:
        if len(found) > self._most or max(map(self._length_of, found)) > LONGEST:
            short = ((each, told) for each, told in found.items() if self._length_of(each) <= LONGEST)
            found = dict(islice(short, self._most))
        if len(self._kept) + len(found) > self._most:
            self._kept = {}
        self._kept |= found


def let_go_of_copies() -> None:
    """Empty what serves copies of texts alone, nearly all of which come within minutes of the first."""
    with _lock:
        tables = [table for table in _tables.values() if isinstance(table, Known)]
    for table in tables:
        table.let_go()


def let_go() -> None:
    """Empty every table of this process."""
    with _lock:
        functions, tables = list(_functions), list(_tables.values())
    for function in functions:
        function.cache_clear()
    for table in tables:
        table.let_go()
