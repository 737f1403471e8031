"""How well and how fast bursts are found in count series: `python -m benchmarks.detection --data FOLDER [--json]`.

FOLDER holds labelled series (`NAME.csv` with `timestamp,count`, and `labels.json` with windows and labelled moments)
and `crises.json` with curves of crises of known onset. The scorers are not ours: `score_bursts.py` and
`inject_crises.py` are run from `--tools`, or from `../../tools` beside the data. Without data, speed alone is measured.
`--ablation` also takes the detector apart.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks import folder_in, growth
from monitor.counts import into_bins, read_counts
from monitor.detect import csv_lines, find_bursts
from monitor.detectors.burst import PRESETS, BurstSettings, SeriesBank

NEVER = 1e9
"""A threshold that nothing reaches."""
STANDARD = PRESETS["standard"]
GOAL = "| **goal** | 90 | 86 | 93 | 0.3 | 1.00 | | 60% | 78% | 82% | |"
HEAD = (
    "| configuration | standard | low-FP | low-FN | false per series-week | windows hit | hours after label "
    "| crises of 1 day's volume, 6 h | of 3 days' | of 10 days' | alerts on untouched series |"
)
PROFILES = ("standard", "reward_low_FP_rate", "reward_low_FN_rate")
PUBLISHED = (*PROFILES, "false_per_week", "window_recall", "delay_label_h")
TEXTS = [
    "@shop my parcel is late AGAIN, third time this month. Terrible service :(",
    "Loving the new colours, thank you so much! Great work everyone",
    "Does anybody know when the branch on Main Street opens on Sunday?",
    "RT @someone: they recalled 2,000 units after the battery caught fire http://example.org/x",
]


def no_change() -> AbstractContextManager[object]:
    """The detector as it is."""
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Variant:
    """One configuration to measure: settings, and what is changed in the detector itself meanwhile."""

    name: str
    settings: BurstSettings = STANDARD
    change: Callable[[], AbstractContextManager[object]] = field(default=no_change)


SENSITIVITIES = tuple(Variant(name, settings) for name, settings in PRESETS.items())
WITHOUT = (
    Variant("brief lenses alone", replace(STANDARD, lasting=NEVER)),
    Variant("lasting lens alone", replace(STANDARD, brief=NEVER)),
    Variant("no cap in the lasting lens", change=lambda: patch("monitor.detectors.stretch.cap", _no_cap)),
    Variant("no belief before the first days", change=lambda: patch("monitor.detectors.novelty.PRIOR_SAMPLES", 1e-9)),
    Variant("a day teaches all it was", change=lambda: patch("monitor.detectors.novelty.LARGEST_LESSON", NEVER)),
    Variant("a day's silence without exception", replace(STANDARD, escalation=NEVER)),
    Variant("every rise rings anew", replace(STANDARD, rise_ticks=0)),
    Variant("no silence", replace(STANDARD, silence_ticks=1, rise_ticks=0)),
)


class MissingError(Exception):
    """Something that the benchmark needs is not there."""


def _no_cap(level: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.full(level.shape, 2**31 - 1)


def series_in(folder: Path) -> list[Path]:
    """The labelled series of a folder."""
    labels = folder / "labels.json"
    if not labels.exists():
        raise MissingError(f"{labels} is not there; --data takes a folder of labelled count series")
    return [folder / name for name in sorted(json.loads(labels.read_text(encoding="utf-8"))["series"])]


def write_alerts(series: Sequence[Path], variant: Variant, folder: Path) -> None:
    """The alerts on each series, in files of the same names, as `tocsin detect --csv` prints them."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in series:
        counts = read_counts(path)
        with variant.change():
            alerts = list(find_bursts(counts, into_bins(counts), variant.settings))
        (folder / path.name).write_text("\n".join(csv_lines(alerts)) + "\n", encoding="utf-8")


def ask(tool: Path, *arguments: str | Path) -> str:
    """What a scorer prints."""
    if not tool.exists():
        raise MissingError(f"the scorer {tool} is not there; name its folder with --tools")
    command = [sys.executable, "-B", str(tool), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def make_crises(data: Path, tools: Path, folder: Path) -> Path:
    """Series with a crisis each."""
    curves = data / "crises.json"
    if not curves.exists():
        raise MissingError(f"{curves} is not there; it holds the curves of crises of known onset")
    ask(tools / "inject_crises.py", "make", "--data", data, "--crises", curves, "--out", folder)
    return folder


def score(variant: Variant, data: Path, tools: Path, made: Path, folder: Path) -> dict[str, Any]:
    """One configuration on labelled bursts and on crises: the measures of both scorers."""
    alerts, clean = folder / "made", folder / "clean"
    write_alerts(series_in(data), variant, clean)
    write_alerts(sorted(made.glob("*.csv")), variant, alerts)
    labels = ("--data", data, "--labels", data / "labels.json", "--detections", clean)
    bursts = json.loads(ask(tools / "score_bursts.py", *labels))
    truth = ("--truth", made / "truth.json", "--alerts", alerts, "--clean", clean)
    return {**bursts, **crises_in(ask(tools / "inject_crises.py", "score", *truth))}


def crises_in(printed: str) -> dict[str, Any]:
    """The shares of crises met, per strength, from what the scorer prints."""
    shares = re.findall(r"strength (\S+): n=(\d+)\s+within 1 h (\d+)%\s+within 6 h (\d+)%", printed)
    untouched = re.search(r"untouched series: (\d+)", printed)
    return {
        "alerts_on_untouched": int(untouched[1]) if untouched else None,
        "crises": {s: {"n": int(n), "within_1h": int(a) / 100, "within_6h": int(b) / 100} for s, n, a, b in shares},
    }


def peers_in(data: Path) -> dict[str, Any]:
    """What the best published detectors reach at their own thresholds on the same series, where that is known."""
    path = data / "peers.csv"
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if (row["split"], row["threshold"]) == ("dev", "published")]
    measured = [(row, {name: float(row[name]) for name in PUBLISHED}) for row in rows if row["kind"] == "published"]
    measured.sort(key=lambda pair: -pair[1]["standard"])
    ahead = [pair for pair in measured if pair[0]["uses_future"] != "no"][:2]
    causal = [pair for pair in measured if pair[0]["uses_future"] == "no"][:2]
    return {f"{row['detector']}, sees ahead: {row['uses_future']}": figures for row, figures in [*ahead, *causal]}


