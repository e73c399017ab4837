"""Grad-CAM (Selvaraju et al., ICCV 2017): where in an image the features lie that an answer rests on.

The networks of this house see slices in frames of one size, or cubes of a volume; maps are made there and brought back
to the scan's grid.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.instancenorm import _InstanceNorm

from sagittal.method import Context, FeatureLayer, ScanData
from sagittal_engine.kit.body import body
from sagittal_engine.kit.framing import Framing
from sagittal_engine.kit.slices import CONTENT_FROM
from sagittal_engine.kit.windows import Windows

SIMILARITY = "similarity"
"""Target of every method whose encoder gives one vector per image: its cosine with the mean of training images."""

AT_ONCE, CUBES_AT_ONCE = 8, 2
"""Slices, and cubes, that are explained at a time: a backward pass keeps the features of all layers."""
LEAST_PLACES = 3
"""Places a side from which a map can tell the middle from the borders."""
MEAN_OF = 256
"""Training images at most whose mean feature a similarity is taken with, evenly spread."""
INNER = (_ConvNd, _BatchNorm, _InstanceNorm, nn.GroupNorm, nn.LayerNorm, nn.Identity, nn.Dropout)
"""Steps on the way to a layer's features that nobody would ask for by themselves."""

Score = Callable[[Tensor], Tensor]
"""Slices (n, C, H, W), or cubes (n, C, X, Y, Z), → the number that is explained, of each (n,)."""


class Frames(Protocol):
    """How a scan lies before a network, slice by slice: as `Framing` and `Windows` have it."""

    @property
    def plane(self) -> str: ...

    def images(self, scan: ScanData) -> Tensor:
        """(n, C, H, W)."""

    def blank(self) -> Tensor:
        """An empty image in the shape that the network takes, (1, C, …)."""

    def on_grid(self, scan: ScanData, frames: Tensor) -> np.ndarray[Any, Any]:
        """float32 (X, Y, Z) on the scan's grid of numbers (n, H, W)."""


