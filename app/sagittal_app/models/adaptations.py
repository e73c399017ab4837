"""Adaptations at test time as they are shown: adapted runs, their scans, and what adapting did to each. No Qt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagittal.events import State
from sagittal.facts import ImageLoan, Label, LabelLoan, LabelSetFacts, ScanFacts
from sagittal.run_record import Adapted, RunRecord
from sagittal_app import adapt_words as words
from sagittal_app import messages

UNMOVED = 0.005
"""Change of Dice below which adapting did nothing that one would see."""
AS_SURE = 0.005
"""Bits below which the uncertainty did not change."""
BARE = 0.05
"""Part of a scan's range of intensities that a slice must go beyond for there to be something to see on it."""
SPARSE = 3
"""Of a slice's rows and columns, every so many-th is looked at."""
HELPS, NOTHING, HARMS, UNKNOWN = "helps", "nothing", "harms", "unknown"
ROLES = {HELPS: "good", NOTHING: "soft", HARMS: "danger", UNKNOWN: "soft"}
"""Verdict → the colour it is said in."""

CHANGES, MASKS, TRUTH = "changes", "masks", "truth"
GONE_COLOUR, CAME_COLOUR = "#FF4FD8", "#2CE5FF"
RIGHT_COLOUR, MISSED_COLOUR, FALSE_COLOUR = "#009E73", "#56B4E9", "#D55E00"

Voxels = NDArray[np.uint16]
Painting = tuple[Voxels, tuple[Label, ...]]
"""Label numbers (X, Y, Z), and their table."""


def adaptations(records: Iterable[RunRecord]) -> list[tuple[RunRecord, Adapted]]:
    """The runs that came of adapting, in the order given, each with how."""
    return [(record, record.facts.adapted) for record in records if record.facts.adapted is not None]


def title_of(record: RunRecord, titles: Mapping[str, str]) -> str:
    """ "GraTa on U-Net 1a2b3c4d", with the domain where there are several; `titles` are those of methods."""
    adapted = record.facts.adapted
    assert adapted is not None
    origin = record.facts.request.method
    title = words.TITLE.format(
        method=titles.get(adapted.method, adapted.method), run=f"{titles.get(origin, origin)} {adapted.run}"
    )
    return words.TITLE_DOMAIN.format(title=title, domain=adapted.domain) if adapted.domain else title


def is_live(record: RunRecord) -> bool:
    return record.state.state is not State.FINISHED


def progress(record: RunRecord) -> str:
    """ "running · 3 of 6 scans"."""
    adapted = record.facts.adapted
    total = len(adapted.scans) if adapted is not None else record.state.step
    state = str(record.state.state) if is_live(record) else str(record.state.reason or record.state.state)
    return f"{state} · {words.DONE.format(done=record.state.step, total=total)}"


# Cases


@dataclass(frozen=True)
class Case:
    """One scan of the stream."""

    scan: str
    row: Mapping[str, Any]
    """Of `RunRecord.cases`."""
    place: int | None
    """Its number among the scans that were adapted to, from 1: where its points are in the curves."""

    @property
    def refused(self) -> str:
        """Why it was left out; empty where it was not."""
        return str(self.row.get("refused", ""))

    @property
    def gain(self) -> float | None:
        """Mean Dice after less before; None without truth."""
        before, after = self.row.get("before"), self.row.get("after")
        return None if before is None or after is None else float(after) - float(before)

    @property
    def verdict(self) -> str:
        gain = self.gain
        if gain is None:
            return UNKNOWN
        return NOTHING if abs(gain) < UNMOVED else HELPS if gain > 0 else HARMS

    @property
    def warning(self) -> str:
        return str(self.row.get("warning", ""))

    def pair(self, name: str) -> tuple[float, float] | None:
        """A figure before and after: "dice" or "entropy"."""
        names = ("before", "after") if name == "dice" else (f"{name}_before", f"{name}_after")
        one, other = (self.row.get(key) for key in names)
        return None if one is None or other is None else (float(one), float(other))


def cases_of(record: RunRecord) -> list[Case]:
    found, place = [], 0
    for row in record.cases:
        adapted = "refused" not in row
        place += adapted
        found.append(Case(str(row["scan"]), row, place if adapted else None))
    return found


def tally(cases: Sequence[Case]) -> str:
    """ "4 helped, 1 unmoved, 1 harmed"; empty without truth."""
    told = [case.verdict for case in cases if not case.refused and case.verdict != UNKNOWN]
    counts = {name: told.count(name) for name in (HELPS, NOTHING, HARMS)}
    return words.TALLY.format(**counts) if told else ""


