"""The detector against its own description, written out slowly in plain Python."""

from __future__ import annotations

import math
from statistics import fmean

import numpy as np
import pytest

from monitor.detectors.burst import SeriesBank

BLOCK, DAY = 72, 288
LENSES = ((3, 1.2, False), (12, 0.6, False), (36, 0.4, False), (36, 0.4, True))


def root(count: float) -> float:
    """Anscombe's transform."""
    return 2 * math.sqrt(count + 0.375)


class Slow:
    """One fully read series, remembered whole."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        self.capped: list[int] = []
        self.excesses: list[list[float]] = [[] for _ in LENSES]
        self.day_peaks: list[list[float]] = [[] for _ in LENSES]

    def level(self, counts: list[int]) -> float:
        """Mean of the seven days before the block under way."""
        end = len(self.counts) // BLOCK * BLOCK
        return fmean(counts[max(0, end - 7 * DAY) : end])

    def push(self, count: int) -> float:
        """Surprise after one more tick."""
        known = len(self.counts) >= BLOCK
        levels = [self.level(self.capped if capped else self.counts) if known else 0.0 for _, _, capped in LENSES]
        most = math.floor(4 * levels[3] + 3 * math.sqrt(levels[3]) + 1) if known else count
        self.counts.append(count)
        self.capped.append(min(count, most))
        novelties = [self.novelty(number, levels[number], known) for number in range(len(LENSES))]
        if len(self.counts) % BLOCK == 0 and len(self.counts) >= 2 * BLOCK:
            self.end_day()
        if not known or sum(self.counts[-36:]) < 5:
            return 0.0
        return max(0.0, fmean(novelties[:3]) / 1.4, novelties[3] / 1.6)

    def novelty(self, number: int, level: float, known: bool) -> float:
        """The novelty of the latest window of one lens."""
        ticks, usual, capped = LENSES[number]
        window = (self.capped if capped else self.counts)[-ticks:]
        excess = root(sum(window)) - root(level * len(window))
        self.excesses[number].append(excess if known else -math.inf)
        believed, seen = usual * root(level * ticks), self.day_peaks[number][-56:]
        belief = 16 * (1 - len(seen) / 56)
        weight = belief + len(seen)
        mean = (belief * believed + sum(seen)) / weight
        square = (belief * 2 * believed**2 + sum(peak**2 for peak in seen)) / weight
        return (excess - mean) / max(1.0, math.sqrt(max(0.0, square - mean**2)))

    def end_day(self) -> None:
        """Remember the largest excess of the last 24 hours."""
        for excesses, peaks in zip(self.excesses, self.day_peaks, strict=True):
            peaks.append(max(excesses[-DAY:]))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_detector_does_what_it_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(6.0 * rng.gamma(2.0, 0.5, 17 * DAY))
    counts[5 * DAY : 5 * DAY + 50] += 40
    counts[16 * DAY : 16 * DAY + 90] += 15
    slow = Slow()
    expected = np.array([slow.push(int(count)) for count in counts])
    surprise = SeriesBank(["one"]).sweep(counts[np.newaxis])[0][0]
    assert (expected > 1).any()
    np.testing.assert_allclose(surprise, expected, atol=0.01)
