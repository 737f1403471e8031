"""How a `type` in the configuration becomes code: `hackernews` is `collectors.hackernews`, a dotted name is itself.

Modules are imported by their name in text, when they are configured, so that `config` depends on no plug-in.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from pathlib import Path
from types import ModuleType

from pydantic import BaseModel

_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_NOT_PLUGINS = {"contract"}


class UnknownPluginError(Exception):
    """No module answers to the type; the message says which were looked for."""


def module_name(package: str, type_name: str) -> str:
    """The module that `type_name` means, where `package` is `collectors` or `alerts.channels`."""
    return type_name if "." in type_name else f"{package}.{type_name}"


def resolve(package: str, type_name: str) -> ModuleType:
    """The plug-in's module; `UnknownPluginError` when there is none or it lacks `Options` or `build`."""
    name = module_name(package, type_name)
    if not _MODULE.fullmatch(name):
        raise UnknownPluginError(f'"{type_name}" is no name of a module')
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise UnknownPluginError(f"there is no module {name}") from error
        raise UnknownPluginError(f"{name} needs the module {error.name}, which is not installed") from error
    except (ImportError, SyntaxError) as error:
        raise UnknownPluginError(f"{name} cannot be imported: {error}") from error
    missing = [part for part in ("Options", "build") if not hasattr(module, part)]
    if missing:
        raise UnknownPluginError(f"{name} is no plug-in: it defines no {' and no '.join(missing)}")
    return module


def options_of(package: str, type_name: str) -> type[BaseModel]:
    """The `Options` model of a plug-in."""
    options = resolve(package, type_name).Options
    if not (isinstance(options, type) and issubclass(options, BaseModel)):
        raise UnknownPluginError(f"{module_name(package, type_name)}.Options is no pydantic model")
    return options


def available(package: str) -> list[str]:
    """The types that come with the program, sorted: those modules of `package` that are plug-ins; imports none."""
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or []) if spec else []
    found = (module.name for module in pkgutil.iter_modules(places) if not module.ispkg)
    return sorted(name for name in found if not name.startswith("_") and _defines_options(places, name))


def _defines_options(places: list[str], name: str) -> bool:
    """Whether the module's source defines `class Options`, so that shared modules beside plug-ins are not offered."""
    if name in _NOT_PLUGINS:
        return False
    sources = (Path(place) / f"{name}.py" for place in places)
    return any("\nclass Options(" in source.read_text(encoding="utf-8") for source in sources if source.is_file())
