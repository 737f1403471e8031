"""What systemd is told: that we are ready, and every few seconds that we are alive (`Type=notify`, `WatchdogSec=30`).

The protocol is one datagram to the socket that systemd names; without one nothing is sent.
"""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta

ALIVE_WITHIN = timedelta(seconds=25)
"""A loop that should turn every second and has not for so long is stuck."""


def notify(message: str) -> bool:
    """Tell systemd, if it asked to be told; whether it was."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if not place:
        return False
    address = f"\0{place[1:]}" if place.startswith("@") else place
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as end:
        end.connect(address)
        end.sendall(message.encode())
    return True


def is_alive(turned_at: datetime | None, now: datetime) -> bool:
    """Whether the loop that sends still turns."""
    return turned_at is not None and now - turned_at < ALIVE_WITHIN
