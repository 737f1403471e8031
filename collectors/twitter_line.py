"""X's filtered stream, by tweepy: its rules kept in step with the brands, and one connection that is listened to.

Limits (of the plan that is paid by use): 1,000 rules of at most 1,024 characters, one connection, 250 posts a second,
50 connections in 15 minutes. X writes an empty line every 20 s at least; a line that is silent for longer is dead. Up
to five minutes that were missed are told again (`backfill_minutes`) on plans that have it. The stream has no
partitions; those are for X's streams of everything.

tweepy would wait and connect again by itself, with `time.sleep`, and without an end; it is told to stop at the first
failure, and `collectors/streams.py` waits as X documents. Its objects break on X's new names: lines are read as JSON.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import requests
import structlog
import tweepy

from collectors.contract import CollectorError, raw_hash, set_aside
from collectors.interface import secret
from collectors.rounds import Found
from collectors.streams import Hearing
from collectors.transport import StreamingAdapter, guard
from collectors.twitter_client import HOST, wanted
from collectors.twitter_shapes import told_of
from config.references import SecretReference

MOST_RULES = 1000
FIRST = 100
"""Posts that may be told before the first turn has said what the allowance is."""
_SILENCE = 21.0
"""Seconds without a sign of life after which a connection is dead."""
_STREAM = "/2/tweets/search/stream"
_MOST_LINE = 1024 * 1024

_log = structlog.get_logger(__name__)


class Line:
    """The one connection of an app. Posts are paid for when they are told, so no more are heard than was granted."""

    def __init__(
        self,
        source: str,
        rules: Sequence[str],
        token: SecretReference,
        base_url: str,
        vocabulary: Literal["tweet", "post"],
        clock: Callable[[], datetime],
        *,
        authors: bool = False,
        backfill_minutes: int = 0,
    ) -> None:
        self.name = "filtered stream"
        self._granted, self._heard, self._counted = FIRST, 0, 0
        self._source, self._clock = source, clock
        self._rules = {f"tocsin:{source}:{raw_hash(rule)}": rule for rule in rules}
        self._token, self._base_url, self._vocabulary = token, base_url, vocabulary
        self._authors, self._backfill = authors, backfill_minutes
        self._adapter: StreamingAdapter | None = None

    def hear(self, hearing: Hearing) -> None:
        """Put the rules in step, connect, and pass on what X tells until it ends."""
        self._may_hear()
        client = self._client()
        try:
            ours = self._keep_rules(client)
            ear = _Ear(self, hearing, ours)
            client.listener = ear
            params = wanted(self._vocabulary, authors=self._authors)
            if self._backfill:
                params["backfill_minutes"] = self._backfill
            client.filter(**params)
        finally:
            client.session.close()
        if client.problem is not None:
            raise client.problem

    def shut(self) -> None:
        """End the connection."""
        if self._adapter is not None:
            self._adapter.shut()

    def spent(self) -> int:
        """Posts told since this was last asked."""
        heard, self._counted = self._heard - self._counted, self._heard
        return heard

    def grant(self, posts: int) -> None:
        """How many posts may be told from now on."""
        self._granted = self._heard + posts

    def try_rules(self) -> int:
        """Let X check the rules without keeping them; how many there are."""
        client = self._client()
        try:
            self._add(client, self._rules, dry_run=True)
        finally:
            client.session.close()
        return len(self._rules)

    def take(self, hearing: Hearing, line: bytes, ours: frozenset[str]) -> None:
        """Pass on one line: a post, or X's word that it ends the stream."""
        try:
            content = json.loads(line)
            found = self._found(content, ours)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            hearing.tell(self.name, Found(bad=[set_aside("line of the stream", repr(error), line)], given=1))
            return
        self._heard += 1
        hearing.tell(self.name, found)
        self._may_hear()

    def _found(self, content: Mapping[str, Any], ours: frozenset[str]) -> Found:
        if "data" not in content:
            raise _ended(content)
        matched = {str(rule.get("id")) for rule in content.get("matching_rules") or ()}
        if matched and not matched & ours:
            return Found(given=1)  # found by a rule that somebody else has made for this app
        return told_of(content, self._source, self._clock())

    def _may_hear(self) -> None:
        if self._heard >= self._granted:
            raise CollectorError("the allowance of posts_per_day is spent", retry_after=60.0)

    # -- rules ---------------------------------------------------------------------------------------------------------

    def _keep_rules(self, client: Any) -> frozenset[str]:
        """Have X keep our rules and no other of this source's; the ids of those that find our posts."""
        there = _rules_in(client.ask(client.get_rules))
        of_source = {name: tag for name, tag in there.items() if tag.startswith(f"tocsin:{self._source}:")}
        old = [name for name, tag in of_source.items() if tag not in self._rules]
        new = {tag: rule for tag, rule in self._rules.items() if tag not in of_source.values()}
        others = len(there) - len(of_source)
        if others + len(self._rules) > MOST_RULES:
            message = f"the brands need {len(self._rules)} rules of X's stream, and {others} of {MOST_RULES} are taken"
            raise CollectorError(message, permanent=True)
        if len(there) + len(new) > MOST_RULES:  # what is old is kept until what is new is there, where both have room
            old = self._remove(client, old)
        added = self._add(client, new) if new else frozenset()
        self._remove(client, old)
        kept = {name for name, tag in of_source.items() if tag in self._rules}
        if others:
            _log.warning("rules of others share the stream, and its cost", source=self._source, rules=others)
        return frozenset(kept | added)

    def _add(self, client: Any, rules: Mapping[str, str], *, dry_run: bool = False) -> frozenset[str]:
        made = [tweepy.StreamRule(value=rule, tag=tag) for tag, rule in rules.items()]
        kept = {"dry_run": "true"} if dry_run else {}  # as a truth value tweepy would write it with a capital
        answer = client.ask(lambda: client.add_rules(made, **kept))
        errors = [error for error in answer.get("errors") or () if error.get("title") != "DuplicateRule"]
        if errors:
            said = errors[0].get("details") or errors[0].get("detail") or errors[0].get("title")
            value = str(errors[0].get("value", ""))[:200]
            raise CollectorError(f"X does not accept the rule {value!r}: {said}", permanent=True)
        known = {str(error["id"]) for error in answer.get("errors") or () if "id" in error}
        return frozenset({*_rules_in(answer), *known})

    def _remove(self, client: Any, names: list[str]) -> list[str]:
        if names:
            client.ask(lambda: client.delete_rules(names))
        return []

    def _client(self) -> Any:
        token = secret(self._token, "the bearer token of X")
        names = {"tweet.fields": "post.fields"} if self._vocabulary == "post" else {}
        self._adapter = StreamingAdapter(
            "X",
            (_STREAM,),
            clock=self._clock,
            redirect={HOST: self._base_url},
            rename=names,
            timeout=(5.0, _SILENCE),
            max_bytes=_MOST_LINE,
        )
        logging.getLogger("tweepy").setLevel(logging.CRITICAL)  # it logs headers, and so the token; we log what matters
        client = _Client(token, return_type=dict, wait_on_rate_limit=False, max_retries=0)
        guard(client.session, self._adapter)
        client.session.max_redirects = 0
        return client


