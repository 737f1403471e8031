"""Slack, as a bot: one message an incident, kept up to date by editing, with what is new in its thread.

The bot needs the scopes `chat:write` and, to find out whether a message whose answer was lost did arrive,
`channels:history` (`groups:history` for private channels); with `files:write` the curve is a picture.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from pydantic import Field, field_validator
from slack_sdk.errors import SlackApiError, SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.web import SlackResponse

from alerts.buckets import Pace
from alerts.channels.contract import ChannelContext, ChannelError, ChannelOptions, Message, OnDoubt, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.render import slack as render
from alerts.render.ladder import rungs
from alerts.render.line import line
from alerts.slack_api import Client, meaning
from alerts.slack_files import GONE, MISSING, lacks_scope, upload
from alerts.web_channel import RootLostError, TooMuchError
from config.references import MissingSecretError, SecretReference
from storage.records import Reason, Severity

Form = Mapping[str, Any]

_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{2,}")
_MENTION = re.compile(r"here|channel|everyone|[UWS][A-Z0-9]{2,}")
_EVENT = "tocsin_delivery"
_CLOCKS_DIFFER = timedelta(seconds=60)
_TAKEN_WITHIN = timedelta(seconds=60)
"""After an attempt began Slack takes its message, or never: longer than a request lasts, and it bounds what is read."""
_PAGE = 200
_MOST_READS = 8
_LOUD = (Reason.OPENED, Reason.ESCALATED)


class Options(ChannelOptions):
    """The keys of a `[[channels]]` table of the type `slack`."""

    edits: ClassVar[bool] = True
    draws: ClassVar[bool] = True
    pace: ClassVar[Pace | None] = Pace(every=1.2, burst=5)

    token: SecretReference
    """Where the bot token (xoxb-…) lies."""
    channels: list[str] = Field(min_length=1, examples=[["C0123ABCD"]])
    """Ids of the channels to write to, such as C0123ABCD (at the end of "View channel details")."""
    mentions: dict[Severity, list[str]] = Field(default_factory=dict)
    """Who is called at which severity: user or group ids (U…, S…), "here" or "channel"."""
    app_token: SecretReference | None = None
    """Where the app-level token (xapp-…, scope connections:write) lies: buttons come in through Socket Mode."""
    signing_secret: SecretReference | None = None
    """Where the signing secret lies: buttons come in as requests to /inbound/slack/NAME of the web page instead."""
    old_signing_secret: SecretReference | None = None
    """The secret before it, while it is being changed."""
    responders: list[str] = Field(default_factory=list)
    """User ids (U…) that may press; empty for everybody who can see the message."""
    picture: bool = True
    """Whether the curve is uploaded as a picture, for which the bot needs the scope files:write; else it is bars."""
    base_url: str = Field(default="https://slack.com/api/", pattern=r"^https?://\S+/$")
    """Address of the API."""
    proxy: str = Field(default="", pattern=r"^(http://\S+)?$")
    """Address of an HTTP proxy to go through."""

    @field_validator("channels")
    @classmethod
    def _name_ids(cls, channels: list[str]) -> list[str]:
        for channel in channels:
            if not _CHANNEL_ID.fullmatch(channel):
                raise ValueError(
                    f"{channel!r} is not a channel id; names change and cannot be read back, so copy the id "
                    '(C0123ABCD) from the end of "View channel details" in Slack'
                )
        return list(dict.fromkeys(channels))

    @field_validator("mentions")
    @classmethod
    def name_people(cls, mentions: dict[Severity, list[str]]) -> dict[Severity, list[str]]:
        """Refuse what calls nobody."""
        for mention in (one for called in mentions.values() for one in called):
            if not _MENTION.fullmatch(mention):
                raise ValueError(f'{mention!r} calls nobody; write a user or group id (U…, S…), "here" or "channel"')
        return mentions

    @property
    def targets(self) -> tuple[str, ...]:
        """The channel ids."""
        return tuple(self.channels)

    @property
    def has_buttons(self) -> bool:
        """Whether presses can come back to us."""
        return self.app_token is not None or self.signing_secret is not None


@dataclass(frozen=True, slots=True)
class SlackChannel:
    """One workspace, through one bot."""

    options: Options
    context: ChannelContext
    on_doubt: OnDoubt = OnDoubt.CHECK

    @property
    def name(self) -> str:
        """The channel's configured name."""
        return self.context.name

    @property
    def illustrates(self) -> bool:
        """Whether the curve is uploaded as a picture."""
        return self.options.picture

    def send(self, message: Message, deadline: Deadline) -> Receipt:
        """Post the incident's message, or edit it and answer in its thread."""
        client = self._client(deadline)
        if message.root is None:
            return self._begin(client, message)
        try:
            picture = self._edit(client, message, message.root)
            if _is_edit_only(message):
                return Receipt(message.root, picture)
            return replace(self._reply(client, message, message.root), picture=picture)
        except RootLostError:
            return Receipt(message.root) if message.is_retraction else self._begin(client, message)

    def find(self, message: Message, since: datetime, deadline: Deadline) -> Receipt | None:
        """Look through the channel, or the incident's thread, for the message's delivery id."""
        if message.root is not None and _is_edit_only(message):
            return None  # to edit once more repeats nothing
        for posted in self._history(self._client(deadline), message, since - _CLOCKS_DIFFER):
            payload = (posted.get("metadata") or {}).get("event_payload") or {}
            if payload.get("delivery_id") == message.delivery_id:
                return Receipt(f"{message.target}:{posted['ts']}")
        return None

    def probe(self, deadline: Deadline) -> str:
        """Ask Slack who we are, and look into each channel."""
        client = self._client(deadline)
        who = self._call(client.auth_test, "auth.test")
        for channel in self.options.channels:
            self._call(partial(client.conversations_history, channel=channel, limit=1), channel)
        rooms = f"{len(self.options.channels)} channel{'s' if len(self.options.channels) != 1 else ''}"
        found = [f"signed in to {who.get('team', 'Slack')} as {who.get('user', 'a bot')}", f"may read {rooms}"]
        found += [self._probed_buttons(deadline)] if self.options.has_buttons else []
        found += [MISSING] if self.options.picture and lacks_scope(who) else []
        return "; ".join(found)

    def _probed_buttons(self, deadline: Deadline) -> str:
        """Ask for an address to listen at, which opens nothing yet."""
        if self.options.app_token is None:
            return "presses come in as signed requests"
        client = self._client(deadline, self.options.app_token)
        self._call(partial(client.api_call, "apps.connections.open"), "app_token: apps.connections.open")
        return "presses come in through Socket Mode"

    def _client(self, deadline: Deadline, reference: SecretReference | None = None) -> Client:
        try:
            token = (reference or self.options.token).resolve().get_secret_value()
        except MissingSecretError as error:
            raise ChannelError(f"{self.name}: {error}", Outcome.BROKEN, whole_channel=True) from error
        return Client(token, self.options.base_url, deadline, self.options.proxy)

    def upload(self, drawn: bytes, alternative: str, deadline: Deadline) -> str:
        """Upload a picture as a file that the bot alone sees until a message shows it."""
        try:
            return upload(self._client(deadline), drawn, alternative)
        except SlackApiError as error:
            raise meaning(error, f"{self.name}: the picture", self.context.clock()) from error

    def discard(self, file: str, deadline: Deadline) -> None:
        """Delete a file."""
        client = self._client(deadline)
        try:
            client.files_delete(file=file)
        except SlackApiError as error:
            if error.response.get("error") not in GONE:
                raise meaning(error, f"{self.name}: files.delete", self.context.clock()) from error

    def _begin(self, client: Client, message: Message) -> Receipt:
        """Post a message of the incident."""
        forms = _roots(message, self._mentions(message), self.options.has_buttons)
        return self._post(client, message, forms)

    def _post(self, client: Client, message: Message, forms: Iterator[Form]) -> Receipt:
        """Post the fullest form that Slack takes."""
        identity = {"event_type": _EVENT, "event_payload": {"delivery_id": message.delivery_id}}
        post = partial(
            client.chat_postMessage, channel=message.target, metadata=identity, unfurl_links=False, unfurl_media=False
        )
        posted, form = self._first_taken(post, "chat.postMessage", forms)
        return Receipt(f"{message.target}:{posted['ts']}", _shown(form))

    def _reply(self, client: Client, message: Message, root: str) -> Receipt:
        """Answer in the thread; what begins again or got worse is shown in the channel as well."""
        thread = {"thread_ts": _ts(root), "reply_broadcast": message.page.reason in _LOUD}
        calls = message.page.reason in (*_LOUD, Reason.REMINDER)
        mentions = self._mentions(message) if calls else []
        return self._post(client, message, ({**form, **thread} for form in _replies(message, mentions)))

    def _edit(self, client: Client, message: Message, root: str) -> str:
        """Bring the incident's message up to date, and say which picture it shows.

        To do so twice shows nothing twice, so doubt is no matter here.
        """
        edit = partial(client.chat_update, channel=message.target, ts=_ts(root))
        try:
            return _shown(self._first_taken(edit, "chat.update", _roots(message, [], self.options.has_buttons))[1])
        except ChannelError as error:
            if error.outcome is Outcome.AMBIGUOUS:
                raise ChannelError(str(error), Outcome.NOT_DELIVERED) from error
            raise

    def _first_taken(
        self, call: Callable[..., SlackResponse], what: str, forms: Iterator[Form]
    ) -> tuple[SlackResponse, Form]:
        refusal: ChannelError | None = None
        for form in forms:
            try:
                return self._call(partial(call, **form), what), form
            except TooMuchError as error:
                refusal = error
        raise refusal or ChannelError(f"{self.name}: no form of the message could be made", Outcome.REFUSED)

    def _history(self, client: Client, message: Message, since: datetime) -> Iterator[Mapping[str, Any]]:
        """Messages of that time where this one would stand; `ChannelError` where they are too many to read."""
        until = since + 2 * _CLOCKS_DIFFER + _TAKEN_WITHIN
        asked = {
            "channel": message.target,
            "oldest": f"{since.timestamp():.6f}",
            "latest": f"{until.timestamp():.6f}",
            "limit": _PAGE,
        }
        cursor: str | None = None
        for _ in range(_MOST_READS):
            page = self._call(partial(_read_page, client, message.root, asked, cursor), "history")
            yield from page.get("messages") or []
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return
        raise ChannelError(f"{self.name}: too many messages to look through", Outcome.NOT_DELIVERED)

    def _mentions(self, message: Message) -> list[str]:
        if message.page.drill or message.page.entries or not message.page.state.is_live:
            return []
        return [mention_of(one) for one in self.options.mentions.get(message.page.severity, [])]

    def _call(self, call: Callable[[], SlackResponse], what: str) -> SlackResponse:
        try:
            return call()
        except SlackApiError as error:
            raise meaning(error, f"{self.name}: {what}", self.context.clock()) from error


