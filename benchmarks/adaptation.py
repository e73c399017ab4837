"""Real shifts: a segmenter of one camera or scanner meets another, before and after adapting, every method.

It is no race, and makes a table. Experiments, each with the scans that it needs:

    hrf-chase     vessels of fundus photographs: trained on HRF (Canon CR-1), met on CHASE_DB1 (Nidek NM-200-D)
    chase-hrf     the reverse
    disc          the optic disc on IDRiD photographs, half of them met under a simulated gamma, colour cast, blur and
                  illumination of rising strength
    phantom       organs of the synthetic cohort: trained on its first scanner, met on its second; no scans needed
    chaos         abdominal MR (CHAOS T2-SPIR), half of the scans met under a simulated bias field, gamma and noise

    python benchmarks/adaptation.py [DATA] --out FOLDER [--experiments hrf-chase disc …] [--steps 300] [--size 256]
                                           [--set learning_rate=0.001]

DATA holds the folders of real scans (SAGITTAL_TEST_DATA names it where it is left out). FOLDER keeps studies, runs and
every table as JSON; the same command goes on from there. Dice before and after have 95 % bootstrap intervals over
scans; "fell" says of how many scans the Dice is lower after adapting.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

METHODS = (
    "batch_statistics", "tent", "tent/episodic", "grata/tent-aligned", "grata/without-alignment", "grata/fixed-rate",
    "cotta", "sar", "grata", "grata/episodic",
)  # fmt: skip
"""Continual where a recipe does not say "episodic"."""
STRENGTHS = (0.3, 0.6, 1.0)


@dataclass(frozen=True)
class Experiment:
    """Which scans train, which are met, and how they are changed."""

    folders: tuple[str, ...]
    """Below DATA; empty for the synthetic cohort."""
    source: str
    """Value of a meta label of the scans that train; empty takes the first half of all."""
    channels: int
    shifts: tuple[str, ...] = ("none",)
    overlapping: bool = False


FUNDUS = ("fundus_hrf_vessel", "fundus_chasedb1_vessel")
EXPERIMENTS = {
    "hrf-chase": Experiment(FUNDUS, "fundus_hrf_vessel", 3, overlapping=True),
    "chase-hrf": Experiment(FUNDUS, "fundus_chasedb1_vessel", 3, overlapping=True),
    "disc": Experiment(
        ("fundus_idrid_disc",), "", 3, ("none", "gamma", "colour", "blur", "illumination"), overlapping=True
    ),
    "phantom": Experiment((), "Synthetic A", 1, overlapping=True),
    "chaos": Experiment(("abdomen_mr_chaos_t2",), "", 1, ("none", "bias", "gamma", "noise"), overlapping=True),
}


def study_of(name: str, experiment: Experiment, data: Path | None, out: Path) -> Any:
    """The experiment's study, imported once."""
    from sagittal_engine.phantom import generate
    from sagittal_engine.study import Study

    path = out / name / "study"
    if path.is_dir():
        return Study.open(path)
    if experiment.folders:
        if data is None:
            raise SystemExit(f"{name} needs real scans: give their folder, or set SAGITTAL_TEST_DATA.")
        sources = [data / folder for folder in experiment.folders]
    else:
        sources = [out / name / "cohort"]
        generate(sources[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    study = Study.create(path)
    meta = sources[0] / "meta.csv"
    study.import_paths(sources, meta=meta if meta.is_file() else None)
    return study


def parts(study: Any, experiment: Experiment) -> tuple[list[str], list[str]]:
    """Scans that train, and scans that are met."""
    scans = sorted((s for s in study.facts().scans if s.label_sets), key=lambda s: (s.name, s.scan))
    if experiment.source:
        train = [s.scan for s in scans if experiment.source in s.meta.values()]
        return train, [s.scan for s in scans if s.scan not in train]
    half = len(scans) // 2
    return [s.scan for s in scans[:half]], [s.scan for s in scans[half:]]


def run_of(study: Any, train: Sequence[str], experiment: Experiment, asked: argparse.Namespace) -> str:
    """The trained run: the study's first, or a new one."""
    import sagittal_engine

    done = sorted(path for path in study.runs_folder.glob("*_unet_*") if (path / "encoder").is_dir())
    if done:
        return done[0].name.rsplit("_", 1)[1]
    record = sagittal_engine.train(
        study, "unet", scans=train, steps=asked.steps, seed=asked.seed, encoder=asked.encoder, image_size=asked.size,
        channels=experiment.channels, batch_size=asked.batch, learning_rate=3e-3, preview_steps=0,
        overlapping=experiment.overlapping,
    )  # fmt: skip
    return record.facts.run


def table(
    study: Any, run: str, met: Sequence[str], experiment: Experiment, asked: argparse.Namespace, out: Path
) -> None:
    """Evaluates every shift and strength, and prints one line for each method as soon as it is known."""
    import sagittal_engine
    from sagittal_engine.cli.options import assignments

    settings = [
        (shift, strength)
        for shift in experiment.shifts
        for strength in (asked.strengths if shift != "none" else (0.0,))
    ]
    beyond = f"beyond {asked.methods[0]} (95 %)"
    print(f"| shift | strength | method | Dice (95 %) | gain (95 %) | {beyond} | fell |")
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: |")
    values = assignments(asked.set)
    for shift, strength in settings:
        kept = out / f"{'_'.join([f'{shift}-{strength:g}', *asked.set])}.json"
        if kept.is_file():
            found = json.loads(kept.read_text(encoding="utf-8"))
        else:
            found = sagittal_engine.evaluate(
                study, run=run, task="adapt", scans=met, methods=",".join(asked.methods), shift=shift,
                strength=strength, seed=asked.seed, orders=asked.orders, **values,
            )  # fmt: skip
            kept.write_text(json.dumps(found), encoding="utf-8")
        for row in rows(found):
            print(row, flush=True)


def rows(found: Mapping[str, Any]) -> list[str]:
    """The rows of a table in Markdown: the trained network, then every method."""
    summary, begun = found["summary"], f"| {found['shift']} | {found['strength']:g} |"
    lines = [f"{begun} before adapting | {_interval(summary['before'])} | | | |"]
    for method in found["methods"]:
        gain, beyond = (
            _interval(summary[f"{method}_{what}"], "+") if f"{method}_{what}" in summary else ""
            for what in ("gain", "beyond")
        )
        lines.append(f"{begun} {method} | {_interval(summary[method])} | {gain} | {beyond} | {found['lost'][method]} |")
    return lines


def _interval(row: Mapping[str, float], sign: str = "") -> str:
    return f"{row['mean']:{sign}.3f} ({row['low']:{sign}.3f} to {row['high']:{sign}.3f})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=os.environ.get("SAGITTAL_TEST_DATA"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--experiments", nargs="+", choices=tuple(EXPERIMENTS), default=list(EXPERIMENTS))
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--strengths", nargs="+", type=float, default=list(STRENGTHS), help="of simulated changes")
    parser.add_argument("--encoder", default="small")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--orders", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="of every method that has it")
    asked = parser.parse_args()
    for name in asked.experiments:
        experiment = EXPERIMENTS[name]
        with study_of(name, experiment, Path(asked.data) if asked.data else None, asked.out) as study:
            train, met = parts(study, experiment)
            print(f"\n{name}: trained on {len(train)} scans, met on {len(met)}; {asked.encoder}, {asked.size} pixels")
            table(study, run_of(study, train, experiment, asked), met, experiment, asked, asked.out / name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
