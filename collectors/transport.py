"""A transport for libraries that talk by requests (tweepy, praw): what they leave out is added underneath them.

Neither bounds a whole answer in time or size, tweepy sets no timeout at all and has its host written into the code,
and each has its own idea of when to try again. Here every answer has a deadline and a limit, refusals become
`CollectorError` before the library sees them, and requests may be led to another address.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from collectors.answers import refusal
from collectors.contract import CollectorError

Headers = MutableMapping[str, str]


class GuardedAdapter(HTTPAdapter):
    """Sends for `service`; `redirect` maps the beginning of an address to what stands in its place.

    `rename` does the same for names of query parameters. `observe` sees the headers of every answer before the library
    does and may change them. `requests` counts.
    """

    def __init__(
        self,
        service: str,
        *,
        clock: Callable[[], datetime],
        redirect: dict[str, str] | None = None,
        rename: dict[str, str] | None = None,
        observe: Callable[[Headers], None] | None = None,
        timeout: tuple[float, float] = (5.0, 20.0),
        deadline: float = 60.0,
        max_bytes: int = 16 * 1024 * 1024,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(max_retries=0)
        self.requests = 0
        self._service, self._clock, self._monotonic = service, clock, monotonic
        self._redirect, self._rename, self._observe = redirect or {}, rename or {}, observe
        self._timeout, self._deadline, self._max_bytes = timeout, deadline, max_bytes

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        """Send and read the whole answer; `CollectorError` where that fails or the answer is a refusal."""
        self.requests += 1
        request.url = self._led(request.url or "")
        ends_at = self._monotonic() + self._deadline
        try:
            response = super().send(request, **(options | {"stream": True, "timeout": self._timeout}))
            with response:
                response._content = self._read(response, ends_at)  # noqa: SLF001  (requests has no other place for it)
                response._content_consumed = True  # noqa: SLF001
        except (requests.RequestException, HTTPError, OSError) as error:
            raise CollectorError(f"{self._service} could not be read: {_shortly(error)}") from error
        if self._observe is not None:
            self._observe(response.headers)
        refused = refusal(response.status_code, response.headers, service=self._service, now=self._clock())
        if refused is not None:
            raise refused
        return response

    def _led(self, url: str) -> str:
        for beginning, other in self._redirect.items():
            if url.startswith(beginning):
                url = other.rstrip("/") + url.removeprefix(beginning)
        if not self._rename:
            return url
        parts = urlsplit(url)
        named = [(self._rename.get(name, name), value) for name, value in parse_qsl(parts.query)]
        return parts._replace(query=urlencode(named)).geturl()

    def _read(self, response: requests.Response, ends_at: float) -> bytes:
        parts: list[bytes] = []
        room = self._max_bytes
        while part := response.raw.read1(65536, decode_content=True):
            parts.append(part)
            room -= len(part)
            if room < 0:
                raise CollectorError(f"{self._service} sent more than {self._max_bytes} bytes")
            if self._monotonic() > ends_at:
                raise CollectorError(f"{self._service} did not finish within {self._deadline:.0f} s")
        return b"".join(parts)


class StreamingAdapter(GuardedAdapter):
    """The same for answers without an end, at addresses that end in one of `endless`: they are passed on as they come.

    A server that is silent for longer than `timeout` is given up, a line of more than `max_bytes` is not read to its
    end, and `shut` ends the answer from another thread.
    """

    def __init__(self, service: str, endless: tuple[str, ...], **options: Any) -> None:
        super().__init__(service, **options)
        self._endless = endless
        self._open: requests.Response | None = None

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        """Send; `CollectorError` where that fails or the answer is a refusal."""
        if not urlsplit(request.url or "").path.endswith(self._endless):
            return super().send(request, **options)
        self.requests += 1
        request.url = self._led(request.url or "")
        try:
            response = HTTPAdapter.send(self, request, **(options | {"stream": True, "timeout": self._timeout}))
        except (requests.RequestException, HTTPError, OSError) as error:
            raise CollectorError(f"{self._service} could not be reached: {_shortly(error)}") from error
        refused = refusal(response.status_code, response.headers, service=self._service, now=self._clock())
        if refused is not None:
            response.close()
            raise refused
        raw = response.raw
        raw.stream = lambda *_, **__: self._lines(raw)  # as it comes, in place of waiting for so many bytes
        self._open = response
        return response

    def shut(self) -> None:
        """End the answer that is being read; who reads it sees its end."""
        response, self._open = self._open, None
        if response is not None:
            with suppress(ValueError, RuntimeError, OSError):  # it has ended by itself
                response.raw.shutdown()

    def _lines(self, raw: Any) -> Iterator[bytes]:
        length = 0
        while part := raw.read1(65536, decode_content=True):
            length = len(part) - part.rfind(b"\n") - 1 if b"\n" in part else length + len(part)
            if length > self._max_bytes:
                raise CollectorError(f"{self._service} sent a line of more than {self._max_bytes} bytes")
            yield part
        raw.close()  # so that tweepy sees that it has ended


def guarded_session(adapter: GuardedAdapter) -> requests.Session:
    """A session whose every request goes through `adapter`."""
    session = requests.Session()
    guard(session, adapter)
    return session


def guard(session: requests.Session, adapter: GuardedAdapter) -> None:
    """Put `adapter` under a session that a library has made."""
    session.mount("https://", adapter)
    session.mount("http://", adapter)


def _shortly(error: BaseException) -> str:
    """What went wrong without the address, whose query may hold what is nobody's business."""
    reason = getattr(error, "args", None)
    host = urlsplit(getattr(getattr(error, "request", None), "url", "") or "").hostname
    inner = next((part for part in reason or () if isinstance(part, BaseException)), error)
    kind = type(getattr(inner, "reason", inner)).__name__
    return f"{kind} at {host}" if host else kind
