"""The entry decides between window and command line, and imports no more than it needs."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from sagittal_app.main import COMMANDS, wants_window
from sagittal_engine.cli.app import app


@pytest.mark.parametrize(
    "argv", [["train", "x", "cowpro"], ["methods", "--json"], ["--help"], ["trian"], ["demo", "--headless"]]
)
def test_commands_go_to_the_command_line(argv):
    assert not wants_window(argv)


def test_no_argument_or_a_study_folder_opens_the_window(tmp_path):
    assert wants_window([])
    assert wants_window([str(tmp_path)])


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("sagittal_app.main", ("PySide6", "torch", "sagittal_engine", "numpy")),
        ("sagittal_app.wiring", ("PySide6", "torch", "sagittal_engine")),
        ("sagittal_app.application", ("torch", "monai", "vtk", "vtkmodules", "napari", "sagittal_engine", "pyqtgraph")),
    ],
)
def test_heavy_libraries_stay_out(module, absent):
    code = f"import sys, {module}; print([m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_every_command_of_the_command_line_is_known_before_the_engine_is():
    assert set(COMMANDS) == set(typer.main.get_command(app).commands)
