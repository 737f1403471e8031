"""Where the work of a command on history is done: here, in processes of this machine, or on a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output
from monitor.cli.failures import Failure

if TYPE_CHECKING:
    from config.settings import Settings
    from monitor.scale.workers import Workers

ClusterAddress = Annotated[
    str,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help='Work on a Dask cluster: its scheduler, such as tcp://host:8786, or "local" for one of this machine.',
    ),
]


@contextmanager
def workers_for(chosen: Settings, cluster: str = "") -> Iterator[Workers]:
    """The workers that were asked for; those of this machine as configured in [scale] otherwise."""
    from monitor.scale.workers import WorkersError, workers_of

    try:
        if not cluster:
            with workers_of(chosen.scale.workers) as workers:
                yield workers
            return
        from monitor.scale.cluster import cluster_at

        count = 0 if chosen.scale.workers == 1 else chosen.scale.workers
        with cluster_at(cluster, count) as found:
            output.console(error=True).print(f"{found.count} workers; what they do: {found.dashboard}", soft_wrap=True)
            yield found
    except WorkersError as error:
        raise Failure(str(error)) from error
