"""What `--set` can say of the task adapt. No torch."""

from __future__ import annotations

from sagittal.params import META_LABELS, Params, setting
from sagittal_engine.phantom.shifts import NONE, SHIFTS

TASK = "adapt"


class AdaptTaskParams(Params):
    """How adapters are compared on the same stream of scans."""

    methods: str = setting(
        "batch_statistics, tent, grata",
        "Adapters, with commas between; the others are set against the first. grata/fixed-rate is GraTa with that "
        "recipe's values.",
    )
    orders: int = setting(
        1, "Orders of the stream: the scans as they are given, then shuffled; more show what the order does.",
        ge=1, le=100,
    )  # fmt: skip
    domain: str = setting(
        "", "Meta label at whose every value the network begins anew; empty makes one stream.",
        choices_from=META_LABELS,
    )  # fmt: skip
    shift: str = setting(NONE, "A change of scanner or camera that is simulated before.", choices=SHIFTS)
    strength: float = setting(0.5, "How far that change goes; 1 is strong.", ge=0, le=3)
    seed: int = setting(0, "Seed of strong views, orders and simulated changes.", ge=0, lt=2**31)
    resamples: int = setting(2000, "Resamples of the bootstrap behind the intervals.", ge=100, le=1_000_000)
