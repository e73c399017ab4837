"""Undo and redo of label edits, without end: pure values, no Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sagittal.facts import Edit


def turned_round(edit: Edit) -> Edit:
    """The edit that takes `edit` back."""
    return Edit(f"undo {edit.tool}", edit.indices, before=edit.after, after=edit.before)


class StrokeBuffer:
    """Gathers the small edits of one stroke into one: every voxel once, with its value from before the stroke."""

    def __init__(self, tool: str) -> None:
        self.tool = tool
        self._parts: list[Edit] = []

    def add(self, edit: Edit) -> None:
        self._parts.append(edit)

    def __bool__(self) -> bool:
        return bool(self._parts)

    def take(self) -> Edit | None:
        """The edit so far, and forgets it; None where nothing was painted, or all of it was painted back."""
        parts, self._parts = self._parts, []
        if not parts:
            return None
        if len(parts) == 1:
            return parts[0]
        indices = np.concatenate([p.indices for p in parts])
        before = np.concatenate([p.before for p in parts])
        after = np.concatenate([p.after for p in parts])
        if (after == after[0]).all():
            # Every edit changed what it touched, so with one new value for all no voxel can have come twice.
            return Edit(self.tool, indices, before, after)
        unique, first = np.unique(indices, return_index=True)
        _, last_reversed = np.unique(indices[::-1], return_index=True)
        last = indices.size - 1 - last_reversed
        kept = before[first] != after[last]
        if not kept.any():
            return None
        return Edit(self.tool, unique[kept], before[first][kept], after[last][kept])


class History:
    """Edits done and undone, both oldest first. Its bounds are memory alone."""

    def __init__(self, done: Sequence[Edit] = (), undone: Sequence[Edit] = ()) -> None:
        self._done = list(done)
        self._undone = list(undone)

    def push(self, edit: Edit) -> None:
        """Remembers an edit just applied; what was undone before can no longer be redone."""
        self._done.append(edit)
        self._undone.clear()

    def undo(self) -> Edit | None:
        """The edit to apply to take the newest one back, or None."""
        if not self._done:
            return None
        edit = self._done.pop()
        self._undone.append(edit)
        return turned_round(edit)

    def redo(self) -> Edit | None:
        """The edit to apply to bring the last undone one back, or None."""
        if not self._undone:
            return None
        edit = self._undone.pop()
        self._done.append(edit)
        return replace(edit, tool=f"redo {edit.tool}")

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    @property
    def depth(self) -> int:
        """How many edits are in force."""
        return len(self._done)
