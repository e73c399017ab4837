"""What `--set` takes of one-shot evaluation is told by the command's help."""

from __future__ import annotations

from sagittal_engine.cli.tasks import evaluate
from sagittal_engine.service.evaluating import OneShotParams


def test_the_help_names_every_setting() -> None:
    told = evaluate.__doc__ or ""
    assert [name for name in OneShotParams.model_fields if name not in told] == []
