"""Who reads which source: evenly, alike for everybody who computes it, and without moving what need not move."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from monitor.shares import CLEARLY, shares, weight

names = st.text("abcdef", min_size=1, max_size=3)
weights = st.dictionaries(names, st.floats(1, 50), max_size=30)
processes = st.sets(st.sampled_from("NOPQR"), min_size=1)


def loads(found: dict[str, str], weighs: dict[str, float], running: set[str]) -> dict[str, float]:
    return {owner: sum(weighs[name] for name in found if found[name] == owner) for owner in running}


def numbered(count: int) -> dict[str, float]:
    return {f"s{number:02}": 1.0 for number in range(count)}


def test_one_alone_reads_everything() -> None:
    assert shares(numbered(3), {}, {"N"}) == {"s00": "N", "s01": "N", "s02": "N"}


def test_where_nobody_runs_nobody_reads() -> None:
    assert shares(numbered(3), {}, set()) == {}


def test_equal_sources_are_shared_by_number() -> None:
    found = shares(numbered(20), dict.fromkeys(numbered(20), "N"), {"N", "O"})
    assert Counter(found.values()) == {"N": 10, "O": 10}


def test_a_flood_weighs_more_than_quiet_sources() -> None:
    weighs = {"flood": weight(3_000), **{name: weight(0) for name in numbered(10)}}
    found = shares(weighs, {}, {"N", "O"})
    (alone,) = {"N", "O"} - {found["s00"]}
    assert found == {"flood": alone, **dict.fromkeys(numbered(10), found["s00"])}


def test_the_sources_of_one_who_is_gone_go_to_those_who_have_least() -> None:
    held = {"s00": "N", "s01": "N", "s02": "O", "s03": "P"}
    assert shares(numbered(4), held, {"N", "O"}) == {"s00": "N", "s01": "N", "s02": "O", "s03": "O"}


def test_a_little_more_here_than_there_moves_nothing() -> None:
    held = {"s00": "N", "s01": "N", "s02": "N", "s03": "O", "s04": "O"}
    assert shares(numbered(5), held, {"N", "O"}) == held


@given(weights, st.dictionaries(names, st.sampled_from("NOPQRX")), processes)
def test_every_source_is_read_by_one_who_runs(
    weighs: dict[str, float], held: dict[str, str], running: set[str]
) -> None:
    found = shares(weighs, held, running)
    assert found.keys() == weighs.keys()
    assert set(found.values()) <= running


@given(weights, st.dictionaries(names, st.sampled_from("NOPQRX")), processes)
def test_what_was_decided_stands(weighs: dict[str, float], held: dict[str, str], running: set[str]) -> None:
    found = shares(weighs, held, running)
    assert shares(weighs, found, running) == found


@given(weights, st.dictionaries(names, st.sampled_from("NOPQRX")), processes)
def test_the_difference_is_less_than_what_could_be_moved(
    weighs: dict[str, float], held: dict[str, str], running: set[str]
) -> None:
    found = shares(weighs, held, running)
    have = loads(found, weighs, running)
    most, least = max(have, key=lambda name: have[name]), min(have, key=lambda name: have[name])
    spread = have[most] - have[least]
    is_even = spread <= 0.25 * sum(have.values()) / len(have) + 1e-6
    assert is_even or all(weighs[name] > CLEARLY * spread - 1e-6 for name in found if found[name] == most)
