"""What the tables of `tocsin.toml` have in common, and the types of values that several of them use."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from config.problems import Mistake


class Table(BaseModel):
    """A table of the file: unknown keys and wrong types are refused, and nothing changes after loading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def _web_address(url: str) -> str:
    if url and not re.match(r"https?://[^/\s]+\S*$", url):
        raise Mistake(f'"{url}" is no address of a web page', "it begins with https:// or http://")
    return url.rstrip("/")


Name = Annotated[str, Field(min_length=1, max_length=100)]
Text = Annotated[str, Field(min_length=1, max_length=500)]
FilePath = Annotated[Path, Field(strict=False)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
