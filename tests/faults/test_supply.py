"""What is installed is what was pinned."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from benchmarks.audit import CLEAN, UNASKED, audited, read
from benchmarks.audit import WEAK as KNOWN_WEAK

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
PINNED = re.compile(r"[a-z0-9_.-]+(\[[a-z,_-]+\])?==\S+( ;.*)?", re.IGNORECASE)


@pytest.mark.parametrize("name", ["build", "runtime", "dev", "audit"])
def test_every_requirement_is_pinned_by_hash(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert lines
    for line in lines:
        requirement, *hashes = line.split("--hash=sha256:")
        assert PINNED.fullmatch(requirement.strip()), line
        assert hashes, line
        assert all(re.fullmatch(r"[0-9a-f]{64}", one.strip()) for one in hashes), line


@pytest.mark.parametrize("name", ["build", "runtime", "dev", "audit"])
def test_whatever_is_asked_for_is_pinned(name: str) -> None:
    asked = (REQUIREMENTS / f"{name}.in").read_text(encoding="utf-8").splitlines()
    pinned = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8").lower()
    for line in asked:
        if line and not line.startswith(("#", "-r")):
            wanted = re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~ ]", line)[0].lower())
            assert re.search(rf"^{re.escape(wanted)}(\[\S+\])?==", pinned, re.MULTILINE), wanted


WEAK = {"name": "sprocket", "version": "1.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1"]}]}
SOUND = {"name": "cog", "version": "2.0", "vulns": []}
UNKNOWN = {"name": "lever", "skip_reason": "Dependency not found and could not be audited"}


@pytest.mark.parametrize(
    ("dependencies", "code"), [([SOUND], CLEAN), ([SOUND, UNKNOWN], UNASKED), ([WEAK, SOUND, UNKNOWN], KNOWN_WEAK)]
)
def test_what_nobody_could_be_asked_about_is_no_clean_bill(dependencies: list[dict[str, object]], code: int) -> None:
    answer = read({"dependencies": dependencies})
    assert answer.code == code
    assert ("NOT ASKED ABOUT: lever" in answer.words) == (UNKNOWN in dependencies)


def test_an_audit_that_fails_says_why(tmp_path: Path) -> None:
    broken = "import sys; sys.exit('no service answers')"
    answer = audited(tmp_path / "runtime.txt", (sys.executable, "-c", broken))
    assert (answer.code, answer.unasked) == (UNASKED, ["all of runtime.txt (no service answers)"])
