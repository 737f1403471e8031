"""Names of processes by which another one on the same machine can tell that they are dead.

A process that is killed leaves its leases behind, and whoever comes after it would wait until they run out. Its name
says on which start of which machine it ran, under which number, and since when: where that number is nobody's, or
somebody else's by now, it is dead, and what it held is free. Who has a name that says nothing of the kind, or is only
stopped, is waited for.
"""

from __future__ import annotations

import os
import secrets
import socket
from hashlib import blake2s
from pathlib import Path

_PROC = Path("/proc")
_STARTED = 19
"""Where the moment of its start stands in a process's line in /proc, counted from behind its command (proc(5))."""


def new_name(pid: int = 0, proc: Path = _PROC) -> str:
    """A name that no other process has, for this one or the one of that number."""
    pid = pid or os.getpid()
    return f"{socket.gethostname()}-{pid}-{_place(proc)}-{_started(pid, proc)}-{secrets.token_hex(3)}"


def is_dead(name: str, proc: Path = _PROC) -> bool:
    """Whether the process of that name certainly runs no more."""
    _, *parts = name.rsplit("-", 4)
    if len(parts) != 4 or not parts[0].isdecimal() or not parts[2].isdecimal():
        return False
    place, pid = _place(proc), int(parts[0])
    if not place or place != parts[1]:
        return False  # its number means nothing here: another machine, another container, or before a restart
    return not _is_taken(pid) or _started(pid, proc) not in ("", parts[2])


def _is_taken(pid: int) -> bool:
    """Whether there is a process of that number; /proc may hide those of other users."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _started(pid: int, proc: Path) -> str:
    """When a process began, in ticks since the machine did; empty where that cannot be told."""
    try:
        line = (proc / str(pid) / "stat").read_text()
    except OSError:
        return ""
    return line.rpartition(")")[2].split()[_STARTED]


def _place(proc: Path) -> str:
    """Where the numbers of processes mean the same: one start of one machine, and one container on it."""
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
        space = (proc / "self/ns/pid").readlink()
    except OSError:
        return ""
    return blake2s(f"{boot} {space}".encode(), digest_size=4).hexdigest()
