"""How a command ends when it cannot do what was asked: one clear line for each thing that is wrong, and an exit code.

0: all is well. 1: something was found wrong, or could not be done. 2: the command line or the configuration is wrong.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

FOUND_PROBLEMS = 1
BAD_USAGE = 2
TRACEBACK = "TOCSIN_TRACEBACK"


class Failure(Exception):  # noqa: N818  (the end of a command, not an error of ours)
    """Ends a command with lines on standard error and an exit code."""

    def __init__(self, *lines: str, code: int = FOUND_PROBLEMS) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
        self.code = code


class OneLineErrors(TyperGroup):
    """A group of commands in which no exception reaches the user as a traceback, unless TOCSIN_TRACEBACK is set."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what it could not do becomes lines on standard error and an exit code."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            failure = _failure(error)
            if failure is None or os.environ.get(TRACEBACK):
                raise
            for line in failure.lines:
                typer.echo(f"tocsin: {line}", err=True)
            raise typer.Exit(failure.code) from error


def _failure(error: Exception) -> Failure | None:
    """What to say about an exception; None for those by which the command line library itself ends a command."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, BrokenPipeError):
        sys.stderr.close()  # whoever read our output has gone, and would not read a complaint either
        return Failure(code=FOUND_PROBLEMS)
    if type(error).__module__.split(".")[0] in {"typer", "click"}:
        return None
    return _known(error) or _unknown(error)


def _known(error: Exception) -> Failure | None:
    """Our own families, whose messages are written for operators."""
    for name, family, code in (
        ("config.problems", "ConfigurationError", BAD_USAGE),
        ("config.references", "MissingSecretError", BAD_USAGE),
        ("config.plugins", "UnknownPluginError", BAD_USAGE),
        ("storage.errors", "StorageError", FOUND_PROBLEMS),
        ("collectors.contract", "CollectorError", FOUND_PROBLEMS),
        ("alerts.channels.contract", "ChannelError", FOUND_PROBLEMS),
        ("monitor.care", "CareError", FOUND_PROBLEMS),
        ("monitor.correcting", "CorrectionError", FOUND_PROBLEMS),
        ("monitor.exports", "ExportError", BAD_USAGE),
        ("monitor.score", "LineError", FOUND_PROBLEMS),
        ("monitor.train", "TrainingError", FOUND_PROBLEMS),
        ("monitor.sentiment.scorers", "ScorerError", BAD_USAGE),
        ("monitor.sentiment.model_error", "ModelError", BAD_USAGE),
    ):
        kind = getattr(sys.modules.get(name), family, None)  # a module that was never imported raised nothing
        if kind is not None and isinstance(error, kind):
            return Failure(*str(error).splitlines(), code=code)
    if isinstance(error, OSError) and error.filename is not None:
        return Failure(f"{error.filename}: {error.strerror}", code=BAD_USAGE)
    return None


def _unknown(error: Exception) -> Failure:
    """A mistake of ours: what it is, and how to see where it happened."""
    message = " ".join(str(error).split()) or "no message"
    return Failure(
        f"this should not have happened ({type(error).__name__}: {message[:500]}); "
        f"please report it with the traceback that {TRACEBACK}=1 shows"
    )
