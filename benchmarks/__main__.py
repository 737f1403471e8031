"""The short benchmarks, one after the other: `python -m benchmarks`, which is `make bench`.

Each is a command of its own with more to it; those that need data which is not part of the project are not here.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

SHORT: Sequence[Sequence[str]] = (
    ("benchmarks.speed", "--quick"),
    ("benchmarks.trust", "--kills", "5"),
)


def main(commands: Sequence[Sequence[str]] = SHORT) -> int:
    """Runs them all; 0 when none failed."""
    failed = [" ".join(command) for command in commands if not _ran(command)]
    for name in failed:
        print(f"failed: python -m {name}", file=sys.stderr)
    return 1 if failed else 0


def _ran(command: Sequence[str]) -> bool:
    print(f"# python -m {' '.join(command)}", flush=True)
    return subprocess.run([sys.executable, "-m", *command], check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
