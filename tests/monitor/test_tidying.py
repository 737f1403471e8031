"""How seldom circles are looked for."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from monitor.tidying import YOUNG, tidy_seldom


@pytest.fixture
def usual_search() -> Iterator[None]:
    """The search as it was, afterwards."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.usefixtures("usual_search")
def test_the_search_goes_on_but_no_longer_each_few_hundred_objects() -> None:
    tidy_seldom()
    assert gc.isenabled()
    assert gc.get_threshold()[0] == YOUNG