def build(options: Options, context: ChannelContext) -> SlackChannel:
    """The channel of one configuration."""
    logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)  # it would log what we judge and log ourselves
    return SlackChannel(options, context)


def _roots(message: Message, mentions: Sequence[str], buttons: bool) -> Iterator[Form]:
    """The forms of an incident's message; a picture that Slack does not show (yet) gives way to the one before it, and
    that to bars."""
    page = message.page

    def whole(file: str) -> Form:
        blocks = checked(render.root(page, mentions, buttons=buttons, file=file))
        return {"blocks": blocks, "text": render.notification(page, mentions)}

    return rungs(
        message.delivery_id,
        [
            *(partial(whole, file) for file in (*message.pictures, "")),
            lambda: {"blocks": [], "text": render.text(page, mentions)},
            lambda: {"blocks": [], "text": render.escaped(line(page))},
        ],
    )


def _replies(message: Message, mentions: Sequence[str]) -> Iterator[Form]:
    page = message.page
    return rungs(
        message.delivery_id,
        [
            lambda: {"blocks": checked(render.reply(page, mentions)), "text": render.notification(page, mentions)},
            lambda: {"blocks": [], "text": render.notification(page, mentions)},
            lambda: {"blocks": [], "text": render.escaped(line(page))},
        ],
    )


