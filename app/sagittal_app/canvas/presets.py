"""The window presets in force: built in, the user's own, or kept with the study. No Qt.

There is a list for scans in Hounsfield units and one, of percentiles, for all others: MR units mean nothing between
scans, so fixed numbers would mislead there. The first five of a list have keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sagittal_app.canvas.windowing import Preset, Window

CT, OTHER = "ct", "other"
PREFERENCE = "window_presets"
"""The name they have among a study's preferences, and in the user's settings."""
WITH_KEYS = 5

Tables = Mapping[str, tuple[Preset, ...]]

BUILT_IN: Tables = {
    CT: (
        Preset("Soft tissue", 400, 40),
        Preset("Lung", 1500, -600),
        Preset("Liver", 150, 90),
        Preset("Bone", 2500, 480),
        Preset("Brain", 80, 40),
    ),
    OTHER: (
        Preset("Full range", percentiles=(0.0, 100.0)),
        Preset("Standard", percentiles=(0.1, 99.9)),
        Preset("Contrast", percentiles=(1.0, 99.0)),
        Preset("Strong contrast", percentiles=(5.0, 95.0)),
        Preset("Dark structures", percentiles=(1.0, 75.0)),
    ),
}
"""CT: OHIF's first five, in its order. The others: percentiles of the scan's intensities."""


def kind_of(unit: str) -> str:
    """Which list a scan with intensities in `unit` takes its presets from."""
    return CT if unit == "HU" else OTHER


def in_force(study: str, own: str) -> Tables:
    """The presets a study keeps, else the user's own, else the built-in ones; both as `write` made them, or ""."""
    return read(study) or read(own) or BUILT_IN


def write(tables: Tables) -> str:
    """Presets as text."""
    kept = {
        CT: [{"name": one.name, "width": one.width, "level": one.level} for one in tables[CT]],
        OTHER: [{"name": one.name, "percentiles": one.percentiles} for one in tables[OTHER]],
    }
    return json.dumps(kept)


def read(text: str) -> Tables | None:
    """Presets from the text `write` made; None where it is empty or cannot be read."""
    try:
        kept = json.loads(text) if text else {}
        ct = [Preset(str(one["name"]), float(one["width"]), float(one["level"])) for one in kept[CT]]
        other = [
            Preset(str(one["name"]), percentiles=(float(one["percentiles"][0]), float(one["percentiles"][1])))
            for one in kept[OTHER]
        ]
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    if any(problem(one) for one in (*ct, *other)):
        return None
    return {CT: tuple(ct), OTHER: tuple(other)}


def problem(preset: Preset) -> str:
    """What is wrong with a preset, in a sentence that names it; empty where nothing is."""
    if not preset.name.strip():
        return "A preset needs a name."
    if preset.percentiles is None:
        if not (np.isfinite(preset.width) and np.isfinite(preset.level) and preset.width > 0):
            return f"The width of “{preset.name}” must be above 0."
        return ""
    low, high = preset.percentiles
    if not 0 <= low < high <= 100:
        return f"“{preset.name}” needs two percentiles between 0 and 100, the lower one first."
    return ""


def of_view(name: str, kind: str, window: Window, sample: NDArray[np.floating]) -> Preset:
    """A preset that gives `window` for the scan of which `sample` holds some intensities."""
    low, high = window
    if kind == CT:
        return Preset(name, round(high - low, 2), round((low + high) / 2, 2))
    finite = np.sort(sample[np.isfinite(sample)])
    if not finite.size:
        return Preset(name, percentiles=(0.0, 100.0))
    below, until = (np.searchsorted(finite, edge, side=side) for edge, side in ((low, "left"), (high, "right")))
    shares = [round(100.0 * float(count) / finite.size, 1) for count in (below, until)]
    if shares[0] >= shares[1]:
        shares = [0.0, 100.0]
    return Preset(name, percentiles=(shares[0], shares[1]))


def moved(presets: Sequence[Preset], at: int, by: int) -> list[Preset]:
    """The list with one preset earlier or later."""
    changed = list(presets)
    to = min(max(at + by, 0), len(changed) - 1)
    changed.insert(to, changed.pop(at))
    return changed
