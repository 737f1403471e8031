"""Reading `tocsin.toml`: the settings, or every mistake in it at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from config import checks, complaints, syntax
from config.check_digests import digest_option_findings
from config.plugins import UnknownPluginError, available, options_of
from config.positions import Positions
from config.problems import ConfigurationError, Finding, KeyPath, Problem, key_name
from config.references import MissingSecretError
from config.settings import ChannelSettings, DetectorSettings, PluginTable, Settings, SourceSettings
from config.shapes import anchored, references
from config.suggestions import closest, did_you_mean
from config.web import SHORTEST_WEB_SECRET

PACKAGES: Mapping[str, str] = {
    "sources": "collectors",
    "channels": "alerts.channels",
    "detectors": "monitor.detectors",
}
"""Where the plug-ins of each list of tables lie."""
_TABLES: Mapping[str, type[PluginTable]] = {
    "sources": SourceSettings,
    "channels": ChannelSettings,
    "detectors": DetectorSettings,
}


def load(
    path: Path | str, *, complete: bool = True, secrets: bool = False, kinds: Collection[str] | None = None
) -> Settings:
    """The settings in the file at `path`, or `ConfigurationError` with every problem.

    `complete` asks for what a watching program needs: a brand, a source for it, and a route from it to a person; a
    replay of a file can do without. `secrets` asks that each secret, and the model, can be read now. `kinds` are the
    kinds of incident that the program knows by itself; when given, routes may name only these and the file's own.

    Relative paths in the file are relative to its folder, wherever the program is started.
    """
    file = Path(path)
    source, raw = syntax.read(file)
    options = dict(_read_options(raw))
    found = [*_complaints(raw), *_option_findings(options), *checks.cross_check(raw, kinds)]
    found += digest_option_findings(raw, options)
    if complete:
        found += checks.check_complete(raw)
    if found:
        raise _error(file, source, found)
    settings = _anchored(Settings.model_validate(raw), options, file.absolute().parent)
    if secrets and (
        missing := [
            *_missing_secrets(settings, options, file.absolute().parent),
            *_weak_secret(settings, file.absolute().parent),
            *_missing_model(settings),
        ]
    ):
        raise _error(file, source, missing)
    return settings


def _complaints(raw: Mapping[str, Any]) -> list[Finding]:
    try:
        Settings.model_validate(raw)
    except ValidationError as error:
        return complaints.findings(error, raw, Settings)
    return []


OptionsByPlace = Mapping[KeyPath, BaseModel | list[Finding]]


def _read_options(raw: Mapping[str, Any]) -> Iterator[tuple[KeyPath, BaseModel | list[Finding]]]:
    """For each source and channel its options as its plug-in reads them, or what is wrong with them."""
    for table, package in PACKAGES.items():
        for element in checks.elements(raw, table):
            type_name = element.values.get("type")
            known = type_name if isinstance(type_name, str) and type_name else None
            yield (table, element.index), _options(element, package, known) if known else _misspelt(element)


def _misspelt(element: checks.Element) -> list[Finding]:
    """Keys of a table without a type that look like one of ours; the others may be options of whatever it is."""
    own = [key for key in _TABLES[element.table].model_fields if key != "options"]
    nearest = {key: closest(key, own) for key in element.values if key not in own and key != "options"}
    return [element.finding("unknown key", f'did you mean "{near}"?', key) for key, near in nearest.items() if near]


def _options(element: checks.Element, package: str, type_name: str) -> BaseModel | list[Finding]:
    try:
        model = options_of(package, type_name)
    except UnknownPluginError as error:
        advice = "" if "." in type_name else did_you_mean(type_name, available(package))
        return [element.finding(str(error), advice, "type")]
    own = _TABLES[element.table].model_fields
    nested = element.values.get("options", {})
    given = {key: value for key, value in element.values.items() if key not in own}
    if not isinstance(nested, Mapping):
        return []
    try:
        return model.model_validate({**nested, **given})
    except ValidationError as error:
        return [
            _placed(finding, element, nested) for finding in _option_complaints(error, {**nested, **given}, model, own)
        ]


def _option_complaints(
    error: ValidationError, given: Mapping[str, Any], model: type[BaseModel], own: Collection[str]
) -> Iterator[Finding]:
    """What is wrong with options, where an unknown key may also be meant for the table's own keys."""
    for finding in complaints.findings(error, given, model):
        if finding.message == "unknown key" and len(finding.path) == 1:
            known = [*(key for key in own if key != "options"), *model.model_fields]
            yield Finding(finding.path, finding.message, did_you_mean(str(finding.path[0]), known))
        else:
            yield finding


