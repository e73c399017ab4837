"""What the fake engine says of exams where nobody diagnoses them: each scan is one, of the axial plane."""

from __future__ import annotations

from collections.abc import Callable

from sagittal.diagnosis import DiagnosisFacts, ExamFacts
from sagittal.facts import StudyFacts


class FakeExams:
    """A part of `FakeEngine`; `fake_diagnosing` has one that judges exams."""

    _open: Callable[[], StudyFacts]

    def exams(self) -> list[ExamFacts]:
        return [ExamFacts(scan.name, scan.subject, {"axial": scan.scan}, scan.meta) for scan in self._open().scans]

    def diagnoses(self) -> list[DiagnosisFacts]:
        return []
