"""From the full form of a message down to one line: a formatting mistake never costs a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import structlog

_log = structlog.get_logger(__name__)

Form = TypeVar("Form")


def rungs(delivery_id: str, makers: Sequence[Callable[[], Form]]) -> Iterator[Form]:
    """The forms that could be made, fullest first; one that cannot be made is logged and left out."""
    for maker in makers:
        try:
            form = maker()
        except Exception:  # noqa: BLE001  (whatever is wrong with a form, a plainer one must still go out)
            _log.exception("a form of a message could not be made", delivery=delivery_id)
        else:
            yield form
