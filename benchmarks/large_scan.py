"""Memory added by opening a 512 x 512 x 500 16-bit scan in the slice canvas, against the scan's own size.

The scan is an uncompressed NIfTI file, lent as the engine lends it (memory-mapped), with an empty label set; three
linked planes are shown, the crosshair is moved through all of them and a stroke is painted. Memory is what the process
holds for itself alone and what it has mapped and touched (resident set), after and before.

    packaging/with-display.sh python benchmarks/large_scan.py
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from sagittal_app.application import make_application

LIMIT = 1.5
SHAPE = (512, 512, 500)


def write_scan(path: Path) -> None:
    """An uncompressed NIfTI of SHAPE, written slice by slice so that this process never holds it."""
    import nibabel

    header = nibabel.Nifti1Image(np.zeros((1, 1, 1), np.int16), np.diag([0.8, 0.8, 1.0, 1.0])).header
    header.set_data_shape(SHAPE)
    header["vox_offset"] = 352
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        header.write_to(file)
        file.write(b"\0" * (352 - file.tell()))
        for _ in range(SHAPE[2]):
            file.write(rng.integers(-1000, 1000, (SHAPE[1], SHAPE[0]), dtype=np.int16).tobytes())


def main() -> int:
    app = make_application()
    import nibabel

    from sagittal.facts import ImageLoan, Label
    from sagittal_app import theme
    from sagittal_app.canvas.document import LabelDocument
    from sagittal_app.canvas.state import CanvasState
    from sagittal_app.canvas.workspace import Workspace
    from sagittal_app.settings import Settings

    def settle(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            app.processEvents()
            time.sleep(0.01)

    theme.apply("dark")
    process = psutil.Process()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.nii"
        write_scan(path)
        state = CanvasState()
        space = Workspace(state, Settings(Path(folder) / "settings.ini"))
        space.resize(1400, 900)
        space.show()
        settle(1.0)
        before = process.memory_info().rss
        start = time.perf_counter()
        data = nibabel.load(path).dataobj
        array = np.memmap(path, dtype=np.int16, mode="r", offset=data.offset, shape=SHAPE, order="F")
        labels = LabelDocument(np.zeros(SHAPE, np.uint16, order="F"), (Label(1, "liver", "#E69F00"),))
        scan = ImageLoan("large", array, np.diag([0.8, 0.8, 1.0, 1.0]), (0.8, 0.8, 1.0), (-200.0, 400.0))
        state.show_scan(scan, labels)
        settle(0.3)
        opened = time.perf_counter() - start - 0.3
        for step in range(20):
            state.move_to((20 * step, 25 * step, 24 * step))
            settle(0.02)
        stroke = np.meshgrid(np.arange(200, 300), np.arange(200, 300), [480], indexing="ij")
        labels.paint("brush", np.ravel_multi_index([axis.ravel() for axis in stroke], SHAPE), 1)
        settle(0.3)
        added = process.memory_info().rss - before
        size = int(np.prod(SHAPE)) * 2
        space.shut_down()
        space.close()
    ratio = added / size
    print(
        json.dumps(
            {
                "scan_bytes": size,
                "added_bytes": added,
                "ratio": round(ratio, 3),
                "limit": LIMIT,
                "seconds_to_open": round(opened, 2),
                "cpus": os.cpu_count(),
            },
            indent=2,
        )
    )
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    raise SystemExit(main())
