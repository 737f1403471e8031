"""Who would have been woken, and for what: `python -m benchmarks.paging --data FOLDER [--json]`.

FOLDER holds histories (`CORPUS.jsonl.gz`) and `incidents_dev.jsonl`, what people say happened. Each history for which a
configuration `CORPUS.toml` lies beside this file (or in `--configs`) goes through `tocsin replay --json`, and the pages
through `score_pages.py`, which is not ours: it is run from `--tools`, or from `../../tools` beside the data.
`--ablation` also takes the judge apart, `--sensitivities` tries all three.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import folder_in

HERE = Path(__file__).resolve().parent
NEVER = 1_000_000
TOCSIN = "from monitor.cli import main; main()"
HEAD = (
    "| corpus | incidents caught | median delay, minutes | pages | notices | traps paged | stray pages "
    "| stray per brand and week |"
)
COMPANIONS = {"hn_frontpage": "hn_snapshots"}
"""Histories that come in two files: the second holds how engagement grew."""


class MissingError(Exception):
    """Something that the benchmark needs is not there."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to run the judge: its name, and settings of `[detection]` that differ from the defaults."""

    name: str
    sensitivity: str = "standard"
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def table(self) -> str:
        """The settings as TOML."""
        lines = ["", "[detection]", f'sensitivity = "{self.sensitivity}"', "[detection.thresholds]"]
        return "\n".join([*lines, *(f"{name} = {value}" for name, value in self.thresholds.items()), ""])


STANDARD = Variant("standard")
SENSITIVITIES = (Variant("relaxed", "relaxed"), STANDARD, Variant("keen", "keen"))
_NO_CROWD = {"crowd_fewest_voices": NEVER, "crowd_fewest_adverse": NEVER}
_NO_TROUBLE = {f"trouble_notice_{which}": NEVER for which in ("grave", "serious", "any")}
_ANY_TONE = {"crowd_adverse_share": 0, "crowd_as_usual": 0, "crowd_calm_share": 1}
WITHOUT = (
    Variant("without crowds", thresholds=_NO_CROWD),
    Variant("without trouble", thresholds=_NO_TROUBLE),
    Variant("without threads", thresholds={"thread_fewest": NEVER}),
    Variant("without slow burns", thresholds={"slow_burn_fewest": NEVER}),
    Variant("without reach", thresholds={"reach_audience": 10**9, "reach_copies": NEVER}),
    Variant("crowds of any tone", thresholds=_ANY_TONE),
    Variant("trouble about anything", thresholds={"trouble_coherence": 0}),
    Variant("fame without effect", thresholds={"thread_fame": 0}),
)


def corpora(data: Path, configs: Path) -> list[str]:
    """The names of the histories that are there with a configuration."""
    known = sorted(path.stem for path in configs.glob("*.toml"))
    return [name for name in known if (data / f"{name}.jsonl.gz").exists()]


def histories(data: Path, corpus: str) -> list[Path]:
    """The files of a history."""
    names = [corpus, *(corpus.replace(first, second) for first, second in COMPANIONS.items() if first in corpus)]
    return [path for name in names if (path := data / f"{name}.jsonl.gz").exists()]


def replay(files: Sequence[Path], config: Path, variant: Variant, pages: Path) -> None:
    """Write what would have been sent to `pages`, as `tocsin replay --json` prints it."""
    chosen = pages.with_suffix(".toml")
    chosen.write_text(config.read_text(encoding="utf-8") + variant.table(), encoding="utf-8")
    command = [sys.executable, "-c", TOCSIN, "replay", *map(str, files), "--config", str(chosen), "--json"]
    with pages.open("w", encoding="utf-8") as out:
        subprocess.run(command, check=True, stdout=out)


def score(pages: Path, incidents: Path, corpus: str, tools: Path) -> dict[str, Any]:
    """What the scorer says of `pages`: `total`, and `entries`, one for each incident and trap."""
    tool = tools / "score_pages.py"
    if not tool.exists():
        raise MissingError(f"the scorer {tool} is not there; name its folder with --tools")
    command = [sys.executable, "-B", str(tool), str(pages), "--incidents", str(incidents), "--corpus", corpus, "--json"]
    result: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return result


def measure(options: argparse.Namespace, variants: Sequence[Variant]) -> Iterator[dict[str, Any]]:
    """A result for every variant and corpus: `variant`, and what the scorer says."""
    names = options.corpus or corpora(options.data, options.configs)
    if not names:
        raise MissingError(f"no history in {options.data} has a configuration in {options.configs}")
    incidents = options.incidents or options.data / "incidents_dev.jsonl"
    tools = options.tools or options.data.resolve().parent.parent / "tools"
    with tempfile.TemporaryDirectory() as folder:
        for variant in variants:
            for corpus in names:
                pages = Path(folder) / f"{corpus}.jsonl"
                replay(histories(options.data, corpus), options.configs / f"{corpus}.toml", variant, pages)
                yield {"variant": variant.name, **score(pages, incidents, corpus, tools)}


def row(result: Mapping[str, Any]) -> str:
    """A result as a row of a Markdown table."""
    total = result["total"]
    cells = [
        total["corpus"] if result["variant"] == STANDARD.name else f"{total['corpus']}, {result['variant']}",
        f"{total['caught']}/{total['incidents']}",
        "" if total["delay_min"] is None else f"{total['delay_min']:g}",
        total["pages"],
        total["notices"],
        f"{total['traps_paged']}/{total['traps']}",
        total["stray"],
        total["stray_week"],
    ]
    return f"| {' | '.join(map(str, cells))} |"


def verdicts(result: Mapping[str, Any]) -> Iterator[str]:
    """What became of each incident and trap that did not go as people expect."""
    for entry in result["entries"]:
        if entry.get("caught") is False:
            yield f"missed: {entry['id']} ({entry['brand']}, expects {entry['expect']})"
        elif entry.get("trap_pages"):
            yield f"paged on a trap: {entry['id']} ({entry['brand']})"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paging", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of histories, or of incidents/")
    parser.add_argument("--incidents", type=Path, help="what happened (default: incidents_dev.jsonl in --data)")
    parser.add_argument("--tools", type=Path, help="folder of the scorer (default: ../../tools beside the data)")
    parser.add_argument(
        "--configs", type=Path, default=HERE, help="folder of configurations (default: beside this file)"
    )
    parser.add_argument("--corpus", action="append", help="only this history; may be given several times")
    parser.add_argument("--ablation", action="store_true", help="also measure the judge without each of its parts")
    parser.add_argument("--sensitivities", action="store_true", help="measure relaxed and keen beside standard")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    options = parser.parse_args()
    options.data = folder_in(options.data, "incidents")
    variants = (*(SENSITIVITIES if options.sensitivities else (STANDARD,)), *(WITHOUT if options.ablation else ()))
    if not options.json:
        print(HEAD, "| --- " * 8 + "|", sep="\n")
    failed: list[str] = []
    try:
        for result in measure(options, variants):
            print(json.dumps(result, ensure_ascii=False) if options.json else row(result), flush=True)
            failed += verdicts(result) if result["variant"] == STANDARD.name else ()
    except (MissingError, FileNotFoundError) as error:
        sys.exit(f"benchmarks.paging: {error}")
    if not options.json:
        print("", *failed, sep="\n")


if __name__ == "__main__":
    main()
