"""What the engine tells before a run of GCL, as the window and the command line show it."""

from __future__ import annotations

import pytest

from sagittal.facts import ScanFacts, StudyFacts
from sagittal.run_request import RunRequest
from sagittal_engine.registry import Registry
from sagittal_engine.service.checks import check_request


@pytest.fixture
def told(tmp_path):
    scans = tuple(
        ScanFacts(
            scan=f"{n:04x}", name=f"scan {n}", subject=f"s{n // 2}", path="", kind="nifti", shape=(20, 18, 6),
            spacing=(1, 1, 1), orientation="RAS", meta={"phase": "ED" if n % 2 else "ES", "scanner": "A"},
        )
        for n in range(4)
    )  # fmt: skip

    def check(**values):
        request = RunRequest(method="gcl", parameters=values, device="cpu")
        return check_request(request, StudyFacts(str(tmp_path), "s", scans), Registry(), tmp_path, trained=False)

    return check


def test_useless_labels_are_named_before_the_run(told):
    lines = told(meta_labels="subject, scanner, phase")
    assert not any(line.blocking and not line.ok for line in lines)
    assert any("'scanner' is of no use here" in line.text and not line.ok for line in lines)
    assert any(line.text == "Contrast under subject, phase." for line in lines)


def test_a_study_without_the_attribute_is_refused_in_words(told):
    wrong = [line.text for line in told(meta_labels="subject, phas") if line.blocking and not line.ok]
    assert len(wrong) == 1 and "No scan has the meta label 'phas'. Did you mean 'phase'?" in wrong[0]
    only = [line.text for line in told(meta_labels="scanner") if line.blocking and not line.ok]
    assert len(only) == 1 and "the study has subject, slice_quantile, phase, scanner" in only[0]


def test_images_of_a_folder_are_not_asked_for_the_scans_attributes(told, tmp_path):
    lines = told(meta_labels="breed", data=str(tmp_path))
    assert not any("breed" in line.text for line in lines)
