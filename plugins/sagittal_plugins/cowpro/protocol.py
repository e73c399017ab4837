"""Slices, chunks and folds of the one-shot protocol, under the name that notebooks use."""

from sagittal_engine.kit.one_shot import chunk_of, fold_scans, support_slices

__all__ = ["chunk_of", "fold_scans", "support_slices"]
