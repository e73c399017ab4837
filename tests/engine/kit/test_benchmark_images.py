"""CIFAR and STL-10 binary files in their published layouts, long tails, and folders of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sagittal.engine_port import SagittalError
from sagittal_engine.kit.benchmark_images import long_tail_counts, long_tailed, read_images
from sagittal_engine.kit.images import ImageSet

TEN = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def pixels(count: int, side: int, seed: int) -> np.ndarray:
    """uint8 (count, 3, side, side)."""
    return np.random.default_rng(seed).integers(0, 256, (count, 3, side, side), np.uint8)


@pytest.fixture
def cifar10(tmp_path: Path) -> Path:
    for part in range(1, 6):
        images = pixels(2, 32, part)
        records = [bytes([part - 1 + n]) + images[n].tobytes() for n in range(2)]
        (tmp_path / f"data_batch_{part}.bin").write_bytes(b"".join(records))
    (tmp_path / "test_batch.bin").write_bytes(bytes([9]) + pixels(1, 32, 6)[0].tobytes())
    (tmp_path / "batches.meta.txt").write_text("\n".join(TEN) + "\n\n")
    return tmp_path


def test_cifar10(cifar10: Path) -> None:
    found = read_images(cifar10, size=32)
    assert found.targets["labels"] == tuple(TEN[n] for n in (0, 1, 1, 2, 2, 3, 3, 4, 4, 5))
    wanted = torch.from_numpy(np.concatenate([pixels(2, 32, part) for part in range(1, 6)])).float() / 255
    assert torch.equal(found.images, wanted)
    assert len(set(found.subjects)) == 10
    test = read_images(cifar10 / "test_batch.bin", size=16, channels=1, split="test")
    assert test.targets["labels"] == ("truck",) and test.images.shape == (1, 1, 16, 16)
    assert not set(test.subjects) & set(found.subjects)


def test_cifar100(tmp_path: Path) -> None:
    images = pixels(3, 32, 0)
    labels = [(4, 0), (19, 99), (0, 42)]
    (tmp_path / "train.bin").write_bytes(b"".join(bytes(labels[n]) + images[n].tobytes() for n in range(3)))
    (tmp_path / "fine_label_names.txt").write_text("\n".join(f"fine{n:02d}" for n in range(100)))
    (tmp_path / "coarse_label_names.txt").write_text("\n".join(f"coarse{n:02d}" for n in range(20)))
    found = read_images(tmp_path, size=32)
    assert found.targets["labels"] == ("fine00", "fine99", "fine42")
    assert found.targets["coarse"] == ("coarse04", "coarse19", "coarse00")
    assert torch.equal(found.images, torch.from_numpy(images).float() / 255)


def test_stl10_is_stored_column_by_column(tmp_path: Path) -> None:
    images = pixels(2, 96, 0)
    (tmp_path / "train_X.bin").write_bytes(b"".join(image.swapaxes(1, 2).tobytes() for image in images))
    (tmp_path / "train_y.bin").write_bytes(bytes([1, 10]))
    (tmp_path / "unlabeled_X.bin").write_bytes(images[1].swapaxes(1, 2).tobytes())
    names = ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"]
    (tmp_path / "class_names.txt").write_text("\n".join(names))
    found = read_images(tmp_path, size=96)
    assert found.targets["labels"] == ("airplane", "truck")
    assert torch.equal(found.images, torch.from_numpy(images).float() / 255)
    unlabelled = read_images(tmp_path, size=96, split="unlabeled")
    assert unlabelled.targets["labels"] == ("",) and torch.equal(unlabelled.images[0], found.images[1])


def test_a_file_cut_short_is_refused_in_words(cifar10: Path) -> None:
    whole = (cifar10 / "data_batch_3.bin").read_bytes()
    (cifar10 / "data_batch_3.bin").write_bytes(whole[:-5])
    with pytest.raises(SagittalError, match=r"data_batch_3\.bin has 6141 bytes.*cut short"):
        read_images(cifar10, size=32)
    (cifar10 / "data_batch_3.bin").unlink()
    with pytest.raises(SagittalError, match=r"data_batch_3\.bin is missing"):
        read_images(cifar10, size=32)
    with pytest.raises(SagittalError, match="no split 'unlabeled'"):
        read_images(cifar10, size=32, split="unlabeled")


def test_labels_beyond_the_classes_are_refused(cifar10: Path) -> None:
    (cifar10 / "test_batch.bin").write_bytes(bytes([10]) + pixels(1, 32, 6)[0].tobytes())
    with pytest.raises(SagittalError, match="none of 10 classes"):
        read_images(cifar10, size=32, split="test")


def test_long_tails_follow_the_exponential_rule() -> None:
    counts = long_tail_counts(5000, 10, 0.01)
    assert counts == [int(5000 * 0.01 ** (i / 9)) for i in range(10)]
    assert counts[0] == 5000 and counts[-1] == 50 and sum(counts) == 12406  # as published for CIFAR-10-LT
    assert sum(long_tail_counts(500, 100, 0.01)) == 10847  # and for CIFAR-100-LT


def test_a_long_tailed_set_keeps_as_many_of_each_class() -> None:
    names = tuple(TEN[n % 4] for n in range(400))
    numbers = torch.arange(400.0).view(-1, 1, 1, 1)
    own = tuple(str(n) for n in range(400))
    images = ImageSet(numbers, own, own, (0,) * 400, torch.zeros(400), {"labels": names})
    tail = long_tailed(images, ratio=0.1, seed=1)
    assert [tail.targets["labels"].count(name) for name in TEN[:4]] == [100, 46, 21, 10]
    assert torch.equal(tail.images, long_tailed(images, ratio=0.1, seed=1).images)
    assert not torch.equal(tail.images, long_tailed(images, ratio=0.1, seed=2).images)
    assert len(long_tailed(images, ratio=1.0)) == 400
    with pytest.raises(ValueError, match="ratio must be in"):
        long_tailed(images, ratio=0.0)


# Folders of pictures ------------------------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    grey = np.tile(np.arange(40, dtype=np.uint8), (20, 1))
    Image.fromarray(grey).save(tmp_path / "in" / "grey.png")
    colour = np.zeros((16, 16, 3), np.uint8)
    colour[:8, :, 0] = 200
    Image.fromarray(colour).save(tmp_path / "in" / "colour.png")
    Image.fromarray(np.full((8, 8), 7, np.uint16) * np.arange(8, dtype=np.uint16)).save(tmp_path / "in" / "deep.png")
    (tmp_path / "table.csv").write_text(
        "Image,patient,label,side\nin/grey.png,p1,ill,left\nin/colour.png,p1,well,\nin/deep.png,p2,ill,right\n"
    )
    return tmp_path


def test_pictures_and_what_their_table_says(pictures: Path) -> None:
    found = read_images(pictures, size=16, channels=3)
    assert found.images.shape == (3, 3, 16, 16)
    assert found.subjects == ("p1", "p1", "p2")
    assert found.targets["labels"] == ("ill", "well", "ill") and found.targets["side"] == ("left", "", "right")
    grey, colour, deep = found.images
    # 40 × 20 pixels fill the width; above and below stand zeros. The first row stays above, the left side left.
    assert (grey[:, :4] == 0).all() and (grey[:, 12:] == 0).all() and grey[0, 8, 1] < 0.1 < 0.9 < grey[0, 8, 14]
    assert torch.allclose(colour[0, :7], torch.tensor(200 / 255)) and (colour[1:] == 0).all()
    assert deep[0, 8, 0] < 0.1 and deep[0, 8, 15] > 0.9
    assert torch.equal(read_images(pictures / "table.csv", size=16, channels=3).images, found.images)
    assert read_images(pictures, size=16, channels=1).images.shape == (3, 1, 16, 16)


def test_folders_that_say_too_little_are_refused_in_words(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(SagittalError, match="There is no file or folder"):
        read_images(pictures / "nowhere", size=16)
    with pytest.raises(SagittalError, match="holds 0 CSV files"):
        read_images(pictures / "in", size=16)
    with pytest.raises(SagittalError, match="no split 'test'"):
        read_images(pictures, size=16, split="test")
    (pictures / "table.csv").write_text("image,label\nin/none.png,x\n")
    with pytest.raises(SagittalError, match=r"none\.png could not be read"):
        read_images(pictures, size=16)
    (pictures / "table.csv").write_text("image,label\n")
    with pytest.raises(SagittalError, match="names no pictures"):
        read_images(pictures, size=16)
