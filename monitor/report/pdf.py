"""A report as a PDF, with headings to jump to, words for its pictures, and letters of every script the machine has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from io import BytesIO
from typing import Any

from fpdf import FPDF, FontFace
from fpdf.enums import TableBordersLayout, WrapMode

from monitor.report import fonts
from monitor.report.document import Block, Document, Evidence, Facts, Heading, Paragraph, Picture, Points, Rows

_FAMILY = "report"
_INK, _QUIET, _LINE = (27, 31, 38), (91, 100, 114), (213, 218, 225)
_TONES = {"critical": (180, 35, 24), "warning": (166, 75, 0), "watch": (29, 95, 168)}
_OVER = (28, 117, 70)
_LINK = (29, 95, 168)
_STEP = 1.45
"""Height of a line against that of its letters."""


def pdf(document: Document, at: datetime) -> bytes:
    """The whole file, made at `at`."""
    made = _Paper(document, at)
    for block in document.blocks:
        _DRAWN[type(block)](made, block)
    return made.finished(document)


class _Paper(FPDF):
    """A4 with the fonts that the document's words need."""

    def __init__(self, document: Document, at: datetime) -> None:
        super().__init__(format="A4", unit="mm")
        self.set_margins(18, 16)
        self.set_auto_page_break(auto=True, margin=20)
        self.alias_nb_pages()
        self.set_title(document.title)
        self.set_creator("Tocsin")
        self.set_creation_date(at)
        self.set_lang("en")
        self._drawable = self._take_fonts(frozenset(map(ord, "".join(_words(document)))))
        self.set_text_shaping(use_shaping_engine=True)
        self.add_page()
        self._head(document)

    def footer(self) -> None:
        """The number of the page."""
        self.set_y(-14)
        self._font(8, _QUIET)
        self.cell(0, 5, f"{self.page_no()} / {{nb}}", align="R")

    def finished(self, document: Document) -> bytes:
        """The foot, and the bytes of it all."""
        self.ln(6)
        self._rule()
        self.say(document.foot, 8, _QUIET)
        return bytes(self.output())

    def say(self, text: str, size: float, colour: tuple[int, int, int] = _INK, *, bold: bool = False) -> None:
        """A paragraph."""
        self._font(size, colour, bold=bold)
        self.multi_cell(
            0, _height(size), self.drawable(text), align="L", new_x="LMARGIN", new_y="NEXT", wrapmode=WrapMode.WORD
        )

    def heading(self, text: str) -> None:
        """The beginning of a part, never alone at the end of a page."""
        if self.will_page_break(30):
            self.add_page()
        self.ln(4)
        self._rule()
        self.start_section(self.drawable(text))
        self.say(text, 13, bold=True)
        self.ln(1)

    def points(self, items: tuple[str, ...]) -> None:
        """A list."""
        for item in items:
            self.say(f"\u2022 {item}", 10)

    def facts(self, items: tuple[tuple[str, str], ...]) -> None:
        """Pairs, the label in bold before what there is to say."""
        self.rows(("", ""), items, (1, 4), first_is_bold=True)

    def rows(
        self,
        titles: tuple[str, ...],
        rows: tuple[tuple[str, ...], ...],
        widths: tuple[int, ...],
        *,
        first_is_bold: bool = False,
    ) -> None:
        """A table; its titles come again on every page."""
        self._font(8.5, _INK)
        self.set_draw_color(*_LINE)
        quiet, bold = FontFace(emphasis="", color=_QUIET), FontFace(emphasis="BOLD")
        with self.table(
            col_widths=widths,
            text_align="LEFT",
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            line_height=_height(8.5),
            headings_style=quiet,
            first_row_as_headings=any(titles),
            padding=(0.7, 1.5, 0.7, 0),
        ) as table:
            for row in (titles, *rows) if any(titles) else rows:
                line = table.row()
                for number, cell in enumerate(row):
                    line.cell(self.drawable(cell), style=bold if first_is_bold and number == 0 else None)
        self.ln(1)

    def evidence(self, text: str, byline: str, url: str) -> None:
        """A post, with a line at its side and its address under it."""
        if self.will_page_break(22):
            self.add_page()
        top, page = self.get_y(), self.page_no()
        self.set_left_margin(24)
        self.set_x(24)
        self.say(text, 10)
        self.say(byline, 8.5, _QUIET)
        if url:
            self._font(8, _LINK)
            self.multi_cell(
                0, _height(8), self.drawable(url), link=url, new_x="LMARGIN", new_y="NEXT", wrapmode=WrapMode.CHAR
            )
        self.set_left_margin(18)
        if page == self.page_no():
            self.set_draw_color(*_LINE)
            self.set_line_width(0.8)
            self.line(20, top + 0.5, 20, self.get_y() - 0.5)
        self.ln(2.5)

    def picture(self, png: bytes, words: str) -> None:
        """A picture over the width of the page, with its words for those who do not see it."""
        self.image(BytesIO(png), w=self.epw, alt_text=words)
        self.say(words, 8.5, _QUIET)

    def drawable(self, text: str) -> str:
        """The words as the fonts of the document can draw them."""
        return fonts.spelled_out(text, self._drawable)

    def _head(self, document: Document) -> None:
        tone = _TONES.get(document.tone, _OVER)
        self.set_fill_color(*tone)
        self.rect(0, 0, self.w, 3, style="F")
        self.set_fill_color(255, 255, 255)
        self.say(document.kicker, 10, tone, bold=True)
        self.say(document.title, 19, bold=True)
        if document.lead:
            self.ln(1)
            self.say(document.lead, 11.5)

    def _take_fonts(self, characters: frozenset[int]) -> frozenset[int]:
        """Add the fonts that the characters need; gives what they can draw together."""
        self.add_font(_FAMILY, "", fonts.own())
        self.add_font(_FAMILY, "B", fonts.own(bold=True))
        drawable = fonts.covered(fonts.own())
        found = fonts.others(characters - drawable)
        for number, path in enumerate(found):
            self.add_font(f"other{number}", "", path)
            drawable |= fonts.covered(path)
        if found:
            self.set_fallback_fonts([f"other{number}" for number in range(len(found))], exact_match=False)
        return drawable

    def _font(self, size: float, colour: tuple[int, int, int], *, bold: bool = False) -> None:
        self.set_font(_FAMILY, "B" if bold else "", size)
        self.set_text_color(*colour)

    def _rule(self) -> None:
        self.set_draw_color(*_LINE)
        self.set_line_width(0.2)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())
        self.ln(2.5)


def _height(size: float) -> float:
    """The height of a line in millimetres, of letters in points."""
    return size * 0.3528 * _STEP


_DRAWN: dict[type[Block], Callable[[_Paper, Any], None]] = {
    Heading: lambda paper, block: paper.heading(block.text),
    Paragraph: lambda paper, block: paper.say(block.text, 10, _QUIET if block.is_quiet else _INK),
    Points: lambda paper, block: paper.points(block.items),
    Facts: lambda paper, block: paper.facts(block.items),
    Rows: lambda paper, block: paper.rows(block.titles, block.rows, block.widths),
    Evidence: lambda paper, block: paper.evidence(
        block.text, f"{block.byline} ({block.echo})" if block.echo else block.byline, block.url
    ),
    Picture: lambda paper, block: paper.picture(block.png, block.words),
}


def _words(document: Document) -> Iterator[str]:
    """Every string of the document."""
    yield from (document.title, document.kicker, document.lead, document.foot, "\u2022")
    for block in document.blocks:
        yield from _words_in(block)


def _words_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _words_in(item)
    elif not isinstance(value, (bytes, int)):
        for name in value.__slots__:
            yield from _words_in(getattr(value, name))
