"""Export of a label set, each file read again by an independent reader before it counts."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagittal.engine_port import SagittalError
from sagittal.facts import ScanFacts
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.study import Study


def export_label_set(
    study: Study, label_set: str, format: str, out: Path, scans: Sequence[str], task: Task
) -> Mapping[str, Any]:
    """Writes `label_set` of every chosen scan that has it into `out`; returns the document of `export --json`.

    Raises `SagittalError` where the format is unknown or no chosen scan has the label set.
    """
    from sagittal_engine import imaging

    if format not in imaging.FORMATS:
        near = difflib.get_close_matches(format, list(imaging.FORMATS), n=1)
        hint = f" Did you mean '{near[0]}'?" if near else f" Known: {', '.join(imaging.FORMATS)}."
        raise SagittalError(f"There is no export format '{format}'.{hint}")
    chosen = [study.find(scan) for scan in scans] if scans else list(study.facts().scans)
    having = [facts for facts in chosen if any(found.name == label_set for found in facts.label_sets)]
    if not having:
        raise SagittalError(f"None of the {len(chosen)} chosen scans has a label set '{label_set}'.")
    out.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    verified = True
    for done, facts in enumerate(having):
        task.progress(done, len(having), f"Exporting {facts.name}")
        source, header = study.source(facts.scan), study.header(facts.scan)
        loan = study.labels(facts.scan, label_set)
        path = out / _stem(facts, label_set, having)
        written = imaging.export(format, path, loan.data, loan.labels, source, header)
        verified &= imaging.verify_export(format, written, loan.data, loan.labels, source, header)
        files += written
    task.progress(len(having), len(having), f"{len(files)} files written")
    return {"files": [str(path) for path in files], "verified": verified}


def _stem(facts: ScanFacts, label_set: str, beside: Sequence[ScanFacts]) -> str:
    """A file name without suffix: the scan's name and the label set, with the id where two scans share a name."""
    plain = re.sub(r"[^\w.-]+", "_", f"{facts.name}_{label_set}").strip("._") or facts.scan
    shared = sum(other.name == facts.name for other in beside) > 1
    return f"{plain}_{facts.scan[:6]}" if shared else plain
