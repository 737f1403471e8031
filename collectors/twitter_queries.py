"""What X is asked for: queries of its search and rules of its stream, made from the brands."""

from __future__ import annotations

from collections.abc import Sequence

from collectors.contract import SourceContext
from collectors.queries import Dialect, queries
from config.settings import BrandSettings

QUERY_LIMIT = 512


def asked_for(context: SourceContext, own: Sequence[str], limit: int, languages_only: bool, reposts: bool) -> list[str]:
    """Queries or rules, each at most `limit` characters, for the brands, and those of the operator's own."""
    brands = context.brands if languages_only else [_in_all_languages(brand) for brand in context.brands]
    dialect = Dialect(limit, "@{}", "#{}", "${}", "-{}", "lang:{}", always="" if reposts else "-is:retweet")
    return list(dict.fromkeys((*queries(brands, dialect), *own)))


def _in_all_languages(brand: BrandSettings) -> BrandSettings:
    return brand.model_copy(update={"languages": []})
