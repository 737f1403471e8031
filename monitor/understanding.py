"""From posts to mentions with scores: who is meant, in which language, and how they feel about us."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Self

from msgspec.structs import replace

from config.settings import Settings
from monitor.language import UNDETERMINED, Identifier
from monitor.matching import Matcher
from monitor.matching.reading import reading_of
from monitor.remembered import Known
from monitor.sentiment.contract import Scorer
from monitor.sentiment.fallback import Missing, StandIn
from monitor.sentiment.scorers import scorer_of, steady_scorer_of
from storage.keys import content_key
from storage.records import Mention, MentionedPost, Post

Kinds = Callable[[Sequence[str], Sequence[str]], list[tuple[str, ...]]]
"""From texts and their languages to the kinds of incident that their words point to."""
_Said = tuple[str, tuple[str, ...]]
"""The key of a text, and the kinds of incident that it points to."""
_COPIES = 8_192
"""Texts of which is remembered what they say."""


class Understanding:
    """Reads posts; pure, so that a replay gives what the live run gave."""

    def __init__(self, matcher: Matcher, identifier: Identifier, scorer: Scorer, kinds: Kinds | None = None) -> None:
        self._matcher = matcher
        self._identifier = identifier
        self._scorer = scorer
        self._kinds_of = kinds or _no_kinds
        # Copies of a text, and its mentions of several brands, say the same.
        self._known: Known[tuple[str, str], _Said] = Known(_COPIES, _length)
        self._watched: StandIn | Missing | None = None
        self._is_steady = False

    @classmethod
    def build(cls, settings: Settings, *, steady: bool = False) -> Self:
        """As the operator configured it. Raises ScorerError and ModelError.

        A `steady` one raises nothing: where the scorer cannot be had, or fails, the lexicon stands in (`degraded`).
        """
        asked, brands = settings.understanding, settings.brands
        scorer, watched = (
            steady_scorer_of(brands, asked)
            if steady
            else (scorer_of(brands, name=asked.scorer, model=asked.model, asked=asked), None)
        )
        made = cls(Matcher(brands), Identifier(asked.languages), scorer, _kinds(settings))
        made._watched, made._is_steady = watched, steady
        return made

    @property
    def is_steady(self) -> bool:
        """Whether the lexicon stands in where the configured scorer fails."""
        return self._is_steady

    @property
    def degraded(self) -> str:
        """Why the lexicon stands in for the configured scorer; empty while it does not."""
        return self._watched.degraded if self._watched else ""

    @property
    def signature(self) -> str:
        """Name and version of the scorer: changes whenever the same text may score otherwise."""
        return f"{self._scorer.name} {self._scorer.version}"

    def about_us(self, posts: Sequence[Post]) -> list[Post]:
        """The posts that are about a brand; what was found out is not found out again by `read`."""
        return self._matcher.about_us(posts)

    def read(self, posts: Sequence[Post]) -> list[MentionedPost]:
        """The mentions in the posts, in order, with their scores; posts about no brand leave nothing behind.

        A post whose source did not tell its language comes back with the one that was recognised.
        """
        about_us = [
            (post, mentions) for post, mentions in zip(posts, self._matcher.matches(posts), strict=True) if mentions
        ]
        languages = self._identifier.languages_of([post for post, _ in about_us])
        items: list[tuple[Post, Mention, str]] = []
        for (post, mentions), language in zip(about_us, languages, strict=True):
            told = post if post.language or language == UNDETERMINED else replace(post, language=language)
            items.extend((told, mention, language) for mention in mentions)
        return self._judged(items)

    def judged(self, found: Sequence[tuple[Post, Mention]]) -> list[MentionedPost]:
        """Mentions that were found in another way than by the words of the post, such as through its thread."""
        languages = self._identifier.languages_of([post for post, _ in found])
        return self._judged([(*each, language) for each, language in zip(found, languages, strict=True)])

    def _judged(self, items: Sequence[tuple[Post, Mention, str]]) -> list[MentionedPost]:
        scores = self._scorer.score(items)
        said = self._known.of([(reading_of(post), language) for post, _, language in items], self._said)
        return [
            MentionedPost(post, mention, score, key, kinds)
            for (post, mention, _), score, (key, kinds) in zip(items, scores, said, strict=True)
        ]

    def _said(self, texts: Sequence[tuple[str, str]]) -> Iterator[_Said]:
        kinds = self._kinds_of([text for text, _ in texts], [language for _, language in texts])
        return zip((content_key(text) for text, _ in texts), kinds, strict=True)


def _length(asked: tuple[str, str]) -> int:
    return len(asked[0])


def _no_kinds(texts: Sequence[str], _languages: Sequence[str]) -> list[tuple[str, ...]]:
    return [()] * len(texts)


def _kinds(settings: Settings) -> Kinds | None:
    try:
        from monitor.kinds import Taxonomy  # noqa: PLC0415
    except ImportError:
        return None
    return Taxonomy.build(settings.kinds).kinds_of
