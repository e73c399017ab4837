"""Run folders: atomic writes, append-only logs, checkpoints, and who is alive. Imports no torch."""
