"""What Mastodon.py calls while it listens (its own module, for Mastodon.py is slow to import)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import mastodon
import requests

from collectors.contract import CollectorError
from collectors.rounds import ODD, Found
from collectors.streams import Hearing, told_by
from storage.records import Post


class Ear(mastodon.StreamListener):
    """Passes on what is told on the stream `name`."""

    def __init__(
        self,
        name: str,
        hearing: Hearing,
        read: Callable[[Any], Post | None],
        edited: Callable[[Any], Post | Found | None],
    ) -> None:
        self._name, self._hearing, self._read, self._edited = name, hearing, read, edited

    def handle_stream(self, response: requests.Response) -> None:
        self._hearing.opened(self._name)
        super().handle_stream(response)  # type: ignore[no-untyped-call]

    def handle_heartbeat(self) -> None:
        self._hearing.alive(self._name)

    def on_update(self, status: Any) -> None:
        self._hearing.tell(self._name, told_by(status, self._read))

    def on_status_update(self, status: Any) -> None:
        self._hearing.tell(self._name, told_by(status, self._edited))

    def on_delete(self, status_id: Any) -> None:
        self._hearing.tell(self._name, Found(gone={str(status_id): "deleted"}, given=1))


@contextlib.contextmanager
def in_words() -> Iterator[None]:
    try:
        yield
    except mastodon.MastodonNetworkError as error:
        inner = error.__context__
        if isinstance(inner, CollectorError):
            raise inner from error
        raise CollectorError(f"the stream of Mastodon was lost: {error!s:.200}") from error
    except (mastodon.MastodonError, requests.RequestException, *ODD) as error:
        raise CollectorError(f"the stream of Mastodon makes no sense ({type(error).__name__})") from error
