"""Meta labels: quantiles by their formula, and what a study is told about them before a run."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from sagittal.facts import ScanFacts
from sagittal.params import make
from sagittal_engine.kit.slices import slices_of
from sagittal_plugins.gcl import GCLParams
from sagittal_plugins.gcl.meta_labels import mistaken, slice_quantile, useless, values_of


def test_quantiles_are_those_of_positional_contrast():
    for count in range(1, 60):
        length = max(1, math.floor(count / 4 + 0.5))
        assert slice_quantile(count) == [min(i // length, 3) + 1 for i in range(count)]
    assert slice_quantile(10) == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4]
    assert slice_quantile(2, 4) == [1, 2] and slice_quantile(1) == [1] and slice_quantile(6, 2) == [1] * 3 + [2] * 3
    with pytest.raises(ValueError, match="at least one slice and one part; got 0 and 4"):
        slice_quantile(0)
    with pytest.raises(ValueError, match="got 5 and 0"):
        slice_quantile(5, 0)


def test_values_of_images(scans):
    images = slices_of(scans, size=16, min_content=0.0)
    assert values_of(images, "subject") == images.subjects
    quantiles = values_of(images, "slice_quantile")
    assert [int(q) for q, scan in zip(quantiles, images.scans, strict=True) if scan == "0"] == slice_quantile(6)
    some = images.take([n for n, index in enumerate(images.slices) if index in (3, 5)])
    assert set(values_of(some, "slice_quantile")) == {"2", "3"}, "what is left of a scan keeps its place in it"
    assert values_of(images, "phase")[-1] == "" and values_of(images, "phase")[0] == "ED"
    assert set(values_of(images, "labels")) == {""} == set(values_of(images, "quartile")), "the truth is no attribute"


def test_what_is_of_no_use_is_named():
    assert "the same value, 'a'" in useless(["a", "a", ""])
    assert "a value of its own" in useless(["a", "b", "c"])
    assert "no image has a value" in useless(["", ""])
    assert useless(["a", "a", "b"]) == ""
    assert mistaken(["a", "a"], 0.5, "x") == ("a", "a"), "there is no other value to take"


def facts(number, depth=6, **meta):
    return ScanFacts(
        scan=f"{number:04x}", name=f"scan {number}", subject=f"s{number // 2}", path="", kind="nifti",
        shape=(20, 18, depth), spacing=(1, 1, 1), orientation="RAS", meta=meta,
    )  # fmt: skip


def said(scans, **values):
    return list(make(GCLParams, values).about_scans(scans))


def test_a_study_is_told_what_its_attributes_are_worth():
    scans = [facts(n, phase="ED" if n % 2 else "ES", scanner="A", who=f"w{n // 2}") for n in range(6)]
    scans.append(facts(6, scanner="A"))
    lines = said(scans, meta_labels="subject, phase, scanner, who")
    texts = " ".join(line.text for line in lines)
    assert "'scanner' is of no use here and is left out: every image that has it has the same value, 'A'" in texts
    assert "1 of 7 scans have no 'phase'" in texts and "Contrast under subject, phase, who." in texts
    assert not any(line.blocking for line in lines)
    twin = said(scans[:6], meta_labels="subject, who")
    assert any("'who' divides the images as 'subject' does" in line.text and not line.ok for line in twin)


def test_what_cannot_be_contrasted_is_refused_in_words():
    pictures = [facts(n, depth=1, plate=f"p{n}") for n in range(4)]
    lines = said(pictures, meta_labels="slice_quantile, plate")
    assert [line.blocking for line in lines] == [False, False, True] and "No meta label is left" in lines[-1].text
    assert "slice_quantile" in lines[0].text and "a value of its own" in lines[1].text
    wrong = said(pictures, meta_labels="plat, subject")
    assert wrong[0].blocking and "Did you mean 'plate'?" in wrong[0].text
    assert said([], meta_labels="x") == []


def test_a_study_without_attributes_still_has_two(tmp_path):
    lines = said([facts(n) for n in range(4)])
    assert [line.text for line in lines] == ["Contrast under subject, slice_quantile."]
    patches = said([facts(n) for n in range(4)], plane="patch", encoder="small_3d", image_size=16)
    assert patches[-1].ok


def test_the_card_is_read_without_torch():
    code = "import sys, sagittal_plugins.gcl; assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], timeout=100).returncode == 0
