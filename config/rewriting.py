"""Changing single values in `tocsin.toml` and nothing else: comments, order and the rest stay as they are."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.load import load
from config.problems import ConfigurationError
from config.settings import DetectionSettings
from config.wording import toml

_HEADING = re.compile(r"^\s*\[")


class RewritingError(Exception):
    """The file was left as it is; the message says why and what to do."""


def with_values(text: str, table: str, values: Mapping[str, Any]) -> str:
    """The text of a configuration with these values set in a table, which is added where it is missing."""
    lines = text.splitlines()
    begin = next(
        (at for at, line in enumerate(lines) if re.match(rf"^\s*\[{re.escape(table)}\]\s*(#.*)?$", line)), None
    )
    if begin is None:
        added = [f"[{table}]", *(f"{key} = {toml(value)}" for key, value in values.items())]
        return "\n".join([*lines, *([""] if lines and lines[-1].strip() else []), *added]) + "\n"
    for key, value in values.items():
        end = next((at for at in range(begin + 1, len(lines)) if _HEADING.match(lines[at])), len(lines))
        written = f"{key} = {toml(value)}"
        known = next((at for at in range(begin + 1, end) if re.match(rf"^\s*{re.escape(key)}\s*=", lines[at])), None)
        if known is not None:
            lines[known] = written
        else:
            lines.insert(begin + 1, written)
    return "\n".join(lines) + "\n"


def save_detection(file: Path, wanted: DetectionSettings) -> None:
    """Write sensitivity and thresholds into the file; `RewritingError`, and nothing done, where that fails.

    The new file is read back before it takes the place of the old one, which happens at once and whole.
    """
    thresholds = wanted.thresholds.model_dump(include=wanted.thresholds.model_fields_set)
    try:
        text = with_values(file.read_text(encoding="utf-8"), "detection", {"sensitivity": wanted.sensitivity})
        text = with_values(text, "detection.thresholds", thresholds) if thresholds else text
        _replace(file, text, wanted)
    except OSError as error:
        raise RewritingError(f"{file} cannot be written: {error.strerror}; paste the lines by hand") from error


def _replace(file: Path, text: str, wanted: DetectionSettings) -> None:
    # Beside the old one, so that relative paths in it lead to the same places and the exchange is one step.
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, suffix=".toml", delete=False) as new:
        new.write(text)
        new.flush()
        os.fsync(new.fileno())
    try:
        if load(new.name, complete=False).detection != wanted:
            raise RewritingError(f"{file} sets these values in a way of its own; paste the lines by hand")
        shutil.copymode(file, new.name)
        Path(new.name).replace(file)
    except ConfigurationError as error:
        raise RewritingError(f"{file} would not be sound any more; paste the lines by hand ({error})") from error
    finally:
        Path(new.name).unlink(missing_ok=True)
