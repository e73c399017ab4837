"""Parameters and card of the probe that watches for shortcuts. No torch."""

from __future__ import annotations

from sagittal.panels import Lines
from sagittal.params import Params, setting
from sagittal.probe import ProbeCard
from sagittal_engine.probes.representation_cards import IMAGES_OF, REPRESENTATION


class ShortcutParams(Params):
    """When and on what the share of saliency on borders and background is measured."""

    every: int = setting(100, "Steps between two measurements.", ge=1, unit="steps")
    images: int = setting(32, "Most slices looked at, the same at every measurement.", ge=1, le=4096, unit="slices")
    images_of: str = setting("held-out", "Whose slices.", choices=IMAGES_OF)
    layer: str = setting("", "Layer whose features are looked at; empty takes the last that tells places apart.")
    target: str = setting("", "What is explained, as puzzle or similarity; empty takes what the method offers first.")


CARD = ProbeCard(
    name="shortcut",
    title="Shortcut score",
    summary="Share of saliency that lies on the borders of cells and on what is no body: where shortcuts are.",
    params=ShortcutParams,
    implementation="sagittal_engine.probes.shortcut:Shortcut",
    panels=(
        Lines(
            "Shortcut score",
            "Share of Grad-CAM's sum on cells' borders (bands an eighth of what is shown of a cell wide) or outside "
            "the body; 'area' is the share of pixels there, which a map without preference would have.",
            series=("shortcut_score", "shortcut_area"),
            y_label="share",
        ),
        Lines(
            "Saliency on borders and background",
            "The two parts of the shortcut score, each beside its share of the pixels; the body is the largest "
            "connected part brighter than a tenth of the range, holes filled.",
            series=("border_share", "border_area", "background_share", "background_area"),
            y_label="share",
        ),
    ),
    needs=REPRESENTATION,
)
