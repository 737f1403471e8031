"""What the served page answers to whoever speaks another protocol."""

from __future__ import annotations

import httpx
import pytest

from config.web import WebSettings
from monitor.web.serving import Serving
from tests.monitor.web.desks import desk

UPGRADE = {"connection": "Upgrade", "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}


@pytest.mark.parametrize("path", ["/", "/live", "/nowhere"])
def test_whoever_asks_for_a_websocket_is_told_that_there_is_none_and_the_log_advises_nothing(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with desk(WebSettings(port=0)) as of:
        serving = Serving(of)
        serving.start()
        answer = httpx.get(f"{serving.address}{path}", headers={**UPGRADE, "upgrade": "websocket"})
        still = httpx.get(f"{serving.address}/healthz")
        serving.stop()
    assert (answer.status_code, answer.text) == (400, "There is no WebSocket here.\n")
    assert still.status_code == 200
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == []
