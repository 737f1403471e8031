"""Whether forecasts are honest: `python -m benchmarks.detection --data FOLDER --growth`.

At every sixth tick at which a series rings, the voices of the next 1, 3 and 12 hours are forecast from what was known
then, and compared with what came: on the labelled series and on crises of known onset added to them (a day of each
curve, bringing the volume of one, three and ten usual days), as they are and thinned to a tenth and a fiftieth.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.counts import into_bins, read_counts
from monitor.detectors.burst import SeriesBank
from monitor.detectors.growth import HORIZONS, HOUR_TICKS, forecast
from monitor.detectors.novelty import BLOCK_TICKS, LEVEL_BLOCKS

Series = npt.NDArray[np.int64]
DAY = 24 * HOUR_TICKS
LEVEL_TICKS = BLOCK_TICKS * LEVEL_BLOCKS
LEAD_TICKS, AFTER_TICKS = 15 * DAY, DAY + DAY // 2
THINNINGS = (1.0, 0.1, 0.02)
STRENGTHS = (1, 3, 10)


def with_crises(series: Series, curves: Mapping[str, Any], rng: np.random.Generator) -> Iterator[Series]:
    """Cuttings of a series, each with one crisis in it, of each strength."""
    for curve in (np.array(crisis["counts_5min"], dtype=float) for crisis in curves.values()):
        onset = int(rng.integers(LEAD_TICKS, len(series) - AFTER_TICKS))
        cutting = series[onset - LEAD_TICKS : onset + AFTER_TICKS]
        for strength in STRENGTHS:
            made = cutting.copy()
            scale = strength * series.mean() * DAY / curve.sum()
            made[LEAD_TICKS : LEAD_TICKS + len(curve)] += rng.poisson(curve * scale)
            yield made


def outcomes(series: Series) -> Iterator[list[int]]:
    """For every sixth ringing tick whether each horizon came out below (−1), inside (0) or above (1) its interval."""
    surprise = SeriesBank(["one"]).sweep(series[np.newaxis])[0][0]
    totals = np.concatenate([[0], np.cumsum(series)])
    last = HORIZONS[-1].hours * HOUR_TICKS
    for tick in np.flatnonzero(surprise[LEVEL_TICKS : len(series) - last] >= 1)[::6] + LEVEL_TICKS:
        now = tick + 1
        block = now - now % BLOCK_TICKS
        level = (totals[block] - totals[block - LEVEL_TICKS]) / LEVEL_TICKS
        recent = series[now - 24 : now].tolist()
        forecasts = [forecast(recent, level, horizon) for horizon in HORIZONS]
        came = [totals[now + each.hours * HOUR_TICKS] - totals[now] for each in forecasts]
        yield [int(c > each.high) - int(c < each.low) for c, each in zip(came, forecasts, strict=True)]


def measure(paths: Sequence[Path], crises: Path) -> dict[str, Any]:
    """Shares inside, below and above the intervals, per thinning and horizon: means over series, and the worst one."""
    curves, rng = json.loads(crises.read_text(encoding="utf-8"))["crises"], np.random.default_rng(3)
    whole = [into_bins(read_counts(path)).counts[0] for path in paths]
    material = [[series, *with_crises(series, curves, rng)] for series in whole]
    return {f"thinned to {share:g}": _shares(material, share, rng) for share in THINNINGS}


def _shares(material: Sequence[Sequence[Series]], share: float, rng: np.random.Generator) -> dict[str, Any]:
    per_series = []
    for group in material:
        found = [row for series in group for row in outcomes(rng.binomial(series, share))]
        per_series.append(np.array([[np.mean(np.array(found)[:, h] == side) for side in (-1, 0, 1)] for h in range(3)]))
    mean, worst = np.mean(per_series, axis=0), np.min([shares[:, 1] for shares in per_series], axis=0)
    return {
        f"{horizon.hours} h": {"below": row[0], "inside": row[1], "above": row[2], "worst series inside": least}
        for horizon, row, least in zip(HORIZONS, mean.round(3).tolist(), worst.round(3).tolist(), strict=True)
    }


def lines(results: Mapping[str, Any]) -> Iterator[str]:
    """The results as a Markdown table; 80 % inside is what the intervals promise."""
    yield from (
        "| forecast of the next | series | below | inside (80% promised) | above | worst series |",
        "| --- " * 6 + "|",
    )
    for name, horizons in results.items():
        for hours, shares in horizons.items():
            yield f"| {hours} | {name} | " + " | ".join(f"{share:.0%}" for share in shares.values()) + " |"
