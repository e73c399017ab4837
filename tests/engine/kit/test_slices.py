"""Scans cut into 2D images: orientation, proportions, intensities, targets, masks, caching, bad scans, real scans."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lent_scans import FakeContext, FakeScan

from sagittal.engine_port import SagittalError
from sagittal_engine.kit.images import ImageSet
from sagittal_engine.kit.slices import slices_of


def cube(shape: tuple[int, int, int] = (8, 8, 8), base: float = 50.0) -> np.ndarray:
    return np.full(shape, base) + np.random.default_rng(0).random(shape)


def bright_end(axis: int, shape: tuple[int, int, int] = (8, 8, 8)) -> np.ndarray:
    """Zero but for the last quarter of `axis`: right, front or head."""
    volume = np.zeros(shape)
    index = [slice(None)] * 3
    index[axis] = slice(shape[axis] * 3 // 4, None)
    volume[tuple(index)] = 100.0
    return volume


# Orientation and proportions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plane", "axis", "where"),
    [
        ("axial", 0, "left"), ("axial", 1, "top"), ("coronal", 0, "left"), ("coronal", 2, "top"),
        ("sagittal", 1, "left"), ("sagittal", 2, "top"),
    ],
)  # fmt: skip
def test_right_front_and_head_are_where_a_radiologist_looks(plane: str, axis: int, where: str) -> None:
    image = slices_of([FakeScan(bright_end(axis))], plane=plane, size=8).images[0, 0]
    seen = image if where == "top" else image.T
    assert (seen[:2] == 1).all() and (seen[2:] == 0).all()


@pytest.mark.parametrize(("plane", "axis"), [("axial", 2), ("coronal", 1), ("sagittal", 0)])
def test_slices_follow_the_axis_that_is_cut(plane: str, axis: int) -> None:
    found = slices_of([FakeScan(bright_end(axis))], plane=plane, size=8)
    assert found.slices == (6, 7)
    assert torch.allclose(found.position, torch.tensor([6 / 7, 1.0]))
    assert found.targets["quartile"] == ("4", "4")


def test_pixels_become_square_and_proportions_stay() -> None:
    # 20 mm from right to left, 10 mm from front to back
    found = slices_of([FakeScan(cube((10, 20, 4)), spacing=(2.0, 0.5, 3.0))], size=16, min_content=0)
    assert (found.images[:, :, :4] == 0).all() and (found.images[:, :, 12:] == 0).all()
    assert (found.images[:, :, 4:12].amax((1, 2)) > 0).all()


def test_quarters_of_a_scan() -> None:
    found = slices_of([FakeScan(cube((8, 8, 10)))], size=8, min_content=0)
    assert "".join(found.targets["quartile"]) == "1112233344"


# Intensities --------------------------------------------------------------------------------------------------------


def test_percentiles_become_0_and_1_for_the_whole_scan() -> None:
    volume = np.random.default_rng(1).normal(300, 40, (16, 16, 12))
    found = slices_of([FakeScan(volume)], size=16, min_content=0)
    low, high = np.percentile(volume.astype(np.float32), (0.5, 99.5))
    wanted = np.clip((volume - low) / (high - low), 0, 1)[::-1, ::-1].transpose(2, 1, 0)
    assert np.abs(found.images[:, 0].numpy() - wanted).max() < 5e-4  # eleven bits


def test_scale_and_offset_of_a_scan_do_not_matter() -> None:
    volume = cube()
    one, other = (slices_of([FakeScan(v)], size=8).images for v in (volume, 1e4 * volume - 7))
    assert (one - other).abs().max() < 2e-2 and (one - other).abs().mean() < 1e-3


def test_empty_slices_are_left_out() -> None:
    volume = np.zeros((8, 8, 6))
    volume[2:6, 2:6, 2:5] = 100
    assert slices_of([FakeScan(volume)], size=8).slices == (2, 3, 4)
    assert len(slices_of([FakeScan(np.zeros((8, 8, 6)))], size=8)) == 0


def test_a_scan_without_content_is_named_in_a_warning(tmp_path: Path) -> None:
    context: Any = FakeContext(tmp_path)
    found = slices_of([FakeScan(cube()), FakeScan(np.ones((8, 8, 6)), id="blank")], size=8, context=context)
    assert set(found.scans) == {"scan1"}
    assert [level for level, _ in context.said] == ["warning"] and "scan blank" in context.said[0][1]
    assert context.shown[-1] == (2, 2)


def test_nothing_at_all_is_an_empty_set() -> None:
    found = slices_of([], size=8, channels=3)
    assert len(found) == 0 and found.images.shape == (0, 3, 8, 8)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused_in_words(value: float) -> None:
    volume = cube()
    volume[3, 3, 3] = value
    with pytest.raises(SagittalError, match="Scan scan1 holds 1 of 512 values that are no numbers"):
        slices_of([FakeScan(volume)], size=8)


# Pictures and colour ------------------------------------------------------------------------------------------------


def test_a_colour_picture_comes_out_as_in_its_file_whatever_the_plane() -> None:
    file = np.random.default_rng(2).integers(0, 256, (12, 12, 3)).astype(np.float32)  # rows, columns
    volume = file.swapaxes(0, 1)[::-1, ::-1, np.newaxis]  # canonical: to the right, to the front
    for plane in ("axial", "sagittal"):
        found = slices_of([FakeScan(volume)], plane=plane, size=12, channels=3)
        assert found.slices == (0,)
        assert np.abs(found.images[0].permute(1, 2, 0).numpy() * 255 - file).max() < 0.1
    grey = slices_of([FakeScan(volume)], size=12, channels=1).images[0, 0]
    assert np.abs(grey.numpy() * 255 - file @ np.array([0.299, 0.587, 0.114])).max() < 0.2


def test_grey_and_colour_scans_stand_in_one_set() -> None:
    scans = [FakeScan(cube()), FakeScan(np.random.default_rng(3).random((8, 8, 1, 3)), id="c")]
    found = slices_of(scans, size=8, channels=3)
    assert found.images.shape == (9, 3, 8, 8)
    assert torch.equal(found.images[0, 0], found.images[0, 2])


# Targets, masks and the cache ---------------------------------------------------------------------------------------


def labelled() -> FakeScan:
    truth = {"spleen": np.zeros((8, 8, 8), bool), "liver": np.zeros((8, 8, 8), bool)}
    truth["liver"][4:, :, 2:6] = True
    truth["spleen"][:2, :, 4:] = True
    return FakeScan(cube(), truth=truth, meta={"sex": "f", "labels": "of the table"})


def test_targets_name_what_a_slice_shows() -> None:
    found = slices_of([labelled(), FakeScan(cube(), id="b", subject="s2", meta={"age": "70"})], size=8, min_content=0)
    assert found.targets["labels"][:8] == ("none",) * 2 + ("liver",) * 2 + ("liver+spleen",) * 2 + ("spleen",) * 2
    assert found.targets["labels"][8:] == ("",) * 8
    assert found.targets["sex"] == ("f",) * 8 + ("",) * 8 and found.targets["age"] == ("",) * 8 + ("70",) * 8
    assert found.subjects == ("s1",) * 8 + ("s2",) * 8
    assert found.masks == {}


def test_masks_lie_where_the_image_shows_the_organ() -> None:
    found = slices_of([labelled(), FakeScan(cube(), id="b")], size=16, masks=True, min_content=0)
    liver = found.masks["liver"]
    assert liver.dtype == torch.bool and liver.shape == (16, 16, 16)
    # the patient's right half is the left half of the image
    assert liver[3, :, :8].all() and not liver[3, :, 8:].any() and not liver[8:].any()


def test_slices_are_cut_once_and_labels_read_each_time(tmp_path: Path) -> None:
    context: Any = FakeContext(tmp_path)
    scan = labelled()
    first = slices_of([scan], size=8, context=context)
    scan.truth = {"liver": np.ones((8, 8, 8), bool)}
    second: ImageSet = slices_of([scan], size=8, channels=3, context=context)
    assert context.made == 1
    assert torch.equal(first.images.expand(-1, 3, -1, -1), second.images)
    assert set(second.targets["labels"]) == {"liver"}
    assert torch.equal(slices_of([scan], size=8).images, first.images)
    slices_of([scan], size=8, plane="coronal", context=context)
    assert context.made == 2


@pytest.mark.parametrize("wrong", [{"plane": "oblique"}, {"size": 0}, {"channels": 2}])
def test_wrong_requests_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="got"):
        slices_of([FakeScan(cube())], **wrong)


# Real scans ---------------------------------------------------------------------------------------------------------


def real_scan(image: Path, label: Path, names: dict[str, int]) -> FakeScan:
    nibabel = pytest.importorskip("nibabel")
    loaded = nibabel.as_closest_canonical(nibabel.load(image))
    truth = np.asarray(nibabel.as_closest_canonical(nibabel.load(label)).dataobj)
    spacing = tuple(float(s) for s in loaded.header.get_zooms()[:3])
    masks = {name: truth == number for name, number in names.items()}
    return FakeScan(np.asarray(loaded.dataobj), image.name, image.name, spacing, {}, masks)


@pytest.mark.data
def test_hippocampus_slices_have_the_four_classes(shared_data: Path) -> None:
    folder = shared_data / "hippocampus_msd"
    files = sorted((folder / "images").glob("*.nii.gz"))[:4]
    scans = [real_scan(f, folder / "labels" / f.name, {"anterior": 1, "posterior": 2}) for f in files]
    found = slices_of(scans, size=32, masks=True)
    assert len(found) == sum(scan.volume.shape[2] for scan in scans)  # crops of tissue have no empty slice
    assert set(found.targets["labels"]) == {"none", "anterior", "posterior", "anterior+posterior"}
    both = [n for n, name in enumerate(found.targets["labels"]) if name == "anterior+posterior"]
    rows = torch.arange(32.0).view(1, -1, 1)

    def height(name: str) -> torch.Tensor:
        mask = found.masks[name][both].float()
        return (mask * rows).sum() / mask.sum()

    assert height("anterior") < height("posterior")  # the front stands above


@pytest.mark.data
def test_chaos_organs_are_on_their_sides(shared_data: Path) -> None:
    folder = shared_data / "abdomen_mr_chaos_t2"
    names = {"liver": 1, "right kidney": 2, "left kidney": 3, "spleen": 4}
    scan = real_scan(folder / "image_1.nii.gz", folder / "label_1.nii.gz", names)
    found = slices_of([scan], size=64, masks=True)
    columns = torch.arange(64.0)

    def middle(name: str) -> float:
        return float((found.masks[name].float() * columns).sum() / found.masks[name].sum())

    assert middle("liver") < 32 < middle("spleen")
    assert middle("right kidney") < 32 < middle("left kidney")
    shown = {part for value in found.targets["labels"] for part in value.split("+")}
    assert shown == {*names, "none"}
    # 256 pixels of 1.25 mm across the body, slices of 7.7 mm from head to foot: coronal images keep that proportion
    coronal = slices_of([scan], plane="coronal", size=64)
    used = (coronal.images.amax((0, 1, 3)) > 0).sum()
    wanted = 64 * scan.volume.shape[2] * scan.spacing[2] / (256 * 1.25)
    assert abs(int(used) - wanted) <= 1
