"""Recipes beside a plugin."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagittal_engine.kit import recipes


def test_recipes_are_read_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "b.toml").write_text('title = "B"\n[values]\nsteps = 3\n', encoding="utf-8")
    (folder / "b-3d.toml").write_text('title = "B3"\n[values]\n', encoding="utf-8")
    (folder / "a.toml").write_text('title = "A"\nsource = "Table 1"\n[values]\n', encoding="utf-8")
    found = recipes.load(tmp_path / "__init__.py")
    assert [(r.name, r.title, r.source, dict(r.values)) for r in found] == [
        ("a", "A", "Table 1", {}),
        ("b", "B", "", {"steps": 3}),
        ("b-3d", "B3", "", {}),
    ]


def test_a_plugin_without_recipes_has_none(tmp_path: Path) -> None:
    assert recipes.load(tmp_path / "__init__.py") == ()


@pytest.mark.parametrize("content", ["steps = ", 'title = "A"', 'title = "A"\nvalus = 1\n[values]\n'])
def test_a_file_that_is_no_recipe_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "odd.toml").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"odd\.toml"):
        recipes.load(tmp_path / "__init__.py")
