"""Which language a text is in, told offline and fast."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from monitor.matching.reading import reading_of
from monitor.remembered import Known
from storage.records import Post

if TYPE_CHECKING:
    from monitor.recognition import Chances, Model

UNDETERMINED = "und"
"""Code of a text whose language cannot be told (ISO 639-2)."""

MAJOR = (
    *("en", "es", "pt", "fr", "de", "it", "nl", "ca", "sv", "da", "no", "fi", "pl", "cs", "sk", "hu", "ro", "bg", "hr"),
    *("sl", "el", "ru", "uk", "tr", "ar", "he", "fa", "ur", "hi", "bn", "ta", "te", "th", "vi", "id", "tl", "sw", "zh"),
    *("ja", "ko"),
)
"""What is told apart unless the settings say: among all that the model knows, small languages take short texts from
their big neighbours."""

_UNKNOWN = frozenset({"", "und", "zxx", "mul", "qme", "qam", "qct", "qht", "qst", "art"})
"""What sources say for "no language": ISO 639-2, and X's codes for posts of links, mentions, hashtags, media."""
_NOT_WORDS = re.compile(r"https?://\S+|www\.\S+|[@#$]\w+|[0-9]+|_+")
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_COPIES = 8_192
"""Texts of which the language is remembered: to tell it takes longer than everything else that is read of a text."""
_SURE = 0.95
"""Probability from which the model is believed without asking the small words."""
_CANDIDATES = 6
_NONE: frozenset[str] = frozenset()
_VOTE = 1.0
"""What one small word adds to a language's log-odds."""
_COMMON = 0.7
"""What the likeliest language of all has before the first word is read, where the letters could be of any."""

_SMALL_WORDS = {
    "en": "the and is to of you my for that this was are it's i'm don't have your not what how why with on at by in be",
    "es": "el la los las de que del por para una con mi es esto muy pero como está qué más tu se lo y nos al en un no",
    "fr": "le les des une est pour dans je vous qui sur pas avec c'est mais du au il on et ce ça j'ai de la à en un",
    "de": "der die das und ist nicht ich ein eine mit auf für den von zu wie auch mal noch dem im sich es wir in",
    "it": "il che di per non una con sono mi è gli della del ma nel anche più questo alla ho si ci ha dei la le un in",
    "pt": "que não uma com para você do da em um eu mais isso os as meu muito tem mas por se no na ao vocês de e o a",
    "nl": "de het een van en is niet dat ik op te voor met zijn maar ook er aan je we naar wat om in",
    "id": "yang di dan itu ini dengan untuk tidak ada saya aku kamu dari juga ke akan bisa sudah gak nya",
}


class Identifier:
    """Tells apart the configured languages (ISO 639-1 codes; none for the major ones)."""

    def __init__(self, languages: Iterable[str] = ()) -> None:
        self._languages = tuple(dict.fromkeys(map(plain_code, languages))) or MAJOR
        self._likeliest = "en" if "en" in self._languages else self._languages[0]
        self._small_words = {language: frozenset(words.split()) for language, words in _SMALL_WORDS.items()}
        self._known: Known[str, str] = Known(_COPIES, len)

    def language_of(self, post: Post) -> str:
        """The language of a post: what its source says, otherwise what its words say."""
        return self.languages_of([post])[0]

    def languages_of(self, posts: Sequence[Post]) -> list[str]:
        """The languages of posts; those that are not told are recognised at once, copies only once."""
        languages = [plain_code(post.language or "") for post in posts]
        untold = [place for place, language in enumerate(languages) if language in _UNKNOWN]
        texts = [reading_of(posts[place]) for place in untold]
        for place, language in zip(untold, self._known.of(texts, self._recognised), strict=True):
            languages[place] = language
        return languages

    def _recognised(self, texts: Sequence[str]) -> Iterator[str]:
        return (language for language, _ in self.identified(texts))

    def identify(self, text: str) -> tuple[str, float]:
        """The language of the text and how sure that is (0…1); `und` and 0 for a text without letters."""
        return self.identified([text])[0]

    def identified(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """The same of many texts."""
        words = [_NOT_WORDS.sub(" ", text) for text in texts]
        found = [(self._languages[0], 1.0) if _LETTER.search(text) else (UNDETERMINED, 0.0) for text in words]
        if len(self._languages) == 1 or not texts:
            return found
        model = _model(self._languages)
        places = [place for place, (language, _) in enumerate(found) if language != UNDETERMINED]
        for place, chances in zip(places, model.chances([words[place] for place in places]), strict=True):
            found[place] = self._decided(words[place], model, chances)
        return found

    def _decided(self, text: str, model: Model, chances: Chances) -> tuple[str, float]:
        best = int(chances.argmax())
        chance = float(chances[best])
        return (
            (model.languages[best], chance)
            if chance >= _SURE
            else self._voted(text, model.best_of(chances, _CANDIDATES))
        )

    def _voted(self, text: str, ranked: list[tuple[str, float]]) -> tuple[str, float]:
        """The likeliest of the model's candidates after their articles, pronouns and prepositions had their vote."""
        words = {word.lower().replace("’", "'") for word in _WORD.findall(text)}
        weights = {}
        for language, probability in ranked:
            votes = len(words & self._small_words.get(language, _NONE))
            common = _COMMON if language == self._likeliest and text.isascii() else 0.0
            weights[language] = float(probability) * math.exp(votes * _VOTE + common)
        best = max(weights, key=lambda language: weights[language])
        return best, weights[best] / sum(weights.values())


@lru_cache(maxsize=1_024)
def plain_code(language: str) -> str:
    """A language code without region and script (`pt-BR` → `pt`), in lower case."""
    return language.replace("_", "-").split("-")[0].strip().lower()


@lru_cache(maxsize=8)
def _model(languages: tuple[str, ...]) -> Model:
    from monitor.recognition import Model  # noqa: PLC0415  (loads a model of 5 MB)

    return Model(languages)
