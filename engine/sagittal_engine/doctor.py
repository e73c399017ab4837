"""What works on this machine, what does not, and what to do about it.

Each check is guarded: one that crashes is one line with `ok` false, never the end of the doctor. What could take the
process down with it (window system, drawing, napari) is tried in a child process.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

GIB = 2**30
CHILD_SECONDS = 60.0
"""A first import from a slow disk may take half a minute; longer than this means stuck."""


@dataclass(frozen=True)
class Finding:
    """The answer of one check."""

    ok: bool
    found: str
    advice: str = ""


class Unwell(Exception):
    """A check's plain bad news: what was found, and what to do."""

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(found)
        self.advice = advice


def examine(boundary: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
    """Runs every check in order: rows {"check", "ok", "found", "advice"}. `boundary` is called between checks."""
    rows = []
    for name, check in CHECKS.items():
        boundary()
        rows.append({"check": name, **asdict(_guarded(check))})
    return rows


def _guarded(check: Callable[[], str]) -> Finding:
    try:
        return Finding(True, check())
    except Unwell as news:
        return Finding(False, str(news), news.advice)
    except Exception as error:  # a check must never end the doctor
        return Finding(False, f"{type(error).__name__}: {error}", "Install Sagittal again in a fresh environment.")


def has_display() -> bool:
    """Whether a window can be expected to open: on Linux a display must be named, elsewhere there is one.

    Naming Qt's platform (as tests do with "offscreen") counts as knowing better.
    """
    if sys.platform != "linux":
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        raise Unwell(
            f"{distribution} is not installed", f"python -m pip install {distribution}, or install Sagittal again."
        ) from None


def _child(code: str) -> str:
    """What `code` prints in a fresh interpreter. Raises `Unwell` with the last line of its complaint."""
    if getattr(sys, "frozen", False):  # a packaged program has no interpreter to start
        return "not tried in the packaged program"
    try:
        done = subprocess.run(  # our own interpreter, our own text
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=CHILD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise Unwell(f"no answer within {CHILD_SECONDS:.0f} s", "Try again; a first start may be slow.") from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reason = lines[-1].strip() if lines else f"ended with status {done.returncode}"
        raise Unwell(reason, "")
    lines = done.stdout.strip().splitlines()
    return lines[-1] if lines else ""


def check_python() -> str:
    found = f"Python {platform.python_version()} ({platform.system()} {platform.machine()})"
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        raise Unwell(found, "Sagittal is made for Python 3.11 to 3.13.")
    return found


def check_sagittal() -> str:
    from sagittal import __version__

    return f"Sagittal {__version__} in {Path(__file__).resolve().parents[1]}"


def check_torch() -> str:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        image = torch.randn(1, 1, 16, 16)
        kernel = torch.randn(2, 1, 3, 3, requires_grad=True)
    torch.nn.functional.conv2d(image, kernel).square().sum().backward()
    assert kernel.grad is not None and bool(torch.isfinite(kernel.grad).all())
    return f"torch {torch.__version__}, {torch.get_num_threads()} threads; a small convolution and its gradient work"


def check_accelerator() -> str:
    import torch

    if not torch.cuda.is_available():
        if torch.version.cuda is None:
            return "none used: this torch is built for the processor alone, which always works"
        return "none found; the processor is used, which always works"
    name, capability = torch.cuda.get_device_name(0), ".".join(map(str, torch.cuda.get_device_capability(0)))
    try:
        there = torch.ones(64, 64, device="cuda") @ torch.ones(64, 64, device="cuda")
        right = bool((there == 64).all())
    except RuntimeError as error:
        raise Unwell(
            f"{name} (capability {capability}): {str(error).splitlines()[0]}",
            f"This torch ({torch.__version__}) does not drive this card: install the torch made for its driver, "
            "or use the device 'cpu'.",
        ) from error
    if not right:
        raise Unwell(f"{name} gives wrong numbers", "Update its driver, or use the device 'cpu'.")
    total = torch.cuda.get_device_properties(0).total_memory
    return f"{name}, {total / GIB:.0f} GiB, capability {capability}; a small product is right"


def check_display() -> str:
    if has_display():
        names = ("WAYLAND_DISPLAY", "DISPLAY", "QT_QPA_PLATFORM")
        return next((os.environ[name] for name in names if os.environ.get(name)), platform.system())
    raise Unwell(
        "no display (neither DISPLAY nor WAYLAND_DISPLAY is set)",
        "The command line works without one. For the window, log in with a desktop, or use `xvfb-run sagittal`.",
    )


def check_qt() -> str:
    version = _version("PySide6")
    platform_name = "" if has_display() else "import os; os.environ['QT_QPA_PLATFORM'] = 'offscreen'; "
    try:
        shown = _child(
            f"{platform_name}from PySide6.QtWidgets import QApplication; "
            "application = QApplication([]); print(application.platformName())"
        )
    except Unwell as news:
        raise Unwell(
            f"PySide6 {version}: {news}",
            "On Debian or Ubuntu: sudo apt-get install libegl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4.",
        ) from news
    return f"PySide6 {version}, platform {shown}"


def check_vtk() -> str:
    version = _version("vtk")
    try:
        drawer = _child(
            "import vtk; window = vtk.vtkRenderWindow(); window.SetOffScreenRendering(1); window.Render(); "
            "lines = window.ReportCapabilities().splitlines(); "
            "print(next((l.split(':', 1)[1].strip() for l in lines if 'renderer string' in l), 'unknown'))"
        )
    except Unwell as news:
        raise Unwell(
            f"vtk {version} does not draw: {news}",
            "Install a graphics driver, or Mesa: sudo apt-get install libgl1 libgl1-mesa-dri libegl1.",
        ) from news
    return f"vtk {version}, drawn by {drawer}"


def check_napari() -> str:
    version = _version("napari")
    try:
        _child("import napari.components; print('ok')")
    except Unwell as news:
        raise Unwell(f"napari {version}: {news}", "Install Sagittal again in a fresh environment.") from news
    return f"napari {version}"


READERS = ("nibabel", "SimpleITK", "pydicom", "highdicom", "pynrrd", "pylibjpeg", "pillow", "tifffile")


def check_readers() -> str:
    return ", ".join(f"{name} {_version(name)}" for name in READERS)


def check_compressed_dicom() -> str:
    from pydicom.pixels import get_decoder
    from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless, RLELossless

    kinds = {
        "RLE": RLELossless,
        "JPEG": JPEGBaseline8Bit,
        "JPEG lossless": JPEGLosslessSV1,
        "JPEG-LS": JPEGLSLossless,
        "JPEG 2000": JPEG2000Lossless,
    }
    missing = [name for name, uid in kinds.items() if not get_decoder(uid).is_available]
    if missing:
        raise Unwell(f"no decoder for {', '.join(missing)}", "Install Sagittal again in a fresh environment.")
    return ", ".join(kinds) + " can be decoded"


def check_memory() -> str:
    import psutil

    memory = psutil.virtual_memory()
    found = f"{memory.available / GIB:.1f} of {memory.total / GIB:.1f} GiB free, {os.cpu_count()} processor cores"
    if memory.available < 2 * GIB:
        raise Unwell(found, "Training wants 2 GiB or more: close other programs first.")
    return found


def check_disk() -> str:
    from platformdirs import user_data_path

    folder = user_data_path("sagittal", appauthor=False)
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    found = f"{free / GIB:.1f} GiB free at {folder}"
    if free < 2 * GIB:
        raise Unwell(found, "Studies, caches and checkpoints need room: free some, or keep studies on another disk.")
    return found


def check_writing() -> str:
    from sagittal_engine.trust import config_folder

    folder = config_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        raise Unwell(f"{folder}: {error.strerror}", "Settings cannot be kept: make this folder writable.") from error
    return f"settings are kept in {folder}"


def check_methods() -> str:
    from sagittal_engine.registry import Registry

    registry = Registry()
    names = ", ".join(card.name for card in registry.cards()) or "none"
    broken = ", ".join(sorted(registry.problems()))
    if broken:
        raise Unwell(f"{names}; not loading: {broken}", "`sagittal plugin list` says why.")
    return names


CHECKS: dict[str, Callable[[], str]] = {
    "Python": check_python,
    "Sagittal": check_sagittal,
    "torch": check_torch,
    "accelerator": check_accelerator,
    "display": check_display,
    "window system": check_qt,
    "3D drawing": check_vtk,
    "slice canvas": check_napari,
    "image readers": check_readers,
    "compressed DICOM": check_compressed_dicom,
    "memory": check_memory,
    "disk": check_disk,
    "settings folder": check_writing,
    "methods": check_methods,
}
"""Name → check, in the order they are shown. A check returns what it found, or raises `Unwell`."""
