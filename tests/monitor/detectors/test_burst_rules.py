"""Rules that hold for every history: however it is cut, stopped, copied or surrounded, the alerts are the same."""

from __future__ import annotations

from itertools import cycle

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detectors.burst import LOUD, WINDOWS, SeriesBank
from monitor.detectors.few import Few
from monitor.detectors.memory import MemoryFormatError
from monitor.detectors.taken import BurstReading

TICKS = 1100
NAMES = ["busy", "thin", "gappy"]
Counts = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
seeds = st.integers(0, 2**32 - 1)
moments = st.integers(0, TICKS)


def history(seed: int) -> tuple[Counts, Mask]:
    """Three bursty series of some four days, the last one with gaps."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(np.array([[20.0], [0.1], [4.0]]) * rng.gamma(2.0, 0.5, (3, TICKS)))
    for _ in range(6):
        begin, long = int(rng.integers(0, TICKS)), int(rng.integers(1, 60))
        counts[rng.integers(0, 3), begin : begin + long] += int(rng.integers(1, 500))
    covered = np.ones((3, TICKS), dtype=np.bool_)
    for _ in range(3):
        begin = int(rng.integers(0, TICKS))
        covered[2, begin : begin + int(rng.integers(1, 200))] = False
    return counts, covered


def whole(counts: Counts, covered: Mask) -> tuple[npt.NDArray[np.float64], Mask]:
    """Surprise and rings of the history taken at once."""
    return SeriesBank(NAMES).sweep(counts, covered)


def same(one: BurstReading, other: BurstReading) -> bool:
    """Whether two readings agree in every bit."""
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in one.__slots__)


@settings(max_examples=3, deadline=None)
@given(seeds)
def test_tick_by_tick_gives_the_same_as_all_at_once(seed: int) -> None:
    counts, covered = history(seed)
    surprise, rings = whole(counts, covered)
    bank = SeriesBank(NAMES)
    for tick in range(TICKS):
        reading = bank.push(counts[:, tick], covered[:, tick])
        assert reading.surprise.tobytes() == surprise[:, tick].tobytes()
        assert reading.rings.tolist() == rings[:, tick].tolist()
    assert rings.any()


@settings(max_examples=25, deadline=None)
@given(seeds, st.lists(moments, max_size=12))
def test_any_batching_gives_the_same(seed: int, cuts: list[int]) -> None:
    counts, covered = history(seed)
    bank, pieces = SeriesBank(NAMES), []
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), TICKS], strict=True):
        pieces.append(bank.sweep(counts[:, begin:end], covered[:, begin:end]))
    surprise, rings = whole(counts, covered)
    assert np.concatenate([piece[0] for piece in pieces], axis=1).tobytes() == surprise.tobytes()
    assert np.concatenate([piece[1] for piece in pieces], axis=1).tobytes() == rings.tobytes()


@settings(max_examples=25, deadline=None)
@given(seeds, moments)
def test_a_restart_anywhere_gives_the_same(seed: int, moment: int) -> None:
    counts, covered = history(seed)
    before, later = SeriesBank(NAMES), SeriesBank(NAMES)
    first = before.sweep(counts[:, :moment], covered[:, :moment])
    later.load(before.dump())
    second = later.sweep(counts[:, moment:], covered[:, moment:])
    surprise, rings = whole(counts, covered)
    assert np.concatenate([first[0], second[0]], axis=1).tobytes() == surprise.tobytes()
    assert np.concatenate([first[1], second[1]], axis=1).tobytes() == rings.tobytes()
    assert later.ticks == TICKS


@settings(max_examples=25, deadline=None)
@given(seeds, moments)
def test_nothing_looks_ahead(seed: int, moment: int) -> None:
    counts, covered = history(seed)
    surprise, rings = whole(counts, covered)
    early_surprise, early_rings = whole(counts[:, :moment], covered[:, :moment])
    assert early_surprise.tobytes() == surprise[:, :moment].tobytes()
    assert early_rings.tobytes() == rings[:, :moment].tobytes()


@settings(max_examples=15, deadline=None)
@given(seeds, moments.filter(lambda moment: moment < TICKS))
def test_a_peek_answers_as_the_tick_will_and_changes_nothing(seed: int, moment: int) -> None:
    counts, covered = history(seed)
    bank = SeriesBank(NAMES)
    bank.sweep(counts[:, :moment], covered[:, :moment])
    before = bank.dump()
    bank.peek(counts[:, moment] * 50)
    provisional = bank.peek(counts[:, moment], covered[:, moment])
    assert bank.dump() == before
    assert same(provisional, bank.push(counts[:, moment], covered[:, moment]))


@settings(max_examples=2, deadline=None)
@given(seeds)
def test_a_tick_of_few_counts_says_of_these_what_it_says_of_all(seed: int) -> None:
    counts, covered = history(seed)
    read = covered[2]  # all series or none, as a program reads
    counts[:2] *= np.random.default_rng(seed).random((2, TICKS)) < 0.5
    few, all_of_them, before = SeriesBank(NAMES), SeriesBank(NAMES), np.zeros(3)
    for tick in range(TICKS // 2):
        whole = all_of_them.take(counts[:, tick], np.repeat(read[tick], 3))
        if not read[tick]:
            few.take(counts[:, tick], np.repeat(False, 3))
        else:
            rows = np.flatnonzero((counts[:, tick] > 0) | (before >= 0.5)).tolist()
            taken = few.take_few({row: int(counts[row, tick]) for row in rows})
            assert taken.surprise.tobytes() == whole.surprise[taken.rows].tobytes()
            assert taken.rings.tobytes() == whole.rings[taken.rows].tobytes()
            left_out = [row for row in range(3) if row not in taken.rows]
            assert (whole.surprise[left_out] <= before[left_out]).all()
        before = whole.surprise
    assert few.dump() == all_of_them.dump()


@settings(max_examples=4, deadline=None)
@given(seeds, st.lists(st.integers(1, 90), min_size=1, max_size=9))
def test_many_ticks_of_few_counts_come_to_the_same_as_one_after_another(seed: int, lengths: list[int]) -> None:
    counts, _ = history(seed)
    counts[:, np.random.default_rng(seed).random(TICKS) < 0.5] = 0
    together, apart = SeriesBank(NAMES), SeriesBank(NAMES)
    begin = 0
    for length in cycle(lengths):
        part = counts[:, begin : begin + length].T.tolist()
        together.sweep_few(Few.of((1, list(enumerate(of_tick))) for of_tick in part))
        readings = [apart.push(of_tick) for of_tick in part]
        begin += length
        assert together.dump() == apart.dump()
        if begin >= TICKS:
            break
        assert together.loud == np.flatnonzero(readings[-1].surprise >= LOUD).tolist()


def test_what_was_loud_is_looked_at_until_it_is_calm_although_nothing_more_is_counted() -> None:
    together, apart = SeriesBank(NAMES), SeriesBank(NAMES)
    usual, flood = [(500, [(0, 3), (2, 2)])], [(6, [(1, 30)])]
    for stretches in (usual, flood, [(6, [(0, 3)])], [(6, [(0, 3)])], [(40, [(0, 3)])]):
        together.sweep_few(Few.of(stretches))
        for _ in range(stretches[0][0]):
            reading = apart.push([dict(stretches[0][1]).get(row, 0) for row in range(3)])
        assert together.loud == np.flatnonzero(reading.surprise >= LOUD).tolist()
        assert together.dump() == apart.dump()
    assert reading.surprise[1] < LOUD


def test_stretches_in_which_nothing_was_counted_are_ticks_as_well() -> None:
    few = Few.of([(3, []), (2, [(1, 4), (7, 0)]), (1, [(0, 2)])])
    assert few.ticks == 6
    assert (few.at.tolist(), few.rows.tolist(), few.counts.tolist()) == ([3, 4, 5], [1, 1, 0], [4, 4, 2])
    first, rest = few.divided(4)
    assert (first.ticks, first.rows.tolist(), rest.ticks, rest.at.tolist()) == (4, [1], 2, [0, 1])


@settings(max_examples=2, deadline=None)
@given(seeds)
def test_nothing_surprises_more_than_was_said_before(seed: int) -> None:
    counts, _ = history(seed)
    bank, was_said = SeriesBank(NAMES), 0
    for tick in range(TICKS // 2):
        sums = [counts[:, max(0, tick + 1 - width) : tick + 1].sum(axis=1).tolist() for width in WINDOWS]
        is_said = bank.foretells(ahead=1)
        most = [bank.most_surprising(row, [of_all[row] for of_all in sums]) for row in range(3 * is_said)]
        surprise = bank.take(counts[:, tick]).surprise
        assert not is_said or (surprise <= most).all()
        was_said += is_said
    assert was_said > TICKS // 4


@settings(max_examples=10, deadline=None)
@given(seeds, moments)
def test_a_copy_goes_its_own_way(seed: int, moment: int) -> None:
    counts, covered = history(seed)
    bank = SeriesBank(NAMES)
    bank.sweep(counts[:, :moment], covered[:, :moment])
    twin = bank.copy()
    twin.sweep(counts[:, moment:] + 1000)
    bank.sweep(counts[:, moment:], covered[:, moment:])
    other = SeriesBank(NAMES)
    other.sweep(counts, covered)
    assert bank.dump() == other.dump()


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_a_series_hears_nothing_of_its_neighbours(seed: int) -> None:
    counts, covered = history(seed)
    together = whole(counts, covered)
    for row, name in enumerate(NAMES):
        alone = SeriesBank([name]).sweep(counts[row : row + 1], covered[row : row + 1])
        assert alone[0].tobytes() == together[0][row].tobytes()
        assert alone[1].tobytes() == together[1][row].tobytes()


@settings(max_examples=10, deadline=None)
@given(seeds, moments)
def test_a_series_added_later_is_one_that_nobody_read_before(seed: int, moment: int) -> None:
    counts, covered = history(seed)
    covered[1, :moment] = False
    expected = whole(counts, covered)[0][1, moment:]
    bank = SeriesBank(["busy", "gappy"])
    bank.sweep(counts[[0, 2], :moment], covered[[0, 2], :moment])
    bank.add(["thin"])
    order = [0, 2, 1]
    assert bank.sweep(counts[order, moment:], covered[order, moment:])[0][2].tobytes() == expected.tobytes()


@settings(max_examples=10, deadline=None)
@given(seeds, st.integers(0, 700))
def test_skipping_is_pushing_ticks_that_nobody_read(seed: int, gap: int) -> None:
    counts, covered = history(seed)
    skipping, pushing = SeriesBank(NAMES), SeriesBank(NAMES)
    skipping.sweep(counts, covered)
    pushing.sweep(counts, covered)
    skipping.skip(gap)
    pushing.sweep(np.full((3, gap), 7), np.zeros((3, gap), dtype=np.bool_))
    assert skipping.dump() == pushing.dump()


def test_a_state_is_taken_up_by_name_whatever_the_order() -> None:
    counts, covered = history(5)
    bank, other = SeriesBank(NAMES), SeriesBank(["new", "gappy", "busy"])
    bank.sweep(counts, covered)
    other.load(bank.dump())
    ours, theirs = bank.push([9, 9, 9]), other.push([9, 9, 9])
    assert theirs.surprise.tolist() == [0.0, ours.surprise[2], ours.surprise[0]]
    assert theirs.brief[1:].tolist() == [ours.brief[2], ours.brief[0]]


def test_a_state_is_under_two_kilobytes_a_series() -> None:
    assert len(SeriesBank([str(number) for number in range(1000)]).dump()) < 2_000_000


@pytest.mark.parametrize(
    ("blob", "complaint"),
    [
        (b"", "no saved detection state"),
        (b"PK\x03\x04", "no saved detection state"),
        (b'{"format": "tocsin burst memory 0", "tick": 1, "names": []}\n', "another version"),
        (SeriesBank(["one"]).dump()[:-1], "cut short"),
    ],
)
def test_a_state_that_cannot_be_read_is_refused_with_what_to_do(blob: bytes, complaint: str) -> None:
    with pytest.raises(MemoryFormatError, match=f"{complaint}.*delete it"):
        SeriesBank(["one"]).load(blob)
