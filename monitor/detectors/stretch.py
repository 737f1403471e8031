"""A stretch of ticks seen through the lenses: what was counted, what was expected, how new it is, what is learned.

One function does it for a tick of many series and for months of few: everything but the cap of the lasting lens, which
needs the block before, is worked out for all ticks at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.detectors.memory import Memory
from monitor.detectors.novelty import (
    BLOCK_TICKS,
    DAY_BLOCKS,
    HISTORY_BLOCKS,
    LARGEST_COUNT,
    LENSES,
    LEVEL_BLOCKS,
    LONGEST,
    NEVER,
    READY_TICKS,
    Booleans,
    Floats,
    Integers,
    Steps,
    as_steps,
    cap,
    root,
    running_total,
    usual_peaks,
    window_sums,
)


@dataclass(frozen=True, slots=True)
class Usual:
    """Mean and deviation of the daily maxima [n, lenses] that hold for the block under way."""

    peak: Floats
    spread: Floats


@dataclass(frozen=True, slots=True)
class Stretch:
    """k ticks of n series: arrays [n, k], or [lenses, n, k].

    `counted` are the sums of the windows that end at each tick and `expected` what the slow level makes of them,
    `novelty` how new they are, `ready` where the level is known at all. `usual` [n, lenses] held in the last tick,
    `coming` holds in the next one, and `learned` is what memory then contains.
    """

    ready: Booleans
    covered: Booleans
    counted: Floats
    expected: Floats
    novelty: Floats
    usual: Usual
    coming: Usual
    learned: Mapping[str, npt.NDArray[Any]]


def see(memory: Memory, usual: Usual, counts: Integers, covered: Booleans) -> Stretch:
    """Look at the next ticks of `memory`, without changing it. `counts` [n, k] are 0 where `covered` is not true."""
    ticks = counts.shape[1]
    offset = memory.tick % BLOCK_TICKS
    starts = [0, *range(BLOCK_TICKS - offset, ticks, BLOCK_TICKS)]
    block = (offset + np.arange(ticks)) // BLOCK_TICKS
    sums = {
        "block_counts": _lengthened(memory["block_counts"], counts, starts),
        "block_covered": _lengthened(memory["block_covered"], covered, starts),
    }
    read = window_sums(running_total(sums["block_covered"][:, :-1]), LEVEL_BLOCKS, len(starts))
    capped, sums["block_capped"] = _capped(memory["block_capped"], counts, read, starts)
    level = _levels(sums, read)
    ready = read >= READY_TICKS
    recent = {"counts": counts, "capped": capped, "covered": covered}
    recent = {field: np.concatenate([memory[field], new], axis=1) for field, new in recent.items()}
    counted, expected = _through_lenses(recent, level[:, :, block], ticks)
    excess = root(counted) - root(expected)
    told = covered & ready[:, block]
    peaks = _lengthened_peaks(memory["block_peaks"], np.where(told, excess, -np.inf), starts)
    done = (offset + ticks) // BLOCK_TICKS
    days = np.concatenate([memory["day_peaks"], _day_peaks(peaks, sums["block_covered"], done)], axis=2)
    usuals = _usuals(usual, days, sums, level)
    peak, spread = usuals.peak[:, :, block], usuals.spread[:, :, block]
    return Stretch(
        ready=ready[:, block],
        covered=covered,
        counted=counted,
        expected=expected,
        novelty=(excess - peak.transpose(1, 0, 2)) / spread.transpose(1, 0, 2),
        usual=Usual(peak[:, :, -1], spread[:, :, -1]),
        coming=Usual(usuals.peak[:, :, done], usuals.spread[:, :, done]),
        learned=_kept(recent, {**sums, "block_peaks": peaks}, days, is_begun=(offset + ticks) % BLOCK_TICKS > 0),
    )


def usual_of(memory: Memory) -> Usual:
    """What holds for the block under way, from memory alone."""
    sums = {field: memory[field] for field in ("block_counts", "block_capped", "block_covered")}
    read = sums["block_covered"][:, :-1].sum(axis=1, dtype=np.int64, keepdims=True)
    peak, spread = usual_peaks(memory["day_peaks"], _levels(sums, read))
    return Usual(peak[:, :, 0], spread[:, :, 0])


def _lengthened(blocks: npt.NDArray[Any], new: npt.NDArray[Any], starts: list[int]) -> Integers:
    """Block sums with those of the new ticks: the block under way goes on, further ones follow."""
    sums = np.add.reduceat(new, starts, axis=1, dtype=np.int64)
    sums[:, 0] += blocks[:, -1]
    return np.concatenate([blocks[:, :-1], sums], axis=1)


def _capped(blocks: Integers, counts: Integers, read: Integers, starts: list[int]) -> tuple[Integers, Integers]:
    """The counts as the lasting lens sees them, and their block sums; each block's cap follows from those before."""
    capped = np.empty_like(counts)
    sums = np.concatenate([blocks, np.zeros((len(counts), len(starts) - 1), dtype=np.int64)], axis=1)
    for number, (begin, end) in enumerate(pairwise([*starts, counts.shape[1]])):
        seen = read[:, number]
        level = sums[:, number : number + LEVEL_BLOCKS].sum(axis=1) / np.maximum(seen, 1)
        most = np.where(seen >= READY_TICKS, cap(level), LARGEST_COUNT)
        piece = np.minimum(counts[:, begin:end], most[:, np.newaxis])
        capped[:, begin:end] = piece
        sums[:, LEVEL_BLOCKS + number] += piece.sum(axis=1)
    return capped, sums


