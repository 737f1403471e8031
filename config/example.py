"""The example file: every setting with one sentence and its default, made from the models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from config.load import PACKAGES
from config.names import SENSITIVITIES
from config.plugins import available, options_of
from config.references import SecretReference
from config.settings import PluginTable, Settings
from config.shapes import tables_in
from config.thresholds import ThresholdSettings, presets_of
from config.wording import choices, default_of, is_list, is_table, plugin_sentence, sentence, toml

WIDTH = 118

_OWN_PLUGIN: Mapping[str, str] = {"type": "acme_tocsin.weekends", "name": "weekends"}
"""A plug-in of the operator's own in the example file."""
_BLANKS: Mapping[Any, Any] = {int: 1, float: 1.0, bool: True}

_SAMPLES: Mapping[str, Any] = {
    "brands.name": "Harbour & Pine",
    "brands.aliases": ["Harbour and Pine", "H&P Furniture"],
    "brands.handles": ["@harbourpine"],
    "brands.hashtags": ["#harbourpine"],
    "brands.tickers": ["$HPNE"],
    "brands.people": ["Ada Lindqvist"],
    "brands.products": ["Fjell Bunk Bed"],
    "brands.context": ["furniture", "bed", "store"],
    "brands.exclude": ["harbour and pine street"],
    "brands.rivals": ["Oak & Anchor"],
    "brands.languages": ["en", "sv"],
    "brands.sensitivity": "keen",
    "brands.sentiment_rules.words": ["bunk", "to die for"],
    "brands.sentiment_rules.sentiment": "neutral",
    "sources.brands": ["Harbour & Pine"],
    "routes.brands": ["Harbour & Pine"],
    "routes.severities": ["warning", "critical"],
    "routes.kinds": [],
    "routes.sources": [],
    "routes.timezone": "Europe/Stockholm",
    "routes.fallback": ["smtp"],
    "routes.policy": "press office",
    "policies.name": "press office",
    "policies.last_resort": ["smtp"],
    "policies.steps.delay": "10m",
    "policies.steps.channels": ["smtp"],
    "inhibitions.severities": ["warning"],
    "inhibitions.muted_severities": ["watch"],
    "briefs.every": "week",
    "briefs.brands": ["Harbour & Pine"],
    "briefs.timezone": "Europe/Stockholm",
    "briefs.channels": ["smtp"],
    "briefs.folder": "briefs",
    "operations.channels": ["smtp"],
    "operations.heartbeat": {"env": "TOCSIN_HEARTBEAT"},
    "operations.canary": "smtp",
    "operations.all_quiet_at": "09:00",
    "operations.runbooks": "https://wiki.example.com/tocsin/runbooks",
    "digests.name": "Ada's morning",
    "digests.channels": ["smtp"],
    "digests.targets": ["press-office@example.com"],
    "digests.at": ["08:30", "16:30"],
    "digests.days": ["monday", "tuesday", "wednesday", "thursday", "friday"],
    "digests.timezone": "Europe/Stockholm",
    "digests.brands": ["Harbour & Pine"],
    "quiet_hours.start": "22:00",
    "quiet_hours.end": "07:00",
    "quiet_hours.timezone": "Europe/Stockholm",
    "quiet_hours.days": ["monday", "tuesday", "wednesday", "thursday", "friday"],
    "on_duty.people": ["Ada Lindqvist (+44 20 7946 0991)", "Bo Hartmann (+44 20 7946 0992)"],
    "on_duty.since": "2026-01-05",
    "on_duty.start": "08:00",
    "on_duty.end": "20:00",
    "on_duty.timezone": "Europe/Stockholm",
    "on_duty.days": ["monday", "tuesday", "wednesday", "thursday", "friday"],
    "on_duty.brands": [],
    "understanding.model": "ours.model",
    "database.backup_folder": "backups",
    "understanding.languages": ["en", "sv"],
    "kinds.name": "tip_over",
    "kinds.words": {"en": ["tipped over", "fell on"], "sv": ["välte"]},
    "kinds.severity": "warning",
    "web.allowed_hosts": ["tocsin.example.com"],
    "web.certificate": "tocsin.crt",
    "web.certificate_key": "tocsin.key",
    "web.oidc.issuer": "https://login.example.com/realms/staff",
    "sources.fastest": timedelta(minutes=1),
    "sources.slowest": timedelta(minutes=10),
    "sources.requests_per_day": 5_000,
    "sources.dollars_per_day": 5.0,
    "sources.keep": timedelta(days=90),
    "web.oidc.client_id": "tocsin",
    "web.oidc.roles": {"press-office": "responder", "insights": "analyst"},
    "web.oidc.default_role": "viewer",
    "general.public_url": "https://tocsin.example.com",
}
"""Values in the example file for settings whose default would show nothing."""


def example() -> str:
    """The text of `config/example.toml`."""
    return "\n".join(_example_lines()).rstrip() + "\n"


