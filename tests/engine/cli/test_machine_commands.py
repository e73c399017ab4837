"""doctor and demo: guarded checks, and who opens the window."""

from __future__ import annotations

import pytest

from sagittal_engine import demo, doctor


def test_doctor_rows(line, monkeypatch):
    def broken() -> str:
        raise RuntimeError("bad luck")

    def unwell() -> str:
        raise doctor.Unwell("too old", "Get a newer one.")

    monkeypatch.setattr(doctor, "CHECKS", {"fine": lambda: "1.0", "broken": broken, "unwell": unwell})
    ran = line("doctor", "--json")
    assert ran.status == 0
    assert ran.document == [
        {"check": "fine", "ok": True, "found": "1.0", "advice": ""},
        {
            "check": "broken",
            "ok": False,
            "found": "RuntimeError: bad luck",
            "advice": "Install Sagittal again in a fresh environment.",
        },
        {"check": "unwell", "ok": False, "found": "too old", "advice": "Get a newer one."},
    ]
    assert "Get a newer one." in line("doctor").out


@pytest.mark.parametrize("name", ["Python", "Sagittal", "torch", "accelerator", "image readers", "memory", "methods"])
def test_checks_pass_here(name):
    assert doctor.CHECKS[name]()


def test_a_child_that_fails_or_dies_is_bad_news():
    with pytest.raises(doctor.Unwell, match="no such thing"):
        doctor._child("raise RuntimeError('no such thing')")
    with pytest.raises(doctor.Unwell, match="status"):
        doctor._child("import os; os._exit(3)")
    assert doctor._child("print('a'); print('b')") == "b"


def test_display_is_looked_for_only_where_it_must_be_named(monkeypatch):
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert not doctor.has_display()
    monkeypatch.setenv("DISPLAY", ":1")
    assert doctor.has_display()
    monkeypatch.delenv("DISPLAY")
    monkeypatch.setattr(doctor.sys, "platform", "darwin")
    assert doctor.has_display()


@pytest.fixture
def told(monkeypatch, tmp_path):
    """Replaces the demo's work; tells what was asked of it."""
    asked: list[str] = []

    def prepare(out, *, tell):
        asked.append(f"prepare {out}")
        return out / "study"

    def run(out, *, engine, tell):
        asked.append(f"run {out}")
        tell(1, 2, "half")
        return {"study": str(out / "study"), "report": str(out / "report.html"), "pictures": ["a.png", "b.png"]}

    monkeypatch.setattr(demo, "prepare_demo", prepare)
    monkeypatch.setattr(demo, "run_demo", run)
    monkeypatch.setattr(demo, "default_folder", lambda: tmp_path / "home")
    return asked


def test_demo_opens_the_window_where_there_is_a_display(line, told, tmp_path, monkeypatch):
    opened = []
    line.window = lambda study: opened.append(study) or 0
    monkeypatch.setattr(doctor, "has_display", lambda: True)
    assert line("demo").status == 0
    assert (opened, told) == ([tmp_path / "home" / "study"], [f"prepare {tmp_path / 'home'}"])


def test_demo_without_a_display_says_so_and_works_headless(line, told, tmp_path, monkeypatch):
    line.window = lambda study: pytest.fail("there is no display")
    monkeypatch.setattr(doctor, "has_display", lambda: False)
    ran = line("demo", "--out", tmp_path / "there")
    assert told == [f"run {tmp_path / 'there'}"]
    assert "No display here" in ran.err and "report.html" in ran.out and "b.png" in ran.out
    assert line.engine.closed == 1


def test_demo_document(line, told, tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "has_display", lambda: True)
    line.window = lambda study: pytest.fail("a script asked")
    ran = line("demo", "--json")
    assert set(ran.document) == {"study", "report", "pictures"}
