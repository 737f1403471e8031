"""Secrets by reference: the configuration says where a secret lies, never what it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from config.problems import Mistake

_EXPLANATION = "a secret is never written into the configuration, which gets copied, committed and pasted into tickets"
_ADVICE = 'name the variable that holds it, { env = "NAME" }, or the file, { file = "/run/secrets/name" }'


class MissingSecretError(Exception):
    """The place that a reference names holds no secret; the message says which place and what to do."""


class SecretReference(BaseModel):
    """Where a secret lies: `{ env = "NAME" }` or `{ file = "path" }`.

    The value is read at `resolve()`, each time anew, so that a rotated secret file takes effect without a restart. It
    is never kept on the reference: `repr`, `str` and JSON show the place only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    env: str | None = Field(default=None, min_length=1, description="Environment variable that holds the secret.")
    file: Path | None = Field(
        default=None, strict=False, description="File that holds the secret; the line end at its end is not part of it."
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_literal(cls, value: Any) -> Any:
        if isinstance(value, (dict, SecretReference)):
            return value
        raise Mistake(_EXPLANATION, _ADVICE)

    @model_validator(mode="after")
    def _name_one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise Mistake("a secret lies in one place", 'write either { env = "NAME" } or { file = "path" }')
        return self

    def __str__(self) -> str:
        """The place, for messages: `$NAME` or the path."""
        return f"${self.env}" if self.env is not None else str(self.file)

    def resolve(self) -> SecretStr:
        """The secret itself; `MissingSecretError` when the place is absent or empty."""
        secret = self._from_environment(self.env) if self.env is not None else self._from_file(self.file or Path())
        if not secret.strip():
            raise MissingSecretError(f"{self} is empty; put the secret there")
        return SecretStr(secret)

    @staticmethod
    def _from_environment(name: str) -> str:
        value = os.environ.get(name)
        if value is None:
            raise MissingSecretError(f"the environment variable {name} is not set; export it before starting tocsin")
        return value

    @staticmethod
    def _from_file(path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise MissingSecretError(f"the secret file {path} cannot be read: {reason}") from error
