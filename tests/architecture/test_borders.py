"""Rules of the house that a linter or a test can hold: borders between rooms, sizes of files, things never done."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
ROOMS = [CHECKOUT / name for name in ("app", "engine", "plugins", "resources")]
SOURCES = sorted(path for room in ROOMS for path in room.rglob("*.py"))
ALL = sorted([*SOURCES, *(CHECKOUT / "tests").rglob("*.py"), *(CHECKOUT / "benchmarks").rglob("*.py")])
LONGEST = 600

CHEAP = """
import sys, tempfile
from pathlib import Path
import sagittal_engine.service
from sagittal_engine.service import Engine
engine = Engine()
engine.new_study(Path(tempfile.mkdtemp()) / "study")
for card in engine.methods():
    assert card.title
from sagittal.params import describe
rows = [describe(card.params) for card in engine.methods()]
engine.runs()
engine.device_line()
engine.shut_down()
heavy = [name for name in ("torch", "monai", "PySide6", "vtk", "napari", "SimpleITK", "skimage") if name in sys.modules]
assert not heavy, heavy
"""


def relative(path: Path) -> str:
    return path.relative_to(CHECKOUT).as_posix()


def test_the_borders_between_rooms_hold():
    found = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")], cwd=CHECKOUT, capture_output=True, text=True, timeout=250
    )
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-2000:]


def test_opening_a_study_and_listing_methods_imports_nothing_heavy():
    found = subprocess.run(
        [sys.executable, "-c", CHEAP], capture_output=True, text=True, timeout=120, env={**os.environ}
    )
    assert found.returncode == 0, found.stderr[-4000:]


def test_no_file_is_longer_than_it_may_be():
    long = {relative(p): n for p in ALL if (n := len(p.read_text(encoding="utf-8").splitlines())) > LONGEST}
    assert not long, f"split these files: {long}"


def calls(tree: ast.AST):
    """Every call as (dotted name, keywords, line)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {k.arg: k.value for k in node.keywords}, node.lineno


def imported(tree: ast.AST):
    """Every imported module's name and its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_nothing_forbidden_is_used(path):
    """No pickle (a file could run code), no `torch.load` but of weights, no network, no mocks, no signal handlers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    wrong = []
    banned = ("pickle", "dill", "cloudpickle", "shelve", "marshal", "requests", "urllib", "http", "unittest", "joblib")
    for module, line in imported(tree):
        if module.split(".")[0] in banned:
            wrong.append(f"line {line} imports {module}")
    for name, keywords, line in calls(tree):
        if name == "torch.load" and ast.unparse(keywords.get("weights_only", ast.Constant(None))) != "True":
            wrong.append(f"line {line}: torch.load without weights_only=True")
        pickles = ast.unparse(keywords.get("allow_pickle", ast.Constant(False)))
        if pickles != "False":
            wrong.append(f"line {line}: allow_pickle={pickles}")
        if name in ("eval", "exec", "os.system"):
            wrong.append(f"line {line}: {name}")
    assert not wrong, f"{relative(path)}: {'; '.join(wrong)}"


def test_plugins_do_not_know_each_other():
    plugins = CHECKOUT / "plugins" / "sagittal_plugins"
    wrong = []
    for path in plugins.rglob("*.py"):
        own = path.relative_to(plugins).parts[0]
        for module, line in imported(ast.parse(path.read_text(encoding="utf-8"))):
            parts = module.split(".")
            if parts[0] == "sagittal_plugins" and len(parts) > 1 and parts[1] != own:
                wrong.append(f"{relative(path)}:{line} imports {module}")
    assert not wrong, wrong


def test_no_work_is_left_as_a_note():
    marks = ("TO" + "DO", "FIX" + "ME", "X" + "XX")
    wrong = [
        f"{relative(path)}:{number}"
        for path in ALL
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if any(mark in line for mark in marks)
    ]
    assert not wrong, wrong


def test_painters_end_with_their_paint_event():
    """A traceback that is kept keeps a painter alive; one that outlives its paint event takes the program with it."""
    loose = []
    for path in (CHECKOUT / "app").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        held = {id(item.context_expr) for one in ast.walk(tree) if isinstance(one, ast.With) for item in one.items}
        loose += [
            f"{relative(path)}:{one.lineno}"
            for one in ast.walk(tree)
            if isinstance(one, ast.Call) and getattr(one.func, "id", "") == "QPainter" and id(one) not in held
        ]
    assert not loose, f"write `with QPainter(…) as painter:` in {loose}"
