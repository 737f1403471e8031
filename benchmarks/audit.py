"""Whether anything that is pinned is known to be weak; `make audit` runs it.

    python -m benchmarks.audit

pip-audit (in an environment of its own) asks an advisory service on the network about every pinned requirement. One of
which the service knows nothing counts as not asked about: an index that mirrors packages without their advisories would
otherwise look like a clean bill.

The exit code is 0 when all were asked about and none is weak, 1 when one is, and 2 when the service could not be asked
about all of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PIP_AUDIT = ROOT / ".venv" / "audit" / "bin" / "pip-audit"
LISTS = ("build", "runtime", "dev")
CLEAN, WEAK, UNASKED = 0, 1, 2
SECONDS = 600


@dataclass
class Answer:
    """What came of one list of requirements."""

    asked: int = 0
    weak: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)

    @property
    def code(self) -> int:
        """Weak before unasked: what is known is told."""
        return WEAK if self.weak else UNASKED if self.unasked else CLEAN

    @property
    def words(self) -> str:
        """The answer in a sentence."""
        said = f"{self.asked} asked about, {len(self.weak)} known to be weak"
        said += f" ({'; '.join(self.weak)})" if self.weak else ""
        return f"{said}, {len(self.unasked)} NOT ASKED ABOUT: {self.unasked[0]}" if self.unasked else said


def read(report: Mapping[str, Any]) -> Answer:
    """What a report of pip-audit (`--format json`) says."""
    answer = Answer()
    for one in report["dependencies"]:
        if "skip_reason" in one:
            answer.unasked.append(f"{one['name']} ({one['skip_reason']})")
            continue
        answer.asked += 1
        answer.weak += [f"{one['name']} {one['version']}: {weakness['id']}" for weakness in one["vulns"]]
    return answer


def audited(requirements: Path, program: Sequence[str] = (str(PIP_AUDIT),)) -> Answer:
    """Ask about one list of requirements."""
    options = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    done = subprocess.run(
        [*program, *options, "-r", str(requirements)], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    try:
        return read(json.loads(done.stdout))
    except (ValueError, KeyError):
        lines = done.stderr.strip().splitlines() or [f"pip-audit ended with {done.returncode} and said nothing"]
        return Answer(unasked=[f"all of {requirements.name} ({lines[-1][:300]})"])


def main() -> int:
    """Ask about every list and print what came of it."""
    answers = {name: audited(ROOT / "requirements" / f"{name}.txt") for name in LISTS}
    for name, answer in answers.items():
        print(f"requirements/{name}.txt: {answer.words}")
    codes = {answer.code for answer in answers.values()}
    return WEAK if WEAK in codes else max(codes)


if __name__ == "__main__":
    sys.exit(main())
