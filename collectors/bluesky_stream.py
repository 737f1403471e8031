"""Jetstream: every public post of the Bluesky network as it is written, as JSON over a WebSocket.

Limits: none for listening to what is new, no account and no key; what is older than some days is sold by the byte. It
tells nothing of how posts are carried, and not who is behind an identity. Events are numbered (`seq`); a connection
that names the last number is told what came since, that event included. A consumer that is too slow is hung up on.

Bluesky has two of these services. The second is spoken here (`network.bsky.jetstream.subscribeEvents`); the first
(hosts with a number in their names) has another form and is not served any longer. Messages could be compressed by a
dictionary of the server's; at some tens of posts a second that saves little, and would be a second form to get wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from socket import SHUT_RDWR
from typing import Any
from urllib.parse import urlencode

from websocket import ABNF, WebSocket, WebSocketBadStatusException, WebSocketException, create_connection

from collectors.answers import refusal
from collectors.contract import CollectorError, Quarantined, raw_hash
from collectors.rounds import ODD, Found
from collectors.streams import Hearing, told_by
from storage.records import Post

POSTS = "app.bsky.feed.post"
_METHOD = "network.bsky.jetstream.subscribeEvents"
_SILENCE = 30.0
"""Seconds without an event after which a connection is dead: the whole network is never silent for as long."""
_LARGEST = 256 * 1024
"""Bytes of an event beyond which it is not sent to us; a post has at most some thousand."""

_LEFT = {
    "deleted": "its account was deleted",
    "takendown": "its account was taken down",
    "suspended": "its account was suspended",
    "deactivated": "its account was closed",
}
"""States of an account in which nobody is shown its posts."""

Read = Callable[[Mapping[str, Any]], Post]
"""Makes a post of what search would show of it."""


class Jetstream:
    """One connection, which picks out the posts in which `named` is found."""

    def __init__(self, url: str, named: re.Pattern[str] | None, read: Read, clock: Callable[[], datetime]) -> None:
        self.name = "Jetstream"
        self._url, self._named, self._read, self._clock = url.rstrip("/"), named, read, clock
        self._seq = 0
        self._line: WebSocket | None = None

    def hear(self, hearing: Hearing) -> None:
        """Connect where the last connection ended, and pass on what names a brand."""
        self._line = line = self._opened()
        try:
            hearing.opened(self.name)
            while (frame := _next(line)) is not None:
                self._take(frame, hearing)
        except (WebSocketException, OSError) as error:
            raise CollectorError(f"Jetstream was lost: {type(error).__name__}") from error
        finally:
            self._line = None
            _close(line)

    def shut(self) -> None:
        """End the connection, also while it waits for something to come."""
        line = self._line
        if line is not None and line.sock is not None:
            with suppress(OSError):
                line.sock.shutdown(SHUT_RDWR)

    def _opened(self) -> WebSocket:
        asked: dict[str, Any] = {"collections": POSTS, "kinds": ["commit", "account"], "maxMessageSizeBytes": _LARGEST}
        if self._seq:
            asked["cursor"] = self._seq
        address = f"{self._url}/{_METHOD}?{urlencode(asked, doseq=True)}"
        try:
            return create_connection(address, timeout=_SILENCE, subprotocols=["xrpc.v1.json"], enable_multithread=True)
        except WebSocketBadStatusException as error:
            raise self._refused(error) from error
        except (WebSocketException, OSError, ValueError) as error:
            raise CollectorError(f"Jetstream could not be reached: {type(error).__name__}") from error

    def _refused(self, error: WebSocketBadStatusException) -> CollectorError:
        if b"CursorTooOld" in (error.resp_body or b""):
            self._seq = 0
            return CollectorError("Jetstream no longer has what came since; it is listened to from now on")
        headers = error.resp_headers or {}
        refused = refusal(error.status_code, headers, service="Jetstream", now=self._clock())
        return refused or CollectorError(f"Jetstream answered {error.status_code} in place of opening a connection")

    def _take(self, frame: bytes, hearing: Hearing) -> None:
        try:
            content = json.loads(frame)
            payload = content["payload"] if content.get("$type") == "message" else None
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
            hearing.tell(self.name, Found(bad=[Quarantined("Jetstream", repr(error), raw_hash(frame))], given=1))
            return
        if payload is None:
            raise CollectorError(f"Jetstream ended: {content.get('error')}. {content.get('message') or ''}"[:300])
        hearing.alive(self.name)
        reads = {f"{_METHOD}#commit": self._post, f"{_METHOD}#account": _account}
        if isinstance(payload, dict) and (read := reads.get(str(payload.get("$type")))) is not None:
            found = told_by(payload, read)
            if found.posts or found.bad or found.gone or found.changed or found.left:
                hearing.tell(self.name, found)
            self._seq = int(payload.get("seq") or self._seq)

    def _post(self, event: Mapping[str, Any]) -> Post | Found | None:
        """The post of an event, when it is a new one that names a brand; or which one is gone or was changed, whatever
        it says: whether that is stored is not known here."""
        if event["operation"] not in ("create", "update", "delete") or event["collection"] != POSTS:
            return None
        address = f"at://{event['did']}/{POSTS}/{event['rkey']}"
        if event["operation"] == "delete":
            return Found(gone={address: "deleted"}, given=1)
        if event["operation"] == "update":
            with suppress(*ODD):  # nearly all are strangers', and of those nothing need make sense
                return Found(changed=[self._shown(event, address)], given=1)
            return None
        if self._named is None or not self._named.search(_words(event["record"])):
            return None
        return self._shown(event, address)

    def _shown(self, event: Mapping[str, Any], address: str) -> Post:
        """The post as the search would show it."""
        return self._read(
            {
                "uri": address,
                "author": {"did": event["did"]},
                "record": event["record"],
                "indexedAt": event.get("witnessedAt") or event["time"],
            }
        )


def _account(event: Mapping[str, Any]) -> Found | None:
    """Whose account is gone; `None` where it is there, or only troubled on its way to us."""
    account = event["account"]
    reason = None if account["active"] else _LEFT.get(account.get("status"))
    return Found(left={str(event["did"]): reason}, given=1) if reason else None


def _words(record: Mapping[str, Any]) -> str:
    """All that is written in a record, as far as it may name a brand: what it links to and shows as well."""
    text = record.get("text") or ""
    return text if not record.get("embed") else f"{text}\n{json.dumps(record['embed'], ensure_ascii=False)}"


def _close(line: WebSocket) -> None:
    with suppress(WebSocketException, OSError):
        line.close(timeout=1)
    line.shutdown()  # type: ignore[no-untyped-call]  # close() leaves the socket open where the other side was first


def _next(line: WebSocket) -> bytes | None:
    """The next message; `None` when the other side closes."""
    kind, data = line.recv_data()
    return None if kind == ABNF.OPCODE_CLOSE else bytes(data)
