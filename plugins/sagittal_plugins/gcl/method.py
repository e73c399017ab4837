"""GCL as a method of Sagittal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from sagittal.engine_port import SagittalError
from sagittal.method import Context, Document, Picture
from sagittal.params import OWN_META_LABELS, names_in
from sagittal_engine.kit.contrastive import VIEWS, ContrastiveBase
from sagittal_engine.kit.images import ImageSet
from sagittal_engine.nets.projectors import projector
from sagittal_plugins.gcl import BRANCHES, GCLParams
from sagittal_plugins.gcl.conflicts import Conflicts
from sagittal_plugins.gcl.meta_labels import NO_ATTRIBUTES, NONE_LEFT, mistaken, useless, values_of
from sagittal_plugins.gcl.network import GCLNetwork, Outputs
from sagittal_plugins.gcl.pictures import kept_pixels
from sagittal_plugins.gcl.pixels import Filtered, LabelBatch, draw_label, image_loss, pixel_loss

T = TypeVar("T")

NUMBER_STEPS = 10
"""Steps between two records of agreement, pace and what the filter kept."""


class GCL(ContrastiveBase[GCLParams]):
    """One image contrast and one pixel contrast per meta label; their gradients are mitigated branch by branch."""

    def __init__(self, params: GCLParams, context: Context) -> None:
        super().__init__(params, context)
        self.labels: tuple[str, ...] = ()
        """The meta labels that are of use; each has an objective per branch."""
        self._branches = BRANCHES if params.pixel_weight else BRANCHES[:1]
        self._codes = torch.zeros(0, 0, dtype=torch.int64)
        self._network: GCLNetwork | None = None
        self._rows: Tensor | None = None
        self._conflicts = Conflicts(())
        self._told: dict[str, Tensor | float] = {}

    # Images and their labels -----------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Also reads the meta labels of the images to train on, and leaves those out that are of no use."""
        super().prepare()
        images = self.training_set()
        values = self._values(images)
        self.labels = tuple(values)
        self._codes = torch.stack([_codes(own) for own in values.values()])
        self._conflicts = Conflicts(self.labels)

    def _values(self, images: ImageSet) -> dict[str, tuple[str, ...]]:
        """Label → value per image. Raises `SagittalError` where no label is of use."""
        p = self.params
        found: dict[str, tuple[str, ...]] = {}
        for name in names_in(p.meta_labels):
            values = values_of(images, name, p.quantiles)
            why = useless(values)
            if why:
                self.context.message("warning", f"The meta label '{name}' is left out: {why}.")
            else:
                found[name] = mistaken(values, p.label_noise, f"{self.context.seed}/{name}")
        if not found:
            offered = dict.fromkeys([*OWN_META_LABELS, *(n for n in images.targets if n not in NO_ATTRIBUTES)])
            raise SagittalError(NONE_LEFT.format(offered=", ".join(offered)))
        return found

    def batch(self, step: int, generator: torch.Generator) -> dict[str, Any]:
        """Images and draws of their views, what is drawn for each label, and how far the filter's pace has come."""
        p, step = self.params, max(1, step)
        chosen = self._chosen(step)
        batch = {
            "images": self.training_set().images[chosen],
            **{name: self.draw(len(chosen), generator) for name in VIEWS},
        }
        twice = self._codes[:, chosen].repeat(1, len(VIEWS))
        labels = [draw_label(codes, anchors=p.anchors, negatives=p.negatives, generator=generator) for codes in twice]
        return {**batch, "labels": labels, "pace": min(1.0, step / max(1, p.steps)) ** p.pace}

    # The step --------------------------------------------------------------------------------------------------

    def objectives(self, module: Any, batch: Any) -> Mapping[str, Tensor]:
        outputs = self._outputs(module, batch)
        self.remember(outputs.images)
        self._network = module
        losses, filtered = self._losses(outputs, batch)
        self._told = self._numbers_of(filtered, batch)
        return losses

    def _outputs(self, module: GCLNetwork, batch: Any) -> Outputs:
        with torch.no_grad(), torch.autocast(batch["images"].device.type, enabled=False):
            views = self.views(batch)
        return module.outputs(torch.cat(views), pixels=len(self._branches) > 1)

    def _losses(self, outputs: Outputs, batch: Any) -> tuple[dict[str, Tensor], list[Filtered]]:
        """Named objectives, branch by branch, and what the filter did where it had something to do."""
        p = self.params
        by_name: Mapping[str, LabelBatch] = dict(zip(self.labels, batch["labels"], strict=True))
        losses = {
            objective("image", name): image_loss(outputs, label, temperature=p.temperature)
            for name, label in by_name.items()
        }
        filtered = []
        for name, label in by_name.items() if len(self._branches) > 1 else ():
            found = self._filtered(outputs, label, batch["pace"])
            losses[objective("pixel", name)] = p.pixel_weight * (found.loss if found else 0.0 * outputs.pixels.sum())
            filtered += [found] if found else []
        return losses, filtered

    def _filtered(self, outputs: Outputs, label: LabelBatch, pace: float) -> Filtered | None:
        p = self.params
        fraction = p.fraction if p.filter else 1.0
        return pixel_loss(outputs, label, temperature=p.temperature, progress=pace, fraction=fraction)

    def combine(self, gradients: Mapping[str, Sequence[Tensor]]) -> Sequence[Tensor] | None:
        """Per branch, the encoder's gradients of all labels mitigated; heads, and branches, are summed.

        One label needs no mitigation and a plain sum none, so None is returned and the sum of all is descended.
        At most one gradient per label is held at a time, with the sum and the one that is being looked up.
        """
        p, count = self.params, len(self.labels)
        measures = p.mitigator == "sum" and p.measure_steps and self._step % p.measure_steps == 0
        if count == 1 or (p.mitigator == "sum" and not measures):
            return None
        network = _known(self._network)
        chosen = [names_in(p.meta_labels).index(name) for name in self.labels]
        total: Tensor | None = None
        heads: list[Tensor] = []
        for branch in self._branches:
            for row, name in enumerate(self.labels):
                heads = self._take(gradients[objective(branch, name)], row, heads, network)
            mitigator: Any = network.mitigators[branch]
            found = mitigator(self._rows, chosen)
            self._conflicts.add(branch, mitigator.last)
            total = found if total is None else total.add_(found)
        if p.mitigator == "sum":
            self._rows = None
            return None
        return _parted(_known(total), heads, network)

    def _take(self, gradient: Sequence[Tensor], row: int, heads: list[Tensor], network: GCLNetwork) -> list[Tensor]:
        """Puts the encoder's part of a gradient into its row, and adds the heads' parts to what there is of them."""
        shared = [part.reshape(-1) for part, own in zip(gradient, _is_shared(network), strict=True) if own]
        if self._rows is None:
            self._rows = shared[0].new_empty(len(self.labels), sum(map(len, shared)))
        torch.cat(shared, out=self._rows[row])
        others = [part for part, own in zip(gradient, _is_shared(network), strict=True) if not own]
        return [sum_.add_(part) for sum_, part in zip(heads, others, strict=True)] if heads else others

    def metrics(self) -> Mapping[str, float]:
        """Collapse alarms; every ten steps pace, what the filter kept, and how the labels agreed since."""
        numbers = dict(super().metrics())
        if self._step % NUMBER_STEPS == 0 or self._step == 1:
            numbers |= {name: float(value) for name, value in self._told.items()} | self._conflicts.numbers()
        return numbers

    def _numbers_of(self, filtered: Sequence[Filtered], batch: Any) -> dict[str, Tensor | float]:
        views = len(VIEWS)
        numbers: dict[str, Tensor | float] = {
            f"positives_{name}": _mean_positives(label.codes, views)
            for name, label in zip(self.labels, batch["labels"], strict=True)
        }
        if filtered:
            kept = [found.hardness.gather(-1, found.kept) for found in filtered]
            unsure = [f.uncertainty.unsqueeze(1).expand_as(f.hardness).gather(-1, f.kept) for f in filtered]
            numbers |= {
                "pace": batch["pace"],
                "kept_fraction": filtered[0].kept.shape[-1] / filtered[0].hardness.shape[-1],
                "kept_hardness": _mean(kept),
                "hardness": _mean([found.hardness for found in filtered]),
                "kept_uncertainty": _mean(unsure),
                "uncertainty": _mean([found.uncertainty for found in filtered]),
            }
        return numbers

    def outputs_and_loss(self, module: Any, batch: Any) -> tuple[Any, Callable[[Any], Tensor]]:
        """The projections of images and cells, and the sum of all losses as a function of them."""
        found = self._outputs(module, batch)
        outputs = [found.images, found.pixels][: len(self._branches)]

        def loss_of(given: Sequence[Tensor]) -> Tensor:
            images, pixels = (*given, found.pixels)[:2]
            losses, _ = self._losses(found._replace(images=images, pixels=pixels), batch)
            return torch.stack(list(losses.values())).sum()

        return outputs, loss_of

    def pictures(self, module: Any, batch: Any) -> Sequence[Picture]:
        """Images above their views; and for each label the cells that the filter keeps."""
        pictures = list(super().pictures(module, batch))
        if len(self._branches) > 1:
            outputs, images = self._outputs(module, batch), torch.cat(self.views(batch))
            named = zip(self.labels, batch["labels"], strict=True)
            found = [(name, label, self._filtered(outputs, label, batch["pace"])) for name, label in named]
            drawn = [(name, label, one) for name, label, one in found if one is not None]
            if drawn:
                caption = f"pace {batch['pace']:.2f}: 0 keeps certain cells, 1 hard ones"
                pictures.append(Picture("Kept pixels", kept_pixels(images, outputs.shape, drawn), caption))
        return pictures

    def documents(self) -> Sequence[Document]:
        """How the labels' gradients agreed since the last time."""
        return [Document(source, values) for source, values in self._conflicts.squares().items()]

    # The network -----------------------------------------------------------------------------------------------

    def module(self) -> nn.Module:
        p = self.params
        encoder = self.new_encoder()
        pixel_head = projector(encoder.width, p.hidden_dim, p.pixel_dim, layers=p.projector_layers)
        return GCLNetwork(
            encoder, self.new_projector(encoder.width), pixel_head, len(names_in(p.meta_labels)),
            beta=p.beta, mode=p.mitigator,
        )  # fmt: skip