class _Client(tweepy.StreamingClient):  # type: ignore[misc]  # tweepy has no types
    """tweepy's, made to give up at the first failure and to say what it was."""

    listener: _Ear
    problem: CollectorError | None = None

    def ask(self, question: Callable[[], Any]) -> Mapping[str, Any]:
        """The answer to a question about rules."""
        try:
            answer = question()
        except (tweepy.TweepyException, requests.RequestException, AttributeError, TypeError, ValueError) as error:
            raise CollectorError(f"X gave an answer that cannot be read ({type(error).__name__})") from error
        if not isinstance(answer, dict):
            raise CollectorError("X gave an answer that is not an object")
        return answer

    def on_connect(self) -> None:
        self.listener.opened()

    def on_data(self, raw_data: bytes) -> None:
        self.listener.heard(raw_data)

    def on_keep_alive(self) -> None:
        self.listener.alive()

    def on_closed(self, response: requests.Response) -> None:  # noqa: ARG002
        self.disconnect()  # or it would connect again at once

    def on_disconnect(self) -> None:
        """Who connects again says so."""

    def on_request_error(self, status_code: int) -> None:
        self._give_up(CollectorError(f"X answered {status_code} where the stream was to begin", status=status_code))

    def on_connection_error(self) -> None:
        self._give_up(CollectorError("the connection to X's stream failed or fell silent"))

    def on_exception(self, exception: Exception) -> None:
        inner = CollectorError(f"X's stream could not be read: {exception!r:.200}")
        inner.__cause__ = exception
        self._give_up(exception if isinstance(exception, CollectorError) else inner)

    def _give_up(self, problem: CollectorError) -> None:
        self.problem = problem
        self.disconnect()


class _Ear:
    """Passes on what tweepy calls for."""

    def __init__(self, line: Line, hearing: Hearing, ours: frozenset[str]) -> None:
        self._line, self._hearing, self._ours = line, hearing, ours

    def opened(self) -> None:
        self._hearing.opened(self._line.name)

    def alive(self) -> None:
        self._hearing.alive(self._line.name)

    def heard(self, line: bytes) -> None:
        self._line.take(self._hearing, line, self._ours)


def _rules_in(answer: Mapping[str, Any]) -> dict[str, str]:
    """The rules that an answer names: tags by ids."""
    found = answer.get("data") or []
    if not isinstance(found, list):
        raise CollectorError("X gave rules without the documented shape")
    return {str(rule["id"]): str(rule.get("tag") or "") for rule in found if isinstance(rule, dict) and "id" in rule}


def _ended(content: Mapping[str, Any]) -> CollectorError:
    """X's word that it ends the stream (it was too slow, there are too many connections, X is being mended)."""
    errors = content.get("errors") or [content]
    first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
    said = first.get("disconnect_type") or first.get("connection_issue") or first.get("title") or "without a reason"
    return CollectorError(f"X ended the stream: {said}. {first.get('detail', '')}".strip()[:300])
