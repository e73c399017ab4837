"""The shortcut score while a network trains: how much of its saliency lies where no anatomy is."""

from __future__ import annotations

from sagittal.engine_port import SagittalError
from sagittal.method import FeatureLayer
from sagittal_engine.evaluate.saliency import shares
from sagittal_engine.kit.explaining import background, suggested
from sagittal_engine.probes.encoding import of_whom
from sagittal_engine.probes.probe import Findings, Moment
from sagittal_engine.probes.representation import chosen_images
from sagittal_engine.probes.saliency_cards import ShortcutParams

SERIES = {"shortcut": "shortcut_score", "border": "border_share", "background": "background_share"}
"""Names of shares → names of their series; areas keep theirs."""


class Shortcut:
    """Grad-CAM of the same slices, with the same puzzles, at every moment of a run."""

    name = "shortcut"

    def __init__(self, params: ShortcutParams) -> None:
        self.params = params

    def due(self, step: int, goal: int) -> bool:
        return step % self.params.every == 0 or step == goal

    def measure(self, moment: Moment) -> Findings:
        """Raises `SagittalError` where the network cannot be asked, or not for what is asked."""
        method = moment.method
        targets = method.explained() if hasattr(method, "explain") else ()
        target = self.params.target or next(iter(targets), "")
        if target not in targets:
            known = f"it can explain {', '.join(targets)}" if targets else "its method names nothing to explain"
            raise SagittalError(f"Shortcuts of this run are not measured: {known}, and '{target}' was asked for.")
        images = chosen_images(moment, self.params.images_of, self.params.images)
        if images.images.ndim != 4:
            raise SagittalError("Shortcuts of this run are not measured: its network sees 3D patches, and no slices.")
        module = moment.module.eval()
        layer = self._layer(method.explain_layers(module))
        maps = method.explain(module, layer.layer, images.images, target, moment.seed)
        found = shares(maps, background(images.images), method.patch_borders())
        note = (
            f"The shortcut score is that of {target} at {layer.name}, on {of_whom(images)} ({self.params.images_of})."
        )
        return Findings({SERIES.get(name, name): value for name, value in found.items()}, notes=(("info", note),))

    def _layer(self, layers: list[FeatureLayer]) -> FeatureLayer:
        found = suggested(layers, self.params.layer)
        if found is None:
            names = ", ".join(layer.name for layer in layers)
            raise SagittalError(
                f"The network has no layer '{self.params.layer}' whose features are maps. It has {names}."
            )
        return found
