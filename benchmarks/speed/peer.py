"""The closest open peer, obsei, beside the bare loop over the same texts, in an environment of its own.

The recipe is in docs/performance.md. Of the old version, which scores with the same package and has no store, both the
analyser alone and the way of its documentation are run: a table of texts, the analyser, a table of results. Of the new
one, which has a store and no sentiment, its command is run over a file: read, take out what is personal, store; with
that and without. All run in the interpreter that has it, which times the bare loop beside it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storage.records import Post

_VERSION = "from importlib.metadata import version; print(version('obsei'))"

_OLD = r"""
import json, sys, time, types, warnings
warnings.simplefilter("ignore")
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
from obsei.sink.pandas_sink import PandasSink, PandasSinkConfig
from obsei.source.pandas_source import PandasSource, PandasSourceConfig
from pandas import DataFrame
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
texts = json.load(sys.stdin)
score = SentimentIntensityAnalyzer().polarity_scores
analyzer, source, sink = VaderSentimentAnalyzer(), PandasSource(), PandasSink()
results = PandasSinkConfig(dataframe=DataFrame())
loop = alone = whole = 0.0
for start in range(0, len(texts), 1000):
    chunk = texts[start : start + 1000]
    began = time.process_time()
    for text in chunk:
        score(text)
    looped = time.process_time()
    analyzer.analyze_input([TextPayload(processed_text=text, source_name="made") for text in chunk])
    analyzed = time.process_time()
    asked = PandasSourceConfig(dataframe=DataFrame({"text": chunk}), text_columns=["text"])
    sink.send_data(analyzer.analyze_input(source.lookup(asked)), results)
    loop, alone, whole = loop + looped - began, alone + analyzed - looped, whole + time.process_time() - analyzed
print(json.dumps({"analyser_alone": round(loop / alone, 2), "ratio_to_bare_loop": round(loop / whole, 2)}))
"""

_NEW = r"""
import json, os, pathlib, resource, subprocess, sys, tempfile, time
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
CONFIG = '''
version: 1
store: {path: obsei.duckdb, unencrypted: true}
privacy: {redact: %s}
pipelines:
  - name: posts
    sources:
      - {key: posts, type: jsonl, config: {path: posts.jsonl, fields: {text: text, id: id, created_at: at}}}
'''
def spent(redact, texts):
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        (folder / "obsei.yaml").write_text(CONFIG % redact)
        rows = [{"id": str(n), "at": "2026-01-05T00:00:00Z", "text": text} for n, text in enumerate(texts)]
        (folder / "posts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = pathlib.Path(sys.executable).with_name("obsei")
        ran = subprocess.run([command, "run"], cwd=folder, capture_output=True, text=True)
        if ran.returncode or f"stored {len(texts)}" not in ran.stdout.replace("\n", " "):
            raise SystemExit(ran.stdout + ran.stderr)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
texts = json.load(sys.stdin)
score = SentimentIntensityAnalyzer().polarity_scores
began = time.process_time()
for text in texts:
    score(text)
loop = time.process_time() - began
told = {}
for name, redact in (("without_redaction", "false"), ("ratio_to_bare_loop", "true")):
    told[name] = round(loop / (spent(redact, texts) - spent(redact, texts[:1])), 3)
print(json.dumps(told))
"""


def beside(python: Path, posts: Sequence[Post]) -> dict[str, Any]:
    """The peer's ratios to the bare loop."""
    installed = subprocess.run([str(python), "-c", _VERSION], stdout=subprocess.PIPE, text=True, check=True)
    version = installed.stdout.strip()
    texts = json.dumps([post.text for post in posts])
    there = _OLD if version.startswith("0.") else _NEW
    ran = subprocess.run([str(python), "-c", there], input=texts, stdout=subprocess.PIPE, text=True, check=True)
    return {"obsei": version, **json.loads(ran.stdout.splitlines()[-1])}
