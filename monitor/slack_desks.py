"""The desks of every configured Slack channel that has buttons, with the lines through which presses come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from alerts.channels.slack import Options
from alerts.slack_requests import Once, Signed
from alerts.slack_socket import SlackSocket
from config.settings import Settings
from monitor.care import Care
from monitor.slack_desk import SlackDesk
from storage.database import Database


@dataclass(frozen=True, slots=True)
class SlackDesks:
    """Desks by the name of their channel, and a line for each that has an app-level token."""

    desks: Mapping[str, SlackDesk]
    sockets: tuple[SlackSocket, ...]
    signed: Signed

    @classmethod
    def build(
        cls,
        settings: Settings,
        care: Care,
        database: Database,
        clock: Callable[[], datetime],
        on_done: Callable[[], object] = lambda: None,
    ) -> Self:
        """The desks of one configuration; nothing is connected yet."""
        once = Once(clock)
        chosen = [one for one in settings.channels if one.enabled and one.type == "slack"]
        options = {one.name: Options.model_validate(one.options) for one in chosen}
        desks = {
            name: SlackDesk(said, care, database, clock, on_done, once)
            for name, said in options.items()
            if said.has_buttons
        }
        sockets = [
            SlackSocket(name, desk.options.app_token, desk.options.base_url, desk.options.proxy, desk.receive, once)
            for name, desk in desks.items()
            if desk.options.app_token is not None
        ]
        return cls(desks, tuple(sockets), Signed(clock, once))

    def start(self) -> None:
        """Begin to listen."""
        for socket in self.sockets:
            socket.start()

    def stop(self) -> None:
        """Listen no more, and finish what is under way."""
        for socket in self.sockets:
            socket.stop()
        for desk in self.desks.values():
            desk.close()
