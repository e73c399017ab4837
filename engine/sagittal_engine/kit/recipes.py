"""Recipes: named parameter values, as TOML files in the folder `recipes` beside a plugin. No torch.

A file `recipes/<name>.toml` has the keys `title`, `source` (where the values come from) and a table `[values]`, and
perhaps a table `[published]` of figures in words.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from sagittal.method import Recipe


def load(plugin_file: str | Path) -> tuple[Recipe, ...]:
    """Every recipe of the plugin whose `__init__.py` is `plugin_file` (pass `__file__`), sorted by name.

    Raises ValueError that names the file where it is not a recipe.
    """
    found = (Path(plugin_file).parent / "recipes").glob("*.toml")
    return tuple(_read(path) for path in sorted(found, key=lambda path: path.stem))


def _read(path: Path) -> Recipe:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"The recipe {path.name} is not valid TOML: {error}.") from error
    unknown = sorted(set(content) - {"title", "source", "values", "published"})
    if unknown or "title" not in content or not isinstance(content.get("values"), dict):
        raise ValueError(
            f"The recipe {path.name} needs 'title' and a table [values], and may have 'source' and [published]; "
            f"found {sorted(content)}."
        )
    title, values = content["title"], content["values"]
    return Recipe(path.stem, title, values, content.get("source", ""), content.get("published", {}))
