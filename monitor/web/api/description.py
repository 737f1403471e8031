"""The description of the API (OpenAPI): what FastAPI knows of it, and what holds for all of it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from monitor.web.api.models import Problem

ABOUT = (
    "What goes on, for programs. Every request carries a token (`tocsin users token`) as `Authorization: Bearer …`; "
    "from the machine itself none is needed. Lists go on with `before`, which takes the `next` of the page before."
)


def describe(app: FastAPI) -> None:
    """Let the application describe itself so; made once, when somebody asks."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title="Tocsin", version="1", description=ABOUT, routes=app.routes)
            parts = made.setdefault("components", {})
            schemas = parts.setdefault("schemas", {})
            schemas["Problem"] = Problem.model_json_schema()
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            made["security"] = [{"token": []}]
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]
