"""The targets of `benchmarks.fuzz` with inputs that atheris chooses by following what the code does.

    pip install 'tocsin[fuzz]'
    python -m benchmarks.fuzz_guided rows --seconds 600

What it finds new is added to the target's corpus, and an input that no target may bear ends the run and is kept in a
folder that is named. It is apart from the rest because the code has to be instrumented while it is imported.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

OURS = ["alerts", "collectors", "config", "monitor", "storage"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until the time is over or something is found; ends the process."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=600)
    chosen: Any = parser.parse_args(arguments)
    import atheris

    with atheris.instrument_imports(include=OURS):
        from benchmarks import fuzz
        from benchmarks.trust_sim import silence_the_log

    if chosen.target not in fuzz.TARGETS:
        parser.error(f"the targets are {', '.join(sorted(fuzz.TARGETS))}")
    silence_the_log()
    folder = tempfile.mkdtemp(prefix="tocsin-fuzz-")
    print(f"findings go into {folder}", file=sys.stderr, flush=True)
    # By the clock, and so generous on a busy machine: what is slow is for benchmarks.fuzz to tell, by the processor.
    options = [f"-max_total_time={chosen.seconds}", f"-max_len={fuzz.LONGEST}", "-timeout=10", "-rss_limit_mb=1024"]
    atheris.Setup(
        [sys.argv[0], *options, f"-artifact_prefix={folder}/", str(fuzz.CORPUS / chosen.target)],
        fuzz.TARGETS[chosen.target],
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