def grad_cam(layer: nn.Module, score: Callable[[], Tensor], *, groups: int = 1) -> Tensor:
    """Grad-CAM at `layer` of the scores (n,) that `score()` computes through it: float32 (n, groups, h, w), ≥ 0.

    Of the layer's features A (n, F, h, w), or (n, F, x, y, z) and so the map, each channel weighs the mean over all
    places of ∂y/∂A, α = (1/hw) Σ ∂y/∂A (Eq. 1), and the map is
    ReLU(Σ α A) over the channels (Eq. 2), or over each of `groups` equal parts of them, which are of different images.
    What a layer gives in several calls is put one after the other. Each score must depend on its own row alone, as in
    evaluation mode. Raises ValueError where the layer took no part, or the network gives no numbers.
    """
    kept: list[Tensor] = []

    def keep(_layer: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        features = output if output.requires_grad else output.detach().requires_grad_()
        kept.append(features)
        return features.clone()  # the layers behind may work in place

    handle = layer.register_forward_hook(keep)
    try:
        with torch.enable_grad():
            total = score().float().sum()
    finally:
        handle.remove()
    if not kept:
        raise ValueError("the score does not pass through the layer that is to explain it.")
    gradients = torch.autograd.grad(total, kept, allow_unused=True)
    maps = []
    for features, gradient in zip(kept, gradients, strict=True):
        slope = torch.zeros_like(features) if gradient is None else gradient
        weights = slope.float().mean(tuple(range(2, slope.ndim)), keepdim=True)
        maps.append(F.relu((weights * features.detach().float()).unflatten(1, (groups, -1)).sum(2)))
    found = torch.cat(maps)
    if not torch.isfinite(found).all():
        raise ValueError("the network gives values that are no numbers (NaN or infinite), so no map can be made of it.")
    return found


def feature_layers(module: nn.Module, run: Callable[[], object], *, axes: int = 2) -> list[FeatureLayer]:
    """The layers of `module` that give maps (n, F, h, w) once when `run()` uses it, from shallow to deep; with three
    `axes`, maps (n, F, x, y, z).

    Of layers that give the same maps (a block and its last part) the outermost stands for all.
    """
    names = {part: name for name, part in module.named_modules() if name}
    calls: Counter[nn.Module] = Counter()
    found: dict[int, tuple[nn.Module, Tensor]] = {}

    def look(part: nn.Module, _inputs: Any, output: Any) -> None:
        calls[part] += 1
        if isinstance(output, Tensor) and output.ndim == 2 + axes:
            found.pop(id(output), None)
            found[id(output)] = part, output  # kept, so that no other tensor takes its id

    handles = [part.register_forward_hook(look) for part in names]
    try:
        with torch.no_grad():
            run()
    finally:
        for handle in handles:
            handle.remove()
    layers = []
    for part, maps in found.values():
        if calls[part] == 1 and not isinstance(part, INNER):
            size = tuple(maps.shape[2:])
            layers.append(FeatureLayer(names[part], part, size, min(size) >= LEAST_PLACES))
    return layers


def suggested(layers: Sequence[FeatureLayer], name: str = "") -> FeatureLayer | None:
    """The layer `name`, None where there is none such; without a name the last that tells places apart, or where none
    does the one with the most places."""
    if name:
        return next((layer for layer in layers if layer.name == name), None)
    local = [layer for layer in layers if layer.local]
    return local[-1] if local else max(layers, key=lambda layer: min(layer.size), default=None)


def label_score(network: nn.Module, channel: int, activation: str, device: torch.device) -> Score:
    """The logits of a label, summed over the places that it takes (Seg-Grad-CAM, Vinogradova et al. 2020, with those
    places as the region of interest); 0 of an image where it takes none.

    `network` gives logits (n, outputs, …); the label is one of `activation` "softmax" or "sigmoid".
    """

    def score(images: Tensor) -> Tensor:
        logits = network(images.to(device))
        taken = logits.argmax(1) == channel if activation == "softmax" else logits[:, channel] > 0
        return (logits[:, channel] * taken).flatten(1).sum(1)

    return score


def background(slices: Tensor) -> Tensor:
    """bool (n, H, W): what of slices (n, C, H, W) is not the body.

    The body is the largest connected part brighter than a tenth of the range of intensities, holes filled.
    """
    grey = slices.float().mean(1).numpy()
    low, high = float(grey.min()), float(grey.max())
    level = low + CONTENT_FROM * (high - low)
    return torch.from_numpy(~np.stack([body(one, level) for one in grey]))


class ExplainsBase(ABC):
    """All of `sagittal.method.Explains` for methods whose images are framed as `kit.framing` or `kit.windows` do.

    A subclass names its targets in `explained` and gives their scores in `explained_score`.
    """

    params: Any
    context: Context

    @abstractmethod
    def explained(self) -> tuple[str, ...]:
        """Names of targets."""

    @abstractmethod
    def explained_score(self, module: Any, target: str) -> Score:
        """The number that is explained, ready for slices on the processor."""

    @abstractmethod
    def explain_example(self, module: Any) -> object:
        """Uses the network once, so that it shows which layers it has."""

    def explain_framing(self) -> Frames:
        """How scans become what the network sees."""
        p = self.params
        return Framing(p.plane, p.image_size, channels=int(p.channels))

    def explain_layers(self, module: nn.Module) -> Sequence[FeatureLayer]:
        axes = self.explain_framing().blank().ndim - 2
        return feature_layers(module, lambda: self.explain_example(module), axes=axes)

    def explain_plane(self, scan: ScanData) -> str:
        return "axial" if scan.image().shape[2] == 1 else self.explain_framing().plane

    def explain_slices(self, scan: ScanData) -> Tensor:
        return self.explain_framing().images(scan).float()

    def explain(
        self,
        module: nn.Module,
        layer: nn.Module,
        slices: Tensor,
        target: str,
        seed: int,
        progress: Callable[[int, int], object] = lambda _done, _total: None,
    ) -> Tensor:
        """As the protocol says; a slice of one intensity, or a cube, is not shown to the network. Where cubes overlap
        their maps are averaged.

        Raises ValueError for a target that is none of `explained()`.
        """
        if target not in self.explained():
            raise ValueError(f"the target is one of {', '.join(self.explained()) or 'none'}; got {target!r}.")
        score = self.explained_score(module, target)
        generator = torch.Generator().manual_seed(seed)
        framing = self.explain_framing()
        windows = framing if isinstance(framing, Windows) else None
        images = slices if windows is None else windows.cut(slices)
        flat = images.flatten(1)
        rows = (flat.amax(1) > flat.amin(1)).nonzero().flatten()
        found = torch.full((len(images), *images.shape[2:]), torch.nan)
        done = 0
        for some in rows.split(AT_ONCE if windows is None else CUBES_AT_ONCE):
            self.context.boundary()
            progress(done, len(rows))
            found[some] = self.explain_some(module, layer, images[some], target, score, generator).cpu()
            done += len(some)
        progress(done, len(rows))
        return found if windows is None else windows.joined(found, slices.shape)

    def explain_some(
        self, module: Any, layer: nn.Module, images: Tensor, target: str, score: Score, generator: torch.Generator
    ) -> Tensor:
        """The maps (n, H, W) of a few slices, or (n, X, Y, Z) of cubes."""
        return enlarged(grad_cam(layer, lambda: score(images)), images.shape[2:]).squeeze(1)

    def explained_on_grid(self, scan: ScanData, maps: Tensor) -> np.ndarray[Any, Any]:
        """As the protocol says. Raises ValueError where the maps are not those of the scan's slices."""
        framing, shown = self.explain_framing(), maps.isfinite()
        weight = framing.on_grid(scan, shown.float())
        value = framing.on_grid(scan, maps.nan_to_num(0.0))
        known = weight >= 0.5
        return np.where(known, value / np.where(known, weight, 1), np.nan).astype(np.float32)

    def patch_borders(self) -> Tensor | None:
        return None


class ExplainsFeatures(ExplainsBase):
    """`ExplainsBase` for `sagittal.method.Represents`: the similarity with training images can always be explained."""

    @abstractmethod
    def features(self, module: Any, images: Tensor) -> Tensor: ...

    @abstractmethod
    def feature_maps(self, module: Any, images: Tensor) -> Tensor: ...

    @abstractmethod
    def training_examples(self) -> Tensor:
        """At most `MEAN_OF` training images (n, C, …), evenly spread."""

    def explained(self) -> tuple[str, ...]:
        return (SIMILARITY,)

    def explained_score(self, module: Any, target: str) -> Score:
        """The cosine of a slice's features with the mean of those of training images; asks for a prepared method."""
        device = self.context.device
        centre = self._mean_feature(module)
        return lambda slices: F.cosine_similarity(self.features(module, slices.to(device)).float(), centre)

    def explain_example(self, module: Any) -> object:
        return self.feature_maps(module, self.explain_framing().blank().to(self.context.device))

    @torch.no_grad()
    def _mean_feature(self, module: Any) -> Tensor:
        """The mean direction (1, F) of the features of training images."""
        total = None
        for some in self.training_examples().split(4 * AT_ONCE):
            self.context.boundary()
            units = F.normalize(self.features(module, some.to(self.context.device)).float(), dim=1).sum(0)
            total = units if total is None else total + units
        assert total is not None, "a method that trains has images"
        return F.normalize(total.unsqueeze(0), dim=1)


def evenly(images: Tensor) -> Tensor:
    """At most `MEAN_OF` of images (N, …), evenly spread."""
    return images[torch.linspace(0, len(images) - 1, min(MEAN_OF, len(images))).long()]


def enlarged(maps: Tensor, size: Sequence[int]) -> Tensor:
    """(n, g, h, w) at `size` (H, W), or (n, g, x, y, z) at (X, Y, Z), linearly interpolated."""
    return F.interpolate(
        maps, size=tuple(size), mode="bilinear" if maps.ndim == 4 else "trilinear", align_corners=False
    )
