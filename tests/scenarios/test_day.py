"""A day with outages, limits, truncation and an absence: every post is stored, or on the ledger as missing."""

from __future__ import annotations

from datetime import timedelta

from benchmarks.day import simulate


def test_at_the_end_of_the_day_no_post_is_unaccounted_for() -> None:
    accounts = {one.source: one for one in simulate(timedelta(hours=1), seed=7)}
    assert {name: one.unaccounted for name, one in accounts.items()} == dict.fromkeys(accounts, 0)
    assert all(one.stored + one.gaps == one.had for one in accounts.values())
    assert accounts["hackernews"].gaps == 0
    for cut in ("reddit", "twitter", "feeds"):
        one = accounts[cut]
        assert one.gaps > 0
        assert abs(one.said_missing - one.gaps) <= 0.1 * one.had
