"""A network that learns to segment slices: batches, patches, teachers, labels within others, starts, masks."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from sagittal.engine_port import SagittalError
from sagittal_engine.kit.predicting import predict
from sagittal_engine.kit.segmentation import SliceSegmentation, moved
from sagittal_engine.kit.segmentation_params import SegmentationParams
from sagittal_engine.nets.image_encoders import build_image_encoder
from sagittal_engine.scaffold.bench import SHAPE, BenchContext, bench_scans, generator
from sagittal_engine.views.batch_views import ViewRules, apply_views, draw_views


@pytest.fixture(autouse=True)
def one_thread():
    """Threads of small sums mostly wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Bare:
    """A scan without labels."""

    def __init__(self, scan):
        self.id, self.subject, self.spacing, self.meta, self.image = (
            scan.id + "bare", scan.subject, scan.spacing, scan.meta, scan.image,
        )  # fmt: skip

    def labels(self):
        return {}


class Ringed:
    """A scan whose liver is stored around its spleen, as a disc around its cup."""

    def __init__(self, scan):
        self.id, self.subject, self.spacing, self.meta, self.image = (
            scan.id, scan.subject, scan.spacing, scan.meta, scan.image,
        )  # fmt: skip
        self._scan = scan

    def labels(self):
        found = self._scan.labels()
        inner = found["liver"].copy()
        inner[:30] = False
        return {"disc": found["liver"] & ~inner, "cup": inner}


def made(tmp_path, scans=None, **values):
    values = {"image_size": 32, "batch_size": 6, "encoder": "unet_8", "steps": 4} | values
    context = BenchContext(tmp_path, scans or bench_scans(2))
    method = SliceSegmentation(SegmentationParams(**values), context)
    method.prepare()
    return method


def network(method, seed=0):
    torch.manual_seed(seed)
    return method.module()


def test_targets_move_as_their_images_do():
    rules = ViewRules(crop_low=0.4, flip=0.5, rotation=40, elastic=0.5, jitter=0, greyscale=0, blur=0)
    images = torch.zeros(8, 1, 48, 48)
    images[:, :, 10:30, 16:40] = 1
    draw = draw_views(8, 48, rules, torch.Generator().manual_seed(0))
    targets = moved(images.to(torch.uint8), draw)
    assert float(((apply_views(images, draw) >= 0.5) == targets.bool()).float().mean()) > 0.995


def test_half_of_a_batch_is_drawn_where_labels_are(tmp_path):
    method = made(tmp_path, foreground=0.5)
    for step in range(5):
        batch = method.batch(step, generator(0, step))
        assert batch["images"].shape == (6, 1, 32, 32) and batch["targets"].dtype == torch.uint8
        assert bool(batch["targets"][:3].flatten(1).any(1).all())


def test_patches_hold_the_label_they_were_drawn_for_and_scans_are_segmented_by_a_window(tmp_path):
    method = made(tmp_path, pixel_spacing=2.0, foreground=1.0)
    batch = method.batch(1, generator(0, 1))
    assert batch["images"].shape == (6, 1, 32, 32) and bool(batch["targets"].flatten(1).any(1).all())
    scan = bench_scans()[0]
    assert method.images(scan).shape[2:] == (80, 96), "48 × 40 voxels of 4 mm, in pixels of 2 mm"
    probabilities = predict(method, network(method).eval(), scan)
    assert probabilities.shape == (SHAPE[2], 3, 80, 96)
    assert method.masks(scan, probabilities)["liver"].shape == SHAPE


def test_masks_are_the_most_likely_channel_on_the_scans_grid(tmp_path):
    method, scan = made(tmp_path, image_size=48), bench_scans()[0]
    said = method.targets(scan)
    masks = method.masks(scan, said)
    for label, truth in scan.labels().items():
        assert 2 * (masks[label] & truth).sum() / (masks[label].sum() + truth.sum()) > 0.93
    assert not (masks["liver"] & masks["spleen"]).any()
    with pytest.raises(ValueError, match="3 channels are needed for these labels; got 2"):
        method.masks(scan, said[:, :2])


