"""A report as one HTML file, with its pictures inside: to be read, sent on, or printed."""

from __future__ import annotations

from base64 import b64encode
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from monitor.report.document import Document


def html(document: Document) -> str:
    """The whole file; what outsiders wrote is text in it and nothing else."""
    return _template().render(document=document)


@cache
def _template() -> Template:
    made = Environment(
        loader=PackageLoader("monitor.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["base64"] = lambda png: b64encode(png).decode()
    made.tests["kind"] = lambda block, name: type(block).__name__ == name
    return made.get_template("report.html.j2")
