"""`tocsin run`: collectors, detection and alerting in one process, until it is told to stop."""

from __future__ import annotations

import signal

from monitor.cli import logs, settings
from monitor.cli.settings import DEFAULT, ConfigFile

ENDS = (signal.SIGTERM, signal.SIGINT)


def run(config: ConfigFile = DEFAULT) -> None:
    """Watch: read the sources, judge, and page, until Ctrl-C or SIGTERM.

    Several processes may run over one PostgreSQL database: one of them watches, and another takes over when it stops.

    Example: tocsin run --config /etc/tocsin/tocsin.toml
    """
    # Waited for, not handled: a handler that sets an event can interrupt the wait for it while that holds its lock.
    # Before anything else: threads, those of numerical libraries too, inherit what is blocked when they begin.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    from monitor.app import App

    chosen = settings.read_settings(config, secrets=True)
    logs.begin(logs.secrets_of(chosen))
    program = App(chosen)
    try:
        program.start()
        signal.sigwait(ENDS)
    finally:
        program.stop()
