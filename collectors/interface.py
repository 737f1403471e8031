"""A platform's interface of JSON over HTTP, asked through the guarded way out (collectors/egress.py).

Redirects are not followed, since a request carries credentials; answers that say what is wrong in their body are judged
by the platform, all others by their status (collectors/answers.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from collectors.contract import CollectorError
from collectors.egress import Answer, Egress, EgressRules
from config.references import MissingSecretError, SecretReference

Judge = Callable[[Answer, Any], CollectorError | None]
"""Given an answer and its JSON (`None` where it is none): the error that it stands for, or `None` for no opinion."""


def _no_opinion(_answer: Answer, _content: Any) -> CollectorError | None:
    return None


class Interface:
    """Asks `service` at `url`."""

    def __init__(self, service: str, url: str, clock: Callable[[], datetime], judge: Judge = _no_opinion) -> None:
        self.service, self.url = service, url.rstrip("/")
        self._judge = judge
        rules = EgressRules.trusting(url, max_redirects=0)
        self._egress = Egress(rules, clock)

    @contextmanager
    def session(self) -> Iterator[None]:
        """Keep connections for the questions inside."""
        with self._egress.session():
            yield

    def get(
        self, path: str, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The object that the interface answers with; parameters that are `None` are left out."""
        return self._object(self.ask(path, params, headers))

    def post(self, path: str, content: Any, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The object that the interface answers with, to JSON that is sent (`None`: nothing)."""
        body = b"" if content is None else json.dumps(content).encode()
        sent = {"content-type": "application/json", **(headers or {})}
        return self._object(self._content(f"{self.url}{path}", sent, body))

    def ask(self, path: str, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> Any:
        """The JSON that the interface answers with, whatever it is."""
        given = {name: value for name, value in (params or {}).items() if value is not None}
        return self._content(f"{self.url}{path}" + (f"?{urlencode(given, doseq=True)}" if given else ""), headers)

    def asked(self) -> int:
        """Requests since this was last asked."""
        asked, self._egress.requests = self._egress.requests, 0
        return asked

    def _content(self, url: str, headers: Mapping[str, str] | None, body: bytes | None = None) -> Any:
        sent = {"accept": "application/json", **(headers or {})}
        answer = self._egress.fetch(url, headers=sent, service=self.service, body=body, judge=self._judged)
        content = _json(answer.body)
        if content is None:
            kind = answer.headers.get("content-type", "nothing").partition(";")[0]
            raise CollectorError(f"{self.service} gave an answer that cannot be read ({kind!r:.60} instead of JSON)")
        return content

    def _judged(self, answer: Answer) -> CollectorError | None:
        return self._judge(answer, _json(answer.body))

    def _object(self, content: Any) -> dict[str, Any]:
        if not isinstance(content, dict):
            raise CollectorError(f"{self.service} gave an answer that is not an object")
        return content


def secret(reference: SecretReference, what: str) -> str:
    """The secret at the place that the configuration names; `CollectorError` where there is none."""
    try:
        return reference.resolve().get_secret_value()
    except MissingSecretError as error:
        raise CollectorError(f"{what} is missing: {error}", permanent=True) from error


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
