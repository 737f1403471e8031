"""The JSON Schema of `tocsin.toml`, by which editors complete and check it."""

from __future__ import annotations

from typing import Any

from config.load import PACKAGES
from config.plugins import available, options_of
from config.settings import Settings
from config.wording import plugin_sentence


def schema() -> dict[str, Any]:
    """A JSON Schema of the whole file, in which each `type` of source and channel has the keys of its plug-in."""
    whole = Settings.model_json_schema()
    whole["title"] = "tocsin.toml"
    for table, package in PACKAGES.items():
        field = whole["properties"][table]
        own = whole["$defs"].pop(field["items"]["$ref"].rsplit("/", 1)[1])
        field["items"] = {"anyOf": [*(_typed(whole, own, package, kind) for kind in available(package)), _untyped(own)]}
    return whole


def _typed(whole: dict[str, Any], own: dict[str, Any], package: str, kind: str) -> dict[str, Any]:
    options = options_of(package, kind).model_json_schema()
    whole["$defs"].update(options.get("$defs", {}))
    properties = {name: value for name, value in own["properties"].items() if name != "options"}
    return {
        "title": kind,
        "type": "object",
        "description": plugin_sentence(options_of(package, kind)),
        "properties": properties | options.get("properties", {}) | {"type": properties["type"] | {"const": kind}},
        "required": ["type", *options.get("required", [])],
        "additionalProperties": False,
    }


def _untyped(own: dict[str, Any]) -> dict[str, Any]:
    """A plug-in of another distribution, whose keys are not known here."""
    properties = own["properties"] | {"type": own["properties"]["type"] | {"pattern": r"\."}}
    return {"title": "a plug-in", "type": "object", "properties": properties, "required": ["type"]}
