"""Public channels of Telegram, read with a person's account by Telethon.

Limits: Telegram does not publish them; who reads too fast is told how many seconds to wait (`FLOOD_WAIT`), and who goes
on may lose the account. A hundred messages a request, back to the first. There is no search over all channels for
ordinary accounts, so channels are named.

Terms: this is the interface for people's own programs (`my.telegram.org`); Telegram's terms forbid to train models on
what it gives. An account that only reads public channels is unremarkable, but it is a person's, and may be closed.

Telethon speaks Telegram's own protocol and is an extra: `pip install "tocsin[telegram]"`. It would sleep by itself for
as long as it is told to wait, up to a minute; that is switched off. Channels where a bot may be a member are read by
`telegram`, which needs neither.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol

from pydantic import Field

from collectors.contract import CollectorError, SourceContext
from collectors.interface import secret
from collectors.listed import Listed, ListedOptions
from collectors.moments import not_after
from collectors.plain import tidy
from collectors.rounds import ODD, Found, Listing, Round, chunks, found_in, joined
from config.references import SecretReference
from storage.records import Engagement, Post, PostKind

PAGE = 100
_REPLIES = 200
_DEADLINE = 60.0
_GONE = {"ChannelInvalidError", "ChannelPrivateError", "UsernameInvalidError", "UsernameNotOccupiedError"}
_SIGNED_OUT = {
    "ApiIdInvalidError", "AuthKeyDuplicatedError", "AuthKeyInvalidError", "AuthKeyUnregisteredError",
    "SessionExpiredError", "SessionRevokedError", "UserDeactivatedBanError", "UserDeactivatedError",
}  # fmt: skip


class Options(ListedOptions):
    """Keys of a `[[sources]]` table of type `telegram_channels`."""

    channels: list[Annotated[str, Field(pattern=r"^@?\w{4,32}$")]] = Field(min_length=1, examples=[["@norrvik_news"]])
    """Public channels, by name."""
    api_id: int = Field(ge=1, examples=[12345])
    """Number of the app that is registered at my.telegram.org."""
    api_hash: SecretReference
    """The app's hash."""
    session: SecretReference
    """The signed-in account, as a string session of Telethon."""
    watch_at_most: int = Field(default=100, ge=0, le=1000)
    """How many posts are followed at a time, newest first."""


class Client(Protocol):
    """What is used of Telethon's client."""

    async def get_messages(self, entity: str, **options: Any) -> Any:
        """Messages of a channel; by `ids` those asked for, `None` for one that is gone."""

    async def disconnect(self) -> Any:
        """End the connection."""


