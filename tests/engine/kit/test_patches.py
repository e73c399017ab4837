"""Scans cut into 3D patches: places, orientation, spacing, content, targets, caching, bad scans, real scans."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lent_scans import FakeContext, FakeScan

from sagittal.engine_port import SagittalError
from sagittal_engine.kit.patches import middle_slices, patches_of, resampled


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def ramp(shape: tuple[int, int, int], axis: int) -> np.ndarray:
    """Grows by one a voxel along `axis`."""
    sides = [1, 1, 1]
    sides[axis] = shape[axis]
    return np.broadcast_to(np.arange(1.0, shape[axis] + 1).reshape(sides), shape).copy()


def cut(scan: FakeScan, **options: Any) -> Any:
    return patches_of([scan], **{"side": 4, "spacing": 1.0, "count": 8, **options})


def test_a_patch_is_a_piece_of_the_scan_in_its_own_order() -> None:
    volume = np.random.default_rng(0).random((9, 10, 11))
    low, high = np.percentile(volume.astype(np.float32), (0.5, 99.5))
    scaled = np.clip((volume - low) / (high - low), 0, 1)
    found = cut(FakeScan(volume))
    assert found.images.shape == (8, 1, 4, 4, 4) and found.images.dtype == torch.float32
    pieces = np.lib.stride_tricks.sliding_window_view(scaled, (4, 4, 4)).reshape(-1, 64)
    places = [np.abs(pieces - patch.reshape(-1)).max(1).argmin() for patch in found.images.numpy()]
    for patch, place in zip(found.images.numpy(), places, strict=True):
        assert np.abs(pieces[place] - patch.reshape(-1)).max() < 5e-4  # eleven bits
    assert len(set(places)) == 8, "places differ"
    starts = np.unravel_index(places, (6, 7, 8))
    assert found.slices == tuple(int(z) + 1 for z in starts[2])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_axes_grow_to_the_right_the_front_and_the_head(axis: int) -> None:
    patch = cut(FakeScan(ramp((10, 10, 10), axis)), min_content=0).images[0, 0]
    assert (patch.diff(dim=axis) > 0).all()
    seen = middle_slices(patch[None, None])[0, 0]
    if axis == 0:
        assert (seen.diff(dim=1) < 0).all(), "the patient's right is on the left"
    elif axis == 1:
        assert (seen.diff(dim=0) < 0).all(), "the front is above"
    else:
        assert (seen == patch[:, :, 2].max()).all()
    flat = torch.rand(2, 1, 5, 5)
    assert middle_slices(flat) is flat


def test_places_follow_the_seed_and_the_scan_alone() -> None:
    volume = np.random.default_rng(0).random((16, 16, 16))
    one, again, other, elsewhere = (
        cut(FakeScan(volume, id=name), seed=seed).images for name, seed in (("a", 0), ("a", 0), ("a", 1), ("b", 0))
    )
    assert torch.equal(one, again) and not torch.equal(one, other) and not torch.equal(one, elsewhere)
    more = cut(FakeScan(volume, id="a"), count=3).images
    assert len(more) == 3


def test_voxels_become_cubes_of_the_spacing_asked_for() -> None:
    # 20 × 20 × 40 mm in voxels of 1 × 2 × 4 mm
    volume = np.random.default_rng(0).random((20, 10, 10))
    found = cut(FakeScan(volume, spacing=(1.0, 2.0, 4.0)), side=16, spacing=2.0, count=64)
    assert (found.images[:, :, :3] == 0).all() and (found.images[:, :, 3:13].mean((0, 1, 3, 4)) > 0).all()
    assert (found.images[:, :, 13:] == 0).all(), "a scan that is shorter than the patch is centred between zeros"
    assert len(found) == 20 - 16 + 1, "no more different places than there are"
    grown = resampled(torch.from_numpy(ramp((6, 4, 8), 2)).float(), (3.0, 1.0, 1.0), 0.5)
    assert grown.shape == (36, 8, 16)
    assert torch.allclose(grown[0, 0, 1:-1], torch.arange(1.25, 8.0, 0.5), atol=1e-5)
    coarse = resampled(torch.rand(40, 40, 40, generator=torch.Generator().manual_seed(0)), (1, 1, 1), 4.0)
    assert coarse.shape == (10, 10, 10) and float(coarse.std()) < 0.06, "voxels are averaged, not dropped"


def test_patches_have_content() -> None:
    volume = np.zeros((30, 30, 30))
    volume[20:, 20:, 20:] = np.random.default_rng(0).random((10, 10, 10)) + 0.5
    found = cut(FakeScan(volume), side=6, count=10, min_content=0.5)
    assert len(found) > 0
    assert ((found.images > 0.1).float().mean((1, 2, 3, 4)) >= 0.5).all()


def test_labels_and_quarters_are_those_of_the_patch() -> None:
    volume = np.random.default_rng(0).random((12, 12, 24)) + 1
    left = np.zeros(volume.shape, bool)
    left[:4] = True
    head = np.zeros(volume.shape, bool)
    head[:, :, 18:] = True
    scan = FakeScan(volume, spacing=(1.0, 1.0, 2.0), meta={"scanner": "A"}, truth={"left": left, "head": head})
    found = cut(scan, side=6, spacing=2.0, count=200, min_content=0)
    low = resampled(torch.from_numpy(left).float(), scan.spacing, 2.0)
    assert low.shape == (6, 6, 24) and set(found.targets["labels"]) == {"left", "head+left"}
    for index, name, quarter, place in zip(
        found.slices, found.targets["labels"], found.targets["quartile"], found.position.tolist(), strict=True
    ):
        assert ("head" in name) == (index + 3 >= 18), "six slices about the middle one"
        assert quarter == str(4 * index // 24 + 1) and place == pytest.approx(index / 23)
    assert set(found.targets["scanner"]) == {"A"} and set(found.subjects) == {"s1"}
    bare = cut(FakeScan(volume))
    assert set(bare.targets["labels"]) == {""}
    none = cut(FakeScan(volume, truth={"left": np.zeros(volume.shape, bool)}))
    assert set(none.targets["labels"]) == {"none"}


def test_thick_slices_never_leave_a_patch_without_a_slice() -> None:
    volume = np.random.default_rng(0).random((20, 20, 6)) + 1
    top = np.zeros(volume.shape, bool)
    top[:, :, 5] = True
    scan = FakeScan(volume, spacing=(1.0, 1.0, 10.0), truth={"top": top})
    found = cut(scan, side=4, count=300)
    assert {index for index, name in zip(found.slices, found.targets["labels"], strict=True) if name == "top"} <= {4, 5}
    assert "top" in found.targets["labels"] and set(found.slices) == set(range(6))


def test_patches_are_cut_once(tmp_path: Path) -> None:
    context: Any = FakeContext(tmp_path)
    volume = np.random.default_rng(0).random((9, 9, 9))
    one, other = (cut(FakeScan(volume), context=context) for _ in range(2))
    assert torch.equal(one.images, other.images) and one.targets == other.targets and context.made == 1
    cut(FakeScan(volume), context=context, spacing=0.5)
    assert context.made == 2


def test_what_gives_no_patches_is_said(tmp_path: Path) -> None:
    context: Any = FakeContext(tmp_path)
    dark = np.zeros((9, 9, 9))
    dark[0, 0, 0] = 1
    found = cut(FakeScan(dark, id="dark"), context=context)
    assert len(found) == 0 and found.images.shape == (0, 1, 4, 4, 4)
    assert context.said[0][0] == "warning" and "scan dark" in context.said[0][1]
    with pytest.raises(SagittalError, match="one flat picture, and 3D networks see grey volumes"):
        cut(FakeScan(np.ones((9, 9, 1))))
    with pytest.raises(SagittalError, match="in colour"):
        cut(FakeScan(np.ones((9, 9, 9, 3))))
    broken = np.ones((9, 9, 9))
    broken[1, 2, 3] = np.nan
    with pytest.raises(SagittalError, match="NaN or infinite"):
        cut(FakeScan(broken))
    with pytest.raises(ValueError, match="at least one voxel of more than 0 mm"):
        cut(FakeScan(np.ones((9, 9, 9))), spacing=0.0)


@pytest.mark.data
def test_patches_of_thick_chaos_slices_find_the_organs(shared_data: Path) -> None:
    import nibabel as nib

    folder = shared_data / "abdomen_mr_chaos_t2"
    image, label = (nib.as_closest_canonical(nib.load(folder / f"{kind}_1.nii.gz")) for kind in ("image", "label"))
    truth = np.asarray(label.dataobj)
    organs = {"liver": truth == 1, "spleen": truth == 4}
    spacing = tuple(float(v) for v in image.header.get_zooms()[:3])
    found = cut(FakeScan(np.asarray(image.dataobj), spacing=spacing, truth=organs), side=16, spacing=4.0, count=40)
    assert len(found) == 40 and ((found.images > 0.1).float().mean((1, 2, 3, 4)) > 0.1).all()
    shown = {part for value in found.targets["labels"] for part in value.split("+")}
    assert shown == {"liver", "spleen", "none"}
    held = [n for n, name in enumerate(found.targets["labels"]) if "liver" in name]
    depths = np.flatnonzero(organs["liver"].any((0, 1)))
    reach = 16 * 4.0 / spacing[2] / 2 + 1
    assert all(depths[0] - reach <= found.slices[n] <= depths[-1] + reach for n in held)
