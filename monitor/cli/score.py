"""`tocsin score`: sentiment and relevance toward a brand for lines of text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import output, settings
from monitor.cli.failures import BAD_USAGE, Failure
from monitor.cli.settings import AsJson

if TYPE_CHECKING:
    from monitor.score import ScoredLine

File = Annotated[Path, typer.Argument(metavar="FILE", help="JSONL, also packed by gzip: lines with id and text.")]
BrandField = Annotated[
    str | None, typer.Option("--brand-field", metavar="KEY", help="The key that names the brand each line is about.")
]
Model = Annotated[
    Path | None, typer.Option("--model", "-m", metavar="PATH", help='A model that "tocsin train" made, or a folder.')
]
Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="A configuration whose brands and languages are used."),
]


def score(
    file: File, brand_field: BrandField = None, model: Model = None, config: Config = None, as_json: AsJson = False
) -> None:
    """Score lines of text: sentiment toward a brand.

    With --json each line gives an object with id, compound (-1 to 1), label, language, relevance and uncertainty.

    Example: tocsin score posts.jsonl --brand-field target --json
    """
    from monitor.score import scored_file

    if not file.is_file():
        raise Failure(f"{file}: there is no such file", code=BAD_USAGE)
    if model is not None and not model.exists():
        raise Failure(f"{model}: there is no such file or folder", code=BAD_USAGE)
    known = _known(config)
    show = _print_json if as_json else _print
    for line in scored_file(file, brand_field=brand_field, model=model, **known):
        show(line)


def _known(config: Path | None) -> dict[str, Any]:
    """What the configuration tells of brands and languages, when there is one."""
    if config is None:
        return {}
    chosen = settings.read_settings(config, complete=False)
    understanding = chosen.understanding
    return {"brands": chosen.brands, "languages": understanding.languages, "asked": understanding}


def _print_json(line: ScoredLine) -> None:
    output.print_json(line.as_json())


def _print(line: ScoredLine) -> None:
    relevance = "" if line.relevance is None else f"relevance {line.relevance:.2f}"
    typer.echo(f"{line.compound:+.3f}  {line.label.value:<9} {line.language or '?':<4} {line.id}  {relevance}".rstrip())
