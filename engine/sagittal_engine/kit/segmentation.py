"""A segmentation network of slices that learns from labels, whatever encoder it is built on and starts from.

The method of supervised segmentation and the fine-tuning of a run's encoder are both this class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from monai.inferers import sliding_window_inference
from torch import Tensor, nn
from torch.nn import functional as F

from sagittal.engine_port import SagittalError
from sagittal.method import Context, Picture, ScanData
from sagittal_engine.kit.ema import follow, frozen_copy
from sagittal_engine.kit.explaining import ExplainsBase, Score, label_score
from sagittal_engine.kit.framing import Framing
from sagittal_engine.kit.predicting import PredictorBase
from sagittal_engine.kit.pretext import PretextBase
from sagittal_engine.kit.segmentation_loss import batch_dice, consistency_loss, ramp, segmentation_losses
from sagittal_engine.kit.segmentation_params import PICTURES, SegmentationParams
from sagittal_engine.kit.segmentation_pictures import outlined
from sagittal_engine.kit.slices import NORMALISATION
from sagittal_engine.nets.image_encoders import build_image_encoder
from sagittal_engine.nets.segmenters import SegmentationNet
from sagittal_engine.nets.weights import load_weights
from sagittal_engine.views.batch_views import ViewDraw, ViewRules, apply_views, draw_views, view_grid
from sagittal_engine.views.geometry import ElasticRange

P = TypeVar("P", bound=SegmentationParams)

AT_ONCE = 32
"""Slices that the network segments at a time."""
WINDOW_OVERLAP = 0.25
SHOWN = 8


class Learner(nn.Module):
    """The network, and where scans without labels are learned from the teacher that follows it."""

    updates: Tensor
    """Updates made so far: the consistency's weight and the teacher's pace depend on them."""

    def __init__(self, network: SegmentationNet, *, teacher: bool) -> None:
        super().__init__()
        self.network = network
        self.teacher = frozen_copy(network) if teacher else None
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    @property
    def encoder(self) -> nn.Module:
        """The contracting half of what segments."""
        return self.best.encoder

    @property
    def best(self) -> SegmentationNet:
        """What segments: the teacher where there is one."""
        return self.network if self.teacher is None else self.teacher


@dataclass(frozen=True)
class Frames:
    """The frames of one scan, and what is true of them."""

    images: Tensor
    """float16 (n, C, H, W)."""
    targets: Tensor | None
    """uint8: class numbers (n, 1, H, W), or a layer per label (n, L, H, W); None of a scan without labels."""

    def labelled_rows(self) -> list[int]:
        """Frames that hold a label."""
        assert self.targets is not None
        return self.targets.flatten(1).any(1).nonzero().flatten().tolist()


class SliceSegmentation(PretextBase[P], PredictorBase, ExplainsBase):
    """Learns with Dice and cross-entropy, from whole slices or patches of them; segments scans by itself."""

    def __init__(self, params: P, context: Context) -> None:
        super().__init__(params, context)
        self.labels = params.names()
        self.activation: Literal["softmax", "sigmoid"] = "sigmoid" if params.overlapping or params.nested else "softmax"
        self.framing = Framing(params.plane, params.image_size, params.pixel_spacing, int(params.channels))
        still: dict[str, Any] = {"jitter": 1.0, "saturation": 0.0, "hue": 0.0, "greyscale": 0.0, "stretch": 1.0}
        strengths: dict[str, Any] = {
            name: getattr(params, name) for name in ("brightness", "contrast", "blur", "noise")
        }
        self._rules = ViewRules(
            crop_low=params.crop_low, flip=params.flip, rotation=params.rotation, elastic=params.elastic,
            bend=ElasticRange(params.elastic_alpha, params.elastic_sigma), **still, **strengths,
        )  # fmt: skip
        self._in_place = ViewRules(crop_low=1.0, flip=0.0, rotation=0.0, **still, **strengths)
        self._labelled: list[Frames] = []
        self._unlabelled: list[Tensor] = []
        self._everywhere: list[tuple[int, int]] = []
        self._where_labels: list[tuple[int, int]] = []
        self._without: list[tuple[int, int]] = []
        self._start: Any = None
        self._numbers: dict[str, Tensor] = {}

    # Images ----------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Makes the frames (cached), and finds the weights to start from.

        Raises `SagittalError` where no scan has a label to learn, or there are no such weights.
        """
        scans = self.context.scans
        truths = {scan.id: self.truth(scan) for scan in scans}
        if not self.labels:
            self.labels = tuple(sorted({name for truth in truths.values() for name in truth}))
        for number, scan in enumerate(scans):
            self.context.progress(number, len(scans), "Cutting scans into slices")
            masks = {name: mask for name, mask in truths[scan.id].items() if name in self.labels}
            if masks:
                self._labelled.append(Frames(self.framing.images(scan, self.context), self._targets(scan, masks)))
            elif self.params.mean_teacher:
                self._unlabelled.append(self.framing.images(scan, self.context))
        self.context.progress(len(scans), len(scans), "Cutting scans into slices")
        if not self._labelled:
            raise SagittalError(
                "None of the scans has labels to learn from. Import label maps, paint some, or name another label set."
            )
        if self.params.mean_teacher and not self._unlabelled:
            self.context.message(
                "warning", "Every scan has labels, so the teacher sees those alone. Add scans without labels."
            )
            self._unlabelled = [frames.images for frames in self._labelled]
        self._everywhere = _places([frames.images for frames in self._labelled])
        self._where_labels = [(n, row) for n, frames in enumerate(self._labelled) for row in frames.labelled_rows()]
        self._without = _places(self._unlabelled)
        if self.params.start_from:
            self._start = self.context.encoder_file(self.params.start_from)

    def _targets(self, scan: ScanData, masks: Mapping[str, Any]) -> Tensor:
        make = self.framing.layers if self.activation == "sigmoid" else self.framing.classes
        return make(scan, masks, self.labels)

    # The step --------------------------------------------------------------------------------------------------

    def batch(self, step: int, generator: torch.Generator) -> dict[str, Any]:
        """Frames with their targets, drawn where labels are and everywhere, and the draws of their random changes."""
        p, count = self.params, self.params.batch_size
        near = round(p.foreground * count) if self._where_labels else 0
        places = [*_drawn(self._where_labels, near, generator), *_drawn(self._everywhere, count - near, generator)]
        images, targets = [], []
        for number, (scan, row) in enumerate(places):
            frames = self._labelled[scan]
            assert frames.targets is not None
            image, target = frames.images[row], frames.targets[row]
            rows, columns = self._window(image, target.amax(0) if number < near else None, generator)
            images.append(image[:, rows, columns])
            targets.append(target[:, rows, columns])
        batch = {
            "images": torch.stack(images).float(),
            "targets": torch.stack(targets),
            "draw": draw_views(count, p.image_size, self._rules, generator),
        }
        return batch | self._unlabelled_part(generator)

    def _unlabelled_part(self, generator: torch.Generator) -> dict[str, Any]:
        if not self.params.mean_teacher:
            return {}
        count, size = self.params.batch_size, self.params.image_size
        images = []
        for scan, row in _drawn(self._without, count, generator):
            image = self._unlabelled[scan][row]
            rows, columns = self._window(image, None, generator)
            images.append(image[:, rows, columns])
        return {
            "unlabelled": torch.stack(images).float(),
            "place": draw_views(count, size, _steady(self._rules), generator),
            "for_network": draw_views(count, size, self._in_place, generator),
            "for_teacher": draw_views(count, size, self._in_place, generator),
        }

    def _window(self, image: Tensor, near: Tensor | None, generator: torch.Generator) -> tuple[slice, slice]:
        """Rows and columns of a patch: around a random pixel of `near` (H, W) where one is given, else anywhere."""
        size = self.params.image_size
        room = [side - size for side in image.shape[1:]]
        if not any(room):
            return slice(0, size), slice(0, size)
        at = [int(torch.randint(free + 1, (), generator=generator)) for free in room]
        if near is not None and bool(near.any()):
            pixels = near.nonzero()
            pixel = pixels[int(torch.randint(len(pixels), (), generator=generator))].tolist()
            at = [min(max(0, centre - size // 2), free) for centre, free in zip(pixel, room, strict=True)]
        return slice(at[0], at[0] + size), slice(at[1], at[1] + size)

    def objectives(self, module: nn.Module, batch: Any) -> Mapping[str, Tensor]:
        """Dice loss and cross-entropy of the labelled frames; where there is a teacher, agreement with it."""
        assert isinstance(module, Learner)
        p = self.params
        with torch.no_grad(), torch.autocast(batch["images"].device.type, enabled=False):
            images = apply_views(batch["images"], batch["draw"])
            targets = moved(batch["targets"], batch["draw"])
        logits = module.network(images)
        losses = dict(
            segmentation_losses(
                logits, targets, activation=self.activation,
                dice_weight=p.dice_weight, entropy_weight=p.entropy_weight,
            )
        )  # fmt: skip
        self._numbers = {"batch_dice": batch_dice(logits, targets, activation=self.activation)}
        if module.teacher is not None:
            losses["consistency_loss"] = self._consistency(module, batch)
        return losses

    def _consistency(self, module: Learner, batch: Any) -> Tensor:
        assert module.teacher is not None
        with torch.no_grad(), torch.autocast(batch["images"].device.type, enabled=False):
            images = apply_views(batch["unlabelled"], batch["place"])
            own, other = (apply_views(images, batch[name]) for name in ("for_network", "for_teacher"))
        with torch.no_grad():
            said = module.teacher(other)
        p = self.params
        weight = p.consistency_weight * ramp(int(module.updates), round(p.consistency_ramp * p.steps))
        return weight * consistency_loss(module.network(own), said, activation=self.activation)

    def after_step(self, module: nn.Module, step: int) -> None:
        """The teacher follows, at first faster, so that it forgets its first weights (Tarvainen and Valpola, §3)."""
        assert isinstance(module, Learner)
        module.updates.fill_(step)
        if module.teacher is not None:
            follow(module.teacher, module.network, min(1 - 1 / (step + 1), self.params.teacher_decay))

    def metrics(self) -> Mapping[str, float]:
        """The mean Dice of the last step's batch over the labels that it holds."""
        found = self._numbers.get("batch_dice")
        mean = float(found.nanmean()) if found is not None and found.numel() else float("nan")
        return {"batch_dice": mean} if mean == mean else {}

    def pictures(self, module: nn.Module, batch: Any) -> Sequence[Picture]:
        """Some frames of the batch with their labels, and below with what the network says."""
        assert isinstance(module, Learner)
        images = batch["images"][:SHOWN]
        said = module.best(images)
        truth = batch["targets"][:SHOWN]
        own = (said >= 0).to(torch.uint8) if self.activation == "sigmoid" else said.argmax(1, keepdim=True)
        return [Picture(PICTURES, outlined(images, [truth, own.to(truth.dtype)]), ", ".join(self.labels))]

    # The network -----------------------------------------------------------------------------------------------

    def module(self) -> nn.Module:
        """A fresh network; what the encoder starts from is loaded once `prepare` has found it."""
        p = self.params
        encoder = build_image_encoder(p.encoder, in_channels=int(p.channels), stem=p.stem)
        if self._start is not None:
            self._load(encoder)
        return Learner(SegmentationNet(encoder, self.outputs, width=p.decoder_width), teacher=p.mean_teacher)

    def _load(self, encoder: nn.Module) -> None:
        try:
            loaded = load_weights(encoder, self._start)
        except ValueError as error:
            raise SagittalError(str(error)) from error
        learned = {name for name, _ in encoder.named_parameters()} & set(loaded.missing)
        if learned:
            raise SagittalError(
                f"The weights of '{self.params.start_from}' fit the encoder {self.params.encoder} with "
                f"{self.params.channels} channels only in part: {len(learned)} of its tensors are missing, as "
                f"{sorted(learned)[0]}. Set 'encoder', 'stem' and 'channels' to what was trained."
            )
        self.context.message("info", loaded.sentence(self._start))

    def encoder(self, module: nn.Module) -> nn.Module:
        """The contracting half of what segments."""
        assert isinstance(module, Learner)
        return module.encoder

    def encoder_facts(self) -> Mapping[str, Any]:
        p = self.params
        return {
            "architecture": p.encoder,
            "stem": p.stem,
            "in_channels": int(p.channels),
            "image_size": p.image_size,
            "plane": p.plane,
            "normalisation": NORMALISATION,
            "labels": list(self.labels),
        }

    # Segmenting ------------------------------------------------------------------------------------------------

    def network(self, module: nn.Module) -> nn.Module:
        """What segments: the teacher where there is one."""
        assert isinstance(module, Learner)
        return module.best

    def truth(self, scan: ScanData) -> Mapping[str, np.ndarray[Any, Any]]:
        """The scan's labels, those that lie within others filled into them."""
        found = dict(scan.labels())
        for outer, inner in self.params.within():
            if outer in found and inner in found:
                found[outer] = found[outer] | found[inner]
        return found

    def images(self, scan: ScanData) -> Tensor:
        """float32 (n, C, H, W): all slices of the scan in the order of its grid's stack."""
        return self.framing.images(scan, self.context).float()

    def targets(self, scan: ScanData) -> Tensor | None:
        """float32 (n, outputs, H, W), 0 or 1: the truth as the slices lie; None where there is none of the labels."""
        masks = {name: mask for name, mask in self.truth(scan).items() if name in self.labels}
        if not masks:
            return None
        found = self._targets(scan, masks)
        if self.activation == "softmax":
            found = F.one_hot(found.squeeze(1).long(), self.outputs).permute(0, 3, 1, 2)
        return found.float()

    def logits(self, module: nn.Module, images: Tensor) -> Tensor:
        """(n, outputs, H, W), on the module's device; frames larger than a patch by a sliding window."""
        network = self.network(module)
        device = next(network.parameters()).device
        size = self.params.image_size
        parts = []
        for some in images.split(AT_ONCE):
            self.context.boundary()
            own = some.to(device)
            if own.shape[2:] == (size, size):
                parts.append(network(own))
            else:
                parts.append(
                    sliding_window_inference(own, (size, size), AT_ONCE, network, WINDOW_OVERLAP, mode="gaussian")
                )
        return torch.cat(parts)

    def on_grid(self, scan: ScanData, probabilities: Tensor, channel: int) -> np.ndarray[Any, Any]:
        """One channel back on the scan's grid: float32 (X, Y, Z)."""
        return self.framing.on_grid(scan, probabilities[:, channel])

    # Saliency --------------------------------------------------------------------------------------------------

    def explained(self) -> tuple[str, ...]:
        """Where each label comes from."""
        return self.labels

    def explained_score(self, module: nn.Module, target: str) -> Score:
        """`kit.explaining.label_score` of the label."""
        channel = self.labels.index(target) + (self.activation == "softmax")
        return label_score(self.network(module), channel, self.activation, self.context.device)

    def explain_framing(self) -> Framing:
        return self.framing

    def explain_example(self, module: nn.Module) -> object:
        return self.network(module)(self.framing.blank().to(self.context.device))


def moved(targets: Tensor, draw: ViewDraw) -> Tensor:
    """Targets (N, K, H, W), uint8, moved as `apply_views` moves the images of `draw`; each pixel takes its nearest."""
    near = F.grid_sample(
        targets.float(), view_grid(draw), mode="nearest", padding_mode="reflection", align_corners=False
    )
    return near.to(targets.dtype)


def _steady(rules: ViewRules) -> ViewRules:
    """The same geometry, without a change of intensities."""
    return ViewRules(
        crop_low=rules.crop_low, flip=rules.flip, rotation=rules.rotation, stretch=rules.stretch,
        elastic=rules.elastic, bend=rules.bend, jitter=0.0, greyscale=0.0, blur=0.0,
    )  # fmt: skip


def _places(stacks: Sequence[Tensor]) -> list[tuple[int, int]]:
    """(stack, row) of every frame."""
    return [(number, row) for number, stack in enumerate(stacks) for row in range(len(stack))]


def _drawn(places: Sequence[tuple[int, int]], count: int, generator: torch.Generator) -> list[tuple[int, int]]:
    """`count` of the places, each drawn from all."""
    return [places[i] for i in torch.randint(len(places), (count,), generator=generator).tolist()] if count else []
