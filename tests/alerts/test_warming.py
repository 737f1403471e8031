"""What the first message would wait for is done at the start, where a channel draws."""

from __future__ import annotations

from typing import Any

from alerts import warming
from alerts.render.curve import picture
from config.settings import Settings

MAIL = {"type": "smtp", "host": "127.0.0.1", "sender": "a@halden.example", "to": ["b@halden.example"]}
HOOK = {"type": "webhook", "url": {"env": "A"}, "secret": {"env": "B"}}


def chosen(*channels: dict[str, Any]) -> Settings:
    return Settings.model_validate({"channels": list(channels)})


def test_who_writes_mails_is_ready_to_draw_after_the_start() -> None:
    thread = warming.warm(chosen(MAIL, HOOK))
    assert thread is not None
    thread.join(120)
    assert not thread.is_alive()
    assert picture(warming._page()) is not None


def test_who_draws_nothing_loads_nothing() -> None:
    assert warming.warm(chosen(HOOK)) is None
    assert warming.warm(chosen({**MAIL, "enabled": False}, HOOK)) is None


def test_a_page_that_cannot_be_drawn_stops_nothing(monkeypatch: Any) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("no fonts")

    monkeypatch.setattr(warming, "picture", refuse)
    warming.draw_for_nobody()
