"""Waiting for what other threads do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PATIENCE = 30.0


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until it holds; fail after half a minute, where it takes a second when all is well."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        threading.Event().wait(0.02)
