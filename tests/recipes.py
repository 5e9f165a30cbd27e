"""The recipes of docs/extend.md, one section each."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "extend.md"


def recipe(title: str) -> str:
    """Return a section of docs/extend.md, from its heading to the next of the same level."""
    text = PAGE.read_text(encoding="utf-8")
    _, found, rest = text.partition(f"\n## {title}\n")
    assert found, f"no section {title!r} in {PAGE}"
    return found + rest.partition("\n## ")[0] + "\n"
