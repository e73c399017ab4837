"""Studies: the catalogue of scans, labels, meta labels and support plans, and the label files with their journal.

A study is a folder: `study.sqlite` (the catalogue), `labels/` (annotations and the stroke journal), `cache/` (safe to
delete) and `runs/`. Source images stay where they are and are never modified. Nothing here imports torch.
"""

from sagittal_engine.study.study import Study

__all__ = ["Study"]
