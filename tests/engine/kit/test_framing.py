"""Scans as frames for a segmentation network, and the way back to their grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sagittal_engine.kit.fitting import Placement, fitted
from sagittal_engine.kit.framing import Framing
from sagittal_engine.kit.slices import as_stack, from_stack
from sagittal_engine.scaffold.bench import SHAPE, BenchContext, BenchScan, bench_scans

LABELS = ("liver", "spleen")


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_a_stack_goes_back_to_the_volume_it_is_of(plane):
    volume = np.random.default_rng(0).random((4, 5, 6))
    assert np.array_equal(from_stack(as_stack(volume, plane), volume.shape, plane), volume)


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("step", [0.0, 4.0])
def test_masks_come_back_where_they_were(plane, step):
    """What the frames say of the truth is the truth again, but for voxels that are finer than a frame's pixels."""
    scan = BenchScan("a", "s")
    framing = Framing(plane, size=64, step=step)
    layers = framing.layers(scan, scan.labels(), LABELS)
    assert len(layers) == SHAPE[{"axial": 2, "coronal": 1, "sagittal": 0}[plane]]
    for channel, label in enumerate(LABELS):
        back = framing.on_grid(scan, layers[:, channel]) >= 0.5
        truth = scan.labels()[label]
        assert 2 * (back & truth).sum() / (back.sum() + truth.sum()) > 0.93


def test_every_slice_has_its_frame_the_empty_ones_too():
    scan = bench_scans()[0]
    images = Framing(size=32).images(scan)
    assert images.shape == (SHAPE[2], 1, 32, 32) and images.dtype == torch.float16
    assert float(images.min()) >= 0 and float(images.max()) <= 1
    assert Framing(size=32, channels=3).images(scan).shape == (SHAPE[2], 3, 32, 32)


def test_frames_are_kept_in_the_cache(tmp_path):
    scan = bench_scans()[0]
    context = BenchContext(tmp_path, [scan])
    first = Framing(size=32).images(scan, context)
    assert len(list(tmp_path.iterdir())) == 1
    scan.image = lambda: pytest.fail("it is in the cache")
    assert torch.equal(Framing(size=32).images(scan, context), first)


def test_a_pixel_is_of_the_class_that_covers_most_of_it():
    class Half(BenchScan):
        spacing = (1.0, 1.0, 1.0)

        def image(self):
            return np.random.default_rng(0).random((8, 8, 3), dtype=np.float32)

    scan = Half("a", "s", spacing=(1.0, 1.0, 1.0))
    masks = {"low": np.zeros((8, 8, 3), bool), "high": np.zeros((8, 8, 3), bool)}
    masks["low"][:5] = True
    masks["high"][5:] = True
    found = Framing(size=4).classes(scan, masks, ("low", "high"))
    assert found.shape == (3, 1, 4, 4)
    columns = found[0, 0, 0].tolist()
    assert columns[0] == 2 and columns[3] == 1, "columns begin at the patient's right, where x is largest"
    assert set(found.unique().tolist()) == {1, 2}
    assert int(Framing(size=4).classes(scan, {"low": masks["low"] & False}, ("low",)).max()) == 0


def test_a_picture_is_one_frame_in_any_plane():
    class Picture(BenchScan):
        def image(self):
            return np.random.default_rng(0).random((20, 12, 1, 3), dtype=np.float32)

        def labels(self):
            mask = np.zeros((20, 12, 1), bool)
            mask[5:10, 3:9] = True
            return {"disc": mask}

    scan = Picture("a", "s", spacing=(1.0, 1.0, 7.0))
    for plane in ("axial", "sagittal"):
        framing = Framing(plane, size=20, channels=3)
        assert framing.images(scan).shape == (1, 3, 20, 20)
        layers = framing.layers(scan, scan.labels(), ("disc",))
        assert np.array_equal(framing.on_grid(scan, layers[:, 0]) >= 0.5, scan.labels()["disc"])


def test_a_placement_is_the_fitting_there_was_and_its_way_back():
    images = torch.rand(2, 1, 10, 16, generator=torch.Generator().manual_seed(0))
    placement = Placement.filling((10, 16), (1.0, 1.0), 16)
    assert torch.equal(placement.forth(images), fitted(images, 16))
    assert torch.allclose(placement.back(placement.forth(images)), images)
    spaced = Placement.spaced((10, 16), (2.0, 1.0), 1.0, 8)
    assert spaced.scaled == (20, 16) and spaced.frame == (20, 16)
    assert Placement.spaced((4, 4), (1.0, 1.0), 1.0, 8).corner == (2, 2)


def test_numbers_of_another_scan_are_refused():
    with pytest.raises(ValueError, match=r"9 frames of \(32, 32\); got numbers of shape \(8, 32, 32\)"):
        Framing(size=32).on_grid(bench_scans()[0], torch.zeros(8, 32, 32))
    with pytest.raises(ValueError, match="at most 255 labels can be told apart; got 300"):
        Framing(size=32).classes(bench_scans()[0], bench_scans()[0].labels(), tuple(map(str, range(300))))
