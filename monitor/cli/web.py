"""`tocsin web`: the web page alone, beside a `tocsin run` or over a database of yesterday."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from monitor.cli import logs, output, settings
from monitor.cli.failures import BAD_USAGE, Failure
from monitor.cli.run import ENDS
from monitor.cli.settings import DEFAULT, ConfigFile

if TYPE_CHECKING:
    from monitor.forgetting import Forgetting


def web(config: ConfigFile = DEFAULT) -> None:
    """Serve the web page and the API alone, until Ctrl-C or SIGTERM; "tocsin run" serves them too.

    Example: tocsin web --config /etc/tocsin/tocsin.toml
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)  # before any thread begins, as in "tocsin run"
    from monitor.forgetting import Forgetting
    from monitor.web.desk import Desk
    from monitor.web.serving import Serving, WebError

    chosen = settings.read_settings(config, complete=False)
    logs.begin(logs.secrets_of(chosen))
    with settings.open_database(chosen) as database:
        try:
            serving = Serving(Desk.build(chosen, database, settings.now, config))
        except WebError as error:
            raise Failure(str(error), code=BAD_USAGE) from error
        try:
            serving.start()
            output.say(f"The web page is at {output.plain(serving.address)} (Ctrl-C ends it).")
            _wait(Forgetting(database))
        finally:
            serving.stop()


def _wait(forgetting: Forgetting) -> None:
    """Until the end is asked for, forget what is deleted."""
    from monitor.forgetting import LOOK_EVERY
    from storage.errors import StorageError

    while True:
        with suppress(StorageError):  # pages say so themselves
            forgetting.look()
        if signal.sigtimedwait(ENDS, LOOK_EVERY.total_seconds()) is not None:
            return