def seconds(work: Callable[[], object], repeat: int = 5) -> float:
    """The median processor time of `work`; it does everything in one thread."""
    taken = []
    for _ in range(repeat):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def measure_speed() -> dict[str, float]:
    """Points a second over one series and over fifty, and the time of a tick of 10,000 series with its state saved.

    The unit, measured in the same run, is the bare loop over texts of the sentiment package.
    """
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer, rng = SentimentIntensityAnalyzer(), np.random.default_rng(1)
    unit = 1000 / seconds(lambda: [analyzer.polarity_scores(text) for text in TEXTS * 250])
    points = {}
    for number in (1, 50):
        counts, names = rng.poisson(9, (number, 16_000)), [str(name) for name in range(number)]
        points[number] = counts.size / seconds(lambda n=names, c=counts: SeriesBank(n).sweep(c))  # type: ignore[misc]
    bank, ticks = SeriesBank([str(number) for number in range(10_000)]), rng.poisson(3, (10_000, 150))
    bank.sweep(ticks[:, :72])
    times = [seconds(lambda t=tick: (bank.push(t), bank.dump()), 1) for tick in ticks[:, 72:].T]  # type: ignore[misc]
    return {
        "bare loop, texts a second": round(unit),
        "one series, points a second": round(points[1]),
        "one series, ratio to the bare loop": round(points[1] / unit),
        "50 series at once, points a second": round(points[50]),
        "tick of 10,000 series with state saved, ms": round(1000 * statistics.median(times), 1),
        "the slowest of 78 such ticks, ms": round(1000 * max(times), 1),
        "state of a series, bytes": len(bank.dump()) // 10_000,
    }


def measure(data: Path | None, tools: Path | None, variants: Sequence[Variant]) -> dict[str, Any]:
    """Everything that can be measured with what is there."""
    results: dict[str, Any] = {}
    if data is not None:
        tools = tools or data.resolve().parent.parent / "tools"
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            made = make_crises(data, tools, folder / "crises")
            for number, variant in enumerate(variants):
                results[variant.name] = score(variant, data, tools, made, folder / str(number))
        results["published"] = peers_in(data)
    results["speed"] = measure_speed()
    return results


def lines(results: Mapping[str, Any]) -> Iterator[str]:
    """The results as Markdown tables."""
    scored = {name: scores for name, scores in results.items() if name not in {"published", "speed"}}
    if scored:
        yield from (HEAD, "| --- " * 11 + "|", GOAL)
        yield from (_row(name, scores) for name, scores in (scored | results["published"]).items())
        yield ""
    yield from ("| speed (processor time) | |", "| --- | --- |")
    yield from (f"| {what} | {figure:,} |" for what, figure in results["speed"].items())


def _row(name: str, scores: Mapping[str, Any]) -> str:
    cells = [f"{scores[profile]:.1f}" for profile in PROFILES]
    cells += [f"{scores[measure]:.2f}" for measure in ("false_per_week", "window_recall", "delay_label_h")]
    cells += [f"{met['within_6h']:.0%}" for met in scores.get("crises", {}).values()] or [""] * 3
    return f"| {' | '.join([name, *cells, str(scores.get('alerts_on_untouched', ''))])} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of labelled count series, or of mentions/")
    parser.add_argument("--tools", type=Path, help="folder of the scorers (default: ../../tools beside the data)")
    parser.add_argument("--ablation", action="store_true", help="also measure the detector without each of its parts")
    parser.add_argument("--growth", action="store_true", help="only: do forecasts of what comes hold?")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.data is not None:
        options.data = folder_in(options.data, "mentions")
    if options.growth and options.data is not None:
        honest = growth.measure(series_in(options.data), options.data / "crises.json")
        print(json.dumps(honest) if options.json else "\n".join(growth.lines(honest)))
        return
    if options.data is None:
        print("no --data: the labelled series are not here, and speed alone is measured", file=sys.stderr)
    try:
        results = measure(options.data, options.tools, SENSITIVITIES + (WITHOUT if options.ablation else ()))
    except (MissingError, FileNotFoundError) as error:
        sys.exit(f"benchmarks.detection: {error}")
    print(json.dumps(results) if options.json else "\n".join(lines(results)))


if __name__ == "__main__":
    main()
