"""Tries the API against its own description: `python -m benchmarks.conformance [--examples N]`.

Schemathesis makes requests, sound and unsound, for each thing that the API does, and every answer is held to the
description: its code, its type, its shape; no 5xx, no unsound request taken, nothing without a token. It prints what is
wrong, and how many requests each operation was tried with.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance

from config.settings import BrandSettings, Settings
from config.web import WebSettings
from monitor.web.app import create
from monitor.web.desk import Desk
from storage import accounts
from storage.accounts import Account, Token
from storage.database import Database

NOW = datetime(2024, 6, 2, 15, 0, tzinfo=UTC)
KEY = {"Authorization": "Bearer key"}


def main() -> int:
    """Try it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=100, help="requests for each operation")
    examples: int = parser.parse_args().examples
    with Database.open("sqlite://") as database:
        wrong = 0
        for label, failures in conformance(desk(database), examples):
            print(f"{label}: {examples} examples, {len(failures)} wrong", flush=True)
            wrong += len(failures)
            for failure in failures:
                print(f"  {failure}")
    return 1 if wrong else 0


def desk(database: Database) -> Desk:
    """A desk with one account and its token, which lets as many requests through as it is asked."""
    settings = Settings(brands=[BrandSettings(name="Acme")], web=WebSettings(allowed_hosts=["testserver"]))
    with database.write() as tx:
        accounts.add(tx, Account("eve", "operator", NOW))
        accounts.add_token(tx, "key", Token("1", "eve", "", "", ("operate",), NOW, NOW + timedelta(days=1)))
    made = Desk.build(settings, database, lambda: NOW)
    made.requests.most, made.requests.every = 10**9, timedelta(seconds=1)
    return made


def conformance(of: Desk, examples: int) -> list[tuple[str, list[str]]]:
    """What is wrong with each operation. The stream is left out: it has no end; ingest has signatures, not tokens."""
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", create(of), headers=KEY)
    operations: list[Any] = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]
    ours = [one for one in operations if one.path.startswith("/api/v1/") and not one.path.endswith("/events")]
    return [(one.label, tried(one, examples)) for one in ours]


def tried(operation: Any, examples: int) -> list[str]:
    """What came out wrong of so many requests."""

    def call(case: Any) -> None:
        # That a sound request is taken cannot be held: a cursor may have the right letters and be none.
        case.call_and_validate(headers=KEY, excluded_checks=[positive_data_acceptance])

    chosen = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    try:
        chosen(given(case=operation.as_strategy())(call))()
    except FailureGroup as found:
        return [str(failure) for failure in found.exceptions]
    return []


if __name__ == "__main__":
    sys.exit(main())
