"""Evidence without the people: who may read a report may not always know who wrote a post."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from alerts.page import Page, Quote

_MARKS = (
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "[address]"),
    (re.compile(r"(?<![\w/])@\w{2,}(?:@[\w.-]+)?|(?<!\w)u/\w{2,}"), "[account]"),
    (re.compile(r"https?://\S+|www\.\S+"), "[link]"),
    (re.compile(r"(?<!\w)\+?\d(?:[ ()./-]?\d){7,}(?!\w)"), "[number]"),
)
"""Addresses, accounts, links and long numbers (telephones, customers, parcels) within a text."""


@dataclass(slots=True)
class Redaction:
    """Takes names, accounts, links and numbers out of posts. The same author has the same number throughout."""

    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    def page(self, page: Page) -> Page:
        """The page with its posts redacted; what staff did and said stays."""
        return replace(
            page,
            quotes=tuple(self.quote(quote) for quote in page.quotes),
            origin=self.quote(page.origin) if page.origin else None,
            thread=replace(page.thread, title=self.text(page.thread.title), url="") if page.thread else None,
            headline=self.text(page.headline),
            why=tuple(self.text(sentence) for sentence in page.why),
            changed=tuple(self.text(sentence) for sentence in page.changed),
        )

    def quote(self, quote: Quote) -> Quote:
        """The post without its author, its address and what would lead to either."""
        return replace(
            quote,
            text=self.text(quote.text, quote.author),
            title=self.text(quote.title, quote.author),
            answers=self.text(quote.answers),
            author=self._account(quote),
            url="",
        )

    def text(self, text: str, name: str = "") -> str:
        """The words without accounts, addresses, links and long numbers, nor the name given."""
        for mark, shown in _MARKS:
            text = mark.sub(shown, text)
        return re.sub(re.escape(name), "[account]", text, flags=re.IGNORECASE) if len(name) > 2 else text

    def _account(self, quote: Quote) -> str:
        if not quote.author:
            return ""
        number = self._numbers.setdefault((quote.source, quote.author), len(self._numbers) + 1)
        return f"account {number}"
