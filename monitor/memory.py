"""Keeping the process as small as what it holds.

The C library gives each of many threads a heap of its own and lets every one of them grow to the largest piece of work
that the thread ever did. Over a day that was three times of what was in use. So threads share two heaps, which suffices
where Python lets one of them compute at a time, and what is free in the middle of them is given back now and then.
Elsewhere than on glibc nothing of this is there, or needed, and nothing is done.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from datetime import timedelta
from typing import Any

GIVE_BACK_EVERY = timedelta(minutes=5)
_ARENA_MAX = -8
"""M_ARENA_MAX of mallopt(3)."""
_ARENAS = 2


def economise() -> bool:
    """Let threads that have not begun yet share heaps; whether that could be had."""
    mallopt = _of_the_c_library("mallopt")
    return mallopt is not None and bool(mallopt(_ARENA_MAX, _ARENAS))


def give_back() -> bool:
    """Give the system back what is free; whether there was anything."""
    malloc_trim = _of_the_c_library("malloc_trim")
    return malloc_trim is not None and bool(malloc_trim(0))


def _of_the_c_library(name: str) -> Callable[..., Any] | None:
    try:
        found: Callable[..., Any] | None = getattr(ctypes.CDLL(None), name, None)
    except (OSError, TypeError):  # a system on which the program itself is no library
        return None
    return found
