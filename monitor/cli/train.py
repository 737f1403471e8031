"""`tocsin train`: a sentiment model learned from labelled lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output
from monitor.cli.failures import BAD_USAGE, Failure
from monitor.cli.settings import AsJson

if TYPE_CHECKING:
    from monitor.train import Lesson

Labelled = Annotated[
    list[Path], typer.Argument(metavar="LABELLED...", help="JSONL, also packed by gzip: lines with text and label.")
]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="MODEL", help="The model to write; never overwritten.")]
BrandField = Annotated[
    str, typer.Option("--brand-field", metavar="KEY", help="The key that names the brand each line is about.")
]
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="NAME=MEANING", help="What a label means: negative, neutral or positive."),
]
Languages = Annotated[
    list[str] | None,
    typer.Option("--language", metavar="CODE", help="A language of the lines that do not say; repeatable."),
]
MEANINGS = ("negative", "neutral", "positive")


def train(
    labelled: Labelled,
    out: Out,
    brand_field: BrandField = "target",
    label: Labels = None,
    language: Languages = None,
    as_json: AsJson = False,
) -> None:
    """Learn a sentiment model from labelled lines, and say how good it is on lines held out.

    Use it with "tocsin score --model", or for the whole program with understanding.model.

    Example: tocsin train labelled.jsonl --out ours.model
    """
    from monitor.train import learn

    _look(labelled, out)
    lesson = learn(labelled, brand_field=brand_field, labels=_meanings(label or []), languages=language or ())
    lesson.model.save(out)
    _tell(lesson, out, as_json=as_json)


def _look(labelled: list[Path], out: Path) -> None:
    """Refuse before the work what would be refused after it."""
    missing = [f"{file}: there is no such file" for file in labelled if not file.is_file()]
    if out.exists():
        missing.append(f"{out} exists already and is left as it is; name another with --out")
    elif not out.absolute().parent.is_dir():
        missing.append(f"{out}: there is no such folder")
    if missing:
        raise Failure(*missing, code=BAD_USAGE)


def _meanings(pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, _, meaning = pair.partition("=")
        if meaning not in MEANINGS:
            raise Failure(f"--label {pair}: write NAME=MEANING, where MEANING is {', '.join(MEANINGS)}", code=BAD_USAGE)
        found[name] = meaning
    return found


def _tell(lesson: Lesson, out: Path, *, as_json: bool) -> None:
    if as_json:
        figures = {"macro_f1": lesson.macro_f1, "auc_negative": lesson.auc_negative}
        output.print_json({"model": str(out), "lines": lesson.lines, "held_out": lesson.held_out, **figures})
        return
    output.say(
        f"Learned from {lesson.lines:,} lines; on {lesson.held_out:,} held out: "
        f"macro-F1 {lesson.macro_f1:.3f}, area under the curve of the negative {lesson.auc_negative:.3f}."
    )
    output.say(f"Wrote {output.plain(str(out))}. Use it: tocsin score posts.jsonl --model {output.plain(str(out))}")