def mean_words(record: RunRecord) -> str:
    """Mean Dice before and after with the gain's interval, as the newest evaluation of the stream has it."""
    found = next((one for one in reversed(record.evaluations) if one.get("task") == "adaptation"), {})
    summary = found.get("summary", {})
    if "dice_gain" not in summary:
        return ""
    before, after, gain = (summary[name] for name in ("dice_before", "dice_after", "dice_gain"))
    said = words.DICE_MEAN.format(before=f"{before['mean']:.3f}", after=f"{after['mean']:.3f}", n=before["n"])
    interval = f"{signed(gain['mean'])} ({signed(gain['low'])} to {signed(gain['high'])})"
    return f"{said} · {words.GAIN.format(figure=interval)}"


def signed(value: float) -> str:
    """ "+0.034", "−0.120"."""
    return f"{value:+.3f}".replace("-", "\u2212")


def arrow(pair: tuple[float, float] | None) -> str:
    """ "0.712 → 0.746", or a dash."""
    return "–" if pair is None else f"{pair[0]:.3f} → {pair[1]:.3f}"


def share_words(share: float) -> str:
    """ "12 %", "0.4 %", "0 %"."""
    percent = 100 * share
    return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.1f} %"


def sentences(case: Case) -> list[str]:
    """What became of a scan: first what adapting did to it, then the figures."""
    if case.refused:
        return [case.refused]
    said = []
    dice = case.pair("dice")
    if dice is None:
        said.append(f"{words.VERDICTS[UNKNOWN]}.")
    else:
        head = {"before": f"{dice[0]:.3f}", "after": f"{dice[1]:.3f}", "gain": signed(dice[1] - dice[0])}
        said.append(f"{words.BY_DICE.format(verdict=words.VERDICTS[case.verdict], **head)}.")
    said.append(_figures(case))
    return said


def _figures(case: Case) -> str:
    row, parts = case.row, []
    share = float(row.get("changed") or 0.0)
    parts.append(words.CHANGED.format(share=share_words(share)) if share else words.UNCHANGED)
    bits = case.pair("entropy")
    if bits is not None:
        fall = bits[0] - bits[1]
        sure = words.SURER[0 if abs(fall) < AS_SURE else 1 if fall > 0 else -1]
        parts.append(words.BITS.format(before=f"{bits[0]:.3f}", after=f"{bits[1]:.3f}", sure=sure))
    for name, said in (("cosine", words.COSINE), ("empirical_cosine", words.EMPIRICAL)):
        if row.get(name) is not None:
            parts.append(said.format(value=f"{row[name]:.2f}".replace("-", "\u2212")))
    step = row.get("step_size")
    parts.append(words.STEP.format(value=messages.number(step)) if step else words.NO_STEP)
    return " · ".join(parts)


def label_words(case: Case) -> str:
    """Dice of every label, where there are several: "liver 0.612 → 0.655 · spleen 0.512 → 0.498"."""
    before, after = case.row.get("dice_before") or {}, case.row.get("dice_after") or {}
    known = [name for name in before if before[name] is not None and after.get(name) is not None]
    if len(known) < 2:
        return ""
    return " · ".join(f"{name} {arrow((before[name], after[name]))}" for name in known)


COLUMNS = (
    "scan", "domain", "before", "after", "entropy_before", "entropy_after", "changed", "cosine", "empirical_cosine",
    "step_size", "steps", "kept", "warning", "notes", "refused",
)  # fmt: skip


def table_of(record: RunRecord, scans: Mapping[str, ScanFacts]) -> dict[str, list[Any]]:
    """Heading → a value per scan, for a file: every figure of every scan, and which mask is kept."""
    cases = cases_of(record)
    table: dict[str, list[Any]] = {name: [case.row.get(name) for case in cases] for name in COLUMNS}
    table["scan"] = [scans[case.scan].name if case.scan in scans else case.scan for case in cases]
    table["notes"] = [" ".join(case.row.get("notes", ())) for case in cases]
    table["kept"] = [masks_of(record, scans.get(case.scan)).kept for case in cases]
    return {name: ["" if value is None else value for value in values] for name, values in table.items()}


# Masks


@dataclass(frozen=True)
class MaskSets:
    """Label sets of one scan's masks; empty names where they are not there."""

    before: str = ""
    after: str = ""
    kept: str = ""
    """"before" or "adapted": what the run's label set holds now."""
    problem: str = ""
    """Why there is nothing to show, in a sentence."""


