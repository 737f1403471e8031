"""The words by which brands are asked for on a source, and a quick look whether a text names one.

The matcher decides later, and strictly, what is a mention; here a source is only asked widely enough, and posts worth
following (their threads, their growth) are picked out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from config.settings import BrandSettings


@dataclass(frozen=True, slots=True)
class Terms:
    """What to ask for one brand: `plain` words and phrases, and the signed forms without their sign.

    `unsure` are those that are ordinary words as well and count only beside one of `context`; `exclude` rule out.
    """

    plain: tuple[str, ...]
    unsure: tuple[str, ...]
    handles: tuple[str, ...]
    hashtags: tuple[str, ...]
    tickers: tuple[str, ...]
    context: tuple[str, ...]
    exclude: tuple[str, ...]
    languages: tuple[str, ...]


def terms_of(brand: BrandSettings) -> Terms:
    """The terms of `brand`, each once, in the order of the settings."""
    names = _once((brand.name, *brand.aliases))
    others = _once((*brand.products, *brand.people))
    needs_context = brand.ambiguous and bool(brand.context)
    return Terms(
        plain=others if needs_context else _once((*names, *others)),
        unsure=names if needs_context else (),
        handles=_unsigned(brand.handles, "@"),
        hashtags=_unsigned(brand.hashtags, "#"),
        tickers=_unsigned(brand.tickers, "$"),
        context=_once(brand.context),
        exclude=_once(brand.exclude),
        languages=_once(brand.languages),
    )


def hashtags_of(brands: Sequence[BrandSettings], more: Sequence[str] = ()) -> list[str]:
    """The hashtags of the brands and `more`, without their sign and in small letters, each once."""
    signed = [*(tag for brand in brands for tag in brand.hashtags), *more]
    return list(dict.fromkeys(tag.strip().removeprefix("#").casefold() for tag in signed))


def naming(brands: Sequence[BrandSettings], more: Sequence[str] = ()) -> re.Pattern[str] | None:
    """A pattern that finds any term of any brand, or of `more`, as a whole word, capitals aside; `None` for none."""
    words = {word for brand in brands for word in _all_words(terms_of(brand))} | set(more)
    if not words:
        return None
    alternatives = "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))
    return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE)


def _all_words(terms: Terms) -> tuple[str, ...]:
    return (*terms.plain, *terms.unsure, *terms.handles, *terms.hashtags, *terms.tickers)


def _once(words: Sequence[str]) -> tuple[str, ...]:
    stripped = (" ".join(word.split()) for word in words)
    by_folded: dict[str, str] = {}
    for word in stripped:
        by_folded.setdefault(word.casefold(), word)
    by_folded.pop("", None)
    return tuple(by_folded.values())


def _unsigned(words: Sequence[str], sign: str) -> tuple[str, ...]:
    return _once([word.strip().removeprefix(sign) for word in words])
