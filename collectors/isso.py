"""Isso's comment feeds, which leave answers out (`python -m benchmarks.real_comments` shows it on the real server).

A feed shows a hundred entries: all comments at the top level, newest first, and answers after those, oldest first. So
in a flood it is the answers that are lost, and what is left overlaps with the last reading, as if nothing were. Its
ETag and its date are those of the newest comment at the top level: while people only answer, nothing has changed. It
gives more when its address says so, but no fewer than its own configuration does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from collectors.feed_reader import MOST_ENTRIES

_NAMED = re.compile(r"tag:[^,]*,2018:/isso/\d+/\d+")


def is_isso(entries: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the entries of a feed are Isso's, by the names that it gives them."""
    return bool(entries) and all(_NAMED.fullmatch(entry["id"] or "") for entry in entries)


def whole(url: str) -> str:
    """The address of a feed of Isso's at which it shows as much as is read of any."""
    parts = urlsplit(url)
    asked = dict(parse_qsl(parts.query, keep_blank_values=True)) | {"limit": str(MOST_ENTRIES)}
    return parts._replace(query=urlencode(asked)).geturl()
