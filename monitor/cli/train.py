"""`tocsin train`: a sentiment model learned from labelled lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import output, settings
from monitor.cli.failures import BAD_USAGE, Failure
from monitor.cli.settings import DEFAULT, AsJson, ConfigFile

if TYPE_CHECKING:
    from monitor.train import Lesson

Labelled = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[LABELLED]...", help="JSONL, also packed by gzip: lines with text and label."),
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
Corrections = Annotated[
    bool, typer.Option("--corrections", help="Learn also from what people corrected in the configured database.")
]
MEANINGS = ("negative", "neutral", "positive")


def train(
    out: Out,
    labelled: Labelled = None,
    brand_field: BrandField = "target",
    label: Labels = None,
    language: Languages = None,
    corrections: Corrections = False,
    config: ConfigFile = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Learn a sentiment model from labelled lines, and say how good it is on lines held out.

    Use it with "tocsin score --model", or for the whole program with understanding.model.

    With --corrections, what "tocsin posts correct" was told counts as lines, too.

    Example: tocsin train labelled.jsonl --corrections --out ours.model
    """
    from monitor.train import learn

    files = labelled or []
    if not files and not corrections:
        raise Failure("name files of labelled lines, or give --corrections", code=BAD_USAGE)
    _look(files, out)
    lesson = learn(
        files,
        brand_field=brand_field,
        labels=_meanings(label or []),
        languages=language or (),
        **(_corrected(config) if corrections else {}),
    )
    lesson.model.save(out)
    _tell(lesson, out, as_json=as_json)


def _corrected(config: Path) -> dict[str, Any]:
    """What people corrected, and the brands that they corrected toward."""
    from monitor.corrections import labelled_lines

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen) as database:
        return {"corrections": labelled_lines(database), "brands": chosen.brands}


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
