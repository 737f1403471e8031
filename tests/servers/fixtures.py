"""Servers that the tests of several packages talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.slack import Slack, slack_server


@pytest.fixture(scope="module")
def slack() -> Iterator[Slack]:
    """Slack on this machine, one for all tests of a module."""
    with slack_server() as server:
        yield server