def _example_lines() -> Iterator[str]:
    yield from comment(
        "Every setting of Tocsin, with one sentence, its default, and an example where the default would show nothing. "
        'Only a brand, a source, a channel and a route are needed: "tocsin init" writes a file with just these. '
        "Relative paths are taken from the folder of the file."
    )
    for name, field in Settings.model_fields.items():
        model = next(tables_in(field.annotation))
        yield ""
        yield from comment(sentence(field))
        if issubclass(model, PluginTable):
            kinds = available(PACKAGES[name])
            for kind in kinds:
                yield ""
                yield from _plugin_lines(name, model, kind)
            if not kinds:
                yield from _own_plugin_lines(name, model)
        else:
            yield from _table_lines((name,), model, many=is_list(field))


def _table_lines(path: tuple[str, ...], model: type[BaseModel], *, many: bool) -> Iterator[str]:
    heading = ".".join(path)
    yield f"[[{heading}]]" if many else f"[{heading}]"
    if model is ThresholdSettings:
        yield from _threshold_lines(path)
        return
    for name, field in model.model_fields.items():
        if not is_table(field):
            yield from _setting_lines((*path, name), field)
    for name, field in model.model_fields.items():
        if is_table(field):
            yield ""
            yield from comment(sentence(field))
            yield from _table_lines((*path, name), next(tables_in(field.annotation)), many=is_list(field))


def _threshold_lines(path: tuple[str, ...]) -> Iterator[str]:
    """As comments, so that a copy of the file leaves them to the sensitivity; a brand's are not repeated."""
    if path[0] != "detection":
        yield "# Any key of [detection.thresholds]."
        return
    for name, field in ThresholdSettings.model_fields.items():
        presets = ", ".join(f"{level} {toml(presets_of(name)[level])}" for level in SENSITIVITIES)
        yield from comment(f"{sentence(field)} ({presets})")
        yield f"# {name} = {toml(default_of(field))}"


def _setting_lines(path: tuple[str, ...], field: FieldInfo) -> Iterator[str]:
    default = default_of(field)
    shown = _shown(".".join(path), sample(path, field) if default in (None, PydanticUndefined) else default)
    remark = _remark(default, shown)
    yield from comment(f"{sentence(field)}{f' ({remark})' if remark else ''}")
    yield f"{path[-1]} = {toml(shown)}"


def _shown(path: str, otherwise: Any) -> Any:
    """The value in the example; its one route leads to every channel, since one that nothing leads to is a mistake."""
    if path == "routes.channels":
        fallback = _SAMPLES["routes.fallback"]
        return [kind for kind in available(PACKAGES["channels"]) if kind not in fallback]
    return _SAMPLES.get(path, otherwise)


def _remark(default: Any, shown: Any) -> str:
    if default is PydanticUndefined:
        return "must be given"
    if default is None:
        return "default: unset"
    return f"default: {toml(default)}" if toml(default) != toml(shown) else ""


def sample(path: tuple[str, ...], field: FieldInfo) -> Any:
    """Something that a field without a default would accept."""
    if field.examples:
        return field.examples[0]
    if SecretReference in set(tables_in(field.annotation)):
        return {"env": "_".join(("tocsin", *path[-2:])).upper()}
    values = choices(field.annotation)
    if values:
        return values[0]
    return ["…"] if get_origin(field.annotation) in (list, tuple) else _BLANKS.get(field.annotation, "…")


def _plugin_lines(table: str, own: type[PluginTable], kind: str) -> Iterator[str]:
    """One table for one plug-in, with its own settings and those of the plug-in."""
    options = options_of(PACKAGES[table], kind)
    yield from comment(plugin_sentence(options))
    yield f"[[{table}]]"
    for name, field in own.model_fields.items():
        if name == "type":
            yield from comment(sentence(field))
            yield f"type = {toml(kind)}"
        elif name == "name":
            yield from comment(f"{sentence(field)} (default: {toml(kind)})")
            yield f"name = {toml(kind)}"
        elif name != "options":
            yield from _setting_lines((table, name), field)
    for name, field in options.model_fields.items():
        yield from _option_lines(kind, name, field)


def _own_plugin_lines(table: str, own: type[PluginTable]) -> Iterator[str]:
    """As comments: one table for a plug-in of the operator's, where the program itself brings none."""
    yield f"# [[{table}]]"
    for name, field in own.model_fields.items():
        if name != "options":
            yield from comment(sentence(field))
            yield f"# {name} = {toml(_OWN_PLUGIN.get(name, default_of(field)))}"


def _option_lines(kind: str, name: str, field: FieldInfo) -> Iterator[str]:
    default = default_of(field)
    required = default is PydanticUndefined
    shown = (
        field.examples[0] if field.examples else sample((kind, name), field) if required or default is None else default
    )
    remark = _remark(default, shown)
    yield from comment(f"{sentence(field)}{f' ({remark})' if remark else ''}")
    yield f"{'' if required or default is not None else '# '}{name} = {toml(shown)}"


def comment(text: str) -> Iterator[str]:
    """A sentence as comment lines of a bearable length."""
    line = "#"
    for word in text.split():
        if len(line) + len(word) + 1 > WIDTH:
            yield line
            line = "#"
        line += f" {word}"
    if line != "#":
        yield line
