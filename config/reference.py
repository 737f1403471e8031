"""The reference of every setting, made from the models, for the page about configuration."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from config.load import PACKAGES
from config.names import SENSITIVITIES
from config.plugins import available, options_of
from config.settings import PluginTable, Settings
from config.shapes import tables_in
from config.thresholds import ThresholdSettings, presets_of
from config.wording import default_of, is_list, is_table, plugin_sentence, sentence, toml, type_name

BEGIN = "<!-- reference: written by `python -m config`, not by hand -->"
END = "<!-- end of the reference -->"


def reference() -> str:
    """The reference of every setting, as Markdown between its two marks."""
    lines = [BEGIN, ""]
    for name, field in Settings.model_fields.items():
        model = next(tables_in(field.annotation))
        lines += _section((name,), model, sentence(field), many=is_list(field))
        if issubclass(model, PluginTable):
            for kind in available(PACKAGES[name]):
                lines += _plugin_section(name, kind)
    return "\n".join([*lines, END])


def _section(path: tuple[str, ...], model: type[BaseModel], about: str, *, many: bool) -> list[str]:
    heading = ".".join(path)
    lines = [f"### `{f'[[{heading}]]' if many else f'[{heading}]'}`", "", about, ""]
    if model is ThresholdSettings:
        return [*lines, *(_threshold_table() if path[0] == "detection" else ["See `[detection.thresholds]`.", ""])]
    plain = {name: field for name, field in model.model_fields.items() if not is_table(field) and name != "options"}
    lines += _table(plain, plugin=issubclass(model, PluginTable))
    for name, field in model.model_fields.items():
        if is_table(field):
            inner = next(tables_in(field.annotation))
            lines += _section((*path, name), inner, sentence(field), many=is_list(field))
    return lines


def _plugin_section(table: str, kind: str) -> list[str]:
    options = options_of(PACKAGES[table], kind)
    about = plugin_sentence(options)
    lines = [f'#### `[[{table}]]` with `type = "{kind}"`', "", about, "", *_table(options.model_fields)]
    for name, field in options.model_fields.items():
        if is_table(field):
            inner = next(tables_in(field.annotation))
            lines += [f"Keys of a table in `{name}`:", "", *_table(inner.model_fields)]
    return lines


def _table(fields: Mapping[str, FieldInfo], *, plugin: bool = False) -> list[str]:
    if not fields:
        return ["It has no keys of its own.", ""]
    rows = []
    for name, field in fields.items():
        default = "the type" if plugin and name == "name" else _default_cell(field)
        rows.append(f"| `{name}` | {type_name(field.annotation)} | {default} | {sentence(field).replace('|', '/')} |")
    return ["| key | type | default | |", "| --- | --- | --- | --- |", *rows, ""]


def _default_cell(field: FieldInfo) -> str:
    default = default_of(field)
    if default is PydanticUndefined:
        return "*required*"
    return "unset" if default is None else f"`{toml(default)}`"


def _threshold_table() -> list[str]:
    rows = [
        f"| `{name}` | {' | '.join(toml(presets_of(name)[level]) for level in SENSITIVITIES)} | {sentence(field)} |"
        for name, field in ThresholdSettings.model_fields.items()
    ]
    return [f"| key | {' | '.join(SENSITIVITIES)} | |", "| --- | --- | --- | --- | --- |", *rows, ""]


def with_reference(page: str) -> str:
    """A page of documentation with the reference between its marks made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{reference()}{after}"
