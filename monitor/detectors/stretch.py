"""A stretch of ticks seen through the lenses: what was counted, what was expected, how new it is, what is learned.

One function does it for months: everything but the cap of the lasting lens, which needs the block before, is worked out
for all ticks at once. Single ticks within a block are seen in `block.py`, and come to the same last bit.
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
    Usual,
    as_steps,
    beliefs,
    cap,
    excess_of,
    most_taught,
    usual,
    windows,
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What k ticks of n series show: arrays [n, k], or [lenses, n, k].

    `counted` are the sums of the windows that end at each tick and `expected` what the slow level makes of them,
    `novelty` how new they are, `ready` where the level is known at all. `usual` [n, lenses] held in the last tick.
    """

    ready: Booleans
    covered: Booleans
    counted: Floats
    expected: Floats
    novelty: Floats
    usual: Usual


@dataclass(frozen=True, slots=True)
class Stretch:
    """What the ticks showed; `coming` holds in the next one, and `learned` is what memory then contains."""

    seen: Seen
    coming: Usual
    learned: Mapping[str, npt.NDArray[Any]]


def see(memory: Memory, now: Usual, counts: Integers, covered: Booleans) -> Stretch:
    """Look at the next ticks of `memory`, without changing it. `counts` [n, k] are 0 where `covered` is not true."""
    ticks = counts.shape[1]
    offset = memory.tick % BLOCK_TICKS
    done = (offset + ticks) // BLOCK_TICKS
    starts = [0, *range(BLOCK_TICKS - offset, ticks, BLOCK_TICKS)]
    block = (offset + np.arange(ticks)) // BLOCK_TICKS
    read = _lengthened(memory["block_covered"], covered, starts)
    known = windows(read[:, :-1], len(starts) + 1)(LEVEL_BLOCKS)
    capped, capped_sums = _capped(memory["block_capped"], counts, known, starts)
    sums = {"counts": _lengthened(memory["block_counts"], counts, starts), "capped": capped_sums, "covered": read}
    recent = {
        field: np.concatenate([memory[field], new], axis=1)
        for field, new in (("counts", counts), ("capped", capped), ("covered", covered))
    }
    level = levels_of(sums, known)
    ready = (known >= READY_TICKS)[:, block]
    counted, expected = _through_lenses(recent, level[:, :, block], ticks)
    excess = excess_of(counted, expected)
    peaks = _lengthened_peaks(memory["block_peaks"], np.where(covered & ready, excess, -np.inf), starts)
    days = _day_peaks(peaks, read, done)
    history, usuals = _learn(now, memory["day_peaks"], days, level[:, :, 1 : done + 1])
    peak, spread = (np.stack([getattr(each, name) for each in usuals])[block] for name in ("peak", "spread"))
    return Stretch(
        seen=Seen(
            ready=ready,
            covered=covered,
            counted=counted,
            expected=expected,
            novelty=(excess - peak.transpose(2, 1, 0)) / spread.transpose(2, 1, 0),
            usual=usuals[block[-1]],
        ),
        coming=usuals[done],
        learned=_kept(recent, sums, peaks, history, is_begun=(offset + ticks) % BLOCK_TICKS > 0),
    )


def usual_of(memory: Memory) -> Usual:
    """What holds for the block under way, from memory alone."""
    sums = {field: memory[f"block_{field}"] for field in ("counts", "capped", "covered")}
    known = sums["covered"][:, :-1].sum(axis=1, dtype=np.int64, keepdims=True)
    peaks = memory["day_peaks"]
    seen = peaks != NEVER
    steps = np.where(seen, peaks, 0).astype(np.float64)
    number = seen.sum(axis=2)
    belief = beliefs(number, levels_of(sums, known)[:, :, 0])
    return usual(number, steps.sum(axis=2), (steps * steps).sum(axis=2), belief.weight, belief.first, belief.second)


def _lengthened(blocks: npt.NDArray[Any], new: npt.NDArray[Any], starts: list[int]) -> Integers:
    """Block sums with those of the new ticks: the block under way goes on, others follow, the last is yet to begin."""
    sums = np.zeros((len(blocks), LEVEL_BLOCKS + len(starts) + 1), dtype=np.int64)
    sums[:, : LEVEL_BLOCKS + 1] = blocks
    sums[:, LEVEL_BLOCKS:-1] += np.add.reduceat(new, starts, axis=1, dtype=np.int64)
    return sums


def _capped(blocks: Integers, counts: Integers, known: Integers, starts: list[int]) -> tuple[Integers, Integers]:
    """The counts as the lasting lens sees them, and their block sums; each block's cap follows from those before."""
    capped = np.empty_like(counts)
    sums = np.zeros((len(blocks), LEVEL_BLOCKS + len(starts) + 1), dtype=np.int64)
    sums[:, : LEVEL_BLOCKS + 1] = blocks
    week = sums[:, :LEVEL_BLOCKS].sum(axis=1)
    for number, (begin, end) in enumerate(pairwise([*starts, counts.shape[1]])):
        most = most_of(week, known[:, number])
        piece = np.minimum(counts[:, begin:end], most[:, np.newaxis], out=capped[:, begin:end])
        block = sums[:, LEVEL_BLOCKS + number]
        block += piece.sum(axis=1)
        week += block - sums[:, number]
    return capped, sums


