"""The history of a label set, told again from its journals: what undo and redo reach after a reload."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil

from sagittal.facts import Edit

MOST_VOXELS = 32 * 2**20
"""Voxel changes lent at most, 12 bytes each: beyond them the oldest steps stay on disk only."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class History:
    """The steps in force and those taken back, each a whole stroke as it was made, oldest first."""

    done: tuple[Edit, ...]
    undone: tuple[Edit, ...]


def told(edits: Sequence[Edit], labels: Array) -> History:
    """The history that `edits` (as journalled, oldest first) leave, as far as it accords with `labels`.

    `labels` is uint16 (X, Y, Z), the voxels as they stand after all of them; it is walked back and forth in place and
    ends as it was. A step whose values are not those found in it was followed by a change that no journal knows: it
    and everything older cannot be taken back.
    """
    done: list[Edit] = []
    undone: list[Edit] = []
    for edit in _whole_strokes(_newest(edits)):
        if edit.tool.startswith("undo "):
            undone.append(done.pop() if done else _turned_round(edit))
        elif edit.tool.startswith("redo "):
            done.append(undone.pop() if undone else _named(edit, edit.tool.removeprefix("redo ")))
        else:
            done.append(edit)
            undone.clear()
    flat = labels.reshape(-1)
    back = _walk(flat, [_turned_round(edit) for edit in reversed(done)])
    forth = _walk(flat, list(reversed(undone)))
    return History(tuple(done[len(done) - back :]), tuple(undone[len(undone) - forth :]))


def _newest(edits: Sequence[Edit]) -> Sequence[Edit]:
    """The newest edits that memory has room for."""
    room = min(MOST_VOXELS, psutil.virtual_memory().available // (4 * 12))
    for index in range(len(edits) - 1, -1, -1):
        room -= edits[index].indices.size
        if room < 0:
            return edits[index + 1 :]
    return edits


def _whole_strokes(edits: Iterable[Edit]) -> list[Edit]:
    """Parts of a stroke put together; a stroke whose beginning is missing, or that was painted back, is left out."""
    strokes: list[list[Edit]] = []
    for edit in edits:
        if not edit.continues:
            strokes.append([edit])
        elif strokes:
            strokes[-1].append(edit)
    whole = (_together(parts) for parts in strokes)
    return [edit for edit in whole if edit is not None]


def _together(parts: list[Edit]) -> Edit | None:
    if len(parts) == 1:
        return parts[0]
    indices = np.concatenate([part.indices for part in parts])
    before = np.concatenate([part.before for part in parts])
    after = np.concatenate([part.after for part in parts])
    unique, first = np.unique(indices, return_index=True)
    _, from_end = np.unique(indices[::-1], return_index=True)
    last = indices.size - 1 - from_end
    kept = before[first] != after[last]
    if not kept.any():
        return None
    return Edit(parts[0].tool, unique[kept], before[first][kept], after[last][kept])


def _turned_round(edit: Edit) -> Edit:
    return Edit(edit.tool.removeprefix("undo "), edit.indices, before=edit.after, after=edit.before)


def _named(edit: Edit, tool: str) -> Edit:
    return Edit(tool, edit.indices, edit.before, edit.after)


def _walk(flat: Array, edits: list[Edit]) -> int:
    """How many of `edits`, one after the other, find the values they change; `flat` ends as it was."""
    walked = 0
    for edit in edits:
        inside = not edit.indices.size or 0 <= edit.indices.min() <= edit.indices.max() < flat.size
        if not inside or not np.array_equal(flat[edit.indices], edit.before):
            break
        flat[edit.indices] = edit.after
        walked += 1
    for edit in reversed(edits[:walked]):
        flat[edit.indices] = edit.before
    return walked
