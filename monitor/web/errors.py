"""What people and programs are told when something cannot be done: a page, or problem+json (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from monitor.care import CareError, UnknownIncidentError
from monitor.web.pages import page
from storage.errors import StorageError, StorageUnavailableError

_log = structlog.get_logger(__name__)

PROBLEM = "application/problem+json"
HTMX = "hx-request"


def install(app: FastAPI) -> None:
    """Let the application answer failures so."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(UnknownIncidentError, _unknown)
    app.add_exception_handler(CareError, _impossible)
    app.add_exception_handler(StorageError, _storage)


def told(request: Request, status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """The answer to a request that failed."""
    title = HTTPStatus(status).phrase
    if is_for_programs(request):
        problem = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
        return JSONResponse(problem, status, headers, PROBLEM)
    response = page(request, None, "error.html", status, title=title, detail=detail)
    response.headers.update(headers or {})
    return response


def is_for_programs(request: Request) -> bool:
    """Whether a program asks, not a person's browser."""
    return request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", "text/html")


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # which is what it is installed for
    if error.status_code == HTTPStatus.UNAUTHORIZED and not is_for_programs(request):
        wanted = request.url.path if request.method == "GET" else "/"
        address = f"/login?next={quote(wanted, safe='/')}"
        if HTMX in request.headers:
            return Response(status_code=401, headers={"HX-Redirect": address})
        return RedirectResponse(address, 303)
    return told(request, error.status_code, str(error.detail), dict(error.headers or {}))


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    mistakes = [
        {"where": ".".join(str(part) for part in found["loc"]), "what": str(found["msg"])} for found in error.errors()
    ]
    detail = "; ".join(f"{mistake['where']}: {mistake['what']}" for mistake in mistakes)
    return told(request, 422, detail, errors=mistakes)


def _unknown(request: Request, error: Exception) -> Response:
    return told(request, 404, str(error))


def _impossible(request: Request, error: Exception) -> Response:
    return told(request, 409, str(error))


def _storage(request: Request, error: Exception) -> Response:
    _log.error("the database failed a page", reason=str(error), path=request.url.path)
    if isinstance(error, StorageUnavailableError):
        return told(request, 503, "The database does not answer just now; try again.", {"Retry-After": "5"})
    return told(request, 500, "The database refused; the log says why.")
