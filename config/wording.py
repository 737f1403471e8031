"""How settings, their types and their values are written for people: as TOML, and in the words of the reference."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from datetime import time, timedelta
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config.durations import format_duration
from config.references import SecretReference
from config.shapes import tables_in


def toml(value: Any) -> str:
    """A value as TOML writes it on one line."""
    written = next((write(value) for kind, write in _WRITERS if isinstance(value, kind)), None)
    return json.dumps(str(value), ensure_ascii=False) if written is None else written


def _inline_table(value: Mapping[str, Any]) -> str:
    return f"{{ {', '.join(f'{key} = {toml(inner)}' for key, inner in value.items())} }}" if value else "{}"


_WRITERS: tuple[tuple[Any, Callable[[Any], str]], ...] = (
    (bool, lambda value: "true" if value else "false"),
    ((int, float), str),
    ((list, tuple), lambda value: f"[{', '.join(map(toml, value))}]"),
    (BaseModel, lambda value: _inline_table(value.model_dump(exclude_none=True, mode="json"))),
    (Mapping, _inline_table),
    (timedelta, lambda value: f'"{format_duration(value)}"'),
    (time, lambda value: f'"{value:%H:%M}"'),
)


def default_of(field: FieldInfo) -> Any:
    """The default of a field; `PydanticUndefined` when it must be given."""
    return field.get_default(call_default_factory=True, validated_data={})


def sentence(field: FieldInfo) -> str:
    """What the field is for."""
    return " ".join((field.description or "").split())


def plugin_sentence(options: type[BaseModel]) -> str:
    """What a plug-in is: the first sentence of the docstring of the module that its options come from."""
    module = sys.modules.get(options.__module__)
    text = " ".join(((module.__doc__ if module else None) or options.__name__).split())
    return text.split(". ")[0].rstrip(".") + "."


def is_list(field: FieldInfo) -> bool:
    """Whether the field is a list of tables, `[[…]]`, when it is one of tables at all."""
    return get_origin(field.annotation) is list


def is_table(field: FieldInfo) -> bool:
    """Whether the field is written as a table of its own, which a secret reference is not."""
    return any(table is not SecretReference for table in tables_in(field.annotation))


_TYPE_NAMES: Mapping[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    timedelta: "duration",
    time: "time of day",
    Path: "path",
    SecretReference: "secret",
    type(None): "",
}


def type_name(annotation: Any) -> str:
    """The type of a field as an operator would call it."""
    if annotation in _TYPE_NAMES:
        return _TYPE_NAMES[annotation]
    values = choices(annotation)
    if values:
        return " / ".join(f"`{value}`" for value in values)
    arguments = get_args(annotation)
    if not arguments:
        return "table" if isinstance(annotation, type) and issubclass(annotation, BaseModel) else "text"
    return _compound_name(get_origin(annotation), arguments)


def _compound_name(origin: Any, arguments: tuple[Any, ...]) -> str:
    if origin in (list, tuple, set, frozenset):
        return f"list of {type_name(arguments[0])}"
    if origin is dict:
        return f"table of {type_name(arguments[1])}"
    if origin in (Union, UnionType):
        return " or ".join(filter(None, map(type_name, arguments)))
    return type_name(arguments[0])


def choices(annotation: Any) -> list[str]:
    """The values of a `Literal` or an enumeration, on its own or as an optional one."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(member.value) for member in annotation]
    if get_origin(annotation) is Literal:
        return [str(value) for value in get_args(annotation)]
    inner = [choices(argument) for argument in get_args(annotation) if get_origin(annotation) in (Union, UnionType)]
    return next((values for values in inner if values), [])
