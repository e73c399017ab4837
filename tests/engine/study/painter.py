"""Paints a scan stroke by stroke until it is killed: run by the tests of what a kill leaves.

A process with everything imported waits for a line on its standard input and then forks a painter, so that hundreds of
kills need not wait for hundreds of starts. Each painter says its number, then how far it got: "n" once stroke n is on
disk. Stroke n paints voxel n. Some strokes are taken back and brought again, labels are saved, plans and reviews kept.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import numpy as np

from sagittal.facts import Edit, Label, SupportPlan
from sagittal_engine.imaging import nifti  # noqa: F401 - what a study imports when it is first needed
from sagittal_engine.study import Study

LIVER = Label(1, "liver", "#E69F00")


def main() -> None:
    for line in sys.stdin:
        path, scan, seed = line.rstrip("\n").split("|")
        child = os.fork()
        if not child:
            paint(Path(path), scan, random.Random(int(seed)))
        os.waitpid(child, 0)
        say("dead")


def paint(path: Path, scan: str, chance: random.Random) -> None:
    say(f"pid {os.getpid()}")
    study = Study.open(path)
    loan = study.labels(scan, "painted")
    data = loan.data
    for n in range(int(np.count_nonzero(data)), data.size):
        stroke = Edit("brush", np.array([n]), np.array([0], np.uint16), np.array([1], np.uint16))
        study.record_edit(scan, "painted", stroke)
        data.flat[n] = 1
        study.store.writer.flush()
        say(str(n))
        match chance.randrange(8):
            case 0:
                study.save_labels(scan, "painted", data, [LIVER])
            case 1:
                plan = SupportPlan(scan, "liver", 0, 3, (n % 4,), ("done",))
                study.set_support_plan(plan)
            case 2:
                study.set_meta(scan, {"stroke": str(n)})
            case 3:
                study.record_edit(scan, "painted", Edit("undo brush", stroke.indices, stroke.after, stroke.before))
                study.record_edit(scan, "painted", Edit("redo brush", stroke.indices, stroke.before, stroke.after))
                study.store.writer.flush()


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
