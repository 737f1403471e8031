"""What is wrong with digests: names that point nowhere, and channels in which nothing could ever wait for one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from config.problems import Finding
from config.suggestions import did_you_mean

Raw = Mapping[str, Any]


def digest_findings(raw: Raw, kinds: Collection[str] | None) -> Iterator[Finding]:
    """Every name in a digest that is nobody's, and every channel that no route leads to."""
    known = {"channels": _names(raw, "channels"), "brands": _names(raw, "brands")}
    if kinds is not None:
        known["kinds"] = {*kinds, *_names(raw, "kinds")}
    routed = {
        name for _, route in _tables(raw, "routes") for key in ("channels", "fallback") for name in _list(route, key)
    }
    for index, digest in _tables(raw, "digests"):
        for key, names in known.items():
            for position, name in enumerate(_list(digest, key)):
                place = ("digests", index, key, position)
                noun = key.removesuffix("s")
                if name not in names:
                    advice = did_you_mean(name, names, none=f"there is no {noun} in this file yet")
                    yield Finding(place, f'there is no {noun} "{name}"', advice)
                elif key == "channels" and raw.get("routes") and name not in routed:
                    message = f'no route leads to the channel "{name}", so nothing would ever wait there'
                    yield Finding(
                        place, message, "a digest sends nobody anything by itself: name the channel in a route"
                    )


def digest_option_findings(raw: Raw, options: Mapping[Any, object]) -> Iterator[Finding]:
    """Channels that tell programs, to which each alert goes by itself, and targets that no channel has."""
    channels = {
        _name(table): options.get(("channels", index)) for index, table in _tables(raw, "channels") if _name(table)
    }
    for index, digest in _tables(raw, "digests"):
        named = [(position, name) for position, name in enumerate(_list(digest, "channels")) if name in channels]
        for position, name in named:
            if getattr(channels[name], "gathers", True) is False:
                message = f'"{name}" keeps one alert for each incident, so nothing is gathered there'
                yield Finding(("digests", index, "channels", position), message, "name a channel that people read")
        there = {target for _, name in named for target in getattr(channels[name], "targets", ())}
        for position, target in enumerate(_list(digest, "targets") if there else ()):
            if target not in there:
                message = f'none of its channels delivers to "{target}"'
                yield Finding(("digests", index, "targets", position), message, did_you_mean(target, there))


def _tables(raw: Raw, key: str) -> Iterator[tuple[int, Raw]]:
    values = raw.get(key)
    if isinstance(values, list):
        yield from ((index, value) for index, value in enumerate(values) if isinstance(value, Mapping))


def _names(raw: Raw, key: str) -> set[str]:
    return {name for _, table in _tables(raw, key) if (name := _name(table)) is not None}


def _name(table: Raw) -> str | None:
    name = table.get("name", table.get("type"))
    return name if isinstance(name, str) else None


def _list(table: Raw, key: str) -> list[str]:
    values = table.get(key)
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
