"""A short form of the kill bench: kill -9, at random and at named places, loses nothing and repeats nothing.

The long form, with its figures, is `python -m benchmarks.trust` (docs/alerting.md).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from benchmarks.trust import POINTS, Trial, run


@pytest.mark.postgresql
def test_three_senders_that_die_while_their_request_is_on_its_way(postgresql_url: str) -> None:
    result = run(Trial(kills=5, database=postgresql_url, instances=3, at="S2", seed=4))
    assert (result.lost, result.repeated) == (0, 0), result
    assert result.incidents > 0
    assert result.ambiguous > 0, "no attempt was cut off in flight, so nothing was shown"


def test_the_whole_path_from_posts_to_pages_that_dies_anywhere() -> None:
    result = run(Trial(kills=4, seed=5, whole_days=4))
    assert (result.lost, result.repeated) == (0, 0), result
    assert result.incidents > 0
    assert result.posts > 200


def test_a_fault_point_kills_at_the_passage_that_is_named() -> None:
    code = "from alerts.faults import fault_point\nfor n in range(5):\n    print(n, flush=True)\n    fault_point('S2')"
    said = {}
    for setting in ("S2:kill", "S2:kill:3", "S1:kill", "S2:sleep", "nonsense", "S2:kill:x", ""):
        command = [sys.executable, "-c", code]
        ran = subprocess.run(command, env={**os.environ, "FAULT_AT": setting}, capture_output=True, check=False)
        said[setting] = (ran.returncode, len(ran.stdout.split()))
    killed = -signal.SIGKILL
    assert said == {
        "S2:kill": (killed, 1),
        "S2:kill:3": (killed, 3),
        "S1:kill": (0, 5),
        "S2:sleep": (0, 5),
        "nonsense": (0, 5),
        "S2:kill:x": (0, 5),
        "": (0, 5),
    }


def test_every_place_of_the_sender_is_one_where_the_bench_may_kill() -> None:
    assert {"S1", "S2", "S3", "S4", "D2"} == set(POINTS)
