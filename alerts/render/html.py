"""A page as an HTML mail: one column, light and dark, nothing that needs more than a mail program knows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from alerts.actions import Action
from alerts.page import Page
from alerts.render.curve import alternative
from alerts.render.story import tell


def html(page: Page, curve: str = "", links: Mapping[Action, str] | None = None) -> str:
    """The page; `curve` is the address of its picture (`cid:…`, `data:…`), nothing to leave it out.

    `links` are addresses at which this reader can act; without them the commands are shown.
    """
    story = tell(page)
    buttons = [(offer, links[offer.action]) for offer in story.offers if offer.action in links] if links else []
    return template("mail.html.j2").render(
        story=story,
        curve=curve,
        curve_words=alternative(page),
        buttons=[pair for pair in buttons if pair[0].is_prominent],
        rest=[pair for pair in buttons if not pair[0].is_prominent],
    )


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
