"""The closest open peer, obsei, beside the bare loop over the same texts, in an environment of its own.

The recipe is in docs/performance.md. What is measured is its analyser over a batch, without source, sink or store; it
runs in the interpreter that has it, which times the bare loop beside it, so that both see the same machine.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storage.records import Post

_THERE = r"""
import json, sys, time, types
from importlib.metadata import version
class Left(types.ModuleType):  # its analyser of tone imports these (gigabytes) and does not use them
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})
for name in ("transformers", "torch"):
    sys.modules[name] = Left(name)
sys.modules["torch"].cuda = types.SimpleNamespace(is_available=lambda: False)
from obsei.analyzer.sentiment_analyzer import VaderSentimentAnalyzer
from obsei.payload import TextPayload
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
texts = json.load(sys.stdin)
score = SentimentIntensityAnalyzer().polarity_scores
analyzer = VaderSentimentAnalyzer()
loop = own = 0.0
for start in range(0, len(texts), 1000):
    chunk = texts[start : start + 1000]
    began = time.process_time()
    for text in chunk:
        score(text)
    between = time.process_time()
    analyzer.analyze_input([TextPayload(processed_text=text, source_name="made") for text in chunk])
    loop, own = loop + between - began, own + time.process_time() - between
print(json.dumps({"obsei": version("obsei"), "ratio_to_bare_loop": round(loop / own, 2)}))
"""


def beside(python: Path, posts: Sequence[Post]) -> dict[str, Any]:
    """The peer's ratio to the bare loop."""
    texts = json.dumps([post.text for post in posts])
    ran = subprocess.run([str(python), "-c", _THERE], input=texts, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found
