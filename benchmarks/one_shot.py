"""One-shot inference of a scan for four organs: all at once, against slice by slice and organ by organ.

    python benchmarks/one_shot.py [--encoder small] [--queries 5] [--threads 1] [--busy]

Both sides do the same maths on the same synthetic scans with the same (untrained) network under the published
protocol. The plain side is written from the public functions `local_prototypes` and `class_score`, as a script that
follows the paper would be: for every organ and slice it encodes the support slice and the query slice, makes the
prototypes and scores. Sides alternate, query by query, with one support scan for all; the ratio of the median times
is printed.

The masks must be equal. The two sides sum in another order, so a voxel whose margin (foreground less background
score) is zero but for rounding may fall to either side: such voxels are counted, and a voxel with a margin beyond
rounding that differs is a fault, for which the exit status is 1.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from sagittal.method import Prediction, Support
from sagittal.params import make
from sagittal_engine.evaluate.one_shot import label_range, support_of
from sagittal_engine.kit.one_shot import chunk_of
from sagittal_engine.phantom import make_subject
from sagittal_plugins.cowpro import CARD
from sagittal_plugins.cowpro.method import CoWPro
from sagittal_plugins.cowpro.prototypes import class_score, global_prototype, local_prototypes
from sagittal_plugins.cowpro.rules import preparation

Array = np.ndarray[Any, Any]
ROUNDING = 5e-5
"""Margins below this are rounding: single precision keeps about 2e-6 of a score of 20, and a score sums hundreds."""
NAMES = {1: "liver", 2: "right kidney", 3: "left kidney", 4: "spleen"}


class Scan:
    """A synthetic scan as methods see it."""

    subject = ""
    meta: Mapping[str, str] = {}

    def __init__(self, number: int) -> None:
        image, labels, affine = make_subject(np.random.default_rng(number))
        self.id = f"synthetic-{number}"
        self.spacing = tuple(float(v) for v in np.linalg.norm(affine[:3, :3], axis=0))
        self._image = np.asarray(image, dtype=np.float32)
        self._labels = {name: labels == value for value, name in NAMES.items()}

    def image(self) -> Array:
        return self._image

    def labels(self) -> dict[str, Array]:
        return self._labels


class Context:
    """What inference needs of the engine: a device, and a boundary that lets it go on."""

    def __init__(self) -> None:
        self.device, self.seed, self.scans = torch.device("cpu"), 0, ()

    def boundary(self) -> None:
        """Nothing pauses a benchmark."""


@torch.no_grad()
def plain(
    method: CoWPro, module: torch.nn.Module, supports: list[Support], query: Scan, ranges: Mapping[str, tuple[int, int]]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """The same masks, one organ and one slice at a time; and the margins they were cut from."""
    params, prepared_support = method.params, preparation(method.params).prepare(supports[0].scan)
    prepared, masks, margins = preparation(params).prepare(query), {}, {}
    voxels = prepared.frame.z.voxels()
    for support in supports:
        (label,) = support.masks
        first, last = ranges[label]
        margin = np.full(prepared.slices.shape, -params.scale, dtype=np.float32)
        for z, voxel in enumerate(voxels):
            if voxel <= first - prepared.frame.z.step or voxel >= last + prepared.frame.z.step:
                continue
            k = chunk_of(round(float(voxel)), first, last, len(support.slices))
            image = prepared_support.native_slices(support.scan, [support.slices[k]])
            share = prepared_support.native_masks(support.masks[label], [support.slices[k]])
            features = module(torch.from_numpy(image).unsqueeze(1))[0]
            mask = F.interpolate(
                torch.from_numpy(share).unsqueeze(1), size=features.shape[1:], mode="bilinear", align_corners=False
            )[0, 0]
            pixels = module(torch.from_numpy(prepared.slices[z]).unsqueeze(0).unsqueeze(0))[0]
            margin[z] = _margin(features, mask, pixels, method, prepared.slices.shape[1:])
        margins[label] = prepared.frame.backward(margin, -params.scale)
        masks[label] = margins[label] > 0
        masks[label][:, :, :first] = False
        masks[label][:, :, last + 1 :] = False
    return masks, margins


def _margin(
    features: torch.Tensor, mask: torch.Tensor, pixels: torch.Tensor, method: CoWPro, size: tuple[int, ...]
) -> Array:
    """Foreground less background score of one slice, enlarged."""
    p, scores = method.params, []
    for front, weight in ((True, mask), (False, 1 - mask)):
        local = local_prototypes(features, weight, window=p.test_window, threshold=p.threshold)
        whole = [global_prototype(features, weight)] if front or len(local) == 0 else []
        scores.append(class_score(pixels, torch.cat([local, *whole]), scale=p.scale))
    margin = (scores[0] - scores[1]).unsqueeze(0).unsqueeze(0)
    return F.interpolate(margin, size=size, mode="bilinear", align_corners=False)[0, 0].numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="small")
    parser.add_argument("--queries", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--busy",
        action="store_const",
        dest="clock",
        const=time.process_time,
        default=time.perf_counter,
        help="count processor time instead of time on the clock, on a machine that others use too",
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    size = 128 if arguments.encoder == "small" else 256
    method = CoWPro(make(CARD.params, {"encoder": arguments.encoder, "image_size": size}), Context())
    module = method.module().eval()
    supports = support_of(Scan(0), list(NAMES.values()))
    seconds: dict[str, list[float]] = {"together": [], "plain": []}
    voxels, differing = 0, list[float]()
    for number in range(1, arguments.queries + 1):
        query = Scan(number)
        found = {label: label_range(mask) for label, mask in query.labels().items()}
        ranges = {label: ends for label, ends in found.items() if ends is not None}
        started = arguments.clock()
        together: Prediction = method.segment(module, supports, query, ranges=ranges)
        seconds["together"].append(arguments.clock() - started)
        started = arguments.clock()
        apart, margins = plain(method, module, supports, query, ranges)
        seconds["plain"].append(arguments.clock() - started)
        for label, mask in apart.items():
            voxels += mask.size
            differing += np.abs(margins[label][together.masks[label] != mask]).tolist()
    fast, slow = (statistics.median(seconds[side]) for side in ("together", "plain"))
    print(f"together {fast:.2f} s, slice by slice and organ by organ {slow:.2f} s: {slow / fast:.1f} times as fast")
    if not differing:
        print(f"equal masks: {voxels:,} voxels, none differs")
        return
    print(f"{len(differing)} of {voxels:,} voxels differ; the greatest margin of one of them is {max(differing):.1e}")
    if max(differing) > ROUNDING:
        sys.exit("the masks are not equal")
    print("equal masks but for rounding")


if __name__ == "__main__":
    main()
