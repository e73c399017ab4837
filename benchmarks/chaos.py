"""Dice of CoWPro on the CHAOS T2 scans: untrained, trained, and SSL-ALPNet under the same budget.

    python benchmarks/chaos.py DATA [--recipe quick-cpu] [--steps N] [--variants cowpro alpnet] [--halves 1 2]

DATA holds image_N.nii.gz and label_N.nii.gz. The scans, sorted by number, are dealt alternately into two halves; a
network is trained on one half (labels unused) and tested on the other, and the other way round. Within the tested half
every scan is a query once, its support being the next scan (five folds). Both protocols; fixed threshold, no quadrant
prior, nothing excluded from training (Setting 1). Prints one table; `--json` prints everything.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sagittal_engine import Study, evaluate, train

NAMES = {"label 1": "liver", "label 2": "right kidney", "label 3": "left kidney", "label 4": "spleen"}
PROTOCOLS = ("published", "deployed")


def number_of(path: str) -> int:
    found = re.search(r"(\d+)\D*$", Path(path).name.removesuffix(".nii.gz"))
    if found is None:
        raise ValueError(f"{path} carries no number; the files must be named image_N.nii.gz.")
    return int(found[1])


def halves_of(study: Study) -> tuple[list[str], list[str]]:
    scans = [facts.scan for facts in sorted(study.facts().scans, key=lambda facts: number_of(facts.path))]
    return scans[0::2], scans[1::2]


def measure(study: Study, half: int, variant: str, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains on one half, and evaluates on the other under both protocols; a variant "untrained" takes no step."""
    trained_on, tested_on = halves_of(study) if half == 1 else halves_of(study)[::-1]
    started = time.monotonic()
    untrained = variant == "untrained"
    record = train(
        study,
        "cowpro",
        recipe=arguments.recipe,
        scans=trained_on,
        steps=0 if untrained else arguments.steps,
        seed=arguments.seed,
        variant="cowpro" if untrained else variant,
    )
    seconds = time.monotonic() - started
    rows = []
    for protocol in PROTOCOLS:
        document = evaluate(study, run=record.facts.run, scans=tested_on, protocol=protocol)
        row = {"variant": variant, "half": half, "protocol": protocol, "steps": record.state.step, "seconds": seconds}
        rows.append({**row, "summary": document["summary"], "cases": document["cases"]})
        print(line(rows[-1]), file=sys.stderr, flush=True)
    return rows


def cell(summary: dict[str, Any], key: str) -> str:
    found = summary.get(key)
    return f"{found['mean']:.3f} [{found['low']:.3f}, {found['high']:.3f}]" if found else "–"


def line(row: dict[str, Any]) -> str:
    keys = [*(k for k in row["summary"] if k != "dice_mean"), "dice_mean"]
    scores = " | ".join(cell(row["summary"], key) for key in keys)
    return (
        f"| {row['variant']} | {row['half']} | {row['protocol']} | {row['steps']} | {row['seconds']:.0f} | {scores} |"
    )


def header(row: dict[str, Any]) -> str:
    labels = [NAMES.get(label, label) for label in (k.removeprefix("dice_") for k in row["summary"]) if label != "mean"]
    names = ["method", "trained on half", "protocol", "steps", "seconds", *labels, "mean"]
    return "| " + " | ".join(names) + " |\n|" + " --- |" * len(names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--recipe", default="quick-cpu")
    parser.add_argument("--steps", type=int, default=None, help="stop here; the recipe's length by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--variants", nargs="+", default=["untrained", "cowpro", "alpnet"])
    parser.add_argument("--halves", nargs="+", type=int, default=[1, 2], choices=[1, 2])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Study.create(Path(folder) / "study") as study:
        study.import_paths([arguments.data])
        rows = []
        for variant in arguments.variants:
            for half in arguments.halves:
                rows += measure(study, half, variant, arguments)
    print(json.dumps(rows) if arguments.json else "\n".join([header(rows[0]), *map(line, rows)]))


if __name__ == "__main__":
    main()
