"""Where a web page says that its feeds are: `<link rel="alternate" type="application/rss+xml" href="…">`."""

from __future__ import annotations

import html
import re
from urllib.parse import urljoin

LOOKED_AT = 256 * 1024
MOST = 20
TYPES = ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml")

# Not by a parser of HTML: that of the standard library takes time in the square of some pages of strangers.
_TAG = re.compile(r"<(?:link|base)\b([^<>]{1,2000})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([a-zA-Z-]{1,20})\s{0,10}=\s{0,10}("[^"]{0,1500}"|'[^']{0,1500}'|[^\s"'>]{1,1500})""")


def is_page(body: bytes, content_type: str) -> bool:
    """Whether an answer is a web page, whatever a server calls it."""
    start = body[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html")) or content_type.lower().startswith("text/html")


def feeds_of(body: bytes, url: str) -> list[str]:
    """Addresses of the feeds that the page at `url` names, those of comments last."""
    base, found = url, []
    for tag in _TAG.finditer(body[:LOOKED_AT].decode("utf-8", "replace")):
        given = {name.lower(): html.unescape(value.strip("\"'")) for name, value in _ATTRIBUTE.findall(tag[1])}
        if tag[0][1:5].lower() == "base":
            base = urljoin(url, given.get("href", ""))
        elif "alternate" in given.get("rel", "").lower().split() and given.get("type", "").lower() in TYPES:
            found.append((_joined(base, given.get("href", "")), given.get("title", "")))
    addresses = dict.fromkeys(
        address for address, title in sorted(found[:MOST], key=_is_of_comments) if address is not None
    )
    return list(addresses)


def _is_of_comments(found: tuple[str | None, str]) -> bool:
    return any("comment" in part.lower() for part in found if part)


def _joined(base: str, href: str) -> str | None:
    try:
        address = urljoin(base, href.strip())
    except ValueError:
        return None
    return address if address.lower().startswith(("http://", "https://")) and href.strip() else None
