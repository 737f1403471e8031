"""One thread draws all pictures.

matplotlib's fonts are shared by all figures and not made for several threads; and it keeps a set of them, some
megabytes, for every thread that ever drew. The parts of a figure hold each other in circles, and with them the pixels:
some megabytes more that nobody would miss before Python looks for circles, which is seldom (monitor/tidying.py).
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def drawn(draw: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `draw` gives, or raises, in the thread that draws."""
    return _drawer().submit(_tidily, partial(draw, *args, **kwargs)).result()


def _tidily(draw: Callable[[], T]) -> T:
    try:
        return draw()
    finally:
        gc.collect(0)  # what was made last is nearly all of it, and found in milliseconds


@cache
def _drawer() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="draw")
