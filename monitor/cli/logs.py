"""The log of the running program: a line for each event, without secrets and outsiders' control characters."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Collection, Iterator, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from config.settings import Settings

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
HIDDEN = "***"


def begin(secrets: Collection[str] = ()) -> None:
    """Log to standard error: for people at a terminal, JSON elsewhere. No line ever shows one of `secrets`."""
    import structlog

    people = sys.stderr.isatty()
    last: Any = structlog.dev.ConsoleRenderer() if people else structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            Cleaner(secrets),
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@contextmanager
def quiet() -> Iterator[None]:
    """No log while a command talks to a person itself."""
    import structlog

    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


class Cleaner:
    """A step of the log that hides secrets by their value and removes control characters from what outsiders wrote."""

    def __init__(self, secrets: Collection[str]) -> None:
        worth = sorted({secret for secret in secrets if len(secret) >= 4}, key=len, reverse=True)
        self._secret = re.compile("|".join(map(re.escape, worth))) if worth else None

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Clean every value of a line, however deep."""
        return {key: self._clean(value, keep_lines=key == "exception") for key, value in event.items()}

    def _clean(self, value: Any, *, keep_lines: bool = False) -> Any:
        if isinstance(value, dict):
            return {key: self._clean(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple, set)):
            return [self._clean(inner) for inner in value]
        if isinstance(value, (int, float, bool)) or value is None:
            return value
        text = self._secret.sub(HIDDEN, str(value)) if self._secret else str(value)
        return text if keep_lines else _CONTROL.sub(" ", text)


def secrets_of(settings: Settings) -> list[str]:
    """The values of all secrets of a configuration that can be read now."""
    from config.load import PACKAGES
    from config.plugins import options_of
    from config.references import MissingSecretError
    from config.shapes import references

    found = [reference for _, reference in references(settings)]
    plugins = (("sources", settings.sources), ("channels", settings.channels), ("detectors", settings.detectors))
    for name, tables in plugins:
        for table in tables:
            options = options_of(PACKAGES[name], table.type).model_validate(table.options)
            found += [reference for _, reference in references(options)]
    values: list[str] = []
    for reference in found:
        try:
            values.append(reference.resolve().get_secret_value())
        except MissingSecretError:
            continue  # of a source or channel that is switched off
    return values
