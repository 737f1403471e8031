"""Parses feeds where nothing they hold can hurt: small ones here, others in a process that may be killed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from collectors import feed_reader
from collectors.contract import CollectorError

SMALL = 48 * 1024
"""Bytes up to which the worst feed we could make takes the parser less than a second."""


@dataclass
class FeedParser:
    """Parses within `with`; the process, once needed, serves all feeds of that span."""

    seconds: float = 10.0
    small: int = SMALL
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def entries(self, body: bytes, content_type: str, host: str) -> list[dict[str, Any]]:
        """The entries of the feed (collectors/feed_reader.py); `CollectorError` where it is none or harmful."""
        answer = (
            feed_reader.read_feed(body, content_type)
            if len(body) <= self.small
            else self._ask(body, content_type, host)
        )
        if "refused" in answer:
            raise CollectorError(f"the feed of {host} is refused: {answer['refused']}")
        if not answer["version"]:
            raise CollectorError(f"{host} answered with {_kind_of(body, content_type)} and not with a feed")
        entries: list[dict[str, Any]] = answer["entries"]
        return entries

    def _ask(self, body: bytes, content_type: str, host: str) -> dict[str, Any]:
        process = self._process = self._process or self._started()
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the parsing process has no pipes")
        timer = threading.Timer(self.seconds, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps({"length": len(body), "content_type": content_type}).encode() + b"\n" + body)
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = b""
        finally:
            timer.cancel()
        if not line:
            self._end()
            raise CollectorError(
                f"the feed of {host} is refused: parsing it took more than {self.seconds:.0f} s or too much memory"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _started(self) -> subprocess.Popen[bytes]:
        # -I: neither the folder of the file nor the environment decides what the process imports
        command = [sys.executable, "-I", str(Path(feed_reader.__file__))]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: S603  (our own file)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def _kind_of(body: bytes, content_type: str) -> str:
    start = body[:1000].lstrip().lower()
    is_page = "html" in content_type.lower() or start.startswith((b"<!doctype html", b"<html"))
    return "a web page" if is_page else f"{content_type.partition(';')[0].strip() or 'something'!r}"
