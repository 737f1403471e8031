"""Which language a text is in, told offline and fast."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import lru_cache

UNDETERMINED = "und"
"""Code of a text whose language cannot be told (ISO 639-2)."""

_NOT_WORDS = re.compile(r"https?://\S+|www\.\S+|[@#$]\w+|[0-9]+|_+")
_LETTER = re.compile(r"[^\W\d_]")


class Identifier:
    """Tells apart the configured languages (ISO 639-1 codes; none for all that the model knows)."""

    def __init__(self, languages: Iterable[str] = ()) -> None:
        self._languages = tuple(dict.fromkeys(code.split("-")[0].lower() for code in languages))
        self._model = _model(self._languages) if len(self._languages) != 1 else None

    def identify(self, text: str) -> tuple[str, float]:
        """The language of the text and how sure that is (0…1); `und` and 0 for a text without letters."""
        words = _NOT_WORDS.sub(" ", text)
        if not _LETTER.search(words):
            return UNDETERMINED, 0.0
        if self._model is None:
            return self._languages[0], 1.0
        language, probability = self._model.classify(words)
        return str(language), float(probability) if math.isfinite(probability) else 1.0


@lru_cache(maxsize=8)
def _model(languages: tuple[str, ...]):  # type: ignore[no-untyped-def]
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415  (loads numpy and a model of 5 MB)

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if languages:
        identifier.set_languages(list(languages))
    return identifier
