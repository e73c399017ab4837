"""The branches of a puzzle network: one grouped pass, branch by branch, and as nine modules of their own.

Contenders take turns within one process, forward and backward, and must give equal features: on a processor at a
quarter of the published width and at that of its recipe, on a graphics card at the published one. Then what the whole
network keeps in memory for the backward pass, counted without computing; on a graphics card also whole training steps
in mixed precision, with and without computing inner results again.

    python benchmarks/jigsaw.py [--device cpu] [--rounds 5] [--threads 2] [--batch 16] [--busy] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from sagittal_engine.nets.branches import GROUPED_ON, BranchConv, Branches, scaled
from sagittal_plugins.skid.network import BRANCH, SKIDNet

SIZES = {
    "cpu": {"a quarter": (1 / 4, 3, 64, 2), "a sixteenth": (1 / 16, 1, 24, 16)},
    "cuda": {"published": (1.0, 3, 64, 16), "a quarter": (1 / 4, 3, 64, 16)},
}
"""By device: width, channels, pixels of a cell, puzzles at once."""
SLOWER = 1.15
"""How much longer than the best of the others the way that is taken may need: less is within what turns differ by."""


def nine_modules(net: Branches) -> nn.ModuleList:
    """The same weights as modules of their own, as the thesis has them."""
    found = nn.ModuleList()
    for branch in range(net.branches):
        layers: list[nn.Module] = []
        for layer in net.layers:
            if isinstance(layer, BranchConv):
                own = nn.Conv2d(layer.in_channels // net.branches, layer.out_channels // net.branches, 3, padding=1)
                assert layer.bias is not None and own.bias is not None
                own.weight.data = layer.weight.detach().chunk(net.branches)[branch].clone()
                own.bias.data = layer.bias.detach().chunk(net.branches)[branch].clone()
                layers.append(own)
            elif isinstance(layer, nn.BatchNorm2d):
                layers.append(nn.BatchNorm2d(layer.num_features // net.branches))
            else:
                layers.append(nn.MaxPool2d(2) if isinstance(layer, nn.MaxPool2d) else nn.ReLU(inplace=True))
        found.append(nn.Sequential(*layers))
    return found


def branches_race(size: str, device: torch.device, rounds: int, clock: Callable[[], float]) -> dict[str, float]:
    """Median seconds of a forward and backward pass by contender; exits where features differ."""
    width, channels, side, count = SIZES[device.type][size]
    torch.manual_seed(0)
    widths = [w if isinstance(w, str) else scaled(w, width) for w in BRANCH]
    grouped = Branches(9, channels, widths, norm=True, grouped=True).to(device)
    plain = nine_modules(grouped).to(device)
    separate = Branches(9, channels, widths, norm=True, grouped=False).to(device)
    separate.load_state_dict(grouped.state_dict())
    cells = torch.randn(count, 9, channels, side, side, device=device)
    contenders: dict[str, tuple[nn.Module, Callable[[], Tensor]]] = {
        "grouped": (grouped, lambda: grouped(cells)),
        "branch by branch": (separate, lambda: separate(cells)),
        "nine modules": (plain, lambda: torch.cat([net(cells[:, n]) for n, net in enumerate(plain)], 1)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    mixed = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
    for turn in range(rounds + 1):
        found = []
        for name in sorted(contenders, reverse=turn % 2 == 1):
            net, run = contenders[name]
            settle(device)
            started = clock()
            with mixed:
                features = run()
            features.float().square().mean().backward()
            settle(device)
            seconds[name].append(clock() - started)
            net.zero_grad(set_to_none=True)
            found.append(features.detach().float())
        tolerance = 0.1 if device.type == "cuda" else 1e-3
        if any(float((other - found[0]).abs().max()) > tolerance for other in found[1:]):
            sys.exit("the features differ")
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


def kept_bytes(batch: int, *, checkpointing: bool) -> int:
    """Bytes that SKID v3 keeps for the backward pass beside its weights, in 32 bits; nothing is computed."""
    sizes: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        sizes[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.device("meta"):
        net = SKIDNet(checkpointing=checkpointing, grouped=True)
        cells = torch.zeros(batch, 9, 3, 64, 64)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            scores = net(cells)
        for part in (*net.parameters(), *net.buffers()):
            sizes.pop(part.untyped_storage()._cdata, None)
        del scores
    return sum(sizes.values())


def whole_steps(batch: int, rounds: int, *, checkpointing: bool) -> dict[str, float]:
    """Steps per second and highest memory (GB) of SKID v3 in mixed precision with RMSprop, on the graphics card."""
    device = torch.device("cuda")
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    net = SKIDNet(checkpointing=checkpointing).to(device)
    descent = torch.optim.RMSprop(net.parameters(), lr=1e-4, alpha=0.9, eps=1e-7)
    cells = torch.randn(batch, 9, 3, 64, 64, device=device)
    answers = torch.randint(1000, (batch,), device=device)
    seconds = []
    for _ in range(rounds + 3):
        settle(device)
        started = time.perf_counter()
        with torch.autocast("cuda", torch.bfloat16):
            scores = net(cells)
        nn.functional.cross_entropy(scores.float(), answers).backward()
        descent.step()
        descent.zero_grad(set_to_none=True)
        settle(device)
        seconds.append(time.perf_counter() - started)
    return {"steps_per_second": 1 / statistics.median(seconds[3:]), "gb": torch.cuda.max_memory_allocated() / 1e9}


def settle(device: torch.device) -> None:
    """Waits until the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--batch", type=int, default=16, help="puzzles at once of the whole network")
    parser.add_argument("--busy", action="store_true", help="count processor time, on a machine that others use too")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    clock = time.process_time if arguments.busy else time.perf_counter
    races = {size: branches_race(size, device, arguments.rounds, clock) for size in SIZES[device.type]}
    kept = {name: kept_bytes(arguments.batch, checkpointing=on) / 1e9 for name, on in WAYS.items()}
    steps = (
        {name: whole_steps(arguments.batch, arguments.rounds, checkpointing=on) for name, on in WAYS.items()}
        if device.type == "cuda"
        else {}
    )
    taken = "grouped" if device.type in GROUPED_ON else "branch by branch"
    if arguments.json:
        print(json.dumps({"device": str(device), "taken": taken, "branches": races, "kept_gb": kept, "steps": steps}))
    else:
        tell(device, taken, races, kept, steps, arguments.batch)
    slow = [size for size, of in races.items() if of[taken] > SLOWER * min(value for name, value in of.items())]
    if slow:
        sys.exit(f"on {device.type} another way than '{taken}' is quicker ({', '.join(slow)}): mend GROUPED_ON")


WAYS = {"kept": False, "computed again": True}


def tell(device: torch.device, taken: str, races: Any, kept: Any, steps: Any, batch: int) -> None:
    """Prints what was found."""
    for size, of in races.items():
        print(f"{size} width: " + ", ".join(f"{name} {1e3 * value:.0f} ms" for name, value in of.items()))
    print(f"on {device.type} branches are applied {taken}")
    for name, gb in kept.items():
        print(f"SKID v3, {batch} puzzles, inner results {name}: {gb:.2f} GB for the backward pass in 32 bits")
    for name, of in steps.items():
        print(f"SKID v3, inner results {name}: {of['steps_per_second']:.2f} steps/s, {of['gb']:.1f} GB at most")


if __name__ == "__main__":
    main()
