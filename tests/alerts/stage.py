"""How a channel is shown to the conformance suite: a local server, and the ways in which it can fail.

`tests/contract/test_channels.py` finds every channel and asks the channel's own test, `tests/alerts/test_NAME.py`, for
`stage()`, a context manager that gives a `Stage`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SECRET = "canary-secret-31415"


class Trouble(StrEnum):
    """What goes wrong with the next message."""

    BUSY = "busy"
    """It is refused with "try again later"."""
    LOST_ANSWER = "lost answer"
    """It is taken, and the connection breaks before the answer."""
    LOST_REQUEST = "lost request"
    """The connection breaks when it was written, and it is not taken."""
    SILENCE = "silence"
    """It is neither taken nor answered."""


@dataclass
class Stage:
    """A channel's options, pointing to a local server; what people would see there; and how to trouble it."""

    options: dict[str, Any]
    received: Callable[[], list[str]]
    """The delivery id of every message that people would see, repeats included."""
    trouble: Callable[[Trouble], None]
    environment: dict[str, str]
    """Variables that hold the secrets that the options refer to."""
    unreachable: dict[str, Any]
    """Options that lead to where nobody listens."""
