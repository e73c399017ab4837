"""`saliency`: what it asks of the engine, what it prints, and the map it writes."""

from __future__ import annotations

from types import SimpleNamespace

import nibabel
import numpy as np
import pytest

from sagittal.saliency import SaliencyLayer, SaliencyRequest

SCAN = "a" + "0" * 15
DOCUMENT = {
    "id": "0000-run-1",
    "request": {"scan": SCAN},
    "title": "The order that the puzzle was taken to have, at branches · 6 × 6",
    "plane": "axial",
    "step": 20,
    "share": {"border": 0.2, "border_area": 0.4375, "shortcut": 0.25, "shortcut_area": 0.5},
    "hits": {"liver": 0.75, "liver_area": 0.08},
    "sanity": 0.125,
    "notes": ["It is a test."],
}
LAYERS = [SaliencyLayer("encoder.branches", "branches · 6 × 6", True), SaliencyLayer("encoder.fuse", "fuse · 6 × 6")]


@pytest.fixture
def asking(line, monkeypatch):
    """The engine of the tests, which can be asked where it looked as well."""
    kind = type(line.engine)
    volume = np.linspace(0, 1, 32 * 32 * 9, dtype=np.float32).reshape(32, 32, 9)
    volume[0] = np.nan
    parts = {
        "start_saliency": lambda self, request, sanity=False: self._task("saliency", (request, sanity)),
        "saliency_layers": lambda self, run: LAYERS,
        "saliency_targets": lambda self, run: ["puzzle", "similarity"],
        "saliency_map": lambda self, saliency: volume,
        "image": lambda self, scan: SimpleNamespace(affine=np.diag([2.0, 2.0, 7.0, 1.0])),
    }
    for name, part in parts.items():
        monkeypatch.setattr(kind, name, part, raising=False)
    line.engine.results["saliency"] = DOCUMENT
    line("train", "s", "plain")
    return line, volume


def test_the_request_is_whole_and_the_document_is_printed(asking):
    line, _ = asking
    words = ("--layer", "encoder.fuse", "--target", "similarity", "--checkpoint", "best", "--seed", 3)
    ran = line("saliency", "s", "--run", "last", "--scan", "image_1", *words, "--shuffled", "--sanity", "--json")
    assert ran.status == 0 and ran.document == DOCUMENT, ran.err
    wanted = SaliencyRequest("0000-run", SCAN, "encoder.fuse", "similarity", "best", True, 3)
    assert line.engine.requests[-1] == (wanted, True)


def test_numbers_stand_beside_their_areas(asking):
    line, _ = asking
    out = line("saliency", "s", "--run", "last", "--scan", "image_1").out
    rows = [text.split() for text in out.splitlines()]
    assert ["on", "borders", "of", "cells", "0.200", "0.438"] in rows
    assert ["highest", "point", "in", "liver", "0.750", "0.080"] in rows
    assert "background" not in out and "weights: 0.12" in out and "! It is a test." in out


def test_the_map_is_written_on_the_grid_of_the_scan(asking, tmp_path):
    line, volume = asking
    out = tmp_path / "map.nii.gz"
    ran = line("saliency", "s", "--run", "last", "--scan", "image_1", "--out", out, "--json")
    assert ran.document["out"] == str(out)
    image = nibabel.load(out)
    np.testing.assert_array_equal(image.get_fdata(dtype=np.float32), volume)
    np.testing.assert_array_equal(image.affine, np.diag([2.0, 2.0, 7.0, 1.0]))


def test_without_a_scan_targets_and_layers_are_listed(asking, monkeypatch):
    line, _ = asking
    ran = line("saliency", "s", "--run", "last")
    assert "Targets: puzzle, similarity" in ran.out and "branches · 6 × 6    suggested" in ran.out
    assert [row["name"] for row in line("saliency", "s", "--run", "last", "--json").document["layers"]] == [
        "encoder.branches", "encoder.fuse"
    ]  # fmt: skip
    monkeypatch.setattr(type(line.engine), "saliency_layers", lambda self, run: [])
    assert "names nothing that could be explained" in " ".join(line("saliency", "s", "--run", "last").out.split())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--scan", "image_1", "--out", "map.png"), "A map is written as .nii or .nii.gz; got 'map.png'"),
        (("--scan", "image_1", "--out", "nowhere/map.nii"), "There is no folder nowhere"),
        (("--scan", "nobody"), "has no scan 'nobody'"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(asking, words, sentence):
    line, _ = asking
    ran = line("saliency", "s", "--run", "last", *words)
    assert ran.status == 2 and sentence in ran.err