def masks_of(record: RunRecord, scan: ScanFacts | None) -> MaskSets:
    """Where a scan's masks of an adapted run are. The adapted one is set aside where the other is kept."""
    adapted = record.facts.adapted
    if adapted is None or scan is None:
        return MaskSets(problem=words.NO_MASKS)
    sets = {one.name: one for one in scan.label_sets}
    own = sets.get(adapted.label_set)
    if own is None or adapted.before_set not in sets:
        return MaskSets(problem=words.NO_MASKS)
    if any(_owner(sets[name]) != record.facts.run for name in (adapted.label_set, adapted.before_set)):
        return MaskSets(problem=words.REPLACED)
    if aside := own.origin.get("set_aside"):
        return MaskSets(adapted.before_set, str(aside), "before")
    return MaskSets(adapted.before_set, adapted.label_set, "adapted")


def _owner(one: LabelSetFacts) -> str:
    return str(one.origin.get("adaptation", ""))


@dataclass(frozen=True)
class Masks:
    """Masks of one scan, read."""

    before: LabelLoan
    after: LabelLoan
    truth: LabelLoan | None = None

    def shows(self) -> tuple[str, ...]:
        """The ways in which they can be shown."""
        return (CHANGES, MASKS, TRUTH) if self.truth is not None else (CHANGES, MASKS)


def painted(masks: Masks, show: str) -> tuple[Painting, Painting]:
    """What the two views draw: voxels and their table, before and after."""
    if show == TRUTH and masks.truth is not None:
        return _judged(masks.before, masks.truth), _judged(masks.after, masks.truth)
    if show == MASKS:
        return (masks.before.data, masks.before.labels), (masks.after.data, masks.after.labels)
    differs = masks.before.data != masks.after.data
    free = 1 + max((row.number for loan in (masks.before, masks.after) for row in loan.labels), default=0)
    sides = ((masks.before, words.GONE, GONE_COLOUR), (masks.after, words.CAME, CAME_COLOUR))
    first, second = (_marked(loan, differs, Label(free, name, colour)) for loan, name, colour in sides)
    return first, second


def _marked(loan: LabelLoan, differs: NDArray[np.bool_], mark: Label) -> Painting:
    data = loan.data.copy()
    data[differs & (data > 0)] = mark.number
    return data, (*loan.labels, mark)


def _judged(mask: LabelLoan, truth: LabelLoan) -> Painting:
    """Voxels of mask and truth: right, missed (or another label), not there in truth. Labels are told by name."""
    number = {row.name: row.number for row in mask.labels}
    known = np.zeros(65536, np.uint16)
    for row in truth.labels:
        known[row.number] = number.get(row.name, 0)
    real = known[truth.data]
    data = np.zeros(mask.data.shape, np.uint16)
    data[(real > 0) & (mask.data == real)] = 1
    data[(real > 0) & (mask.data != real)] = 2
    data[(real == 0) & (mask.data > 0)] = 3
    table = (
        Label(1, words.RIGHT, RIGHT_COLOUR), Label(2, words.MISSED, MISSED_COLOUR), Label(3, words.FALSE, FALSE_COLOUR),
    )  # fmt: skip
    return data, table


def fullest(masks: Masks, bare: NDArray[np.bool_] | None = None) -> tuple[int, int, int]:
    """The voxel to look at first: amid the changed ones of the axial slice with most of them, or else amid the mask.

    A slice that is `bare` (`bare_slices`) is looked at only where there is nothing on the others: a network may see
    whatever it likes on it, and its user sees black.
    """
    differs = masks.before.data != masks.after.data
    found = differs if differs.any() else masks.after.data > 0
    counts = np.count_nonzero(found, axis=(0, 1))
    if bare is not None and counts[~bare].any():
        counts[bare] = 0
    if not counts.any():
        x, y, z = found.shape
        return x // 2, y // 2, z // 2
    z = int(counts.argmax())
    x, y = np.argwhere(found[:, :, z]).mean(axis=0)
    return round(float(x)), round(float(y)), z


def bare_slices(image: ImageLoan) -> NDArray[np.bool_]:
    """bool (Z,): axial slices with nothing to see on them, of nearly one intensity. None is while it is being read."""
    if image.arrival is not None:
        return np.zeros(image.data.shape[2], bool)
    within = tuple(axis for axis in range(image.data.ndim) if axis != 2)
    some = image.data[::SPARSE, ::SPARSE]
    low, high = some.min(axis=within), some.max(axis=within)
    return np.asarray(high.astype(float) - low <= BARE * (float(high.max()) - float(low.min())))
