"""Builds the wheel, installs it into an empty environment and runs `tocsin demo` there.

What is proved: the package carries everything it needs (migrations, templates, defaults), and its declared dependencies
suffice. The dependencies come from the same pinned requirements as everywhere, so that the check is repeatable.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Runs a command, showing its output only when it fails."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHONPATH", "VIRTUAL_ENV"))
    }
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(
            f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        )


def main() -> None:
    """Builds, installs, runs."""
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", room)
        (wheel,) = room.glob("*.whl")
        venv.create(room / "venv", with_pip=True)
        python = room / "venv" / "bin" / "python"
        pip = (python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet")
        run(*pip, "--require-hashes", "-r", ROOT / "requirements" / "runtime.txt")
        run(*pip, "--no-deps", wheel)
        run(python, "-m", "pip", "check")
        run(room / "venv" / "bin" / "tocsin", "demo", "--out", room / "demo", cwd=room)
        print(f"{wheel.name} built, installed into an empty environment, and `tocsin demo` ran there")


if __name__ == "__main__":
    main()
