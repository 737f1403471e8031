"""`python -m tests.storage.saved [--again VERSION]` saves a database of every version that has none."""

from __future__ import annotations

import sys

from storage import migrations
from storage.database import Database
from storage.migrations import steps
from tests.storage.saved import rows
from tests.storage.saved.scene import fill


def main(arguments: list[str]) -> None:
    """Save what is missing, the newest version as it is, older ones by taking its steps back."""
    again = arguments[1:] if arguments[:1] == ["--again"] else []
    wanted = [
        version for version in sorted(migrations.known()) if version in again or not rows.file_of(version).exists()
    ]
    with Database.open("sqlite://") as database:
        with database.write() as tx:
            fill(tx)
        with database.engine.connect() as connection:
            for version in reversed(wanted):
                steps.downgrade(connection, version)
                rows.save(version, rows.of(connection))
                print(f"saved {rows.file_of(version)}")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
