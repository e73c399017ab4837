"""The exam classifier as a method of Sagittal: what it learns from, its steps, and how it judges a scan."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sagittal.concurrence import concurrence
from sagittal.engine_port import SagittalError
from sagittal.method import Context, Document, Picture, ScanData
from sagittal_engine.kit.exam_draws import draw_slices, filled_up
from sagittal_engine.kit.exam_encoders import load_start
from sagittal_engine.kit.exams import commonest_plane, is_of, settled_labels
from sagittal_engine.kit.framing import Framing
from sagittal_engine.kit.pictures import view_picture
from sagittal_engine.kit.pretext import PretextBase
from sagittal_engine.kit.sampling import Sampler
from sagittal_engine.kit.scores import auc
from sagittal_engine.kit.slices import NORMALISATION
from sagittal_engine.nets.sslacl import group_of_slices
from sagittal_engine.nets.weights import load_weights
from sagittal_engine.views.batch_views import ViewRules, apply_views, draw_views
from sagittal_plugins.exam_classifier import AUTO, CONCURRENCE, GROUPS, NO_SCANS, PICTURES, SIGNED, ExamClassifierParams
from sagittal_plugins.exam_classifier.exams import Exams, Split, chunks, epoch_of, split
from sagittal_plugins.exam_classifier.explaining import ExplainsExams
from sagittal_plugins.exam_classifier.loss import class_weights, weighted_bce
from sagittal_plugins.exam_classifier.network import ExamNetwork, build

AT_ONCE = 32
"""Slices that are read at a time where nothing is learned: branches hold every cell at high resolution."""
CHECK_SEED = 20_000
"""Of the draws that held-out exams are looked at with: the same at every look and in every run."""
SHOWN_EXAMS, SHOWN_SLICES = 4, 8


class ExamClassifier(PretextBase[ExamClassifierParams], ExplainsExams):
    """Learns labels of exams from slices of one plane; judges scans of that plane."""

    def __init__(self, params: ExamClassifierParams, context: Context) -> None:
        super().__init__(params, context)
        self.labels = params.names()
        self.plane = params.plane
        self._rules = ViewRules(
            crop_low=params.crop_low, stretch=1.0, flip=params.flip, rotation=params.rotation, jitter=1.0,
            brightness=params.brightness, contrast=params.contrast, saturation=0.0, hue=0.0, greyscale=0.0, blur=0.0,
        )  # fmt: skip
        self._training: Exams | None = None
        self._held_out: Exams | None = None
        self._epoch: list[int] = []
        self._sampler: Sampler | None = None
        self._sampling = threading.Lock()
        self._weights = torch.ones(2, len(self.labels))
        self._start: Any = None
        self._read: dict[tuple[str, int], Tensor] = {}
        """What a frozen encoder reads of the slices of an exam."""
        self._numbers: dict[str, float] = {}

    @property
    def framing(self) -> Framing:
        """How slices become frames. What sees cells, or groups of slices, sees grey ones."""
        grey = self.params.of_cells or self.params.head == GROUPS
        return Framing(self.plane, self.params.image_size, 0.0, 1 if grey else int(self.params.channels))

    # Exams -----------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Finds the exams of the plane, sets subjects aside, and makes frames of the others' slices (cached).

        Raises `SagittalError` where there are no labels to tell apart, or no weights to start from.
        """
        p, scans = self.params, self.context.scans
        self.plane = commonest_plane(scans) if p.plane == AUTO else p.plane
        own = [scan.meta for scan in scans if is_of(scan, self.plane)]
        if not own:
            raise SagittalError(NO_SCANS.format(count=len(scans), plane=self.plane))
        self.labels = settled_labels(self.labels, own)
        parts = self._split(scans)
        training, held_out = (
            Exams(some, self.labels, self.framing, self.context) for some in (parts.training, parts.held_out)
        )
        total = len(training) + len(held_out)
        training.read(0, total)
        held_out.read(len(training), total)
        self.context.progress(total, total, "Cutting scans into slices")
        self._check(training, parts)
        self._training, self._held_out = training, held_out
        self._epoch = epoch_of(training.targets, oversample=p.oversample)
        self._sampler = Sampler(len(self._epoch), p.batch_size, self.context.seed)
        if p.class_weights:
            self._weights = class_weights(training.targets[self._epoch])
        else:
            self._weights = torch.ones(2, len(self.labels))
        if p.start_from:
            self._start = self.context.encoder_file(p.start_from)

    def _split(self, scans: Sequence[ScanData]) -> Split:
        p = self.params
        return split(
            scans, plane=self.plane, labels=self.labels, held_out=p.held_out, label_share=p.label_share,
            seed=self.context.seed,
        )  # fmt: skip

    def _check(self, training: Exams, parts: Split) -> None:
        """Tells what cannot be learned from the exams that are left; raises where nothing can."""
        if len(training) < 2:
            raise SagittalError(
                f"There are {len(training)} exams to train on ({len(parts.held_out)} are held out, {len(parts.unused)} "
                "beyond the label budget), and at least two are needed. Add exams, lower 'held_out', or raise "
                "'label_share'."
            )
        lacking = [
            label
            for label, column in zip(self.labels, training.targets.T, strict=True)
            if not ((column == 0).any() and (column == 1).any())
        ]
        if len(lacking) == len(self.labels):
            raise SagittalError(
                f"All exams to train on are of the same class ({', '.join(lacking)}), so there is nothing to tell "
                "apart. Raise 'label_share', lower 'held_out', or add exams of the other class."
            )
        if lacking:
            self.context.message(
                "warning",
                f"The exams to train on are of one class only in {', '.join(lacking)}: that is not learned. Raise "
                "'label_share', or add exams of the other class.",
            )
        few = sum(count < self.params.slices for count in training.counts)
        if few:
            self.context.message(
                "info",
                f"{few} of {len(training)} exams have fewer than {self.params.slices} slices; of those all are looked "
                "at.",
            )
        if len(parts.unused):
            self.context.message(
                "info", f"Labels of {len(training)} of {len(training) + len(parts.unused)} training exams are used."
            )

    def training_set(self) -> Exams:
        """The exams that are trained on; `scans` names them."""
        return _prepared(self._training)

    def divided(self, scans: Sequence[ScanData]) -> tuple[Sequence[ScanData], Sequence[ScanData]]:
        """The scans that a run of these is trained on, and those of the subjects that it keeps from training."""
        parts = self._split(scans)
        return parts.training, parts.held_out

    # The step --------------------------------------------------------------------------------------------------

    def batch(self, step: int, generator: torch.Generator) -> dict[str, Any]:
        """The step's exams, which of their slices are taken, and the draws of their random changes."""
        exams = self.training_set()
        # A probe asks for batches on the run's thread while the next steps' are made on another.
        with self._sampling:
            places = _prepared(self._sampler).indices(max(1, step)).tolist()
        rows = [self._epoch[place] for place in places]
        count = min(self.params.slices, max(exams.counts[row] for row in rows))
        chosen = [filled_up(draw_slices(exams.counts[row], count, "uniform", generator), count) for row in rows]
        batch: dict[str, Any] = {
            "exams": torch.tensor(rows),
            "chosen": torch.stack(chosen),
            "targets": exams.targets[rows],
        }
        if not self._cached_reading:
            taken = list(zip(rows, chosen, strict=True))
            batch["slices"] = torch.stack([exams.frames(row)[own] for row, own in taken]).float()
            batch["groups"] = torch.stack([self.groups(exams.counts[row])[own] for row, own in taken])
            batch["draw"] = draw_views(len(rows), self.params.image_size, self._rules, generator)
        return batch

    @property
    def _cached_reading(self) -> bool:
        """Whether an exam is read once for the whole run: nothing learns while it is read."""
        return self.params.frozen and self.params.head != GROUPS

    def groups(self, count: int) -> Tensor:
        """Which part of its scan each slice is of, where that decides who reads it."""
        if self.params.head == GROUPS:
            return group_of_slices(count, int(self.params.grid) ** 2)
        return torch.zeros(count, dtype=torch.int64)

    def objectives(self, module: nn.Module, batch: Any) -> Mapping[str, Tensor]:
        """Weighted binary cross-entropy of the exams' known labels."""
        assert isinstance(module, ExamNetwork)
        device = batch["targets"].device
        if self._cached_reading:
            rows = zip(batch["exams"].tolist(), batch["chosen"].cpu(), strict=True)
            read = torch.stack([self._exam_read(module, "training", row)[own] for row, own in rows]).to(device)
        else:
            with torch.no_grad(), torch.autocast(device.type, enabled=False):
                each = torch.arange(len(batch["slices"]), device=device).repeat_interleave(batch["slices"].shape[1])
                slices = apply_views(batch["slices"].flatten(0, 1), batch["draw"].take(each))
            read = module.read(slices, batch["groups"].flatten()).unflatten(0, batch["chosen"].shape)
        scores = module.judge(read)
        return {"label_loss": weighted_bce(scores.float(), batch["targets"], self._weights.to(device))}

    def _exam_read(self, module: ExamNetwork, part: str, row: int) -> Tensor:
        """What is read of all slices of an exam, kept where the encoder is frozen."""
        if (part, row) in self._read:
            return self._read[part, row]
        exams = _prepared({"training": self._training, "held out": self._held_out}[part])
        with torch.no_grad():
            read = self.read(module, exams.frames(row).float())
        if self._cached_reading:
            self._read[part, row] = read
        return read

    def after_step(self, module: nn.Module, step: int) -> None:
        every = self.params.check_steps
        if every and step % every == 0 and len(_prepared(self._held_out)):
            assert isinstance(module, ExamNetwork)
            self._numbers = self.check(module)

    def check(self, module: ExamNetwork) -> dict[str, float]:
        """Loss, and AUC of each label that has both classes, over the held-out exams, from one draw of slices each."""
        exams = _prepared(self._held_out)
        generator = torch.Generator().manual_seed(CHECK_SEED)
        training = module.training
        module.eval()
        try:
            with torch.no_grad():
                scores = []
                for row, count in enumerate(exams.counts):
                    read = self._exam_read(module, "held out", row)
                    scores.append(self.judge(module, read[self.draw(count, generator)].unsqueeze(0)).float().cpu())
        finally:
            module.train(training)
        told = torch.cat(scores)
        found = {"held_out_loss": float(weighted_bce(told, exams.targets, self._weights))}
        for label, own, truth in zip(self.labels, told.T, exams.targets.T, strict=True):
            known = truth.isfinite()
            area = auc(truth[known].numpy() > 0, own[known].numpy())
            if area == area:
                found[f"auc_{label}"] = area
        return found

    def metrics(self) -> Mapping[str, float]:
        """What the newest look at held-out exams found, once."""
        found, self._numbers = self._numbers, {}
        return found

    def pictures(self, module: nn.Module, batch: Any) -> Sequence[Picture]:
        """The middle slices of some exams of the batch, a row each."""
        exams, rows = self.training_set(), batch["exams"].tolist()[:SHOWN_EXAMS]
        strips, said = [], []
        for row in rows:
            middle = max(0, exams.counts[row] // 2 - SHOWN_SLICES // 2)
            strips.append(exams.frames(row)[middle : middle + SHOWN_SLICES].float())
            targets = exams.targets[row].tolist()
            has = [label for label, value in zip(self.labels, targets, strict=True) if value == 1]
            said.append(", ".join(has) or "none")
        return [Picture(PICTURES, view_picture(strips), " · ".join(said))]

    def documents(self) -> Sequence[Document]:
        """Which labels of the training exams occur together."""
        exams = self.training_set()
        truths = {
            scan: {label: bool(value) for label, value in zip(self.labels, row, strict=True) if value == value}
            for scan, row in zip(exams.scans, exams.targets.tolist(), strict=True)
        }
        found = concurrence(truths, self.labels)
        return [Document(CONCURRENCE, {"values": [list(row) for row in found.counts], "labels": list(self.labels)})]

    # The network -----------------------------------------------------------------------------------------------

    def module(self) -> nn.Module:
        """A fresh network; what the encoder starts from is loaded once `prepare` has found it."""
        p = self.params
        network = build(p, len(self.labels))
        if self._start is not None:
            part = "branches." if p.head == GROUPS else ""
            self.context.message("info", load_start(network.encoder.network, self._start, p.start_from, only=part))
        elif p.weights:
            try:
                loaded = load_weights(network.encoder.network, p.weights)
            except ValueError as error:
                raise SagittalError(str(error)) from error
            self.context.message("info", loaded.sentence(p.weights))
        return network

    def encoder(self, module: nn.Module) -> nn.Module:
        """What reads a slice; of "divide and teach" the branches."""
        assert isinstance(module, ExamNetwork)
        return module.fixed if self.params.head == GROUPS else module.encoder.network

    def encoder_facts(self) -> Mapping[str, Any]:
        p = self.params
        facts: dict[str, Any] = {
            "architecture": f"{p.encoder} branches" if p.head == GROUPS else p.encoder,
            "stem": p.stem,
            "in_channels": int(p.channels),
            "image_size": p.image_size,
            "plane": self.plane,
            "normalisation": f"{NORMALISATION}; then {SIGNED}" if p.signed else NORMALISATION,
            "labels": list(self.labels),
        }
        return facts | ({"cells": int(p.grid) ** 2, "crop": p.crop, "width": p.width} if p.of_cells else {})

    # Judging ---------------------------------------------------------------------------------------------------

    def slices(self, scan: ScanData) -> Tensor:
        """float32 (n, C, H, W): all slices across the plane."""
        return self.framing.images(scan, self.context).float()

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """The slices of one look, by the rule of the parameters."""
        return draw_slices(count, self.params.slices, self.params.draws, generator)

    def read(self, module: nn.Module, slices: Tensor) -> Tensor:
        """What the encoder takes of each slice of a scan: maps (n, F, h, w), or features (n, F)."""
        assert isinstance(module, ExamNetwork)
        device = next(module.parameters()).device
        groups = self.groups(len(slices))
        parts = []
        for some in chunks(len(slices), AT_ONCE):
            self.context.boundary()
            parts.append(module.read(slices[some].to(device), groups[some]))
        return torch.cat(parts)

    def judge(self, module: nn.Module, read: Tensor) -> Tensor:
        """Scores (B, labels) of B draws, (B, k, …)."""
        assert isinstance(module, ExamNetwork)
        return module.judge(read)

    def features(self, read: Tensor) -> Tensor:
        """Mean over places: (n, F)."""
        return read.flatten(2).mean(2) if read.ndim > 2 else read


def _prepared(part: Any) -> Any:
    if part is None:
        raise RuntimeError("prepare() comes before exams are asked for.")
    return part
