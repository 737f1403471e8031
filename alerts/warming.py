"""Doing once, at the start, what would make the first message wait.

The library that draws the curve takes a second or two of work to load and to find its fonts; on a busy machine that is
more than a message has from its claim to its end.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import structlog

from alerts.channels.contract import ChannelOptions
from alerts.page import Curve, Page
from alerts.render.curve import picture
from alerts.render.html import html
from alerts.routing import CHANNELS
from config.plugins import options_of
from config.settings import Settings
from storage.records import Reason, Severity

_log = structlog.get_logger(__name__)


def warm(settings: Settings) -> threading.Thread | None:
    """Draw a page for nobody in a thread of its own, where a channel draws at all; the thread, or nothing."""
    kinds = {channel.type for channel in settings.channels if channel.enabled}
    if not any(_draws(kind) for kind in kinds):
        return None
    thread = threading.Thread(target=draw_for_nobody, name="warm", daemon=True)
    thread.start()
    return thread


def draw_for_nobody() -> None:
    """Draw and forget; what goes wrong with it is no worse than the first message being slow."""
    try:
        page = _page()
        picture(page)
        html(page)
    except Exception:  # noqa: BLE001  (the message that is drawn later says what is wrong, and goes out plainer)
        _log.exception("a page could not be drawn at the start")


def _draws(kind: str) -> bool:
    options = options_of(CHANNELS, kind)
    return issubclass(options, ChannelOptions) and options.draws


def _page() -> Page:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    curve = Curve(at - timedelta(hours=1), 300, tuple(map(float, range(12))), marks=())
    return Page("Nothing", "nobody", Severity.WATCH, Reason.OPENED, "", at, at, curve=curve)
