"""Named places where a test lets the process die, to show that nothing is lost or repeated.

Inert unless the environment names one before the program starts:

    FAULT_AT=S2:kill       kill -9 ourselves when S2 is passed
    FAULT_AT=S2:kill:3     the same, the third time

The worst that it can do is what any user of the machine's account can do anyway: end the process.

    C1  a source was read, nothing stored            S1  a delivery was claimed, nothing sent
    C2  posts and cursor written, not committed      S2  the request is on its way
    D1  posts understood, nothing stored             S3  the answer was read, nothing recorded
    D2  incident and deliveries written, not         S4  the result is written, not committed
        committed                                    U1  a person's action written, not committed
"""

from __future__ import annotations

import os
import signal
from itertools import count

VARIABLE = "FAULT_AT"
POINTS = ("C1", "C2", "D1", "D2", "S1", "S2", "S3", "S4", "U1")


def _armed(setting: str) -> tuple[str, int] | None:
    """The point and the passage at which to die; `None`, and so nothing ever, for all that is not understood."""
    point, _, rest = setting.partition(":")
    action, _, passage = rest.partition(":")
    if point not in POINTS or action != "kill" or not (passage or "1").isdigit():
        return None
    return point, int(passage or "1")


_ARMED = _armed(os.environ.get(VARIABLE, ""))
_passages = count(1)


def fault_point(name: str) -> None:
    """Mark the place `name`: does nothing, unless the environment says that the process dies here."""
    if _ARMED is not None and _ARMED[0] == name and next(_passages) >= _ARMED[1]:
        os.kill(os.getpid(), signal.SIGKILL)
