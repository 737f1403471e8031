"""What pydantic found, said to an operator: plain words, no values that might be secret, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.problems import Finding, KeyPath, Mistake
from config.shapes import homes, keys_at
from config.suggestions import closest, did_you_mean, likeness

_SURE = 0.75

_TYPES = {
    "string_type": "must be text",
    "string_unicode": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "set_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "path_type": "must be a path, as text",
    "missing": "is missing",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}
_BOUNDS = {
    "greater_than": ("gt", "must be more than {}"),
    "greater_than_equal": ("ge", "must be at least {}"),
    "less_than": ("lt", "must be less than {}"),
    "less_than_equal": ("le", "must be at most {}"),
    "string_too_long": ("max_length", "must not be longer than {} characters"),
    "too_long": ("max_length", "must not have more than {} elements"),
    "string_pattern_mismatch": ("pattern", "must match the pattern {}"),
}


def findings(
    error: ValidationError, raw: Mapping[str, Any], model: type[BaseModel], root: type[BaseModel] | None = None
) -> list[Finding]:
    """What `error` says about `raw`, which was to be a `model`; one finding for each key path.

    `root` is the model of the whole file, where an unknown key may be at home. A field that allows several types fails
    once for each of them: those failures become one finding.
    """
    found: dict[KeyPath, list[Finding]] = {}
    for details in error.errors(include_url=False):
        finding = _finding(details, raw, model, root or model)
        found.setdefault(finding.path, []).append(finding)
    return [_joined(several) for several in found.values()]


def _finding(details: ErrorDetails, raw: Mapping[str, Any], model: type[BaseModel], root: type[BaseModel]) -> Finding:
    path = _existing(details["loc"], raw, missing=details["type"] == "missing")
    if details["type"] == "extra_forbidden":
        return Finding(path, "unknown key", _home_of(str(path[-1]), path[:-1], model, root))
    if details["type"] in {"literal_error", "enum"}:
        return _no_such_value(path, details["input"], str(details.get("ctx", {}).get("expected", "")))
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, Mistake):
        return Finding(path, str(cause), cause.suggestion)
    return Finding(path, _message(details), _remedy(details["type"], details["input"], path))


def _message(details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind in {"value_error", "assertion_error"}:
        return str(context.get("error", details["msg"]))
    if kind in _BOUNDS:
        name, sentence = _BOUNDS[kind]
        return sentence.format(context.get(name))
    if kind in _TYPES:
        return f"{_TYPES[kind]}{_not_this(kind, details['input'])}"
    return details["msg"][:1].lower() + details["msg"][1:]


def _existing(location: KeyPath, raw: Any, *, missing: bool) -> KeyPath:
    """The part of pydantic's location that is in the file: names of union branches and validators are not."""
    path: KeyPath = ()
    here = raw
    for part in location:
        if not _has(here, part):
            return (*path, location[-1]) if missing else path
        here = here[part]
        path = (*path, part)
    return path


def _has(value: Any, part: str | int) -> bool:
    if isinstance(part, str):
        return isinstance(value, Mapping) and part in value
    return isinstance(value, list) and part < len(value)


def _home_of(key: str, table: KeyPath, model: type[BaseModel], root: type[BaseModel]) -> str:
    """Where an unknown key was meant to go: a key of this table that is much like it, or another table."""
    siblings = keys_at(model, table)
    nearest = closest(key, siblings)
    elsewhere = list(dict.fromkeys(homes(root, key)))
    if elsewhere and (nearest is None or likeness(key, nearest) < _SURE):
        return f"it belongs in {' or '.join(elsewhere)}"
    return did_you_mean(key, siblings)


def _no_such_value(path: KeyPath, value: Any, expected: str) -> Finding:
    allowed = [part.strip().strip("'") for part in expected.replace(" or ", ", ").split(",") if part.strip()]
    shown = f'"{value}" is' if isinstance(value, str) and len(value) <= 40 else "is"
    nearest = closest(value, allowed) if isinstance(value, str) else None
    return Finding(path, f"{shown} none of {', '.join(allowed)}", f'did you mean "{nearest}"?' if nearest else "")


_KINDS: tuple[tuple[Callable[[Any], bool], str], ...] = (
    (lambda value: isinstance(value, bool), "true or false"),
    (lambda value: isinstance(value, str), "text"),
    (lambda value: isinstance(value, (int, float)), "a number"),
    (lambda value: isinstance(value, list), "a list"),
    (lambda value: isinstance(value, Mapping), "a table"),
)


def _not_this(kind: str, value: Any) -> str:
    if kind in {"missing", "string_too_short", "too_short", "finite_number", "int_from_float"}:
        return ""
    return next((f", not {name}" for is_kind, name in _KINDS if is_kind(value)), "")


def _remedy(kind: str, value: Any, path: KeyPath) -> str:
    if kind == "missing":
        return "add it to the table"
    last = next((part for part in reversed(path) if isinstance(part, str)), "name")
    if kind in {"list_type", "tuple_type"} and isinstance(value, Mapping):
        return f"write [[{last}]] in double brackets, since there may be several"
    if kind in {"list_type", "tuple_type"} and isinstance(value, (str, int, float)):
        return 'put brackets around it: ["…"]'
    if kind in {"dict_type", "model_type", "model_attributes_type"} and isinstance(value, list):
        return f"write [{last}] in single brackets, since there is one"
    if kind in {"int_type", "float_type", "bool_type"} and isinstance(value, str):
        return "remove the quotes"
    return "put quotes around it" if kind in {"string_type", "path_type"} and isinstance(value, (int, float)) else ""


def _joined(several: Iterable[Finding]) -> Finding:
    """Failures at one path as one finding; a secret's explanation speaks alone, since it says all."""
    first, *others = several
    if not others:
        return first
    messages = list(dict.fromkeys(finding.message for finding in (first, *others)))
    suggestions = list(dict.fromkeys(finding.suggestion for finding in (first, *others) if finding.suggestion))
    return Finding(first.path, ", or ".join(messages), suggestions[0] if suggestions else "")
