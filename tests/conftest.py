"""What every test may ask for."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from functools import cache, partial
from typing import Any

import pytest
import typer.main
import typer.testing
from argon2 import PasswordHasher
from hypothesis import settings

from monitor.web import passwords

pytest_plugins = ["tests.storage.fixtures", "tests.servers.fixtures", "tests.story"]

# The same examples in every run: a failure is the change's, never the draw's.
settings.register_profile("tocsin", derandomize=True, deadline=None, database=None)
settings.load_profile("tocsin")


@pytest.fixture(scope="session", autouse=True)
def passwords_cost_little() -> Iterator[None]:
    """Let a password be hashed in no time; `test_signin.py` shows what one costs in the program."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "PasswordHasher", partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session", autouse=True)
def commands_put_together_once() -> Iterator[None]:
    """Let the command line be put together once, as in the program, and not for every command that a test runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.testing, "_get_command", cache(typer.main.get_command))
        yield


def pytest_collection_finish() -> None:
    """Let no collection of garbage go through thousands of tests and their modules again: they stay to the end."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With TOCSIN_NO_SKIPS, as in the checks, a skipped test is a failure: what it wants is to be installed."""
    report = yield
    if report.skipped and os.environ.get("TOCSIN_NO_SKIPS") and not hasattr(report, "wasxfail"):
        told: Any = report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped, which TOCSIN_NO_SKIPS forbids: {told[2] if isinstance(told, tuple) else told}"
    return report
