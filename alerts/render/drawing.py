"""One thread draws all pictures.

matplotlib's fonts are shared by all figures and not made for several threads; and it keeps a set of them, some
megabytes, for every thread that ever drew.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def drawn(draw: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `draw` gives, or raises, in the thread that draws."""
    return _drawer().submit(draw, *args, **kwargs).result()


@cache
def _drawer() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="draw")
