"""What is remembered of texts so that copies of them are not worked out again, and letting go of it.

A running program holds words of people in such tables for as long as nothing newer pushes them out. Whoever is
forgotten must be forgotten there, too: every table is known here, and all of them are emptied at once. None is more
than a short cut, so that emptying them changes no result.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, TypeVar
from weakref import WeakSet, WeakValueDictionary

if TYPE_CHECKING:
    from functools import _lru_cache_wrapper

LONGEST = 1_000
"""Characters of a text that is remembered: longer ones are seldom copied, and would make the memory large."""

T = TypeVar("T")


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


def let_go() -> None:
    """Empty every table of this process."""
    with _lock:
        functions, tables = list(_functions), list(_tables.values())
    for function in functions:
        function.cache_clear()
    for table in tables:
        table.let_go()
