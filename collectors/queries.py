"""Questions to a search: the terms of many brands packed into as few queries as its limit allows.

Every term of every brand stands in one query at least, and no query is longer than the limit. Exclusions and languages
only save what would be read in vain (the matcher judges again), so they give way when there is no room for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from collectors.terms import Terms, terms_of
from config.settings import BrandSettings

_LONGEST_TERM = 200
_WORD = re.compile(r"[^\W_]+")
_OPERATORS = {"and", "or", "not"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a search writes things; `{}` is the term, an empty form says that it has no such thing."""

    limit: int
    handle: str = "{}"
    hashtag: str = "{}"
    ticker: str = ""
    exclude: str = ""
    language: str = ""
    both: str = " "
    always: str = ""


def queries(brands: Sequence[BrandSettings], dialect: Dialect) -> list[str]:
    """The queries that ask for all of `brands`, each at most `dialect.limit` characters."""
    room = dialect.limit - len(dialect.always) - (3 if dialect.always else 0)
    units = [unit for brand in brands for unit in _units(terms_of(brand), dialect, room)]
    packed = (" OR ".join(group) for group in _packed(dict.fromkeys(units), room, len(" OR ")))
    return [f"({query}) {dialect.always}" if dialect.always else query for query in packed]


def _units(terms: Terms, dialect: Dialect, room: int) -> list[str]:
    """Parts of the brand's question that may stand beside others, each within `room`."""
    condition = _condition(terms, dialect)
    alternatives = _alternatives(terms, dialect, room)
    if not condition:
        return alternatives
    left = room - len(condition) - len(dialect.both) - len("(())")
    if max(map(len, alternatives), default=0) > left:
        return alternatives
    groups = _packed(alternatives, left, len(" OR "))
    return [f"(({' OR '.join(group)}){dialect.both}{condition})" for group in groups]


def _alternatives(terms: Terms, dialect: Dialect, room: int) -> list[str]:
    signed = (
        *((dialect.handle, term) for term in terms.handles),
        *((dialect.hashtag, term) for term in terms.hashtags),
        *((dialect.ticker, term) for term in terms.tickers),
    )
    plain = [quoted(term) for term in terms.plain]
    plain += [form.format(term) if form != "{}" else quoted(term) for form, term in signed if form]
    return plain + [unit for name in terms.unsure for unit in _beside_context(quoted(name), terms, dialect, room)]


def _beside_context(name: str, terms: Terms, dialect: Dialect, room: int) -> list[str]:
    """The ordinary word `name`, asked for only beside a word of its context."""
    left = room // 2 - len(name) - len(dialect.both) - len("(())")
    groups = _packed([quoted(word) for word in terms.context], max(left, 1), len(" OR "))
    return [f"({name}{dialect.both}({' OR '.join(group)}))" for group in groups]


def _condition(terms: Terms, dialect: Dialect) -> str:
    """What holds for all alternatives: languages, and as many exclusions as fit into a third of a query."""
    parts: list[str] = []
    if dialect.language and terms.languages:
        parts.append(f"({' OR '.join(dialect.language.format(code) for code in terms.languages[:10])})")
    for phrase in terms.exclude if dialect.exclude else ():
        part = dialect.exclude.format(quoted(phrase))
        if len(" ".join((*parts, part))) <= dialect.limit // 3:
            parts.append(part)
    return " ".join(parts)


def _packed(parts: Iterable[str], room: int, joint: int) -> list[list[str]]:
    """`parts` in groups that, joined, take at most `room` (a part longer than that stands alone)."""
    groups: list[list[str]] = []
    left = 0
    for part in parts:
        if groups and len(part) + joint <= left:
            groups[-1].append(part)
            left -= len(part) + joint
        else:
            groups.append([part])
            left = room - len(part)
    return groups


def quoted(term: str) -> str:
    """`term` as a phrase, or bare where it is one word that no operator is called."""
    clean = term.replace('"', " ").replace("\\", " ")[:_LONGEST_TERM].strip()
    return clean if _WORD.fullmatch(clean) and clean.lower() not in _OPERATORS else f'"{clean}"'


def single_terms(brands: Sequence[BrandSettings]) -> list[str]:
    """Every term of the brands as a query of its own, for searches that know no OR; signs are left off.

    Names that are ordinary words are asked for as they are, since beside each word of their context they would be a
    query again; the matcher tells which are meant.
    """
    found = [terms_of(brand) for brand in brands]
    words = [word for terms in found for word in (*terms.plain, *terms.unsure, *terms.handles, *terms.tickers)]
    by_folded: dict[str, str] = {}
    for word in words:
        by_folded.setdefault(word.casefold(), word)
    return [quoted(word) for word in by_folded.values()]


def any_of(terms: Iterable[str], *, limit: int, joint: str) -> list[str]:
    """Queries for any of `terms`, with the search's own sign for "or" between them, at most `limit` characters each."""
    return [joint.join(group) for group in _packed(terms, limit, len(joint))]