def _levels(sums: Mapping[str, Integers], read: Integers) -> Floats:
    """What a tick usually brings [n, lenses, m] in the last m blocks; `read` [n, m] are the ticks it is known from."""
    levels = np.empty((read.shape[0], len(LENSES), read.shape[1]))
    plain, capped = (
        window_sums(running_total(sums[field][:, :-1]), LEVEL_BLOCKS, read.shape[1]) / np.maximum(read, 1)
        for field in ("block_counts", "block_capped")
    )
    for row, lens in enumerate(LENSES):
        levels[:, row] = capped if lens.capped else plain
    return levels


def _through_lenses(recent: Mapping[str, npt.NDArray[Any]], level: Floats, ticks: int) -> tuple[Floats, Floats]:
    """Counted and expected in the windows ending at the last `ticks` ticks; only in what was read is any expected."""
    totals = {field: running_total(values) for field, values in recent.items()}
    counted, expected = np.empty((2, len(LENSES), level.shape[0], ticks))
    for row, lens in enumerate(LENSES):
        counted[row] = window_sums(totals["capped" if lens.capped else "counts"], lens.ticks, ticks)
        np.multiply(window_sums(totals["covered"], lens.ticks, ticks), level[:, row], out=expected[row])
    return counted, expected


def _lengthened_peaks(blocks: Steps, excess: Floats, starts: list[int]) -> Steps:
    """The largest excess of each block [n, lenses, blocks], with those of the new ticks."""
    peaks = as_steps(np.maximum.reduceat(excess, starts, axis=2).transpose(1, 0, 2))
    peaks[:, :, 0] = np.maximum(peaks[:, :, 0], blocks[:, :, -1])
    return np.concatenate([blocks[:, :, :-1], peaks], axis=2)


def _day_peaks(peaks: Steps, covered: Integers, done: int) -> Steps:
    """The daily maximum at the end of each of the first `done` blocks; NEVER where less than half a day was read."""
    days = np.lib.stride_tricks.sliding_window_view(peaks, DAY_BLOCKS, axis=2)[:, :, :done].max(axis=3)
    first = covered.shape[1] - (peaks.shape[2] - DAY_BLOCKS + 1)
    read = np.lib.stride_tricks.sliding_window_view(covered, DAY_BLOCKS, axis=1)[:, first - DAY_BLOCKS + 1 :]
    half = read[:, :done].sum(axis=2) * 2 >= DAY_BLOCKS * BLOCK_TICKS
    return np.where(half[:, np.newaxis], days, NEVER).astype(np.int32)


def _usuals(now: Usual, days: Steps, sums: Mapping[str, Integers], level: Floats) -> Usual:
    """`now` and, for every block begun since, what the days before it say [n, lenses, blocks]."""
    later = days.shape[2] - HISTORY_BLOCKS
    if later == 0:
        return Usual(now.peak[:, :, np.newaxis], now.spread[:, :, np.newaxis])
    begun = level[:, :, 1:]
    if begun.shape[2] < later:
        whole = {field: np.concatenate([s, np.zeros_like(s[:, :1])], axis=1) for field, s in sums.items()}
        read = window_sums(running_total(whole["block_covered"][:, :-1]), LEVEL_BLOCKS, later)
        begun = _levels(whole, read)
    peak, spread = usual_peaks(days[:, :, 1:], begun)
    return Usual(
        np.concatenate([now.peak[:, :, np.newaxis], peak], axis=2),
        np.concatenate([now.spread[:, :, np.newaxis], spread], axis=2),
    )


def _kept(
    recent: Mapping[str, npt.NDArray[Any]], blocks: Mapping[str, npt.NDArray[Any]], days: Steps, *, is_begun: bool
) -> dict[str, npt.NDArray[Any]]:
    """What memory holds after the stretch. Where its last block ended with it, the next one starts with nothing."""
    kept = {field: values[:, values.shape[1] - (LONGEST - 1) :] for field, values in recent.items()}
    kept["day_peaks"] = days[:, :, days.shape[2] - HISTORY_BLOCKS :]
    for field, values in blocks.items():
        fresh = np.full((*values.shape[:-1], 1), NEVER if field == "block_peaks" else 0, dtype=values.dtype)
        whole = values if is_begun else np.concatenate([values, fresh], axis=-1)
        width = DAY_BLOCKS if field == "block_peaks" else LEVEL_BLOCKS + 1
        kept[field] = whole[..., whole.shape[-1] - width :]
    return kept
