"""The fake engine's part for work that might be lost: what was left, damaged or moved is set by the test."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sagittal.engine_port import DamagedStudy
from sagittal.events import Reason, TaskFinished
from sagittal.facts import Interrupted, StudyCopy, StudyFacts


class FakeCare:
    """A study whose folder's name holds "damaged" has a damaged catalogue until one of `copies` is put in its place."""

    folder: Path
    calls: list[tuple[str, Any]]

    def __init__(self) -> None:
        self.left: list[Interrupted] = []
        self.copies: list[StudyCopy] = [StudyCopy("copy-2", "2026-11-21T10:00:00+00:00", 4)]
        self.damaged: list[str] = []
        self.missing_after: Sequence[str] = ()
        """Scans that a look for moved ones does not find."""

    def refuse_damaged(self, path: Path) -> None:
        if "damaged" in path.name and ("restore_study", "copy-2") not in self.calls:
            raise DamagedStudy(f"The catalogue {path} is damaged: it is empty.")

    def new_unnamed_study(self) -> StudyFacts:
        self.calls.append(("new_unnamed_study", None))
        facts = replace(self.new_study(self.folder / "unnamed" / "Unnamed"), unnamed=True)  # type: ignore[attr-defined]
        self._facts = facts
        return facts

    def move_study(self, path: Path) -> StudyFacts:
        self.calls.append(("move_study", path))
        shutil.rmtree(path, ignore_errors=True)
        self._facts = replace(self._facts, path=str(path), name=path.name, unnamed=False)
        return self._facts

    def interrupted_studies(self) -> list[Interrupted]:
        return list(self.left)

    def forget_interrupted(self, path: Path) -> None:
        self.calls.append(("forget_interrupted", path))
        self.left = [one for one in self.left if one.path != str(path)]

    def study_copies(self, path: Path) -> list[StudyCopy]:
        return list(self.copies)

    def restore_study(self, path: Path, copy: str) -> StudyFacts:
        self.calls.append(("restore_study", copy))
        return self.open_study(path)  # type: ignore[attr-defined,no-any-return]

    def study_damage(self, thorough: bool = False) -> list[str]:
        return list(self.damaged)

    def start_relink(self, folder: Path) -> str:
        self.calls.append(("start_relink", folder))
        rows = [scan for scan in self._facts.scans if scan.missing]
        found = [scan for scan in rows if scan.scan not in self.missing_after]
        told = {
            "found": [{"scan": s.scan, "name": s.name, "path": str(folder / Path(s.path).name)} for s in found],
            "missing": [{"scan": s.scan, "name": s.name, "path": s.path} for s in rows if s not in found],
        }
        self._set_scans(replace(s, missing=s.missing and s not in found) for s in self._facts.scans)  # type: ignore[attr-defined]
        self.outbox.post(TaskFinished("relink-1", "relink", Reason.COMPLETED, told))  # type: ignore[attr-defined]
        return "relink-1"