class TelegramChannels:
    """What is asked of Telegram by Telethon."""

    service = "Telegram"
    requests_per_day: int | None = None
    at_once = 100
    counts_below = True

    def __init__(self, options: Options, context: SourceContext) -> None:
        self.kept: dict[str, Any] = {}
        self._options, self._source, self._clock = options, context.name, context.clock
        self._client: Client | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._count = 0

    @contextmanager
    def session(self) -> Iterator[None]:
        """Be connected; Telethon is asynchronous, so each question is run to its end on a loop of our own."""
        self._loop = asyncio.new_event_loop()
        try:
            self._client = self._run(lambda: connected(self._options))
            yield
        finally:
            if self._client is not None:
                self._run(self._client.disconnect)
            self._client = None
            self._loop.close()

    def asked(self) -> int:
        """Requests since this was last asked."""
        asked, self._count = self._count, 0
        return asked

    def page(self, listing: Listing, state: Round) -> Found:
        """A hundred posts of a channel before the number that `place` names."""
        messages = self._messages(listing.path, limit=PAGE, offset_id=int(state.place or 0))
        numbers = [message.id for message in messages]
        found = self._found(messages, listing.path)
        return Found(found.posts, found.bad, str(min(numbers)) if len(numbers) >= PAGE else "", found.given)

    def looked_up(self, names: Sequence[str]) -> Found:
        """Posts and comments by their names; those that are gone are missing."""
        numbers: dict[str, list[int]] = {}
        for name in names:
            channel, _, number = name.rpartition("/")
            numbers.setdefault(channel, []).append(int(number))
        found = []
        for channel, wanted in numbers.items():
            for some in chunks(wanted, PAGE):
                given = self._messages(channel.partition("#")[0], ids=list(some))
                found.append(self._found([message for message in given if message is not None], channel))
        return joined(found)

    def replies(self, root: Post, unread: int) -> Found:
        """The newest comments on a post of a channel that lets people comment, so many as are new."""
        channel, _, number = root.external_id.rpartition("/")
        wanted = min(unread, _REPLIES)
        messages = self._messages(channel, reply_to=int(number), limit=wanted)
        found = found_in(messages, lambda message: self._comment(message, root), service=self.service)
        return Found(found.posts, found.bad, "", found.given, max(unread - wanted, 0))

    def probe(self, listing: Listing) -> str:
        """Read the newest posts of the first channel."""
        found = self.page(listing, Round(0.0))
        return f"Telegram accepts the account; @{listing.path} gives {found.given} posts"

    # -- questions -----------------------------------------------------------------------------------------------------

    def _messages(self, channel: str, **options: Any) -> list[Any]:
        client = self._client
        if client is None:
            raise RuntimeError("Telegram is asked inside `with platform.session()`")
        given = self._run(lambda: client.get_messages(channel, **options))
        if given is None:
            raise CollectorError(f"Telegram gave no messages of @{channel}")
        return list(given)

    def _run(self, question: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        if self._loop is None:
            raise RuntimeError("Telegram is asked inside `with platform.session()`")
        self._count += 1
        try:
            return self._loop.run_until_complete(asyncio.wait_for(question(), _DEADLINE))
        except CollectorError:
            raise
        except (TimeoutError, OSError, EOFError) as error:
            raise CollectorError(f"Telegram could not be reached: {type(error).__name__}") from error
        except Exception as error:  # Telethon has an exception for each of Telegram's errors
            raise _meant(error) from error

    def _found(self, messages: Sequence[Any], channel: str) -> Found:
        return found_in(messages, lambda message: self._post(message, channel), service=self.service)

    def _post(self, message: Any, channel: str) -> Post | None:
        """A post of a channel; `None` for pictures without words, and notes such as that something was pinned."""
        words = message.message
        if not words:
            return None
        number = int(message.id)
        return self._common(
            message,
            external_id=f"{channel}/{number}",
            thread_id=f"{channel}/{number}",
            url=f"https://t.me/{channel}/{number}",
            author=channel,
            author_name=getattr(message, "post_author", None) or channel,
        )

    def _comment(self, message: Any, root: Post) -> Post | None:
        """A comment, which lies in the group of the channel; its numbers are the group's."""
        if not message.message:
            return None
        channel = root.external_id.rpartition("/")[0]
        above = getattr(message.reply_to, "reply_to_msg_id", None)
        top = getattr(message.reply_to, "reply_to_top_id", None)
        return self._common(
            message,
            external_id=f"{channel}#comments/{int(message.id)}",
            kind=PostKind.COMMENT,
            thread_id=root.external_id,
            parent_id=f"{channel}#comments/{above}" if top else root.external_id,
            author=str(message.sender_id),
            author_name=None,
        )

    def _common(self, message: Any, **fields: Any) -> Post:
        now, edited_at = self._clock(), getattr(message, "edit_date", None)
        return Post(
            source=self._source,
            created_at=not_after(_utc(message.date), now),
            text=tidy(message.message),
            engagement=_engagement(message),
            edited_at=_utc(edited_at) if edited_at and not getattr(message, "edit_hide", False) else None,
            collected_at=now,
            **fields,
        )


async def connected(options: Options) -> Client:
    """A client that is connected and signed in; `CollectorError` where Telethon is missing or the session is none."""
    try:
        from telethon import TelegramClient  # noqa: PLC0415  (an extra)
        from telethon.sessions import StringSession  # noqa: PLC0415
    except ImportError as error:
        message = 'Telethon is not installed; install it with: pip install "tocsin[telegram]"'
        raise CollectorError(message, permanent=True) from error
    api_hash = secret(options.api_hash, "the hash of the Telegram app")
    text = secret(options.session, "the session of the Telegram account")
    try:
        session = StringSession(text)
    except ODD as error:
        raise CollectorError("the session is no string session of Telethon", permanent=True) from error
    bounds = {"flood_sleep_threshold": 0, "connection_retries": 1, "request_retries": 1, "timeout": 15}
    client = TelegramClient(session, options.api_id, api_hash, receive_updates=False, **bounds)
    await client.connect()
    if not await client.is_user_authorized():
        await client.disconnect()
        raise CollectorError("Telegram does not know the session any more; sign in anew", permanent=True, status=401)
    return client  # type: ignore[no-any-return]


def _meant(error: Exception) -> CollectorError:
    """Telethon's exceptions by their names, so that they are understood without importing it."""
    name, seconds = type(error).__name__, getattr(error, "seconds", None)
    if isinstance(seconds, int):
        return CollectorError(
            f"Telegram wants to be left alone for {seconds} s", retry_after=float(seconds), status=429
        )
    if name in _GONE or (isinstance(error, ValueError) and "username" in str(error)):
        return CollectorError(f"Telegram knows no such public channel ({name})", permanent=True, status=404)
    if name in _SIGNED_OUT:
        return CollectorError(
            f"Telegram does not accept the account ({name}); sign in anew", permanent=True, status=401
        )
    return CollectorError(f"Telegram gave an answer that cannot be read ({name})")


def _engagement(message: Any) -> Engagement:
    reactions = getattr(getattr(message, "reactions", None), "results", None) or ()
    replies = getattr(getattr(message, "replies", None), "replies", None)
    likes = sum(reaction.count for reaction in reactions)
    return Engagement(
        likes=likes, shares=getattr(message, "forwards", None), replies=replies, views=getattr(message, "views", None)
    )


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC)


def build(options: Options, context: SourceContext) -> Listed:
    """The source as configured."""
    channels = dict.fromkeys(channel.removeprefix("@") for channel in options.channels)
    listings = [Listing(channel, is_search=False) for channel in channels]
    return Listed(TelegramChannels(options, context), listings, options, context)
