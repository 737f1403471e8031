"""The server's end of a WebSocket (RFC 6455), as far as Slack's Socket Mode needs it: text, ping, pong and close."""

from __future__ import annotations

import base64
import hashlib
import struct
import threading
from http.server import BaseHTTPRequestHandler

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Line:
    """One open connection, in the handler of the request that asked for it."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self._handler = handler
        self._sending = threading.Lock()
        key = handler.headers.get("Sec-WebSocket-Key", "")
        handler.send_response_only(101)
        handler.send_header("Upgrade", "websocket")
        handler.send_header("Connection", "Upgrade")
        digest = hashlib.sha1(f"{key}{_MAGIC}".encode(), usedforsecurity=False).digest()
        handler.send_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
        if wanted := handler.headers.get("Sec-WebSocket-Protocol"):
            handler.send_header("Sec-WebSocket-Protocol", wanted)
        handler.end_headers()
        handler.close_connection = True

    def send(self, data: bytes, kind: int = TEXT) -> None:
        """Send one frame; a server's are not masked."""
        size = len(data)
        if size < 126:
            head = struct.pack("!BB", 0x80 | kind, size)
        elif size < 65_536:
            head = struct.pack("!BBH", 0x80 | kind, 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | kind, 127, size)
        with self._sending:
            self._handler.wfile.write(head + data)

    def receive(self) -> str | None:
        """The next text; pings are answered, and `None` is the end."""
        while (frame := self._frame()) is not None:
            kind, data = frame
            if kind == TEXT:
                return data.decode()
            if kind == PING:
                self.send(data, PONG)
            if kind == CLOSE:
                return None
        return None

    def _frame(self) -> tuple[int, bytes] | None:
        head = self._handler.rfile.read(2)
        if len(head) < 2:
            return None
        size = head[1] & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self._handler.rfile.read(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._handler.rfile.read(8))
        mask = self._handler.rfile.read(4)
        data = self._handler.rfile.read(size)
        return head[0] & 0x0F, bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
