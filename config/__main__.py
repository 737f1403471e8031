"""`python -m config`: write the example file and the reference in the documentation anew from the models."""

from __future__ import annotations

from pathlib import Path

from config.example import example
from config.reference import with_reference


def main(root: Path) -> None:
    """Write `config/example.toml` and the reference in `docs/configuration.md` below `root`."""
    (root / "config" / "example.toml").write_text(example(), encoding="utf-8")
    page = root / "docs" / "configuration.md"
    page.write_text(with_reference(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(__file__).resolve().parent.parent)
