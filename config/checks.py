"""What no single table can know: names that point nowhere, names given twice, and a configuration that reaches nobody.

These read the values as they stand in the file, whether or not every table is sound, so that all mistakes come out at
once; whatever has the wrong type is passed over here, since the model complains about it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from config.check_digests import digest_findings
from config.check_policies import channels_of_briefs, channels_of_operations, channels_of_policies, policy_findings
from config.hours import Window, covers_the_week, window
from config.problems import Finding, Mistake
from config.suggestions import did_you_mean

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Element:
    """One table of a list of tables, with its place in the file."""

    table: str
    index: int
    values: Raw

    @property
    def name(self) -> str | None:
        """Its name, or the type that stands in for it."""
        name = self.values.get("name", self.values.get("type"))
        return name if isinstance(name, str) else None

    @property
    def is_enabled(self) -> bool:
        """Whether it is used."""
        return self.values.get("enabled", True) is not False

    def names(self, key: str) -> list[tuple[int, str]]:
        """The texts in the list `key`, with their positions."""
        values = self.values.get(key)
        return (
            [(i, value) for i, value in enumerate(values) if isinstance(value, str)] if isinstance(values, list) else []
        )

    def finding(self, message: str, suggestion: str = "", *key: str | int) -> Finding:
        """A finding about this element, or about one of its keys."""
        return Finding((self.table, self.index, *key), message, suggestion)


def elements(raw: Raw, table: str) -> list[Element]:
    """The tables of the list `table`."""
    values = raw.get(table)
    if not isinstance(values, list):
        return []
    return [Element(table, index, value) for index, value in enumerate(values) if isinstance(value, Mapping)]


def cross_check(raw: Raw, kinds: Collection[str] | None = None) -> list[Finding]:
    """Every mistake between tables; `kinds` are those that the program knows, None when the caller does not say."""
    return [
        *_names_given_twice(raw),
        *_names_that_point_nowhere(raw, kinds),
        *_exclusions_of_everything(raw),
    ]


def check_complete(raw: Raw) -> list[Finding]:
    """What is missing for a program that watches: a brand, a source for it, and a way from it to a person."""
    return [*_nothing_watched(raw), *_nobody_told(raw)]


def _names_given_twice(raw: Raw) -> Iterator[Finding]:
    for table in ("brands", "sources", "channels", "detectors", "policies", "digests", "kinds"):
        first: dict[str, Element] = {}
        for element in elements(raw, table):
            if element.name is None:
                continue
            earlier = first.setdefault(element.name.casefold(), element)
            if earlier is not element:
                message = f'"{element.name}" is already the name of {table}[{earlier.index}]'
                key = "name" if "name" in element.values else "type"
                advice = "give each its own name" if key == "name" else 'add name = "…" to tell them apart'
                yield element.finding(message, advice, key)


def _names_that_point_nowhere(raw: Raw, kinds: Collection[str] | None) -> Iterator[Finding]:
    named = {table: _names(raw, table) for table in ("brands", "sources", "channels")}
    references = [("sources", "brands", named["brands"])]
    references += [("routes", key, named[key]) for key in ("channels", "brands", "sources")]
    references += [("routes", "fallback", named["channels"]), ("briefs", "brands", named["brands"])]
    if kinds is not None:
        references += [("routes", "kinds", {*kinds, *_names(raw, "kinds")})]
    for table, key, known in references:
        for element in elements(raw, table):
            for position, name in element.names(key):
                if name not in known:
                    noun = "channel" if key == "fallback" else key.removesuffix("s")
                    advice = did_you_mean(name, known, none=f"there is no {noun} in this file yet")
                    yield element.finding(f'there is no {noun} "{name}"', advice, key, position)
    yield from policy_findings(raw)
    yield from digest_findings(raw, kinds)


def _names(raw: Raw, table: str) -> set[str]:
    return {element.name for element in elements(raw, table) if element.name is not None}


def _exclusions_of_everything(raw: Raw) -> Iterator[Finding]:
    for brand in elements(raw, "brands"):
        own = {name.casefold() for _, name in brand.names("aliases")} | {(brand.name or "").casefold()}
        for position, phrase in brand.names("exclude"):
            if phrase.casefold() in own:
                message = f'"{phrase}" is the brand\'s own name, so every mention by that name would be ruled out'
                yield brand.finding(message, "exclude longer phrases that only others use", "exclude", position)
        for position, rival in brand.names("rivals"):
            if rival.casefold() in own:
                yield brand.finding(f'"{rival}" is the brand itself, not a rival', "remove it", "rivals", position)


def _nothing_watched(raw: Raw) -> Iterator[Finding]:
    if not elements(raw, "brands") and not raw.get("brands"):
        yield Finding((), "no brand is watched", 'add a table [[brands]] with name = "…"')
    if not elements(raw, "sources") and not raw.get("sources"):
        yield Finding(
            (), "there is no source: nothing would ever be read", 'add a table [[sources]], such as type = "hackernews"'
        )
        return
    sources = [source for source in elements(raw, "sources") if source.is_enabled]
    if not sources and elements(raw, "sources"):
        yield Finding(("sources",), "no source is enabled: nothing would ever be read", "enable one")
        return
    for brand in elements(raw, "brands"):
        if brand.name and not any(_allows(source, "brands", brand.name) for source in sources):
            message = f'no enabled source is read for "{brand.name}"'
            yield brand.finding(message, "add it to the brands of a source, or leave that list out to read it for all")


def _allows(element: Element, key: str, name: str) -> bool:
    """Whether a filter lets `name` through: an empty one lets everything through."""
    return not element.values.get(key) or any(name == allowed for _, allowed in element.names(key))


def _nobody_told(raw: Raw) -> Iterator[Finding]:
    channels = {channel.name for channel in elements(raw, "channels") if channel.is_enabled}
    if not raw.get("channels"):
        yield Finding(
            (), "there is no channel: nobody would be told", 'add a table [[channels]], such as type = "smtp"'
        )
    elif not channels:
        yield Finding(("channels",), "no channel is enabled: nobody would be told", "enable one")
    if not raw.get("routes"):
        yield Finding((), "there is no route: nobody would be told", 'add a table [[routes]] with channels = ["…"]')
    elif channels:
        unreaching = list(_routes_that_reach_nobody(raw, channels))
        yield from unreaching
        if not unreaching and all(_is_sound(route, _names(raw, "channels")) for route in elements(raw, "routes")):
            yield from _brands_without_route(raw, lambda name: name in channels)
            yield from _channels_without_route(raw)


def _is_sound(route: Element, channels: Collection[str]) -> bool:
    """Whether the route itself is right; while it is not, what it leaves unreached is no second mistake."""
    named = [name for key in ("channels", "fallback") for _, name in route.names(key)]
    severities = {name for _, name in route.names("severities")}
    return (
        bool(route.names("channels")) and set(named) <= set(channels) and severities <= {"watch", "warning", "critical"}
    )


def _routes_that_reach_nobody(raw: Raw, enabled: Collection[str | None]) -> Iterator[Finding]:
    known = _names(raw, "channels")
    for route in elements(raw, "routes"):
        named = [name for _, name in route.names("channels") if name in known]
        if named and not any(name in enabled for name in named):
            yield route.finding("none of its channels is enabled: it reaches nobody", "enable one of them", "channels")


def _brands_without_route(raw: Raw, is_enabled: Callable[[str], bool]) -> Iterator[Finding]:
    """A brand whose critical alerts reach nobody whatever else they are, at any hour: an error, not a quiet brand."""
    routes = [
        route
        for route in elements(raw, "routes")
        if any(is_enabled(name) for _, name in route.names("channels"))
        and _allows(route, "severities", "critical")
        and not any(route.values.get(key) for key in ("kinds", "sources", "languages"))
    ]
    for brand in elements(raw, "brands"):
        if brand.name and not _always_one(route for route in routes if _allows(route, "brands", brand.name)):
            message = f'no route carries every critical alert about "{brand.name}" to an enabled channel'
            advice = "add a route for it that is not limited to kinds, sources, languages or hours"
            yield brand.finding(message, advice)


def _always_one(routes: Iterable[Element]) -> bool:
    """Whether one of the routes is open at any hour of a week; those in another time zone do not fill each other's."""
    by_zone: dict[Any, list[Window]] = {}
    for route in routes:
        if not route.values.get("hours"):
            return True
        by_zone.setdefault(str(route.values.get("timezone")), []).extend(_windows(route))
    return any(covers_the_week(windows) for windows in by_zone.values())


def _windows(route: Element) -> Iterator[Window]:
    for _, text in route.names("hours"):
        try:
            yield window(text)
        except Mistake:
            continue  # the model complains about it


def _channels_without_route(raw: Raw) -> Iterator[Finding]:
    keys = ("channels", "fallback")
    routed = {name for route in elements(raw, "routes") for key in keys for _, name in route.names(key)}
    routed |= channels_of_policies(raw) | channels_of_operations(raw) | channels_of_briefs(raw)
    for channel in elements(raw, "channels"):
        if channel.is_enabled and channel.name is not None and channel.name not in routed:
            message = f'no route leads to the channel "{channel.name}"'
            yield channel.finding(message, "name it in a route, or set enabled = false")
