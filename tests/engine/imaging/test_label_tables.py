"""Tables of label names and colours: read, written, refused; colours that everyone can tell apart."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from sagittal.facts import COLOURS, Label, colour_of
from sagittal_engine.imaging import ImagingError, export, probe, read_label_table, write_label_table
from sagittal_engine.imaging.exporters.itk_snap import read_plainly
from sagittal_engine.imaging.label_tables import as_snap_writes, components

SNAP = """\
################################################
# ITK-SnAP Label Description File
################################################
    0     0    0    0        0  0  0    "Clear Label"
    1   255    0    0        1  1  1    "Left lung, upper lobe"
   12     0  128  255     0.75  0  1    "Leber (groß)"
"""

CONE_LOSS = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""On linear RGB: Machado, Oliveira & Fernandes, IEEE TVCG 15(6), 2009, table of severity 1.0."""


def test_itk_snap_descriptions_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.label").write_text(SNAP, encoding="utf-8")
    rows = (Label(1, "Left lung, upper lobe", "#FF0000"), Label(12, "Leber (groß)", "#0080FF"))
    assert read_label_table(tmp_path / "a.label") == rows
    (tmp_path / "b.txt").write_bytes(SNAP.encode("cp1252"))
    assert read_label_table(tmp_path / "b.txt") == rows


@pytest.mark.parametrize(
    "document",
    [
        {"labels": [{"number": 2, "name": "spleen", "colour": "#123abc"}, {"number": 1, "name": "liver"}]},
        {"labels": {"0": "background", "1": "liver", "2": "spleen"}},
        {"labels": {"background": 0, "liver": 1, "spleen": 2}},
    ],
)
def test_json_tables_of_three_shapes(document: object, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps(document))
    rows = read_label_table(tmp_path / "t.json")
    assert [(row.number, row.name) for row in rows] == [(1, "liver"), (2, "spleen")]
    assert rows[0].colour == colour_of(1) and rows[1].colour in ("#123ABC", colour_of(2))


@pytest.mark.parametrize("name", ["t.label", "t.labels.json"])
def test_what_is_written_is_read_again(name: str, table: list[Label], tmp_path: Path) -> None:
    write_label_table(tmp_path / name, table)
    assert list(read_label_table(tmp_path / name)) == table
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_slicer_segmentation_gives_its_names_and_colours(
    save_nifti: Callable[..., Path], table: list[Label], only: Callable[[Path], object], tmp_path: Path
) -> None:
    source = only(save_nifti(np.zeros((4, 5, 6), np.int16)))
    labels = np.zeros((4, 5, 6), np.uint16)
    labels[0, 0, :3] = (1, 2, 7)
    table = [*table[:2], Label(7, "a\\b 10 µm", "#0A0B0C")]
    (path,) = export("nrrd", tmp_path / "s", labels, table, source, probe(source))
    assert list(read_label_table(path)) == table


def test_names_that_itk_snap_cannot_hold(tmp_path: Path) -> None:
    rows = [Label(3, 'the "left"\none', "#010203"), Label(65535, "last # one", "#FFFFFF")]
    write_label_table(tmp_path / "t.label", rows)
    assert list(read_label_table(tmp_path / "t.label")) == [as_snap_writes(row) for row in rows]
    assert read_plainly(tmp_path / "t.label") == [
        (3, (1, 2, 3), "the 'left' one"),
        (65535, components("#FFFFFF"), "last # one"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.label", "no table at all", "holds no label names"),
        ("a.json", "{", "is not a table"),
        ("a.json", "[1, 2]", "is not a table"),
        ("a.json", '{"labels": {"x": 70000}}', "outside 1 to 65535"),
        ("a.seg.nrrd", "NRRD0004\n\n", "holds no label names"),
        ("a.xlsx", "", "is no label table that can be read"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(name: str, text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ImagingError, match=says):
        read_label_table(tmp_path / name)


def test_a_missing_file_and_an_ending_that_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ImagingError, match="not a table"):
        read_label_table(tmp_path / "gone.label")
    with pytest.raises(ImagingError, match="neither"):
        write_label_table(tmp_path / "t.csv", [])


def test_colours_stay_with_their_numbers() -> None:
    assert [colour_of(number) for number in (1, 2, 8, 19)] == ["#E69F00", "#56B4E9", "#993366", "#E69F00"]
    assert len(set(COLOURS)) == len(COLOURS)


@pytest.mark.parametrize("sight", CONE_LOSS)
def test_the_first_eight_colours_are_told_apart_by_everyone(sight: str) -> None:
    colours = np.array([components(colour) for colour in COLOURS[:8]]) / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.asarray(CONE_LOSS[sight]).T, 0, 1)
    lab = rgb2lab(np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)[None])[0]
    apart = [deltaE_ciede2000(lab[a], lab[b]) for a, b in itertools.combinations(range(8), 2)]
    # Two colours differ "at a glance" from about 2 on; areas side by side on an image need several times that.
    assert min(apart) > 10
