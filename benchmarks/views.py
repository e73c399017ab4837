"""Views of a batch of slices made all at once, against the same draws applied image by image.

Both lists of augmentation take part: the one for grey slices (one channel), which the target is for, and SimCLR's on
colour pictures of the same size, whose arithmetic weighs more beside the overhead that a batch saves. Contenders take
turns within one process and must give equal views. Drawing is timed too, but in neither contender: a run draws ahead,
on the thread that makes its batches.

    python benchmarks/views.py [--images 256] [--size 64] [--rounds 15] [--threads 2] [--busy] [--json]
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

from sagittal_engine.views.batch_views import GREY, SIMCLR, ViewRules, apply_views, draw_views

TARGET = 3.0
LISTS: dict[str, tuple[ViewRules, int]] = {"grey": (GREY, 1), "simclr": (SIMCLR, 3)}


def measured(
    rules: ViewRules, channels: int, count: int, size: int, rounds: int, clock: Callable[[], float]
) -> dict[str, Any]:
    """Median seconds of either contender and of the drawing; exits where their views differ."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, channels, size, size, generator=generator)
    seconds: dict[str, list[float]] = {"together": [], "one by one": [], "draw": []}
    for turn in range(rounds + 1):
        started = clock()
        draw = draw_views(count, size, rules, generator)
        seconds["draw"].append(clock() - started)
        own = [draw.take([n]) for n in range(count)]
        contenders: dict[str, Callable[[], torch.Tensor]] = {
            "together": lambda draw=draw: apply_views(images, draw),
            "one by one": lambda own=own: torch.cat([apply_views(images[n : n + 1], own[n]) for n in range(count)]),
        }
        views = {}
        for name in sorted(contenders, reverse=turn % 2 == 1):
            started = clock()
            views[name] = contenders[name]()
            seconds[name].append(clock() - started)
        if not torch.equal(views["together"], views["one by one"]):
            sys.exit("the views differ")
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--busy", action="store_true", help="count processor time, on a machine that others use too")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    clock = time.process_time if arguments.busy else time.perf_counter
    found = {}
    with torch.inference_mode():
        for name, (rules, channels) in LISTS.items():
            found[name] = measured(rules, channels, arguments.images, arguments.size, arguments.rounds, clock)
            found[name]["ratio"] = found[name]["one by one"] / found[name]["together"]
    if arguments.json:
        print(json.dumps({"images": arguments.images, "size": arguments.size, "lists": found}))
    else:
        for name, of in found.items():
            print(
                f"{name}: {arguments.images} images of {arguments.size} pixels together {1e3 * of['together']:.1f} ms, "
                f"one by one {1e3 * of['one by one']:.1f} ms: {of['ratio']:.1f} times the rate, equal views; "
                f"drawing {1e3 * of['draw']:.1f} ms"
            )
    if found["grey"]["ratio"] < TARGET:
        sys.exit(f"the target for slices is {TARGET:g} times the rate")


if __name__ == "__main__":
    main()
