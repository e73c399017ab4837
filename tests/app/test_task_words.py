"""What the status bar says of a task."""

from __future__ import annotations

import pytest

from sagittal.events import State
from sagittal_app.models.tasks import Task


@pytest.mark.parametrize(("done", "said"), [(10, "2 min 05 s left"), (25, "")])
def test_a_part_that_is_done_leaves_no_seconds(done, said):
    """The next part has not told how long it takes: "0 s left" would stand for all of that time."""
    task = Task("t", "spectrum", "Spectrum", state=State.RUNNING, done=done, total=25, seconds_left=125.0, began=0.0)
    assert task.left(60.0) == said
