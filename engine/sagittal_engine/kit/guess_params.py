"""Parameters and panels of methods that learn by guessing what was done to a slice. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import psutil

from sagittal.facts import Check, ScanFacts
from sagittal.panels import Images, Lines, Panel
from sagittal.params import TrainingParams, inherited, setting

NETWORK = "Network"
DATA = "Images"
LIVE = "Live measures"
CHANGES = "Random changes"

PLANES = {
    "axial": "Across the head-foot axis.",
    "coronal": "Across the front-back axis.",
    "sagittal": "Across the left-right axis.",
}
PLANE_META = "plane"
"""Attribute of scans that are one plane of an exam."""
AXES = {"axial": (0, 1, 2), "coronal": (0, 2, 1), "sagittal": (1, 2, 0)}
"""Axes of a scan that a slice has, and the one that is cut across."""


def of_plane(named: str, plane: str) -> bool:
    """Whether a scan whose attribute "plane" is `named` takes part when slices of `plane` are learned from.

    A scan that names no plane is whole, and is cut in any.
    """
    return named not in PLANES or named == plane


OTHER_PLANES = (
    "None of the {count} scans is {plane}: the attribute 'plane' of each names another. Choose another 'plane', or "
    "other scans."
)


def about_planes(scans: Sequence[ScanFacts], plane: str) -> Iterable[Check]:
    """What there is to say before a run on slices of `plane`: scans that are left out, or that none is left."""
    own = sum(of_plane(scan.meta.get(PLANE_META, ""), plane) for scan in scans)
    if scans and not own:
        yield Check(False, OTHER_PLANES.format(count=len(scans), plane=plane), blocking=True)
    elif own < len(scans):
        yield Check(True, f"{own} of {len(scans)} scans are {plane}; those of other planes are left out.")


class GuessParams(TrainingParams):
    """What every such method has, with the thesis's optimiser (ch. 3)."""

    steps: int = inherited(TrainingParams, "steps", 3500)
    batch_size: int = setting(16, "Slices per step.", ge=2, le=4096, unit="slices")
    learning_rate: float = inherited(TrainingParams, "learning_rate", 1e-4)
    optimiser: str = inherited(TrainingParams, "optimiser", "rmsprop")
    schedule: str = inherited(TrainingParams, "schedule", "exponential")
    decay_every: int = inherited(TrainingParams, "decay_every", 70)

    plane: str = setting(
        "axial",
        "Plane in which scans are cut into slices. Scans whose attribute 'plane' names another are left out.",
        choices=PLANES,
        group=DATA,
    )
    image_size: int = setting(256, "Pixels a side that slices are brought to.", ge=16, le=1024, unit="px", group=DATA)
    slices_per_scan: int = setting(
        0, "Slices taken of each scan, evenly spread; 0 takes all. Of a scan with fewer, all are taken.",
        ge=0, le=4096, unit="slices", group=DATA,
    )  # fmt: skip
    epoch_of: str = setting(
        "scans",
        "What every epoch takes once.",
        choices={
            "scans": "Each scan, of which one slice is drawn: the published way.",
            "slices": "Each slice: for studies of few scans.",
        },
        group=DATA,
    )
    channels: int = setting(
        3,
        "Channels that the network sees.",
        choices={"1": "Grey.", "3": "Grey three times, as published."},
        group=DATA,
    )

    held_out: float = setting(
        0.2, "Share of subjects kept from training, for live measures; 0 keeps none.", ge=0, lt=1, group=LIVE
    )
    label_target: str = setting("labels", "What live k-NN and tolerance take as the class of an image.", group=LIVE)
    check_steps: int = setting(
        100, "Steps between two looks at slices of held-out subjects; 0 never looks.", ge=0, unit="steps", group=LIVE
    )
    check_images: int = setting(256, "Slices of held-out subjects looked at.", ge=1, le=65536, group=LIVE)

    def least_side(self) -> int:
        """Pixels a side that a slice must have to be cut at all."""
        return 1

    def clear_side(self) -> int:
        """Pixels a side below which a slice is enlarged so much that there is little to see in it."""
        return 1

    def about_scans(self, scans: Sequence[ScanFacts]) -> Iterable[Check]:
        yield from about_planes(scans, self.plane)
        own = [scan for scan in scans if of_plane(scan.meta.get(PLANE_META, ""), self.plane)]
        yield from self._about_memory(own)
        sides = {scan.name: self._shape(scan)[:2] for scan in own}
        tiny = [name for name, side in sides.items() if min(side) < self.least_side()]
        small = [name for name, side in sides.items() if max(side) < self.clear_side() and name not in tiny]
        if tiny:
            yield Check(
                False,
                f"The {self.plane} slices of {_some(tiny)} have fewer than {self.least_side()} pixels a side and "
                "cannot be cut. Leave these scans out, or choose another 'plane'.",
                blocking=True,
            )
        if small:
            yield Check(
                False,
                f"The {self.plane} slices of {_some(small)} are smaller than {self.clear_side()} pixels, which is one "
                "cell: enlarged to the size asked for, their cells hold little to tell them apart. Lower 'image_size', "
                "or leave these scans out.",
            )

    def _about_memory(self, scans: Sequence[ScanFacts]) -> Iterable[Check]:
        slices = sum(min(count, self.slices_per_scan or count) for scan in scans for count in self._shape(scan)[2:])
        # Whole, and once more while subjects are set aside.
        needed, free = 2 * 4 * slices * self.image_size**2, psutil.virtual_memory().available
        if needed > free:
            yield Check(
                False,
                f"{slices} slices of {self.image_size} pixels a side take {needed / 1e9:.1f} GB, and {free / 1e9:.1f} "
                "GB of memory are free. Set 'slices_per_scan', lower 'image_size', or choose fewer scans.",
                blocking=True,
            )

    def _shape(self, scan: ScanFacts) -> tuple[int, int, int]:
        """Pixels along both sides of a slice, and slices; a picture is a slice whatever the plane."""
        rows, columns, across = AXES["axial" if scan.shape[2] == 1 else self.plane]
        return scan.shape[rows], scan.shape[columns], scan.shape[across]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


RATE = Lines("Learning rate", "Step size that each update used.", series=("learning_rate",), log=True)


def panels(loss: str, about_loss: str, about_accuracy: str, pictures: Images, *own: Panel) -> tuple[Panel, ...]:
    """The panels of a method: its loss, how often it guesses right, its own, its pictures, the learning rate."""
    return (
        Lines("Loss", about_loss, series=(loss,), y_label="loss"),
        Lines(
            "Guessed right",
            about_accuracy,
            series=("accuracy", "held_out_accuracy", "chance"),
            y_label="share right",
        ),
        *own,
        pictures,
        RATE,
    )
