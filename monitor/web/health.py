"""Whether the program lives, and whether it can work: for supervisors and load balancers."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from monitor.web.access import Anyone
from monitor.web.desk import Desk, desk_of
from storage import instances
from storage.errors import StorageError

_log = structlog.get_logger(__name__)

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
def healthz(_: Anyone) -> JSONResponse:
    """The process answers."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz")
def readyz(_: Anyone, desk: Annotated[Desk, Depends(desk_of)]) -> JSONResponse:
    """The database answers; otherwise 503."""
    try:
        with desk.database.read() as tx:
            instances.names(tx)
    except StorageError as error:
        _log.warning("not ready", reason=str(error))
        return JSONResponse({"status": "the database does not answer"}, 503)
    return JSONResponse({"status": "ok"})
