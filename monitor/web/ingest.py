"""`POST /ingest/NAME`: posts that another program hands in. Durable before it is answered, and idempotent."""

from __future__ import annotations

from hashlib import blake2b

import structlog
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from collectors.contract import CollectorError
from collectors.webhook import LARGEST_BODY, Options, SignatureError, verify
from collectors.webhook_posts import Message, MessageError, message_of
from monitor.web.access import Anyone
from monitor.web.desk import Desk, desk_of
from storage import inbox as inbox_store
from storage.errors import StorageError

_log = structlog.get_logger(__name__)

router = APIRouter(prefix="/ingest", include_in_schema=False)


@router.get("")
def schema(_: Anyone) -> JSONResponse:
    """The JSON Schema of a message."""
    return JSONResponse(Message.model_json_schema())


@router.post("/{name}")
async def ingest(name: str, request: Request, _: Anyone) -> JSONResponse:
    """Take a message: 202 with counts once it is stored, or 4xx with what is wrong (the lock is its signature)."""
    desk = desk_of(request)
    options = _options(desk, name)
    if options is None:
        return _refused(404, f"there is no source {name:.100} of type webhook")
    body = await request.body()
    if len(body) > LARGEST_BODY:
        return _refused(413, f"a message may have {LARGEST_BODY:,} bytes")
    try:
        message_id = verify(options, request.headers, body, desk.clock())
    except SignatureError as error:
        _log.warning("message refused", source=name, reason=str(error))
        return _refused(401, str(error))
    except CollectorError as error:
        _log.error("messages cannot be taken", source=name, reason=str(error))
        return _refused(503, "this source is not set up rightly; its operators find the reason in the log")
    if not _is_json(request.headers.get("content-type", "")):
        return _refused(415, "content-type is to be application/json")
    return await run_in_threadpool(_taken, desk, name, message_id, body)


def _taken(desk: Desk, name: str, message_id: str, body: bytes) -> JSONResponse:
    try:
        posts = message_of(body, [brand.name for brand in desk.settings.brands])
    except MessageError as error:
        return _refused(400 if error.is_no_json else 422, *error.complaints)
    digest = blake2b(body, digest_size=16).hexdigest()
    try:
        with desk.database.write() as tx:
            taken = inbox_store.accept(tx, name, message_id, digest, posts, desk.clock())
    except inbox_store.MessageReusedError:
        return _refused(409, f"webhook-id: {message_id} has come before with another body; give each message its own")
    except StorageError as error:
        _log.error("message could not be stored", source=name, reason=str(error))
        return _refused(503, "it could not be stored; send it again later")
    _log.info("message taken", source=name, accepted=taken.accepted, known=taken.known)
    return JSONResponse({"accepted": taken.accepted, "known": taken.known, "repeated": taken.repeated}, 202)


def _options(desk: Desk, name: str) -> Options | None:
    """The options of the source that is meant, if it takes messages."""
    for source in desk.settings.sources:
        if source.name == name and source.type == "webhook" and source.enabled:
            return Options.model_validate(source.options)
    return None


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _refused(status: int, *complaints: str) -> JSONResponse:
    return JSONResponse({"errors": list(complaints)}, status, {"Retry-After": "60"} if status == 503 else None)
