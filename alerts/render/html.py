"""A page as an HTML mail: one column, light and dark, nothing that needs more than a mail program knows."""

from __future__ import annotations

from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from alerts.page import Page
from alerts.render.curve import alternative
from alerts.render.story import tell


def html(page: Page, curve: str = "") -> str:
    """The page; `curve` is the address of its picture (`cid:…`, `data:…`), nothing to leave it out."""
    return template("mail.html.j2").render(story=tell(page), curve=curve, curve_words=alternative(page))


@lru_cache(maxsize=4)
def template(name: str) -> Template:
    """A template of this package, with everything that is put into it escaped."""
    environment = Environment(
        loader=PackageLoader("alerts.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
