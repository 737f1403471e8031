"""`tocsin run`: collectors, detection, alerting and the web page in one process, until it is told to stop."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.cli import logs, settings
from monitor.cli.failures import BAD_USAGE, Failure
from monitor.cli.settings import DEFAULT, ConfigFile

if TYPE_CHECKING:
    from monitor.app import App
    from monitor.web.serving import Serving

ENDS = (signal.SIGTERM, signal.SIGINT)


def run(config: ConfigFile = DEFAULT) -> None:
    """Watch: read the sources, judge, page, and serve the web page, until Ctrl-C or SIGTERM.

    Several processes may run over one PostgreSQL database: they share the sources, one of them judges, and what one did
    is taken over when it stops.

    Example: tocsin run --config /etc/tocsin/tocsin.toml
    """
    # Waited for, not handled: a handler that sets an event can interrupt the wait for it while that holds its lock.
    # Before anything else: threads, those of numerical libraries too, inherit what is blocked when they begin.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    from monitor import memory
    from monitor.app import App

    memory.economise()
    chosen = settings.read_settings(config, secrets=True)
    logs.begin(logs.secrets_of(chosen))
    program = App(chosen)
    serving: Serving | None = None
    try:
        serving = _serve(program, config)
        program.start()
        signal.sigwait(ENDS)
    finally:
        if serving is not None:
            serving.stop()
        program.stop()


def _serve(program: App, config: Path) -> Serving | None:
    """The web page of this process, None where there is none."""
    if not program.settings.web.enabled:
        return None
    import structlog

    from monitor.web.desk import Desk
    from monitor.web.serving import PortTakenError, Serving, WebError

    try:
        serving = Serving(Desk.build(program.settings, program.database, program.clock, config))
    except PortTakenError as error:  # another process of this machine may serve it; the alarm matters more
        structlog.get_logger(__name__).error("no web page", reason=str(error))
        return None
    except WebError as error:
        raise Failure(str(error), code=BAD_USAGE) from error
    serving.start()
    return serving
