"""How far Reddit has been read: what the cursor of collectors/reddit.py holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

_SPANS = (("hour", 3600), ("day", 86_400), ("week", 7 * 86_400), ("month", 30 * 86_400), ("year", 365 * 86_400))


@dataclass
class State:
    """How far a listing has been read: everything until `read_until`, and a round of which some pages may be left."""

    read_until: float
    after: str = ""
    newest: float = 0.0
    seen: int = 0

    def close_round(self) -> None:
        self.read_until, self.after = max(self.read_until, self.newest), ""
        self.newest, self.seen = 0.0, 0


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing to read: its path, its parameters, and after how many entries Reddit ends it."""

    path: str
    query: str
    ends_after: int

    @property
    def key(self) -> str:
        return f"{self.path} {self.query}"

    def params(self, state: State, now: datetime) -> dict[str, Any]:
        params: dict[str, Any] = {"limit": 100, "after": state.after or None, "count": state.seen}
        if self.query:
            age = now.timestamp() - state.read_until
            span = next((name for name, seconds in _SPANS if age < seconds * 0.9), "all")
            restricted = "r/all/" not in self.path
            params |= {"q": self.query, "sort": "new", "t": span, "restrict_sr": restricted, "type": "link"}
        return params


@dataclass
class Reading:
    """What the cursor holds: the states of listings, and the threads followed: their time and the comments read."""

    listings: dict[str, State]
    threads: dict[str, list[float]]

    def cursor(self) -> dict[str, Any]:
        return {
            "listings": {key: asdict(state) for key, state in self.listings.items()},
            "threads": {name: list(kept) for name, kept in self.threads.items()},
        }
