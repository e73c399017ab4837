"""Student and teacher of GS-EMA in one module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sagittal_engine.kit.ema import frozen_copy
from sagittal_engine.nets.volume_segmenters import VolumeSegmenter


class StudentAndTeacher(nn.Module):
    """The student, the frozen teacher (None where there is none), and how often the teacher followed."""

    decisions: Tensor
    """int64 (2,): steps in which the gate let the teacher follow, and all steps."""

    def __init__(self, student: VolumeSegmenter, *, teacher: bool) -> None:
        super().__init__()
        self.student = student
        self.teacher = frozen_copy(student) if teacher else None
        self.register_buffer("decisions", torch.zeros(2, dtype=torch.int64))

    def chosen(self, who: str) -> VolumeSegmenter:
        """The "teacher", where there is one, or the "student"."""
        return self.teacher if who == "teacher" and self.teacher is not None else self.student

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.student(images)
        return logits
