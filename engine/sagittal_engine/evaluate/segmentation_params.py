"""What `--set` can say of the task `segmentation`. No torch."""

from __future__ import annotations

from sagittal.params import META_LABELS, Params, setting

TASK = "segmentation"


class SegmentationTaskParams(Params):
    """How whole scans are scored, besides the method's own parameters."""

    group: str = setting(
        "",
        "Meta label by whose values figures are given as well, as domain; empty gives them once.",
        choices_from=META_LABELS,
    )
    checkpoint: str = setting("last", "Checkpoint of the run: last, best, or a step that was kept.")
    labels: str = setting("", "Labels to score, by name, separated by commas; empty takes all that the run knows.")
    allow_seen: bool = setting(
        False, "Score scans of subjects that were trained on too; their figures flatter the run."
    )
    resamples: int = setting(2000, "Resamples of the bootstrap behind the intervals.", ge=100, le=1_000_000)
    seed: int = setting(0, "Seed of the bootstrap.", ge=0, lt=2**31)

    def label_list(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.labels.split(",") if name.strip())
