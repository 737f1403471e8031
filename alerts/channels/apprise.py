"""Apprise: a hundred further services by one address each, where nothing better is at hand.

The library (`pip install "tocsin[apprise]"`) says only whether it worked. What its log says of the reason is enough to
tell "nobody answered" and "too many" from doubt, and no more; it neither edits nor looks anything up, and its own
connections are bounded by the read, so one that is given up at the deadline may still end later. A channel of Tocsin's
own knows its service better: use this for what has none. https://appriseit.com.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

from pydantic import Field

from alerts.buckets import Pace
from alerts.channels.contract import ChannelContext, ChannelError, ChannelOptions, Message, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.render.curve import picture
from alerts.render.line import line, summary
from alerts.render.outside import cut
from alerts.render.plain import plain
from alerts.render.story import tell
from alerts.transport import connect
from alerts.web_channel import WebChannel, reference
from config.references import SecretReference
from storage.records import Severity

LONGEST_TITLE = 180
_TYPES = {Severity.CRITICAL: "failure", Severity.WARNING: "warning", Severity.WATCH: "info"}
_CALLS = re.compile(r"@(?=\w)|<(?=[!@#])")
_STATUS = re.compile(r"error=(\d{3})")
_NOBODY = ("NewConnectionError", "NameResolutionError", "ConnectTimeout", "Connection refused", "Failed to resolve")
_LATER = ("408", "425", "429")
_MEND = ("401", "403", "404", "410")


class Options(ChannelOptions):
    """The keys of a `[[channels]]` table of the type `apprise`."""

    draws: ClassVar[bool] = True
    pace: ClassVar[Pace | None] = Pace(every=6, burst=5)

    url: SecretReference
    """Where the service's Apprise address lies, such as ntfys://topic or pover://user@token; it is a secret."""
    place: str = Field(default="service", min_length=1)
    """What the place behind it is called in our own messages."""
    picture: bool = True
    """Whether the curve is attached, where the service takes pictures."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The place behind the address."""
        return (self.place,)


@dataclass(frozen=True, slots=True)
class AppriseChannel(WebChannel[Options]):
    """One address."""

    def send(self, message: Message, deadline: Deadline) -> Receipt:
        """Send the page as text, with its curve where that is possible."""
        service = self._service(deadline)
        result = _Attempt(lambda: self._notify(service, message)).result(deadline)
        if result.error is not None:
            raise ChannelError(f"{self.name}: {type(result.error).__name__}", Outcome.AMBIGUOUS) from result.error
        if result.worked is None:
            raise ChannelError(f"{self.name}: no answer in time", Outcome.AMBIGUOUS)
        if not result.worked:
            raise self._failure("\n".join(result.log))
        return Receipt(message.delivery_id)

    def probe(self, deadline: Deadline) -> str:
        """Read the address, and connect to where it leads; Apprise offers no way to sign in without sending."""
        service = self._service(deadline)
        host = str(getattr(service, "host", "") or "")
        what = str(getattr(service, "service_name", None) or type(service).__name__)
        if not host or not is_host(host):
            return f"the address is one of {what}; whether it is right shows the first message"
        port = getattr(service, "port", None) or (443 if getattr(service, "secure", True) else 80)
        try:
            connect(host, int(port), deadline).close()
        except OSError as error:
            raise ChannelError(f"{self.name}: nobody answers for {what}: {error}", Outcome.NOT_DELIVERED) from error
        return f"the address is one of {what}, and somebody answers there"

    def _service(self, deadline: Deadline) -> Any:
        """The service behind the address; it follows no redirect, cuts what is too long, and waits for no turn."""
        address = self.secret(self.options.url)
        library = self.library()
        try:
            left = deadline.require()
        except TimeoutError as error:
            raise ChannelError(f"{self.name}: reached too late", Outcome.NOT_DELIVERED) from error
        with _log_of_this_thread():
            service = library.Apprise.instantiate(address, asset=library.AppriseAsset(async_mode=False))
        if service is None:
            said = f"{self.name}: what {self.options.url} holds is no address that Apprise knows"
            raise ChannelError(said, Outcome.BROKEN, whole_channel=True)
        service.overflow_mode = library.OverflowMode.TRUNCATE
        service.redirects = False
        service.socket_connect_timeout = service.socket_read_timeout = left
        service.request_rate_per_sec = 0
        return service

    def library(self) -> Any:
        """The package, which is imported only where it is used."""
        try:
            library = import_module("apprise")
            import_module("apprise.attachment.memory")
        except ModuleNotFoundError as error:
            said = f'{self.name}: the apprise package is not installed; pip install "tocsin[apprise]"'
            raise ChannelError(said, Outcome.BROKEN, whole_channel=True) from error
        return library

    def _notify(self, service: Any, message: Message) -> bool:
        """Send by the service itself: the library's own dispatcher would hand it to threads and tries of its own."""
        library = self.library()
        kind = "success" if not message.page.state.is_live else _TYPES[message.page.severity]
        convert = library.conversion.convert_between
        attached = self._attachment(message, library) if getattr(service, "attachment_support", False) else None
        return bool(
            service.notify(
                body=convert(library.NotifyFormat.TEXT, service.notify_format, _body(message)),
                title=_title(message),
                notify_type=library.NotifyType(kind),
                attach=attached,
            )
        )

    def _attachment(self, message: Message, library: Any) -> Any:
        drawn = picture(message.page) if self.options.picture else None
        if drawn is None:
            return None
        make = library.attachment.memory.AttachMemory
        return library.AppriseAttachment(make(content=drawn, name="curve.png", mimetype="image/png", encoding=None))

    def _failure(self, log: str) -> ChannelError:
        """What the library's log says of the reason; its words are not repeated, since they hold addresses."""
        found = _STATUS.search(log)
        status = found[1] if found else ""
        if any(word in log for word in _NOBODY):
            return ChannelError(f"{self.name}: nobody answers there", Outcome.NOT_DELIVERED)
        if status in _LATER:
            return ChannelError(f"{self.name}: refused for now ({status})", Outcome.NOT_DELIVERED, retry_after=30.0)
        if status in _MEND:
            said = f"{self.name}: refused ({status}); check the address"
            return ChannelError(said, Outcome.BROKEN, whole_channel=True)
        if status.startswith("4"):
            return ChannelError(f"{self.name}: refused ({status})", Outcome.REFUSED)
        told = f" ({status})" if status else ""
        return ChannelError(f"{self.name}: Apprise says that it did not work{told}", Outcome.AMBIGUOUS)


