"""The made story of the demo, told once for all tests and workers: telling it takes seconds."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def story_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the demo as it leaves it; copy it before you change anything."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, told = shared / "story", shared / "story.told"
    with (shared / "story.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            # Most of the program, which few tests need and the process that hands them out never.
            from monitor.demo.show import show

            show(folder)
            told.touch()
    return folder