def checked(blocks: Sequence[render.Block]) -> list[render.Block]:
    """The blocks, if slack_sdk finds nothing in them that Slack would refuse; else `SlackObjectFormationError`."""
    parsed = Block.parse_all(list(blocks))
    if len(parsed) != len(blocks):
        raise SlackObjectFormationError("a block is of no known type")
    return [block.to_dict() for block in parsed]


def _shown(form: Form) -> str:
    """The picture in a form, by its name at Slack; nothing where there is none."""
    return next((block["slack_file"]["id"] for block in form["blocks"] if "slack_file" in block), "")


def _is_edit_only(message: Message) -> bool:
    return message.page.reason is Reason.UPDATE and not message.page.changed


def _read_page(client: Client, root: str | None, asked: Mapping[str, Any], cursor: str | None) -> SlackResponse:
    wanted = {**asked, "include_all_metadata": True, **({"cursor": cursor} if cursor else {})}
    if root is not None:
        return client.conversations_replies(ts=_ts(root), **wanted)
    return client.conversations_history(**wanted)


def _ts(remote_id: str) -> str:
    return remote_id.rpartition(":")[2]


def mention_of(who: str) -> str:
    """Slack's form of calling somebody, by what the options say."""
    if who in ("here", "channel", "everyone"):
        return f"<!{who}>"
    return f"<!subteam^{who}>" if who.startswith("S") else f"<@{who}>"
