"""Which language a text is in, told offline and fast."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from monitor.matching.reading import reading_of
from storage.records import Post

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

UNDETERMINED = "und"
"""Code of a text whose language cannot be told (ISO 639-2)."""

_UNKNOWN = frozenset({"", "und", "zxx", "mul", "qme", "qam", "qct", "qht", "qst", "art"})
"""What sources say for "no language": ISO 639-2, and X's codes for posts of links, mentions, hashtags, media."""
_NOT_WORDS = re.compile(r"https?://\S+|www\.\S+|[@#$]\w+|[0-9]+|_+")
_LETTER = re.compile(r"[^\W\d_]")


class Identifier:
    """Tells apart the configured languages (ISO 639-1 codes; none for all that the model knows)."""

    def __init__(self, languages: Iterable[str] = ()) -> None:
        self._languages = tuple(dict.fromkeys(map(plain_code, languages)))

    def language_of(self, post: Post) -> str:
        """The language of a post: what its source says, otherwise what its words say."""
        told = plain_code(post.language or "")
        return told if told not in _UNKNOWN else self.identify(reading_of(post))[0]

    def identify(self, text: str) -> tuple[str, float]:
        """The language of the text and how sure that is (0…1); `und` and 0 for a text without letters."""
        words = _NOT_WORDS.sub(" ", text)
        if not _LETTER.search(words):
            return UNDETERMINED, 0.0
        if len(self._languages) == 1:
            return self._languages[0], 1.0
        language, probability = _model(self._languages).classify(words)
        return str(language), float(probability)


def plain_code(language: str) -> str:
    """A language code without region and script (`pt-BR` → `pt`), in lower case."""
    return language.replace("_", "-").split("-")[0].strip().lower()


@lru_cache(maxsize=8)
def _model(languages: tuple[str, ...]) -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415  (loads numpy and a model of 5 MB)

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if languages:
        identifier.set_languages(list(languages))
    return identifier