def most_of(week: Integers, known: Integers) -> Integers:
    """The largest count of a tick that the lasting lens sees, in a block before which `week` was counted in `known`
    ticks; whatever there is while too little is known."""
    most: Integers = np.where(known < READY_TICKS, LARGEST_COUNT, cap(week / np.maximum(known, 1)))
    return most


def levels_of(sums: Mapping[str, Integers], known: Integers) -> Floats:
    """What a tick usually brings [n, lenses, m] in the last m blocks; `known` [n, m] are the ticks it is known from."""
    levels = np.empty((known.shape[0], len(LENSES), known.shape[1]))
    divisor = np.maximum(known, 1)
    plain, capped = (
        windows(sums[field][:, :-1], known.shape[1])(LEVEL_BLOCKS) / divisor for field in ("counts", "capped")
    )
    for row, lens in enumerate(LENSES):
        levels[:, row] = capped if lens.capped else plain
    return levels


def _through_lenses(recent: Mapping[str, npt.NDArray[Any]], level: Floats, ticks: int) -> tuple[Floats, Floats]:
    """Counted and expected in the windows ending at the last `ticks` ticks; only in what was read is any expected."""
    over = {field: windows(values, ticks) for field, values in recent.items()}
    counted, expected = np.empty((2, len(LENSES), level.shape[0], ticks))
    for row, lens in enumerate(LENSES):
        counted[row] = over["capped" if lens.capped else "counts"](lens.ticks)
        np.multiply(over["covered"](lens.ticks), level[:, row], out=expected[row])
    return counted, expected


def _lengthened_peaks(blocks: Steps, excess: Floats, starts: list[int]) -> Steps:
    """The largest excess of each block [n, lenses, blocks], with those of the new ticks."""
    peaks = as_steps(np.maximum.reduceat(excess, starts, axis=2).transpose(1, 0, 2))
    peaks[:, :, 0] = np.maximum(peaks[:, :, 0], blocks[:, :, -1])
    return np.concatenate([blocks[:, :, :-1], peaks], axis=2)


def _day_peaks(peaks: Steps, read: Integers, done: int) -> Steps:
    """The daily maximum at the end of each of the first `done` blocks; NEVER where less than half a day was read."""
    if not done:  # as in most ticks
        return peaks[:, :, :0]
    days = np.lib.stride_tricks.sliding_window_view(peaks, DAY_BLOCKS, axis=2)[:, :, :done].max(axis=3)
    first = LEVEL_BLOCKS - (DAY_BLOCKS - 1)
    ticks = windows(read[:, first : LEVEL_BLOCKS + done], done)(DAY_BLOCKS)
    half = 2 * ticks >= DAY_BLOCKS * BLOCK_TICKS
    return np.where(half[:, np.newaxis], days, NEVER)


def _learn(now: Usual, known: Steps, days: Steps, level: Floats) -> tuple[Steps, list[Usual]]:
    """Add daily maxima one by one to those known: the history as it is then remembered, and what is usual before and
    after each. `level` [n, lenses, m] follows each of the m added."""
    added, usuals = days.shape[2], [now]
    if not added:
        return known, usuals
    history = np.concatenate([known, days], axis=2)
    seen, gone_seen = days != NEVER, history[:, :, :added] != NEVER
    steps = np.empty(history.shape)  # of which only what comes and what goes is filled
    steps[:, :, :added] = np.where(gone_seen, history[:, :, :added], 0)
    steps[:, :, HISTORY_BLOCKS:] = np.where(seen, days, 0)
    number = now.number[:, :, np.newaxis] + np.cumsum(seen.astype(np.int64) - gone_seen, axis=2)
    belief = beliefs(number, level)
    for gone in range(added):
        new = HISTORY_BLOCKS + gone
        taught = np.minimum(steps[:, :, new], most_taught(now)) * seen[:, :, gone]
        change = taught - steps[:, :, gone]
        second = now.second + change * (taught + steps[:, :, gone])
        steps[:, :, new] = taught
        of_block = (belief.weight[:, :, gone], belief.first[:, :, gone], belief.second[:, :, gone])
        now = usual(number[:, :, gone], now.first + change, second, *of_block)
        usuals.append(now)
    history[:, :, HISTORY_BLOCKS:] = np.where(seen, steps[:, :, HISTORY_BLOCKS:], NEVER)
    return history, usuals


def _kept(
    recent: Mapping[str, npt.NDArray[Any]],
    sums: Mapping[str, Integers],
    peaks: Steps,
    history: Steps,
    *,
    is_begun: bool,
) -> dict[str, npt.NDArray[Any]]:
    """What memory holds after the stretch. Where its last block ended with it, the next one starts with nothing."""
    kept = {field: values[:, values.shape[1] - (LONGEST - 1) :] for field, values in recent.items()}
    for field, values in sums.items():
        end = values.shape[1] - is_begun
        kept[f"block_{field}"] = values[:, end - (LEVEL_BLOCKS + 1) : end]
    nothing = np.full((*peaks.shape[:2], 0 if is_begun else 1), NEVER, dtype=peaks.dtype)
    kept["block_peaks"] = np.concatenate([peaks, nothing], axis=2)[:, :, -DAY_BLOCKS:]
    kept["day_peaks"] = history if history.shape[2] == HISTORY_BLOCKS else history[:, :, -HISTORY_BLOCKS:]
    return kept
