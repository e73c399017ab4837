"""new, import, scans, export, methods."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from sagittal.events import Reason, TaskFinished

REPORT = {
    "imported": [
        {
            "scan": "a" * 16,
            "path": "image_1.nii.gz",
            "files": ["image_1.nii.gz", "label_1.nii.gz"],
            "kind": "nifti",
            "shape": (4, 5, 6),
            "spacing": (1.0, 1.0, 5.0),
            "orientation": "RAS",
            "labels": [{"set": "truth", "labels": [{"number": 1, "name": "liver"}]}],
            "warnings": ["odd intensities"],
        }
    ],
    "layouts": [{"layout": "acdc", "title": "ACDC", "scans": 1, "attributes": {}, "sentence": "1 scan of ACDC."}],
    "refused": [{"path": "notes.txt", "reason": "It is no image."}],
}


def test_new_names_the_study(line):
    ran = line("new", "here/study", "--json")
    assert (ran.status, ran.document) == (0, {"study": "here/study"})
    assert line.engine.closed == 1


def test_import_prints_the_report_and_one_document(line, tmp_path):
    line.engine.results["import"] = REPORT
    ran = line("import", "study", tmp_path, "--json")
    assert ran.status == 0
    assert ran.document["imported"][0]["shape"] == [4, 5, 6]
    assert ran.document["refused"] == REPORT["refused"]
    assert line.engine.requests == [((tmp_path,), (), None, "auto")]


def test_import_for_people_names_warnings_and_refusals(line, tmp_path):
    line.engine.results["import"] = REPORT
    ran = line("import", "study", tmp_path)
    assert "odd intensities" in ran.out and "It is no image." in ran.out and "1 imported, 1 refused." in ran.out


def test_import_of_nothing_good_ends_with_2_and_still_reports(line, tmp_path):
    line.engine.results["import"] = {"imported": [], "refused": REPORT["refused"], "layouts": []}
    ran = line("import", "study", tmp_path, "--json")
    assert (ran.status, ran.document["refused"]) == (2, REPORT["refused"])
    assert "every file was refused" in ran.err


def test_import_of_a_path_that_is_not_there(line, tmp_path):
    ran = line("import", "study", tmp_path / "nothing", "--json")
    assert (ran.status, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1 and "nothing at" in ran.err
    assert line.engine.requests == []


def test_labels_keep_their_order(line, tmp_path):
    files = [tmp_path / name for name in ("b", "a", "lb", "la")]
    for file in files:
        file.touch()
    line.engine.results["import"] = REPORT
    line("import", "study", files[0], files[1], "--labels", files[2], "--labels", files[3])
    assert line.engine.requests == [((files[0], files[1]), (files[2], files[3]), None, "auto")]


def test_a_layout_is_passed_on_and_told(line, tmp_path):
    line.engine.results["import"] = REPORT
    ran = line("import", "study", tmp_path, "--layout", "acdc")
    assert line.engine.requests == [((tmp_path,), (), None, "acdc")] and "Recognised: 1 scan of ACDC." in ran.out
    ran = line("import", "study", tmp_path, "--layout", "acdc", "--labels", tmp_path)
    assert ran.status == 2 and "leave out --labels" in ran.err and len(line.engine.requests) == 1


def test_a_warning_that_many_files_share_is_told_once(line, tmp_path):
    rows = [{**REPORT["imported"][0], "path": f"p/image_{n}.png"} for n in range(5)]
    line.engine.results["import"] = {**REPORT, "imported": rows}
    ran = line("import", "study", tmp_path)
    assert ran.out.count("odd intensities") == 1 and "5 files, image_0.png among them: odd intensities" in ran.out


def test_a_study_open_elsewhere_is_not_written_to(line, tmp_path):
    line.engine.read_only = True
    ran = line("import", "study", tmp_path)
    assert ran.status == 2 and "open in another Sagittal" in ran.err
    assert line("scans", "study").status == 0


def test_scans_give_labels_and_meta(line):
    ran = line("scans", "study", "--json")
    first = ran.document[0]
    assert {"scan", "subject", "shape", "spacing", "orientation", "labels", "meta"} <= set(first)
    assert first["labels"][0]["labels"][1] == {"number": 4, "name": "spleen"}
    assert "image_1.nii.gz" in line("scans", "study").out


def test_a_table_names_few_labels_and_counts_many():
    from sagittal_engine.cli.study import _names

    assert _names(["liver", "spleen"]) == "liver, spleen"
    assert _names([f"label {n}" for n in range(61)]) == "61 labels"


def test_a_missing_study_is_one_line(line):
    ran = line("scans", "missing", "--json")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == "Error: There is no study at missing.\n"


def test_export_checks_set_and_format_before_it_starts(line, tmp_path):
    assert "Did you mean 'nifti'?" in line("export", "s", "--labels", "truth", "--format", "nift", "--out", "o").err
    ran = line("export", "s", "--labels", "mine", "--format", "nifti", "--out", "o")
    assert ran.status == 2 and "Label sets: truth." in ran.err
    assert line.engine.requests == []


def test_export_that_does_not_read_back_is_our_fault(line):
    line.engine.results["export"] = {"files": ["o/a.nii.gz"], "verified": False}
    ran = line("export", "s", "--labels", "truth", "--format", "nifti", "--out", "o", "--scans", "image_2", "--json")
    assert (ran.status, ran.document["verified"]) == (1, False)
    assert line.engine.requests[-1] == ("truth", "nifti", Path("o"), (f"b{'0' * 15}",), "")


def test_export_done(line):
    line.engine.results["export"] = {"files": ["o/a.nii.gz"], "verified": True}
    ran = line("export", "s", "--labels", "truth", "--format", "nifti", "--out", "o")
    assert ran.status == 0 and "read back and found the same" in ran.out


def test_a_cancelled_task_ends_with_3(line):
    line.engine.interrupts = 1
    line.engine.endings["export"] = TaskFinished("t-export", "export", Reason.CANCELLED)
    ran = line("export", "s", "--labels", "truth", "--format", "nifti", "--out", "o", "--json")
    assert (ran.status, ran.out) == (3, "")
    assert line.engine.asked == ["cancel t-export"]
    assert line.engine.closed == 1


def test_methods_document(line):
    row = line("methods", "--json").document[0]
    assert {"name", "title", "paper", "capabilities", "needs", "parameters", "recipes"} <= set(row)
    assert row["recipes"] == ["quick"]
    temperature = next(p for p in row["parameters"] if p["name"] == "temperature")
    assert temperature["kind"] == "float" and (temperature["minimum"], temperature["maximum"]) == (0, 10)
    assert "Divides similarities." in line("methods", "plain").out
    assert "recipe quick" in line("methods").out
    assert "Did you mean 'plain'?" in line("methods", "plane").err


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys; from sagittal_engine.cli import main; main(['--help']); "
        "print([n for n in ('torch', 'numpy', 'sqlalchemy', 'nibabel', 'PySide6') if n in sys.modules])"
    )
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert time.perf_counter() - begun < 10  # a crowded machine; the imports above are the real guard


def test_methods_of_the_real_engine_import_no_torch():
    code = (
        "import io, json, sys, contextlib; from sagittal_engine.cli import main\n"
        "out = io.StringIO()\n"
        "with contextlib.redirect_stdout(out): status = main(['methods', '--json'])\n"
        "names = [row['name'] for row in json.loads(out.getvalue())]\n"
        "print(status, 'cowpro' in names, 'torch' in sys.modules, 'monai' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "True", "False", "False"]


def test_a_dicom_segmentation_of_scans_that_are_none_is_offered_a_series(line):
    asked = ("export", "s", "--labels", "truth", "--format", "dicom-seg", "--out", "o")
    ran = line(*asked)
    assert ran.status == 2 and "--make-series auto" in ran.err and line.engine.requests == []
    line.engine.results["export"] = {"files": ["o/a.seg.dcm"], "verified": True}
    assert line(*asked, "--make-series", "MR").status == 0
    assert line.engine.requests[-1][-1] == "MR"
    ran = line(*asked, "--make-series", "XA")
    assert ran.status == 2 and "one of auto, CT, MR, OT" in ran.err


def test_what_was_refused_and_what_differs_is_said(line):
    line.engine.results["export"] = {
        "files": ["o/a.stl"],
        "verified": False,
        "differences": ["a.stl does not enclose the voxels of 'liver'."],
        "refused": [{"scan": "b", "name": "image_2", "reason": "The label map is empty."}],
    }
    ran = line("export", "s", "--labels", "truth", "--format", "stl", "--out", "o")
    assert ran.status == 1
    assert "image_2: The label map is empty." in ran.out and "does not enclose" in ran.out
