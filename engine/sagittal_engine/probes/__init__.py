"""Measurements between two steps of a run, and on its checkpoints. Cards (`cards`) import no torch."""
