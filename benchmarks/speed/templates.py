"""A campaign: complaints that many accounts make of a few templates, each filled in with its own names and places.

Templates share their greetings and their ends, and what is filled in is drawn from the same lists, so that posts of
different templates share words as well.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

_GREETINGS = (
    "Dear @norrvik,",
    "Hello @norrvik,",
    "@norrvik",
    "Shame on you @norrvik,",
    "Open letter to @norrvik:",
)
_ENDS = (
    "I want my money back",
    "Nobody should ever buy from you again",
    "Please share this until they answer",
    "My lawyer will be in touch",
    "We will not forget this",
    "Is this how you treat your customers",
)
_STORIES = (
    "your {staff} {name} in {city} promised that my {thing} would be repaired and after {time} nothing has happened",
    "my {thing} broke after {time} and your {staff} in {city} told me that it was my own fault and hung up on me",
    "I have waited {time} for my {thing} and {name} from your office in {city} says that nobody knows where it is",
    "{name} your {staff} in {city} shouted at my mother because she asked about the {thing} that never came in {time}",
    "you took the money for the {thing} twice and for {time} your {staff} in {city} has pretended to look into it",
    "after {time} without a {thing} I went to your shop in {city} where {name} laughed at me and closed the door",
    "your {thing} caught fire in our kitchen in {city} and for {time} your {staff} has refused to give us an answer",
    "how is it possible that a {staff} called {name} sells a broken {thing} in {city} and you do nothing for {time}",
)


def _words(line: str) -> list[str]:
    return line.split()


_FILLED_IN = {
    "name": _words(
        "Anna Bela Carl Dora Emil Frida Georg Hanna Ivan Jelena Karim Lotta Marek Nadia Olga Petr Rosa Sven"
    ),
    "city": _words("Lisbon Porto Oslo Bergen Turin Genoa Lyon Nantes Cork Derry Graz Linz Brno Gdansk Leiden Ghent"),
    "thing": ["router", "suitcase", "season ticket", "mattress", "booking", "parcel", "credit card", "electric bike"],
    "staff": ["agent", "manager", "technician", "driver", "clerk", "supervisor", "hotline", "shop assistant"],
    "time": ["two days", "five weeks", "three months", "half a year", "the whole summer", "a fortnight"],
}
TEMPLATES = 24


def texts(seed: int = 9) -> Iterator[str]:
    """Posts of the campaign without end."""
    draw = random.Random(seed)  # noqa: S311 - made posts, not secrets
    templates = [f"{draw.choice(_GREETINGS)} {draw.choice(_STORIES)}. {draw.choice(_ENDS)}!" for _ in range(TEMPLATES)]
    while True:
        yield draw.choice(templates).format(**{name: draw.choice(words) for name, words in _FILLED_IN.items()})
