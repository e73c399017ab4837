"""Comparisons of encoders: the same segmentation network, fine-tuned from several starts with few labelled scans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

SCRATCH = "scratch"
"""The start that is no encoder: random weights."""

HEADLINES: Mapping[str, str] = {
    "dice_mean": "Dice",
    "hd95_mean": "HD95, mm",
    "asd_mean": "ASD, mm",
    "volume_error_mean": "volume error",
}
"""Metrics of a comparison's table, each with its heading: means over the labels."""


class ComparisonState(StrEnum):
    WAITING = "waiting"
    """Asked for, and its device is busy with something else."""
    RUNNING = "running"
    STOPPED = "stopped"
    """Ended before it was done, by a user or with the program; `resume_comparison` goes on where it was."""
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True)
class ComparisonRequest:
    """Everything that determines a comparison. Every start sees the same labelled scans and the same test scans."""

    title: str
    """Over the table; empty takes the starts' own titles."""
    starts: tuple[str, ...]
    """"scratch", ids of runs of the study that left an encoder, and folders of encoders of other studies."""
    labels: tuple[str, ...] = ()
    """Names of the labels to segment; empty takes all of the label set."""
    label_set: str = "truth"
    test_scans: tuple[str, ...] = ()
    """Scans that every fine-tuned network is tested on. Empty takes the labelled scans of all subjects that no start
    was trained on, or a third of the subjects, drawn by seed, where none was trained on any of them."""
    budgets: tuple[int, ...] = (1, 2, 8)
    """Subjects with labels."""
    repeats: int = 5
    """Seeded draws of the labelled subjects at each budget."""
    seed: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """How is fine-tuned, as far as it differs from the recipe, or from the defaults of `RunPort.measures`' card
    "fine-tune"."""
    recipe: str = ""
    """A recipe of that card; its published figures stand beside the table. Budgets, repeats and seed are this
    request's own."""


@dataclass(frozen=True)
class ComparisonRow:
    """What one start came to at one budget, so far."""

    start: str
    """As the request names it."""
    title: str
    """In words: "SimCLR 1a2b3c4d", "from scratch"."""
    budget: int
    repeats: int
    """Draws done, of those asked for."""
    cases: int
    """Scans measured, each draw counted."""
    metrics: Mapping[str, Mapping[str, float]]
    """Metric → {"mean", "low", "high", "n"}, n counting tested subjects. Names: "dice", "hd95", "asd" (mm),
    "volume_error" and others of `overlap`, each followed by "_mean" (over the labels) or "_<label>"."""


@dataclass(frozen=True)
class ComparisonFacts:
    """A comparison as it stands now."""

    id: str
    request: ComparisonRequest
    state: ComparisonState
    done: int
    """Fine-tunings done, of `total`."""
    total: int
    rows: tuple[ComparisonRow, ...] = ()
    """By budget, then in the order of the starts; only those of which something is done."""
    reason: str = ""
    """Why it failed, in a sentence."""
    created: str = ""
    """ISO 8601 time."""
    notes: tuple[str, ...] = ()
    """What must be said beside the table: subjects seen in pre-training, published figures, what is not known."""
    test_scans: tuple[str, ...] = ()
    """The scans tested on."""
    draws: tuple[Mapping[str, Any], ...] = ()
    """Who gave labels: {"budget", "repeat", "subjects"}."""
    files: Mapping[str, str] = field(default_factory=dict)
    """"table" (Markdown), "csv", "cases" (CSV, a row per scan) and "figure" (PNG) → path, where they are written."""
    task: str = ""
    """The task that works on it in this program, to be stopped by `request_cancel`; empty where none does."""