def _placed(finding: Finding, element: checks.Element, nested: Mapping[str, Any]) -> Finding:
    inside = bool(finding.path) and finding.path[0] in nested and finding.path[0] not in element.values
    prefix: KeyPath = (element.table, element.index, *(("options",) if inside else ()))
    return Finding((*prefix, *finding.path), finding.message, finding.suggestion)


def _option_findings(options: OptionsByPlace) -> Iterator[Finding]:
    for outcome in options.values():
        if isinstance(outcome, list):
            yield from outcome


def _error(file: Path, source: bytes, found: list[Finding]) -> ConfigurationError:
    """The findings with their lines, in the order of the file; what concerns the whole file comes first."""
    positions = Positions(source)
    distinct = dict.fromkeys(found)
    problems = [
        Problem(file, positions.line(finding.path), key_name(finding.path), finding.message, finding.suggestion)
        for finding in distinct
    ]
    return ConfigurationError(sorted(problems, key=lambda problem: problem.line))


def _anchored(settings: Settings, options: OptionsByPlace, folder: Path) -> Settings:
    """The settings with every relative path taken from the file's folder, in the plug-ins' options too."""
    tables: dict[str, Any] = {
        name: [_anchored_options(element, options.get((name, index)), folder) for index, element in enumerate(elements)]
        for name, elements in _plugin_tables(settings)
    }
    database = settings.database.model_copy(update={"url": _anchored_address(settings.database.url, folder)})
    return anchored(settings.model_copy(update={**tables, "database": database}), folder)


def _plugin_tables(settings: Settings) -> list[tuple[str, Sequence[PluginTable]]]:
    return [("sources", settings.sources), ("channels", settings.channels), ("detectors", settings.detectors)]


def _anchored_options(element: PluginTable, options: Any, folder: Path) -> PluginTable:
    if not isinstance(options, BaseModel):
        return element
    moved = anchored(options, folder)
    changed = {name for name in type(options).model_fields if getattr(moved, name) != getattr(options, name)}
    written = moved.model_dump(mode="json", include=changed, exclude_none=True)
    return element.model_copy(update={"options": {**element.options, **written}})


def _anchored_address(url: Any, folder: Path) -> Any:
    """A SQLite file that is named relatively lies beside the configuration; everything else stays as it is."""
    if not isinstance(url, str) or not url.startswith("sqlite"):
        return url
    scheme, _, rest = url.partition(":///")
    name, question, query = rest.partition("?")
    if not name or name == ":memory:" or name.startswith(("/", "file:")) or urlsplit(url).netloc:
        return url
    return f"{scheme}:///{folder / name}{question}{query}"


def _missing_model(settings: Settings) -> Iterator[Finding]:
    model = settings.understanding.model
    if model is not None and not model.is_file():
        yield Finding(("understanding", "model"), f"there is no file {model}", 'make one with "tocsin train"')


def _weak_secret(settings: Settings, folder: Path) -> Iterator[Finding]:
    """A short secret could be guessed from one link."""
    reference = anchored(settings.web, folder).secret
    try:
        secret = reference.resolve().get_secret_value() if reference else ""
    except MissingSecretError:
        return  # said already
    if secret and len(secret) < SHORTEST_WEB_SECRET:
        words = f"has fewer than {SHORTEST_WEB_SECRET} characters"
        yield Finding(("web", "secret"), words, "make one with: openssl rand -hex 32")


def _missing_secrets(settings: Settings, options: OptionsByPlace, folder: Path) -> Iterator[Finding]:
    enabled = {
        (name, index)
        for name, elements in _plugin_tables(settings)
        for index, element in enumerate(elements)
        if element.enabled
    }
    places = [((), settings), *((place, table) for place, table in options.items() if place in enabled)]
    for place, table in places:
        for path, reference in references(anchored(table, folder)) if isinstance(table, BaseModel) else ():
            try:
                reference.resolve()
            except MissingSecretError as error:
                yield Finding((*place, *path), str(error))
