"""What a detector knows of each brand, shared with copies until one of them hears of the brand again.

A look ahead copies all detectors every few seconds, and most brands are not spoken of in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from typing import Generic, Self, TypeVar

_StateT = TypeVar("_StateT")


class ByBrand(Generic[_StateT]):
    """The states of brands. What `mine` gives may be changed; what `states` shows may not."""

    def __init__(self, copy_of: Callable[[_StateT], _StateT]) -> None:
        """`copy_of` makes an independent state of the same."""
        self._copy_of = copy_of
        self._states: dict[str, _StateT] = {}
        self._shared: set[str] = set()

    @property
    def states(self) -> Mapping[str, _StateT]:
        """All of them, to be read."""
        return self._states

    def mine(self, brand: str, new: Callable[[], _StateT]) -> _StateT:
        """The state of a brand, shared with no copy from now on; `new` makes the first."""
        state = self._states.get(brand)
        if state is None:
            state = self._states[brand] = new()
        elif brand in self._shared:
            self._shared.discard(brand)
            state = self._states[brand] = self._copy_of(state)
        return state

    def copy(self) -> Self:
        """Independent states of the same."""
        self._shared = set(self._states)
        return copy(self).detach()

    def detach(self) -> Self:
        """Let go of what a shallow copy shares with the original."""
        self._states, self._shared = dict(self._states), set(self._states)
        return self

    def load(self, states: Mapping[str, _StateT]) -> None:
        """Take up states that are nobody else's."""
        self._states, self._shared = dict(states), set()
