"""How often Python looks for objects that hold each other in circles.

It counts what was made and not yet let go, and looks through everything young each 700 objects. A batch of posts makes
a hundred thousand, none of them in a circle: the search was a fifth of the time that the path takes. Where little is
read, seldom by count is nearly never, so everything is looked through now and then by the clock as well.
"""

from __future__ import annotations

import gc

YOUNG = 50_000
"""Objects made before the young ones are looked through: those of a batch, some ten megabytes."""
ROUNDS = (20, 50)
"""Rounds after which those that outlived one, and all, are looked through again."""


def tidy_seldom() -> None:
    """Let the search run about once a batch."""
    gc.set_threshold(YOUNG, *ROUNDS)


def tidy() -> None:
    """Look through everything, however little was made meanwhile."""
    gc.collect()
