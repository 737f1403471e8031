"""The worked example of docs/channels/new-channel.md is run as it stands, and holds the contract."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "channels" / "new-channel.md"
BLOCK = re.compile(r"## The (?:file|test): `(?P<path>[^`]+)`.*?```python\n(?P<code>.*?)```", re.DOTALL)
OVERLAY = """
import pathlib
import alerts.channels
import tests.alerts
for package in (alerts.channels, tests.alerts):
    package.__path__.append(str(pathlib.Path(__file__).parent / package.__name__.replace(".", "/")))
"""


def test_the_example_is_found_and_holds_the_contract(tmp_path: Path) -> None:
    blocks = {block["path"]: block["code"] for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))}
    assert set(blocks) == {"alerts/channels/ntfy.py", "tests/alerts/test_ntfy.py"}
    for path, code in {**blocks, "overlay.py": OVERLAY}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "overlay", "-q", "-p", "no:cacheprovider", "-k", "ntfy"]
    suites = ["tests/contract/test_channels.py", str(tmp_path / "tests/alerts/test_ntfy.py")]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ran = subprocess.run([*command, *suites], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    passed = re.search(r"(\d+) passed", ran.stdout)
    assert passed is not None
    assert int(passed[1]) > 20