def objective(branch: str, label: str) -> str:
    """The name of a label's objective in a branch."""
    return f"{branch}_loss_{label}"


def _codes(values: Sequence[str]) -> Tensor:
    """int64 (N,): a number per value, −1 where it is not known."""
    numbers = {value: number for number, value in enumerate(sorted(set(values) - {""}))}
    return torch.tensor([numbers.get(value, -1) for value in values], dtype=torch.int64)


def _is_shared(network: nn.Module) -> list[bool]:
    """Of each parameter that trains, whether it is the encoder's."""
    return [name.startswith("encoder.") for name, parameter in network.named_parameters() if parameter.requires_grad]


def _parted(total: Tensor, heads: Sequence[Tensor], network: nn.Module) -> list[Tensor]:
    """The encoder's gradient (P,) cut into its parameters' shapes, and the heads' parts, in the network's order."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    shared = _is_shared(network)
    pieces = iter(total.split([p.numel() for p, own in zip(trained, shared, strict=True) if own]))
    others = iter(heads)
    return [next(pieces).view_as(p) if own else next(others) for p, own in zip(trained, shared, strict=True)]


def _mean_positives(codes: Tensor, views: int) -> Tensor | float:
    """How many other images of the batch share an image's value, on average over images whose value is known."""
    if not len(codes):
        return 0.0
    return (codes.unsqueeze(1) == codes).sum(1).float().mean() / views - 1


def _mean(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat([part.flatten() for part in parts]).mean()


def _known(part: T | None) -> T:
    if part is None:
        raise RuntimeError("objectives() comes before combine().")
    return part
