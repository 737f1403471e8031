"""Reads the entries of a feed into plain JSON types. Standard library and feedparser alone.

feedparser takes time in the square of some inputs (a megabyte of attributes: minutes), so collectors/feed_parsing.py
runs this file as a process of its own, bounded in memory and killed when it takes too long, for all but small feeds.
"""

from __future__ import annotations

import calendar
import html
import json
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, BinaryIO

MEMORY = 512 * 1024 * 1024
CPU_SECONDS = 120
MOST_ENTRIES = 5000
LONGEST_FIELD = 200 * 1024

_SKIPPED = re.compile(r"[\s\ufeff\0]*(?:<\?.*?\?>|<!--.*?-->)?", re.DOTALL)
_DOCTYPE = re.compile(r"""<!DOCTYPE(?:"[^"]*"|'[^']*'|[^>"'\[])*(.)""", re.IGNORECASE | re.DOTALL)
_ENCODING = re.compile(rb"""^[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""")


def read_feed(body: bytes, content_type: str) -> dict[str, Any]:
    """The feed's `version` (empty where it is none) and `entries`, or `refused` with the reason.

    An entry has `id, link, title, html, author, published, updated, comments_feed, comments, reply_to`, the times in
    seconds since 1970, each `None` where the feed does not say.
    """
    import feedparser  # noqa: PLC0415  (slow to import: only paid by who reads feeds)

    if body[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _json_feed(body)
    if declares_entities(body):
        return {"refused": "it declares entities of its own, which no feed needs and attacks are made of"}
    headers = {"content-type": content_type} if content_type else {}
    try:
        parsed = feedparser.parse(body, response_headers=headers, sanitize_html=False, resolve_relative_uris=False)
    except Exception as error:  # noqa: BLE001  (it raises whatever it ran into: an encoding named in no encoding)
        return {"refused": f"it cannot be parsed ({type(error).__name__})"}
    entries = [_entry(entry) for entry in parsed.entries[:MOST_ENTRIES]]
    return {"version": parsed.get("version", ""), "entries": entries, "total": len(parsed.entries)}


def _json_feed(body: bytes) -> dict[str, Any]:
    """A JSON Feed (jsonfeed.org, 1.0 and 1.1)."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        return {"refused": f"it is no JSON ({type(error).__name__})"}
    version = content.get("version") if isinstance(content, dict) else None
    items = content.get("items") if isinstance(content, dict) else None
    if not isinstance(version, str) or "jsonfeed.org/version/" not in version or not isinstance(items, list):
        return {"version": "", "entries": [], "total": 0}
    entries = [_json_entry(item) for item in items[:MOST_ENTRIES] if isinstance(item, dict)]
    return {"version": "jsonfeed", "entries": entries, "total": len(items)}


def _json_entry(item: Mapping[str, Any]) -> dict[str, Any]:
    authors = item.get("authors") or [item.get("author")]
    author = authors[0] if isinstance(authors, list) and isinstance(authors[0], dict) else {}
    plain = item.get("content_text")
    markup = item.get("content_html") or (html.escape(plain) if isinstance(plain, str) else item.get("summary"))
    name = item.get("id")
    return {
        "id": _short(str(name)) if isinstance(name, str | int) else None,
        "link": _short(item.get("url") or item.get("external_url")),
        "title": _short(item.get("title")),
        "html": _short(markup),
        "author": _short(author.get("name")),
        "published": _epoch(item.get("date_published")),
        "updated": _epoch(item.get("date_modified")),
        "comments_feed": None,
        "comments": None,
        "reply_to": None,
    }


def _epoch(text: Any) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())


def declares_entities(body: bytes) -> bool:
    """Whether the document, in any encoding it may claim, declares entities or has an internal subset.

    Such declarations stand before the first element (XML 1.0, 2.8); an article that quotes one further down is none.
    """
    claimed = _ENCODING.search(body[:300])
    encodings = {"latin-1", "utf-16-le", "utf-16-be", claimed.group(1).decode("ascii") if claimed else "utf-8"}
    return any(_prolog_declares(_decoded(body, encoding)) for encoding in encodings)


def _prolog_declares(text: str) -> bool:
    place = 0
    while (skipped := _SKIPPED.match(text, place)) and skipped.end() > place:
        place = skipped.end()
    doctype = _DOCTYPE.match(text, place)
    if doctype:
        return doctype.group(1) == "["
    return text.startswith("<!", place)


def _decoded(body: bytes, encoding: str) -> str:
    try:
        return body.decode(encoding, "ignore")
    except (LookupError, ValueError):
        return ""


def _entry(entry: Any) -> dict[str, Any]:
    markup = next((part["value"] for part in _parts(entry, "content") if part.get("value")), None)
    answered = entry.get("thr_in-reply-to")
    replies = next((link for link in _parts(entry, "links") if link.get("rel") == "replies"), {})
    return {
        "id": _short(entry.get("id")),
        "link": _short(entry.get("link")),
        "title": _short(entry.get("title")),
        "html": _short(markup or entry.get("summary")),
        "author": _short(entry.get("author")),
        "published": _seconds(entry, "published_parsed"),
        "updated": _seconds(entry, "updated_parsed"),
        "comments_feed": _short(entry.get("wfw_commentrss") or replies.get("href")),
        "comments": _number(entry.get("slash_comments") or entry.get("thr_total") or replies.get("thr:count")),
        "reply_to": _short(answered.get("ref")) if isinstance(answered, Mapping) else None,
    }


def _parts(entry: Any, name: str) -> list[Mapping[str, Any]]:
    """What feedparser took apart; an element that happens to have the name is its text alone."""
    found = entry.get(name)
    return [part for part in found if isinstance(part, Mapping)] if isinstance(found, list) else []


def _short(value: Any) -> str | None:
    return value[:LONGEST_FIELD] if isinstance(value, str) and value.strip() else None


def _number(value: Any) -> int | None:
    try:
        return int(value) if value is not None else None
    except (TypeError, ValueError):
        return None


def _seconds(entry: Any, name: str) -> int | None:
    moment = entry[name] if name in entry else None  # noqa: SIM401  (`get` gives one for the other, with a warning)
    try:
        return calendar.timegm(moment) if moment else None
    except (OverflowError, TypeError, ValueError):
        return None


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer feeds until there are no more: a line of JSON with the length, then the body; a line comes back."""
    while line := questions.readline():
        asked = json.loads(line)
        try:
            answer = read_feed(questions.read(asked["length"]), asked["content_type"])
        except Exception as error:  # noqa: BLE001  (whatever a hostile feed does to the parser is an answer too)
            answer = {"refused": f"it cannot be parsed ({type(error).__name__})"}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _bound() -> None:
    import resource  # noqa: PLC0415  (only exists, and is only needed, where this runs as its own process)

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


if __name__ == "__main__":
    _bound()
    serve(sys.stdin.buffer, sys.stdout.buffer)