def build(options: Options, context: ChannelContext) -> AppriseChannel:
    """The channel of one configuration, with the library loaded: that takes longer than a message may."""
    logging.getLogger("urllib3").setLevel(logging.INFO)  # it would log addresses, and so secrets
    channel = AppriseChannel(options, context)
    with suppress(ChannelError), _log_of_this_thread():  # where it is not installed, the first message says so
        channel.library().Apprise.instantiate("json://localhost")
    return channel


def is_host(text: str) -> bool:
    """Whether it is the name of a machine; Apprise also calls other things a host, such as a topic or a token."""
    return "." in text or text == "localhost"


def defused(text: str) -> str:
    """The text with nothing in it that calls people on one service or another."""
    return _CALLS.sub(lambda found: f"{found[0]}\u2060", text)


def _title(message: Message) -> str:
    return defused(cut(summary(tell(message.page)), LONGEST_TITLE))


def _body(message: Message) -> str:
    try:
        said = plain(message.page)
    except Exception:  # noqa: BLE001  (whatever is wrong with a form, a plainer one must still go out)
        said = f"{line(message.page)}\n"
    return defused(f"{said}ref {reference(message)}")


@dataclass
class _Result:
    worked: bool | None = None
    error: Exception | None = None
    log: tuple[str, ...] = ()


class _Attempt:
    """Something that cannot be interrupted, done in a thread that is left behind when it does not end in time."""

    def __init__(self, work: Callable[[], bool]) -> None:
        self._work = work
        self._result = _Result()
        self._thread = threading.Thread(target=self._run, name="apprise", daemon=True)

    def result(self, deadline: Deadline) -> _Result:
        """What came of it by the deadline."""
        self._thread.start()
        self._thread.join(max(0.0, deadline.remaining()))
        return self._result if not self._thread.is_alive() else _Result()

    def _run(self) -> None:
        with _log_of_this_thread() as log:
            try:
                worked = self._work()
            except Exception as error:  # noqa: BLE001  (a library of a hundred services may raise anything)
                self._result.error = error
                return
        self._result.log = tuple(log)
        self._result.worked = worked


@contextmanager
def _log_of_this_thread() -> Any:
    """What the library logs in this thread, which goes nowhere else: it holds addresses, and so secrets."""
    logger, log = logging.getLogger("apprise"), list[str]()
    handler = _Keeper(log)
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        yield log
    finally:
        logger.removeHandler(handler)


class _Keeper(logging.Handler):
    """Keeps the lines of the thread that made it."""

    def __init__(self, log: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._log = log
        self._owner = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        if record.thread == self._owner:
            self._log.append(record.getMessage())
