"""`tocsin run`: collectors, detection and alerting in one process, until it is told to stop."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from monitor.cli import logs, settings
from monitor.cli.settings import DEFAULT, ConfigFile


def run(config: ConfigFile = DEFAULT) -> None:
    """Watch: read the sources, judge, and page, until Ctrl-C or SIGTERM.

    Several processes may run over one PostgreSQL database: one of them watches, and another takes over when it stops.

    Example: tocsin run --config /etc/tocsin/tocsin.toml
    """
    from monitor.app import App

    chosen = settings.read_settings(config, secrets=True)
    logs.begin(logs.secrets_of(chosen))
    asked = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        asked.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    program = App(chosen)
    program.start()
    try:
        asked.wait()
    finally:
        program.stop()
