"""What nobody foresaw that a source would raise: it is a failure of the source like any other.

A platform that answers what it never did, a library that changes, a plug-in's mistake: a run that ends by such an error
is booked, leaves a gap, is tried ever more rarely and told to the operators; else its job would end without a word, be
due again at once, and nobody would hear that nothing is read any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import structlog

from collectors.contract import CollectorError, Page
from storage.errors import StorageError

_log = structlog.get_logger(__name__)


@contextmanager
def surprises_told(source: str) -> Iterator[None]:
    """Let an unforeseen error of a collector leave as a `CollectorError`, and stand in the log with its place."""
    try:
        yield
    except (CollectorError, StorageError):
        raise
    except Exception as error:
        _log.exception("source failed in a way that nobody foresaw", source=source)
        told = f"{type(error).__name__}: {error}"
        raise CollectorError(f"it failed in a way that nobody foresaw ({told:.200}); the log says where") from error


def pages_of(source: str, pages: Iterable[Page]) -> Iterator[Page]:
    """The pages, with what a collector raises between them in words."""
    with surprises_told(source):
        yield from pages
