"""Exams that are drawn, as a user gets them: one command, and the study has exams of three planes with labels."""

from __future__ import annotations

import json

from sagittal_engine.cli import main


def said(capsys, *words, status=0):
    assert main([str(word) for word in words]) == status
    found = capsys.readouterr()
    return json.loads(found.out) if "--json" in words else found


def test_drawn_knees_are_exams_of_three_planes(capsys, tmp_path):
    study = tmp_path / "study"
    assert said(capsys, "phantom", study, "--kind", "knees", "--exams", "1", "--json")["imported"] == 3
    scans = said(capsys, "scans", study, "--json")
    assert {scan["meta"]["plane"] for scan in scans} == {"sagittal", "coronal", "axial"}
    assert {scan["meta"]["exam"] for scan in scans} == {scan["subject"] for scan in scans} == {"synthetic 01"}
    assert all(scan["meta"][label] in ("0", "1") for scan in scans for label in ("abnormal", "acl", "meniscus"))
    named = {label["name"] for scan in scans for own in scan["labels"] for label in own["labels"]}
    assert {"bone", "cartilage", "ligament", "meniscus"} <= named
    (exam,) = said(capsys, "exams", study, "--json")
    assert exam["exam"] == "synthetic 01" and set(exam["planes"]) == {"sagittal", "coronal", "axial"}
    assert {"abnormal", "acl", "meniscus"} <= set(exam["labels"])
