"""Tells pages that something changed, by server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated

import anyio
from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from monitor.web.access import Viewer
from monitor.web.desk import Desk, desk_of
from monitor.web.watch import LOOKS_EVERY
from storage.changes import Mark

router = APIRouter(include_in_schema=False)

QUIET_LOOKS = 15
"""Looks without a change after which a stream says that it lives, so that proxies do not take it for dead."""


@router.get("/live")
async def live(request: Request, _: Viewer, desk: Annotated[Desk, Depends(desk_of)]) -> StreamingResponse:
    """A stream with an event `changed` whenever something did."""
    return stream(_changes(request, desk))


def stream(events: AsyncIterator[str]) -> StreamingResponse:
    """Server-sent events."""
    return StreamingResponse(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def event(name: str, told: object, number: str = "") -> str:
    """One event of a stream."""
    head = f"id: {number}\n" if number else ""
    return f"{head}event: {name}\ndata: {json.dumps(told, ensure_ascii=False)}\n\n"


async def marks(request: Request, desk: Desk) -> AsyncIterator[Mark | None]:
    """Where things stand, now and after each change; None when nothing changed for long. Ends with the listener."""
    known = await run_in_threadpool(desk.watch.mark)
    yield known
    quiet = 0
    while not desk.stopping.is_set() and not await request.is_disconnected():
        await anyio.sleep(LOOKS_EVERY)
        mark = await run_in_threadpool(desk.watch.mark)
        quiet += 1
        if mark != known:
            known, quiet = mark, 0
            yield mark
        elif quiet >= QUIET_LOOKS:
            quiet = 0
            yield None


async def _changes(request: Request, desk: Desk) -> AsyncIterator[str]:
    yield "retry: 3000\n\n"
    is_first = True
    async for mark in marks(request, desk):
        if mark is None:
            yield ": still here\n\n"
        elif not is_first:
            yield event("changed", {"at": desk.clock().isoformat()})
        is_first = False
