"""A web application over a real database, and a browser that sits on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from fastapi import FastAPI
from fastapi.testclient import TestClient

from config.settings import BrandSettings, Settings
from config.web import WebSettings
from monitor.web.app import create
from monitor.web.desk import Desk
from storage.database import Database

NOW = datetime(2024, 6, 2, 15, 0, tzinfo=UTC)
HOME = "http://127.0.0.1:8477"
_LAST: list[tuple[Desk, FastAPI]] = []


@contextmanager
def desk(
    web: WebSettings | None = None, database: Database | None = None, brands: Sequence[str] = ("Acme",)
) -> Iterator[Desk]:
    """A desk over a database in memory, or the one given, at a standing clock."""
    settings = Settings(brands=[BrandSettings(name=name) for name in brands], web=web or WebSettings())
    if database is not None:
        yield Desk.build(settings, database, lambda: NOW)
        return
    with Database.open("sqlite://") as opened:
        yield Desk.build(settings, opened, lambda: NOW)


def browser(of: Desk, *, at: str = HOME, address: str = "127.0.0.1") -> TestClient:
    """Somebody who asks for the page at `at` from `address`."""
    return TestClient(application(of), base_url=at, client=(address, 50_000), follow_redirects=False)


def application(of: Desk) -> FastAPI:
    """Put together once for a desk, however many people come: that takes longer than most answers."""
    if not _LAST or _LAST[0][0] is not of:
        _LAST[:] = [(of, create(of))]
    return _LAST[0][1]


def token_in(html: str) -> str:
    """What the forms of a page carry."""
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', html)
    assert found is not None, html
    return found[1]
