"""Questions about pydantic models: which table stands at a path, which keys it knows, which values it holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel

from config.problems import KeyPath
from config.references import SecretReference

TableT = TypeVar("TableT", bound=BaseModel)


def tables_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation mentions: `Brand` in `list[Brand]`, in `Brand | None`, in `Annotated[Brand, …]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from tables_in(argument)


def tables_at(model: type[BaseModel], path: KeyPath) -> list[type[BaseModel]]:
    """The models that may stand at `path` below `model`; several where a field allows several."""
    found = [model]
    for part in path:
        if isinstance(part, str):
            fields = [table.model_fields[part] for table in found if part in table.model_fields]
            found = [inner for field in fields for inner in tables_in(field.annotation)]
    return found


def keys_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    """The keys that the table at `path` knows."""
    return [name for table in tables_at(model, path) for name in table.model_fields]


def homes(model: type[BaseModel], key: str, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The tables of `model`, as headings are written in the file, that know `key`."""
    if path and key in model.model_fields:
        yield f"[{'.'.join(path)}]"
    for name, field in model.model_fields.items():
        for inner in tables_in(field.annotation):
            if inner is not SecretReference:
                yield from homes(inner, key, (*path, name))


def references(table: BaseModel, path: KeyPath = ()) -> Iterator[tuple[KeyPath, SecretReference]]:
    """Every secret reference in a table, with where it stands."""
    for name in type(table).model_fields:
        yield from _references_in(getattr(table, name), (*path, name))


def _references_in(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, SecretReference]]:
    if isinstance(value, SecretReference):
        yield path, value
    elif isinstance(value, BaseModel):
        yield from references(value, path)
    elif isinstance(value, (list, tuple)):
        for index, element in enumerate(value):
            yield from _references_in(element, (*path, index))
    elif isinstance(value, dict):
        for key, element in value.items():
            yield from _references_in(element, (*path, key))


def anchored(table: TableT, folder: Path) -> TableT:
    """The table with every relative path in it taken as relative to `folder`."""
    values = {name: getattr(table, name) for name in type(table).model_fields}
    moved = {name: _anchored_value(value, folder) for name, value in values.items()}
    changed = {name: value for name, value in moved.items() if value != values[name]}
    return table.model_copy(update=changed) if changed else table


def _anchored_value(value: Any, folder: Path) -> Any:
    if isinstance(value, Path):
        return folder / value
    if isinstance(value, BaseModel):
        return anchored(value, folder)
    if isinstance(value, list):
        return [_anchored_value(element, folder) for element in value]
    if isinstance(value, tuple) and type(value) is tuple:
        return tuple(_anchored_value(element, folder) for element in value)
    return value
