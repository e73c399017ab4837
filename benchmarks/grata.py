"""One image through GraTa: the views of one image in one batch, beside the literal form with one forward per view.

The literal form is written out below as the paper and the released code have it: torch's own batch normalisations in
training mode without running statistics, one forward per view, one image at a time. Both take the same strong view and
take turns in one process; the ratio is that of the fastest turns, which a busy machine disturbs least. On the
processor, time is that of one thread, as the system counts it for this process. Both must give the same logits.

    python benchmarks/grata.py [--recipe fundus] [--size 256] [--rounds 5] [--device auto] [--json]

The network is that of a recipe of U-Net, unless told `fundus-quick-cpu` on a processor and `fundus` (the paper's) on a
GPU, with two sigmoid outputs.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from typing import Any

TARGET = {"cpu": 1.5, "cuda": 3.0}
"""How many times as fast as the literal form it shall be, at 256² pixels on a processor."""
CLOSE = 1e-3
"""Largest difference of two logits: float32, through forty layers and six views."""
BETA = 1e-4


class Literal:
    """Steps 1 to 7 of the method (Chen et al. 2025), one forward per view."""

    def __init__(self, network: Any) -> None:
        import torch
        from torch import nn

        self.network = copy.deepcopy(network).train().requires_grad_(False)
        norms = [part for part in self.network.modules() if isinstance(part, nn.BatchNorm2d)]
        for norm in norms:
            norm.running_mean = norm.running_var = None
            norm.track_running_stats = False
        self.theta = [p.requires_grad_(True) for norm in norms for p in (norm.weight, norm.bias)]
        self.optimiser = torch.optim.Adam(self.theta, lr=BETA)

    def image(self, x: Any, generator: Any) -> Any:
        import torch
        from torch.nn import functional as F

        from sagittal_engine.views.strong_views import apply_strong, draw_strong

        p = torch.sigmoid(self.network(x))
        g_a = torch.autograd.grad((-p * torch.log(p + 1e-6)).sum(1).mean(), self.theta)
        kept = [t.detach().clone() for t in self.theta]
        with torch.no_grad():
            for t, g in zip(self.theta, g_a, strict=True):
                t -= g
            total = torch.sigmoid(self.network(x))
            for axis in (3, 2):
                total = total + torch.sigmoid(self.network(x.flip(axis))).flip(axis)
            for turns in (1, 2, 3):
                turned = torch.sigmoid(self.network(torch.rot90(x, turns, (2, 3))))
                total = total + torch.rot90(turned, -turns, (2, 3))
        strong = apply_strong(x, draw_strong(tuple(x.shape), generator).to(x.device))
        loss = F.binary_cross_entropy_with_logits(self.network(strong), total / 6)
        g_p = torch.autograd.grad(loss, self.theta)
        a, b = (torch.cat([g.flatten() for g in side]) for side in (g_a, g_p))
        cosine = float(a @ b / (a.norm() * b.norm() + 1e-12))
        with torch.no_grad():
            for t, k, g in zip(self.theta, kept, g_p, strict=True):
                t.copy_(k)
                t.grad = g
        for group in self.optimiser.param_groups:
            group["lr"] = BETA * (cosine + 1) ** 2 / 4
        self.optimiser.step()
        with torch.no_grad():
            return self.network(x)


def ours(network: Any) -> Any:
    """The method as the program uses it."""
    from types import SimpleNamespace

    from sagittal.params import make
    from sagittal_plugins.grata import CARD
    from sagittal_plugins.grata.method import GraTa

    predictor: Any = SimpleNamespace(
        activation="sigmoid", network=lambda module: module, logits=lambda module, images: module(images)
    )
    context: Any = SimpleNamespace(boundary=lambda: None)
    adapter = GraTa(make(CARD.params, {}), context)
    adapter.adopt(predictor, copy.deepcopy(network))
    return adapter


def measure(recipe: str, size: int, rounds: int, device: str) -> dict[str, Any]:
    """Seconds per image of both forms, their ratio, and how far their logits are apart."""
    import torch

    from sagittal.params import make
    from sagittal_engine.nets.image_encoders import build_image_encoder
    from sagittal_engine.nets.segmenters import SegmentationNet
    from sagittal_engine.registry import recipe_of
    from sagittal_plugins.unet import CARD

    place = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    recipe = recipe or ("fundus-quick-cpu" if place.type == "cpu" else "fundus")
    params = make(CARD.params, recipe_of(CARD, recipe).values)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    encoder = build_image_encoder(params.encoder, in_channels=3, stem=params.stem)
    network = SegmentationNet(encoder, 2, width=params.decoder_width).to(place).eval()
    literal, adapter = Literal(network), ours(network)
    images = torch.rand(rounds + 1, 3, size, size, generator=torch.Generator().manual_seed(1)).to(place)
    seconds: dict[str, list[float]] = {"literal": [], "ours": []}
    apart = 0.0
    for number in range(rounds + 1):
        x, found = images[number : number + 1], {}
        turns = {
            "literal": lambda x=x, n=number: literal.image(x, torch.Generator().manual_seed(n)),
            "ours": lambda x=x, n=number: adapter.adapt(x, torch.Generator().manual_seed(n))[0],
        }
        for name in sorted(turns, reverse=bool(number % 2)):
            begun = _clock(place)
            found[name] = turns[name]()
            seconds[name].append(_clock(place) - begun)
        apart = max(apart, float((found["literal"] - found["ours"]).abs().max()))
    best = {name: min(values[1:]) for name, values in seconds.items()}  # the first turn of each is not counted
    return {
        "device": place.type,
        "recipe": recipe,
        "size": size,
        "literal_seconds": best["literal"],
        "seconds": best["ours"],
        "ratio": best["literal"] / best["ours"],
        "apart": apart,
    }


def _clock(place: Any) -> float:
    import torch

    if place.type == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.thread_time()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measure(asked.recipe, asked.size, asked.rounds, asked.device)
    if asked.json:
        print(json.dumps(found))
    else:
        print(
            f"{found['recipe']} at {found['size']}² on {found['device']}: {found['seconds']:.3f} s an image, literal "
            f"{found['literal_seconds']:.3f} s: {found['ratio']:.2f} × as fast (aim {TARGET[found['device']]:g} ×); "
            f"logits at most {found['apart']:.1e} apart"
        )
    return 0 if found["apart"] <= CLOSE and found["ratio"] >= TARGET[found["device"]] else 1


if __name__ == "__main__":
    raise SystemExit(main())
