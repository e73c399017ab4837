"""plugin new, check, list; trust before code."""

from __future__ import annotations

import importlib
import sys
from importlib import metadata
from pathlib import Path

import pytest

from sagittal_engine import trust
from sagittal_engine.registry import Registry
from sagittal_engine.scaffold import plugins

DISTRIBUTION = "sagittal-trial"


@pytest.fixture
def outside(line, tmp_path, monkeypatch):
    """The folder of a scaffolded method, whose import leaves no trace in other tests."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert line("plugin", "new", "trial", "--out", tmp_path).status == 0
    yield tmp_path / DISTRIBUTION
    forget()


def forget() -> None:
    """Lets the next import of the scaffolded package read its files again."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "sagittal_trial"]:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def installed(outside, monkeypatch):
    """The same, as if pip had installed it: metadata beside the package."""
    source = outside / "src"
    info = source / "sagittal_trial-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[sagittal.methods]\ntrial = sagittal_trial\n")
    monkeypatch.syspath_prepend(str(source))
    return source


def test_a_new_method_passes_its_check(line, outside):
    ran = line("plugin", "check", outside, "--yes", "--json")
    (row,) = ran.document
    assert (ran.status, row["name"], row["ok"], row["problems"]) == (0, "trial", True, [])
    assert row["source"] == str(outside)
    assert any("gradient" in rule or "descent" in rule for rule in row["passed"])


def test_nothing_runs_before_it_is_trusted(line, outside, monkeypatch):
    mark = outside / "ran"
    code = outside / "src" / "sagittal_trial" / "__init__.py"
    code.write_text(f"open({str(mark)!r}, 'w').close()\n" + code.read_text())
    monkeypatch.setattr(sys, "stdin", open(outside / "pyproject.toml", encoding="utf-8"))  # noqa: PTH123, SIM115
    ran = line("plugin", "check", outside, "--json")
    sys.stdin.close()
    assert (ran.status, ran.out) == (2, "") and "repeat with --yes" in ran.err
    assert not mark.exists()
    assert line("plugin", "check", outside, "--yes").status == 0
    assert trust.is_trusted("Sagittal_Trial", "0.1.0") and not trust.is_trusted("sagittal-trial", "0.2.0")


def test_a_broken_method_is_a_list_of_sentences(line, outside):
    method = outside / "src" / "sagittal_trial" / "method.py"
    method.write_text(method.read_text().replace('{"restoration_loss"', '{"restoration"'))
    ran = line("plugin", "check", outside, "--yes", "--json")
    (row,) = ran.document
    assert ran.status == 2 and not row["ok"]
    assert "must have 'loss' in its name" in row["problems"][0]
    forget()
    method.write_text("import nothing_of_this_name\n")
    assert "nothing_of_this_name" in line("plugin", "check", outside, "--yes").out


def test_the_registry_holds_back_what_nobody_trusts(line, installed):
    found = Registry()
    assert "trial" not in {card.name for card in found.cards()}
    assert "not trusted yet" in found.problems()["trial"]
    row = next(row for row in line("plugin", "list", "--json").document if row["name"] == "trial")
    assert not row["ok"] and "sagittal plugin check trial" in row["problems"][0]
    assert "sagittal_trial" not in sys.modules
    trust.trust(DISTRIBUTION, "0.1.0")
    assert "trial" in {card.name for card in Registry().cards()}
    row = next(row for row in line("plugin", "list", "--json").document if row["name"] == "trial")
    assert row == {"name": "trial", "source": "sagittal-trial 0.1.0", "ok": True, "problems": [], "passed": []}


def test_entry_points_name_their_distribution(installed):
    (point,) = metadata.entry_points(group="sagittal.methods", name="trial")
    assert point.dist is not None and point.dist.name == DISTRIBUTION


def test_our_own_methods_are_listed(line):
    rows = line("plugin", "list", "--json").document
    assert all({"name", "source", "ok", "problems"} <= set(row) for row in rows)
    assert {"name": "cowpro", "ok": True}.items() <= next(r for r in rows if r["name"] == "cowpro").items()


def test_names_that_will_not_do(line, tmp_path):
    for name, part in (("Cow", "lower case"), ("class", "lower case"), ("cowpro", "already")):
        ran = line("plugin", "new", name, "--out", tmp_path)
        assert ran.status == 2 and part in ran.err
    assert line("plugin", "new", "twice", "--out", tmp_path).status == 0
    assert "exists already" in line("plugin", "new", "twice", "--out", tmp_path).err
    assert "neither an installed method" in line("plugin", "check", "nobody").err
    assert "no pyproject.toml" in line("plugin", "check", tmp_path).err
    assert list(Path(tmp_path).glob("sagittal-*")) == [tmp_path / "sagittal-twice"]


def test_every_file_of_the_template_is_used(tmp_path):
    made = plugins.create("whole", tmp_path)
    written = {path.relative_to(made.source).as_posix() for path in Path(made.source).rglob("*") if path.is_file()}
    assert written == {
        "README.md",
        "pyproject.toml",
        "src/sagittal_whole/__init__.py",
        "src/sagittal_whole/loss.py",
        "src/sagittal_whole/method.py",
        "src/sagittal_whole/recipes/quick.toml",
        "tests/test_method.py",
    }
    assert not any("$" in (Path(made.source) / name).read_text() for name in written)
