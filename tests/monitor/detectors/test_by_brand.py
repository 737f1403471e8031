"""States of brands are shared with copies until one of them hears of the brand."""

from __future__ import annotations

from monitor.detectors.by_brand import ByBrand


def test_copies_and_their_original_never_feel_each_other() -> None:
    original: ByBrand[list[int]] = ByBrand(list.copy)
    original.mine("quiet", list).append(1)
    original.mine("loud", list).append(1)
    first, second = original.copy(), original.copy()
    original.mine("loud", list).append(2)
    first.mine("loud", list).append(3)
    first.mine("new", list).append(4)
    assert original.states == {"quiet": [1], "loud": [1, 2]}
    assert first.states == {"quiet": [1], "loud": [1, 3], "new": [4]}
    assert second.states == {"quiet": [1], "loud": [1]}


def test_nothing_is_copied_of_a_brand_that_is_not_spoken_of() -> None:
    original: ByBrand[list[int]] = ByBrand(list.copy)
    original.mine("quiet", list)
    twin = original.copy()
    assert twin.states["quiet"] is original.states["quiet"]
    assert twin.mine("quiet", list) is twin.mine("quiet", list)
