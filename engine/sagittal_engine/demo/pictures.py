"""The demo's pictures: the cohort, the support slices, the segmentation, the losses, the figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sagittal.engine_port import EnginePort
from sagittal.facts import COLOURS, ScanFacts, colour_of
from sagittal_engine.demo import drawing
from sagittal_engine.demo.results import LABEL_SET, PROTOCOLS, Results

if TYPE_CHECKING:
    from PIL.Image import Image

RUN_COLOURS = {"untrained": "#98A2AE", "trained": COLOURS[1]}


def draw_all(folder: Path, results: Results, engine: EnginePort) -> dict[Path, str]:
    """Writes every picture into `folder` as PNG: path → a sentence about it."""
    folder.mkdir(parents=True, exist_ok=True)
    captions = {}
    for name, picture, caption in _pictures(results, engine):
        path = folder / f"{name}.png"
        picture.save(path)
        captions[path] = caption
    return captions


def _pictures(results: Results, engine: EnginePort) -> Iterator[tuple[str, Image, str]]:
    yield (
        "cohort",
        _cohort(results, engine),
        "The middle axial slice of every synthetic scan, patient's right at the left; two imaginary scanners.",
    )
    yield (
        "support",
        _support(results, engine),
        "The slices of the one support scan that the program was shown with their labels.",
    )
    yield (
        "segmentation",
        _segmentation(results, engine),
        "Scans never trained on: as they are, with the labels they were drawn with, and as the program segmented them.",
    )
    yield (
        "losses",
        _losses(results),
        "What training minimised, step by step; the strong line is a running mean.",
    )
    for protocol in PROTOCOLS:
        yield (
            f"dice-{protocol}",
            _dice(results, protocol),
            f"Dice of the {len(results.tested)} scans not trained on, protocol '{protocol}'. "
            "A bar is the mean over scans, the line its 95 % bootstrap interval.",
        )


def _legend(scan: ScanFacts) -> dict[str, str]:
    labels = next((found.labels for found in scan.label_sets if found.name == "truth"), ())
    return {label.name: label.colour for label in labels}


def _masks(engine: EnginePort, scan: ScanFacts, label_set: str, index: int) -> dict[str, Any]:
    """Label name → bool (X, Y) on one axial slice."""
    loan = engine.labels(scan.scan, label_set)
    return {label.name: loan.data[:, :, index] == label.number for label in loan.labels}


def _slice(engine: EnginePort, scan: ScanFacts, index: int, label_set: str = "", height: int = 200) -> Image:
    loan = engine.image(scan.scan)
    picture = drawing.axial(np.asarray(loan.data), index, loan.spacing, height)
    if not label_set:
        return picture
    colours = _legend(scan)
    masks = {name: mask for name, mask in _masks(engine, scan, label_set, index).items() if name in colours}
    painted: Image = drawing.with_masks(picture, masks, colours)
    return painted


def _cohort(results: Results, engine: EnginePort) -> Image:
    cells = [(_slice(engine, scan, scan.shape[2] // 2, height=120), scan.name.split(".")[0]) for scan in results.scans]
    rows = [cells[n : n + 8] for n in range(0, len(cells), 8)]
    return drawing.sheet(f"{len(cells)} synthetic scans", rows, {})


def _support(results: Results, engine: EnginePort) -> Image:
    scan = results.support
    slices = _support_slices(results, engine)
    cells = [(_slice(engine, scan, index, "truth"), f"slice {index + 1} of {scan.shape[2]}") for index in slices]
    return drawing.sheet(f"Support: {scan.name} (synthetic)", [cells], _legend(scan))


def _support_slices(results: Results, engine: EnginePort) -> tuple[int, ...]:
    """The slices that the segmentation looked at, for the largest label."""
    data = engine.labels(results.support.scan, "truth").data
    sizes = np.bincount(data.ravel())
    sizes[0] = 0
    present = np.flatnonzero((data == sizes.argmax()).any(axis=(0, 1)))
    return tuple(dict.fromkeys(engine.propose_support_slices(int(present[0]), int(present[-1]))))


def _segmentation(results: Results, engine: EnginePort) -> Image:
    rows = []
    for scan in [scan for scan in results.tested if scan != results.support][:3]:
        index = _fullest(engine, scan)
        rows.append(
            [
                (_slice(engine, scan, index), f"{scan.name.split('.')[0]}, slice {index + 1}"),
                (_slice(engine, scan, index, "truth"), "drawn with"),
                (_slice(engine, scan, index, LABEL_SET), "segmented"),
            ]
        )
    return drawing.sheet("One-shot segmentation of synthetic scans", rows, _legend(results.support))


def _fullest(engine: EnginePort, scan: ScanFacts) -> int:
    """The axial slice with the most labels, and among those the one with the most labelled voxels."""
    data = engine.labels(scan.scan, "truth").data
    counts = [(len(np.unique(data[:, :, z])), int((data[:, :, z] > 0).sum()), z) for z in range(data.shape[2])]
    return max(counts)[2]


def _losses(results: Results) -> Image:
    metrics = results.runs["trained"].metrics
    series = {name: (steps, values) for name, (steps, values) in metrics.items() if "loss" in name}
    colours = {name: colour_of(n) for n, name in enumerate(series, start=1)}
    return drawing.curves("Training losses (synthetic scans)", "step", "loss", series, colours)


def _dice(results: Results, protocol: str) -> Image:
    groups: dict[str, dict[str, tuple[float, float | None, float | None]]] = {}
    for run in results.runs:
        for metric, figure in results.evaluations[run, protocol]["summary"].items():
            name = "mean" if metric == "dice_mean" else metric.removeprefix("dice_")
            if metric.startswith("dice_") and figure["mean"] is not None:
                groups.setdefault(name, {})[run] = (figure["mean"], figure["low"], figure["high"])
    title = f"Dice, protocol '{protocol}' (synthetic scans)"
    return drawing.bars(title, "Dice, 0 to 1", groups, RUN_COLOURS)