def test_a_label_within_another_is_filled_into_it(tmp_path):
    scans = [Ringed(scan) for scan in bench_scans(2)]
    method = made(tmp_path, scans, nested="disc > cup", labels="disc, cup")
    assert method.activation == "sigmoid" and method.outputs == 2
    truth = method.truth(scans[0])
    assert (truth["disc"] == (scans[0].labels()["disc"] | scans[0].labels()["cup"])).all()
    targets = method.targets(scans[0])
    assert bool((targets[:, 0] >= targets[:, 1]).all()) and bool((targets[:, 1] > 0).any())
    losses = method.objectives(network(method), method.batch(1, generator(0, 1)))
    assert all(bool(torch.isfinite(loss)) for loss in losses.values())
    with pytest.raises(ValueError, match="disc > cup"):
        SegmentationParams(nested="disc cup")


def test_the_teacher_follows_sees_what_has_no_labels_and_segments(tmp_path):
    scans = [bench_scans()[0], Bare(bench_scans()[1])]
    method = made(tmp_path, scans, mean_teacher=True, consistency_ramp=0.0)
    module = network(method)
    student, teacher = module.network, module.teacher
    assert method.network(module) is teacher and method.encoder(module) is teacher.encoder
    batch = method.batch(1, generator(0, 1))
    assert batch["unlabelled"].shape == (6, 1, 32, 32)
    losses = method.objectives(module, batch)
    assert {"dice_loss", "entropy_loss", "consistency_loss"} == set(losses)
    torch.stack(list(losses.values())).sum().backward()
    assert all(p.grad is None for p in teacher.parameters())
    before = [p.detach().clone() for p in teacher.parameters()]
    with torch.no_grad():
        for p in student.parameters():
            p.add_(1.0)
    method.after_step(module, 1)
    for old, new, own in zip(before, teacher.parameters(), student.parameters(), strict=True):
        assert torch.allclose(new, (old + own.detach()) / 2), "at first half the way: min(1 − 1/2, 0.99)"


def test_without_scans_lacking_labels_the_teacher_says_so(tmp_path):
    method = made(tmp_path, mean_teacher=True)
    assert any("Every scan has labels" in text for _, text in method.context.messages)
    assert "unlabelled" in method.batch(1, generator(0, 1))


def test_an_encoder_is_started_from_and_the_decoder_is_the_same_for_all_starts(tmp_path):
    torch.manual_seed(5)
    encoder = build_image_encoder("unet_8", in_channels=1)
    save_file({name: t.contiguous() for name, t in encoder.state_dict().items()}, tmp_path / "encoder.safetensors")
    started = network(made(tmp_path, start_from=str(tmp_path / "encoder.safetensors"))).network.state_dict()
    fresh = network(made(tmp_path)).network.state_dict()
    for name, tensor in started.items():
        if name.startswith("encoder."):
            assert torch.equal(tensor, encoder.state_dict()[name.removeprefix("encoder.")])
        else:
            assert torch.equal(tensor, fresh[name])
    assert not torch.equal(fresh["encoder.conv_0.conv_0.conv.weight"], started["encoder.conv_0.conv_0.conv.weight"])


def test_weights_that_fit_in_part_are_refused_in_words(tmp_path):
    encoder = build_image_encoder("unet_8", in_channels=3)
    save_file({name: t.contiguous() for name, t in encoder.state_dict().items()}, tmp_path / "encoder.safetensors")
    method = made(tmp_path, start_from=str(tmp_path / "encoder.safetensors"))
    with pytest.raises(SagittalError, match="only in part: 1 of its tensors are missing"):
        method.module()


def test_scans_without_labels_alone_are_refused(tmp_path):
    with pytest.raises(SagittalError, match="None of the scans has labels to learn from"):
        made(tmp_path, [Bare(bench_scans()[0])])


def test_two_losses_of_no_weight_are_refused():
    with pytest.raises(ValueError, match="Nothing would be learned"):
        SegmentationParams(dice_weight=0, entropy_weight=0)
