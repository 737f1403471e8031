"""Puts the web application together; nothing is made at import time.

A router is one noun of the page or of the API: `monitor/web/NAME.py` with a `router`, mounted in `ROUTERS` below.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.routing import BaseRoute, Mount

from monitor.web import (
    errors,
    explore,
    health,
    inbound,
    incident,
    ingest,
    live,
    metrics,
    now,
    reports,
    review,
    signin,
    sources,
    tune,
    work,
)
from monitor.web.access import Access
from monitor.web.api import incidents as api_incidents
from monitor.web.api import posts as api_posts
from monitor.web.api import sources as api_sources
from monitor.web.api import work as api_work
from monitor.web.api.description import describe
from monitor.web.desk import Desk
from monitor.web.guard import Guard, known_hosts

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    signin.router,
    live.router,
    now.router,
    incident.router,
    work.router,
    reports.router,
    explore.router,
    tune.router,
    sources.router,
    review.router,
    inbound.router,
    ingest.router,
    metrics.router,
    api_incidents.router,
    api_posts.router,
    api_sources.router,
    api_work.router,
)


class UnguardedRouteError(Exception):
    """A route does not say who may use it."""


def create(desk: Desk) -> FastAPI:
    """The web application over one desk; a route without exactly one `Access` is refused."""
    made = FastAPI(title="Tocsin", docs_url=None, redoc_url=None, openapi_url=None)
    made.state.desk = desk
    made.add_middleware(Guard, hosts=known_hosts(desk.settings), throttle=desk.requests, clock=desk.clock)
    errors.install(made)
    for router in ROUTERS:
        made.include_router(router)
    made.mount("/static", StaticFiles(directory=str(files("monitor.web") / "static")), name="static")
    describe(made)
    _refuse_unguarded()
    return made


def _refuse_unguarded() -> None:
    for router in ROUTERS:
        for route in router.routes:
            if not isinstance(route, Mount) and len(list(accesses(route))) != 1:
                raise UnguardedRouteError(f"{getattr(route, 'path', route)} must ask for one Access, such as Viewer")


def accesses(route: BaseRoute) -> Iterator[Access]:
    """What a route asks for."""
    yield from _accesses_in(getattr(route, "dependant", None))


def _accesses_in(dependant: Any) -> Iterator[Access]:
    for inner in getattr(dependant, "dependencies", ()):
        if isinstance(inner.call, Access):
            yield inner.call
        yield from _accesses_in(inner)
