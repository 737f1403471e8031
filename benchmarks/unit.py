"""The unit of docs/deploy under a running systemd: started, killed, hung, given a mistake, stopped.

    debootstrap --include=systemd-sysv,dbus,python3-venv,git,make,sudo bookworm FOLDER
    (in there, by `chroot FOLDER`: docs/operations.md, *On a machine of one's own*, to `systemctl enable tocsin`)
    sudo python -m benchmarks.unit FOLDER

Boots the folder as a machine of its own (systemd-nspawn), with the network of this one. No mail server or source has to
answer: what is looked at is what systemd does with the program.

    ready_s         from its start until it said that it is ready
    after_kill_s    from `kill -9` until it was ready again (RestartSec is 5)
    after_hang_s    from its being stopped (SIGSTOP) until it was ready again (WatchdogSec is 30)
    mended_s        from the mending of a mistake in its configuration until it was ready by itself
    stop_s          how long it took to end when it was told to; `stopped` is how it ended, to be "success"
    exposure        what `systemd-analyze security` says of the unit: 0 is none, 10 all there is

One line of JSON; 1 where it did not come back, or did not end by itself.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNIT = "tocsin"
CONFIGURATION = Path("etc/tocsin/tocsin.toml")
PATIENCE = 120.0


@dataclass
class Machine:
    """A booted folder."""

    folder: Path
    first: int
    """The number, out here, of its first process."""

    def run(self, *command: str) -> str:
        """What a command in there says; it may fail."""
        inside = ["nsenter", "--target", str(self.first), "--all", "--root", "--wd"]
        return subprocess.run([*inside, *command], capture_output=True, text=True, check=False).stdout.strip()

    def shown(self, name: str) -> str:
        """A property of the unit."""
        return self.run("systemctl", "show", UNIT, f"--property={name}", "--value")

    def is_ready(self) -> bool:
        """Whether the program has said that it is."""
        return self.shown("ActiveState") == "active"

    def killed(self, signal: str) -> float:
        """Seconds from a signal until another process of the unit is ready."""
        before, began = self.shown("MainPID"), time.monotonic()
        self.run("systemctl", "kill", f"--signal={signal}", UNIT)
        return _after(began, lambda: self.shown("MainPID") not in (before, "0") and self.is_ready())

    def mended(self) -> float:
        """Seconds from the mending of a mistake until it is ready, without anybody starting it."""
        file = self.folder / CONFIGURATION
        sound = file.read_bytes()
        try:
            file.write_bytes(sound + b"\n[nonsense]\n")
            self.run("systemctl", "restart", UNIT)
            _after(time.monotonic(), lambda: int(self.shown("NRestarts")) > 1)
        finally:
            file.write_bytes(sound)
        return _after(time.monotonic(), self.is_ready)


def run(folder: Path) -> dict[str, Any]:
    """Boot, and try everything in turn."""
    with booted(folder) as machine:
        _after(time.monotonic(), machine.is_ready)
        machine.run("systemctl", "stop", UNIT)
        began = time.monotonic()
        machine.run("systemctl", "start", UNIT)
        found: dict[str, Any] = {"ready_s": time.monotonic() - began if machine.is_ready() else PATIENCE}
        found["after_kill_s"] = machine.killed("KILL")
        found["after_hang_s"] = machine.killed("STOP")
        found["mended_s"] = machine.mended()
        began = time.monotonic()
        machine.run("systemctl", "stop", UNIT)
        found["stop_s"] = time.monotonic() - began
        found["stopped"] = machine.shown("Result")
        rated = re.search(r"exposure level.*: ([\d.]+)", machine.run("systemd-analyze", "security", "--no-pager", UNIT))
        found["exposure"] = float(rated[1]) if rated else 10.0
    return {name: round(value, 1) if isinstance(value, float) else value for name, value in found.items()}


@contextmanager
def booted(folder: Path) -> Iterator[Machine]:
    """The folder as a machine, shut down afterwards."""
    command = ["systemd-nspawn", f"--directory={folder}", "--boot", "--register=no", "--keep-unit"]
    container = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    children = Path(f"/proc/{container.pid}/task/{container.pid}/children")
    try:
        _after(time.monotonic(), lambda: bool(children.read_text().split()))
        machine = Machine(folder, int(children.read_text().split()[0]))
        _after(time.monotonic(), lambda: machine.run("systemctl", "is-system-running") not in ("", "initializing"))
        yield machine
        machine.run("systemctl", "poweroff")
        container.wait(PATIENCE)
    finally:
        container.kill()
        container.wait()


def _after(began: float, is_so: Callable[[], bool]) -> float:
    """Seconds from then until something is so; `PATIENCE` where it never is."""
    while not is_so():
        if time.monotonic() - began > PATIENCE:
            return PATIENCE
        time.sleep(0.1)
    return time.monotonic() - began


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print one line of JSON; 1 where the program did not come back or did not end."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="a Debian in which the program is installed")
    chosen: Any = parser.parse_args(arguments)
    found = run(chosen.folder.resolve())
    print(json.dumps(found))
    return 1 if PATIENCE in found.values() or found["stopped"] != "success" else 0


if __name__ == "__main__":
    sys.exit(main())
