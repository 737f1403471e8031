"""The answer to whoever asks for a WebSocket: there is none, the page reads what is new by events over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

_BODY: Final = b"There is no WebSocket here.\n"
_ANSWER: Final = b"\r\n".join(
    [
        b"HTTP/1.1 400 Bad Request",
        b"Content-Type: text/plain; charset=utf-8",
        b"X-Content-Type-Options: nosniff",
        b"Content-Length: %d" % len(_BODY),
        b"Connection: close",
        b"",
        _BODY,
    ]
)


class NoWebSocket(asyncio.Protocol):
    """Takes a connection over from uvicorn, which would advise in the log to install a library, and ends it."""

    def __init__(self, **_uvicorn: Any) -> None:
        """What uvicorn gives to those who speak the protocol is not needed."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer and hang up."""
        outward = cast("asyncio.Transport", transport)
        outward.write(_ANSWER)
        outward.close()
