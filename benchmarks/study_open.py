"""Opening a study of many scans: the time to its facts, and the voxels read meanwhile (none).

    python benchmarks/study_open.py [--scans 1000]

Prints JSON: seconds to open and to list, bytes this process read from scan files (their access is watched), and for
comparison the time to read only the headers of as many scans with nibabel.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scans", type=int, default=1000)
    count = parser.parse_args().scans
    from sagittal_engine.study import Study

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        paths = make_scans(folder / "scans", count)
        with Study.create(folder / "study") as study:
            begun = time.perf_counter()
            study.import_paths([folder / "scans"])
            imported = time.perf_counter() - begun
        opened_files: set[str] = set()
        sys.addaudithook(lambda name, args: opened_files.add(str(args[0])) if name == "open" else None)
        begun = time.perf_counter()
        with Study.open(folder / "study") as study:
            opened = time.perf_counter() - begun
            begun = time.perf_counter()
            scans = len(study.facts().scans)
            listed = time.perf_counter() - begun
        touched = len(opened_files & {str(path) for path in paths})
        import nibabel as nib

        begun = time.perf_counter()
        for path in paths:
            _ = nib.load(path).header
        headers = time.perf_counter() - begun
    print(
        json.dumps(
            {
                "scans": scans,
                "import_seconds": round(imported, 3),
                "open_seconds": round(opened, 3),
                "list_seconds": round(listed, 3),
                "scan_files_opened": touched,
                "nibabel_headers_seconds": round(headers, 3),
            }
        )
    )


def make_scans(folder: Path, count: int) -> list[Path]:
    """Small NIfTI files of different content."""
    import nibabel as nib

    folder.mkdir()
    paths = [folder / f"scan_{number:04d}.nii" for number in range(count)]
    for number, path in enumerate(paths):
        voxels = np.random.default_rng(number).integers(0, 900, (8, 8, 4)).astype(np.int16)
        nib.save(nib.Nifti1Image(voxels, np.eye(4)), path)
    return paths


if __name__ == "__main__":
    main()
