"""The headless demo, cut down to a minute's fraction: what it leaves behind, and what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from sagittal_engine.cli import main
from sagittal_engine.demo import work


def test_headless_demo_leaves_a_report_that_stands_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "SUBJECTS", 5)
    monkeypatch.setattr(work, "TRAINING", 2)
    monkeypatch.setattr(work, "RUNS", {"untrained": 0, "trained": 2})
    monkeypatch.setenv("SAGITTAL_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("SAGITTAL_THREADS", "1")
    assert main(["demo", "--headless", "--out", str(tmp_path / "demo"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["study"] == str(tmp_path / "demo" / "study")
    page = Path(found["report"]).read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == len(found["pictures"]) == 6
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    for picture in found["pictures"]:
        with Image.open(picture) as image:
            assert image.width > 400 and len(image.getcolors(2**24) or []) > 2
    text = (tmp_path / "demo" / "report.md").read_text(encoding="utf-8")
    for words in ("synthetic", "published", "deployed", "bootstrap", "untrained", "n = 3", "liver"):
        assert words in text, words
    for line in re.findall(r"!\[[^]]*]\(([^)]+)\)", text):
        assert (tmp_path / "demo" / line).is_file()
