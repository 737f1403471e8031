"""The file that a new installation begins with: only what was asked, each key with its sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from config.alerting import RouteSettings
from config.complaints import findings
from config.example import comment, sample
from config.load import PACKAGES
from config.plugins import options_of
from config.references import SecretReference
from config.settings import BrandSettings, GeneralSettings
from config.shapes import tables_in
from config.suggestions import listed
from config.wording import default_of, plugin_sentence, sentence, toml

CHANGE = "# <- change this"


@dataclass(frozen=True, slots=True)
class Starter:
    """What was asked: keys of the brand, and for each source and channel its type with the keys given.

    Required keys of a plug-in that were not given are filled with an example, marked to be changed, or, where they are
    secrets, with the name of an environment variable.
    """

    brand: Mapping[str, Any]
    sources: Mapping[str, Mapping[str, Any]]
    channels: Mapping[str, Mapping[str, Any]]
    timezone: str = "UTC"
    variables: list[str] = field(default_factory=list)
    """Filled by `text`: the environment variables that hold the secrets."""

    def text(self) -> str:
        """The file."""
        return "\n".join(self._lines()).rstrip() + "\n"

    def _lines(self) -> Iterator[str]:
        yield from comment(
            'Written by "tocsin init". "tocsin check" says whether it is right, and "tocsin init --all" shows every '
            "setting there is. Relative paths are taken from the folder of this file."
        )
        yield ""
        yield "[general]"
        yield from _given(GeneralSettings, {"timezone": self.timezone})
        yield ""
        yield "[[brands]]"
        yield from _given(BrandSettings, self.brand)
        for table, chosen in (("sources", self.sources), ("channels", self.channels)):
            for kind, options in chosen.items():
                yield ""
                yield from self._plugin(table, kind, options)
        yield ""
        yield from comment("Who is told about what: every alert goes to these channels.")
        yield "[[routes]]"
        yield from _given(RouteSettings, {"channels": list(self.channels)})

    def _plugin(self, table: str, kind: str, given: Mapping[str, Any]) -> Iterator[str]:
        model = options_of(PACKAGES[table], kind)
        yield from comment(plugin_sentence(model))
        yield f"[[{table}]]"
        yield f"type = {toml(kind)}"
        for name, option in model.model_fields.items():
            if name in given:
                yield from comment(sentence(option))
                yield f"{name} = {toml(given[name])}"
            elif default_of(option) is PydanticUndefined:
                yield from comment(sentence(option))
                yield self._example(kind, name, option)

    def _example(self, kind: str, name: str, option: FieldInfo) -> str:
        value = sample((kind, name), option)
        if is_secret(option):
            self.variables.extend(one["env"] for one in (value if isinstance(value, list) else [value]))
            return f"{name} = {toml(value)}"
        return f"{name} = {toml(value)}  {CHANGE}"


def _given(model: type[BaseModel], values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        yield from comment(sentence(model.model_fields[name]))
        yield f"{name} = {toml(value)}"


def is_secret(option: FieldInfo) -> bool:
    """Whether an option is a reference to a secret."""
    return SecretReference in set(tables_in(option.annotation))


def required_options(table: str, kind: str) -> Mapping[str, FieldInfo]:
    """The options that a plug-in cannot do without, secrets aside."""
    fields = options_of(PACKAGES[table], kind).model_fields
    return {
        name: option
        for name, option in fields.items()
        if default_of(option) is PydanticUndefined and not is_secret(option)
    }


def read_option(option: FieldInfo, text: str) -> Any:
    """What somebody typed as the value that the option wants: lists by commas, numbers and truths as such."""
    if get_origin(option.annotation) in (list, tuple):
        return words(text)
    if option.annotation is bool:
        return text.casefold() in {"true", "yes", "y", "1"}
    if option.annotation in (int, float) and text.strip():
        return option.annotation(text)
    return text


def mistake_in(model: type[BaseModel], name: str, value: Any) -> str:
    """What is wrong with one value of a table, whatever else is missing from it; empty when nothing is."""
    try:
        model.model_validate({name: value})
    except ValidationError as error:
        found = [finding for finding in findings(error, {name: value}, model) if finding.path[:1] == (name,)]
        return "; ".join(f"{finding.message}; {finding.suggestion}".rstrip("; ") for finding in found)
    return ""


def words(text: str) -> list[str]:
    """What stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def unknown(kinds: Sequence[str], known: Sequence[str]) -> str:
    """What is wrong with a choice of types; empty when nothing is."""
    strange = [kind for kind in kinds if kind not in known and "." not in kind]
    return f'there is no "{strange[0]}"; known: {listed(known)}' if strange else ""
