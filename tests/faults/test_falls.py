"""A server that cuts connections in the middle of commits; one that falls is `python -m benchmarks.trust_falls`."""

from __future__ import annotations

import psycopg
import pytest

from benchmarks.trust_falls import run_over

CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.mark.postgresql
def test_connections_that_are_cut_under_load_cost_neither_a_post_nor_a_page(postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url, autocommit=True) as server:
        result = run_over(postgresql_url, lambda: server.execute(CUT), falls=6)
    assert (result.lost, result.repeated) == (0, 0), result
    assert result.refused > 0, "nothing was under way when the connections were cut, so nothing was shown"
    assert min(result.pages, result.incidents) > 0
