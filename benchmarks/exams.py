"""From the puzzle to a diagnosis: what puzzles are worth to a classifier of exams, and where networks look.

It is no race, and makes tables. Sets, each with the scans that it needs and the labels that are told:

    knees         the knee phantom: abnormal, acl and meniscus, as drawn; no scans needed
    hippocampus   MR of the Medical Segmentation Decathlon: whether the hippocampus is larger than most ("large"), and
                  whether its anterior part has more than its usual share ("anterior"), both from the label maps
    chaos         abdominal MR (CHAOS T2-SPIR): whether the spleen, and the liver, are larger than most

    python benchmarks/exams.py [DATA] --out FOLDER [--sets knees …] [--planes sagittal …] [--exams 60] [--steps N]

DATA holds the folders of real scans (SAGITTAL_TEST_DATA names it where it is left out). FOLDER keeps studies, runs and
every figure as JSON; the same command goes on from there. Every third exam is tested and part of no training.

Pre-training: puzzles seen by nine branches (SKID), the same as one image (single stream), both again with whole cells
that touch and are not changed one by one (so that their borders tell which were neighbours), SSLACL, and guessed
transforms; accuracy on held-out subjects against chance, and the share of saliency on cells' borders and background
("shortcut") beside the share of pixels there, which is what no preference would give. Classifiers by the recipes
quick-cpu: frozen features of SKID, of random branches, and a small network from scratch. Of every plane, and of the
planes together with weights learnt on held-out training exams: AUC and accuracy with 95 % intervals of 2,000 bootstrap
draws over tested exams; on the phantom also how often the highest saliency of a slice with a finding lies in it, beside
the share of pixels it has, in the first plane also at a layer of finer places. The second and third plane have the one
pre-training that their classifiers need.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

PLANES = ("sagittal", "coronal", "axial")
TESTED = 3
"""Every so many-th exam is tested."""


@dataclass(frozen=True)
class Subject:
    """A set of exams."""

    planes: tuple[str, ...]
    """The first has all pre-trainings."""
    labels: tuple[str, ...]
    folder: str = ""
    """Below DATA; empty for the phantom."""
    told: Mapping[str, Callable[[Mapping[str, int]], float]] = field(default_factory=dict)
    """Label → figure of a scan's label sizes; the label is whether it is above the median."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Sizes of what the networks see, where quick-cpu's are too large for the scans."""
    findings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Label → structures in which saliency should lie."""


SETS = {
    "knees": Subject(
        PLANES,
        ("abnormal", "acl", "meniscus"),
        findings={
            "acl": ("ligament tear", "ligament"),
            "meniscus": ("meniscus tear", "meniscus"),
            "abnormal": ("effusion", "bone bruise", "ligament tear", "meniscus tear"),
        },
    ),
    "hippocampus": Subject(
        ("sagittal",),
        ("large", "anterior"),
        "hippocampus_msd",
        {
            "large": lambda sizes: sum(sizes.values()),
            "anterior": lambda sizes: sizes.get("1", 0) / max(1, sum(sizes.values())),
        },
        {"image_size": 48, "crop": 12},
    ),
    "chaos": Subject(
        ("axial",),
        ("large_liver", "large_spleen"),
        "abdomen_mr_chaos_t2",
        {"large_liver": lambda sizes: sizes.get("1", 0), "large_spleen": lambda sizes: sizes.get("4", 0)},
    ),
}
UNCHANGED = {"rotation": 0.0, "shift": 0.0, "scale": 1.0, "noise": 0.0}
"""Cells that are not changed one by one."""


@dataclass(frozen=True)
class Pretext:
    """A pre-training."""

    method: str
    recipe: str
    touching: bool = False
    """Whole cells are shown, and nothing of them is changed."""


PRETEXTS = {
    "nine branches": Pretext("skid", "quick-cpu"),
    "single stream": Pretext("skid", "quick-cpu-single-stream"),
    "nine branches, cells touch": Pretext("skid", "quick-cpu", touching=True),
    "single stream, cells touch": Pretext("skid", "quick-cpu-single-stream", touching=True),
    "SSLACL": Pretext("sslacl", "quick-cpu"),
    "transforms": Pretext("transform_prediction", "quick-cpu"),
}
START = "nine branches"
CLASSIFIERS = {
    "frozen pretext": "quick-cpu-frozen",
    "random frozen": "quick-cpu-frozen",
    "from scratch": "quick-cpu",
}


FINE = {
    "frozen pretext": "encoder.network.branches.layers.5",
    "random frozen": "encoder.network.branches.layers.5",
    "from scratch": "encoder.network.stage2",
}
"""Layers of 24 × 24 places: at the suggested ones, of 6 × 6, a place is larger than what should be hit."""


def quiet(_event: object) -> None:
    """Nobody watches."""


SIDE, GRID = 96, 3
"""What quick-cpu sees of a slice, and its cells a side."""


@dataclass(frozen=True)
class Sitting:
    """What every run of one set is given."""

    subject: Subject
    train: Sequence[Any]
    tested: Sequence[Any]
    asked: argparse.Namespace


# Exams ---------------------------------------------------------------------------------------------------------------


def study_of(engine: Any, name: str, asked: argparse.Namespace) -> Any:
    """The set's study, imported once; its facts."""
    from sagittal_engine import phantom
    from sagittal_engine.cli.following import follow

    subject, path = SETS[name], asked.out / name / "study"
    if path.exists():
        return engine.open_study(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if subject.folder:
        source = asked.data / subject.folder
        table = labels_of(source, subject, path.parent / "labels.csv")
    else:
        source = path.with_name("scans")
        phantom.generate_knees(source, subjects=asked.exams)
        table = source / "meta.csv"
    engine.new_study(path)
    follow(engine, engine.start_import([source], meta=table), quiet).insist()
    return engine.study()


def labels_of(source: Path, subject: Subject, table: Path) -> Path:
    """A table of labels that are told from the sizes of what is segmented in each scan."""
    import nibabel as nib

    sizes = {}
    for path in sorted(source.rglob("*.nii.gz")):
        if "unpaired" in path.parts or not (path.parent.name == "labels" or path.name.startswith("label_")):
            continue
        image = nib.load(path)
        voxel = abs(np.linalg.det(image.affine[:3, :3]))
        numbers, counts = np.unique(np.asanyarray(image.dataobj).astype(int), return_counts=True)
        scan = path.name.replace("label_", "image_") if path.name.startswith("label_") else path.name
        sizes[scan] = {str(n): int(c * voxel) for n, c in zip(numbers, counts, strict=True) if n}
    figures = {label: {scan: tell(own) for scan, own in sizes.items()} for label, tell in subject.told.items()}
    middle = {label: statistics.median(own.values()) for label, own in figures.items()}
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["scan", *figures])
        writer.writerows([scan, *(int(own[scan] > middle[n]) for n, own in figures.items())] for scan in sizes)
    return table


def parts(engine: Any, subject: Subject) -> tuple[list[Any], list[Any]]:
    """Exams that train, and exams that are tested."""
    known = [exam for exam in engine.exams() if any(label in exam.labels for label in subject.labels)]
    known.sort(key=lambda exam: exam.exam)
    tested = known[TESTED - 1 :: TESTED]
    return [exam for exam in known if exam not in tested], tested


def scans_of(exams: Sequence[Any], plane: str) -> list[str]:
    return [exam.planes[plane] for exam in exams if plane in exam.planes]


# Runs ----------------------------------------------------------------------------------------------------------------


def trained(engine: Any, method: str, recipe: str, scans: Sequence[str], seed: int, values: Mapping[str, Any]) -> str:
    from sagittal.run_request import RunRequest
    from sagittal_engine.cli.following import follow

    request = RunRequest(
        method=method, recipe=recipe, parameters={"preview_steps": 0, **values}, scans=tuple(scans), seed=seed
    )
    run = engine.start(request)
    follow(engine, run, quiet, run=True).insist()
    return str(run)


def looked(engine: Any, run: str, scan: str, target: str = "", layer: str = "") -> dict[str, Any]:
    """Shares and hits of a run's saliency in a scan, at the suggested layer unless one is named."""
    from sagittal.saliency import SaliencyRequest
    from sagittal_engine.cli.following import follow

    return dict(
        follow(engine, engine.start_saliency(SaliencyRequest(run, scan, target=target, layer=layer)), quiet).insist()
    )


def pretext(engine: Any, name: str, of: Sitting, plane: str) -> dict[str, Any]:
    """One pre-training: what it learned, and where it looks."""
    chosen, asked = PRETEXTS[name], of.asked
    values = {"plane": plane, **of.subject.values}
    if asked.steps:
        values |= {"steps": asked.steps, "check_steps": max(1, asked.steps // 6)}
    if chosen.method == "transform_prediction":
        values.pop("crop", None)
    if chosen.touching:
        values |= {"crop": values.get("image_size", SIDE) // GRID, **UNCHANGED}
    run = trained(engine, chosen.method, chosen.recipe, scans_of(of.train, plane), asked.seed, values)
    metrics = engine.run(run).metrics
    shares = [looked(engine, run, scan)["share"] for scan in scans_of(of.tested, plane)[: asked.looked_at]]
    told = [share for share in shares if "shortcut" in share]
    return {
        "run": run,
        "held_out": metrics["held_out_accuracy"][1][-1],
        "chance": metrics["chance"][1][-1],
        "shares": {key: statistics.mean(share[key] for share in told) for key in (told[0] if told else ())},
        "looked_at": len(told),
    }


def classifier(engine: Any, name: str, of: Sitting, plane: str, start: str) -> dict[str, Any]:
    """One classifier: its figures on the tested exams, and how often its saliency hits."""
    subject, asked = of.subject, of.asked
    values = {
        "plane": plane, "labels": ", ".join(subject.labels), **subject.values,
        **({"steps": asked.head_steps} if asked.head_steps else {}),
    }  # fmt: skip
    if name == "frozen pretext":
        values["start_from"] = start
    elif name == "from scratch":
        values.pop("crop", None)
    run = trained(engine, "exam_classifier", CLASSIFIERS[name], scans_of(of.train, plane), asked.seed, values)
    return {"run": run, **diagnosed(engine, (run,), of), "hits": hits_of(engine, run, of, plane)}


def hits_of(engine: Any, run: str, of: Sitting, plane: str, layer: str = "") -> dict[str, Any]:
    """How often the highest saliency of a slice with a finding lies in it, and how its pixels rank: label → structure
    → hits, area, rank and scans."""
    hits = {}
    for label, structures in of.subject.findings.items():
        own = scans_of([exam for exam in of.tested if exam.labels.get(label) == "1"], plane)[: of.asked.looked_at]
        rows = [looked(engine, run, scan, label, layer)["hits"] for scan in own]
        hits[label] = {
            structure: {
                "hits": statistics.mean(row[structure] for row in told),
                "area": statistics.mean(row[f"{structure}_area"] for row in told),
                "rank": statistics.mean(row.get(f"{structure}_rank", math.nan) for row in told),
                "scans": len(told),
            }
            for structure in structures
            if (told := [row for row in rows if structure in row])
        }
    return hits


def diagnosed(engine: Any, runs: Sequence[str], of: Sitting) -> dict[str, Any]:
    """What classifiers say together of the tested exams: the diagnosis, and its figures."""
    from sagittal.diagnosis import DiagnosisRequest
    from sagittal_engine.cli.following import follow

    request = DiagnosisRequest(tuple(runs), tuple(exam.exam for exam in of.tested), draws=8)
    found = dict(follow(engine, engine.start_diagnosis(request), quiet).insist())
    return {key: found[key] for key in ("diagnosis", "figures", "weights")}


# The tables ----------------------------------------------------------------------------------------------------------


def done(engine: Any, name: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Everything of one set that is not there yet, and all its figures."""
    subject, kept = SETS[name], asked.out / name / "results"
    facts = study_of(engine, name, asked)
    kept.mkdir(parents=True, exist_ok=True)
    of = Sitting(subject, *parts(engine, subject), asked)

    def kept_or_made(key: str, make: Callable[..., Any], *given: Any) -> Any:
        path = kept / f"{key.replace(' ', '-')}_{asked.seed}.json"
        if not path.is_file():
            begun = time.monotonic()
            path.write_text(json.dumps(make(engine, *given)), encoding="utf-8")
            print(f"{name}, {key}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
        return json.loads(path.read_text(encoding="utf-8"))

    planes = [plane for plane in subject.planes if plane in asked.planes] or list(subject.planes[:1])
    found: dict[str, Any] = {"scans": len(facts.scans), "train": len(of.train), "tested": len(of.tested), "planes": {}}
    for plane in planes:
        chosen = [key for key in PRETEXTS if key == START or (key in asked.pretexts and plane == planes[0])]
        pretexts = {key: kept_or_made(f"{plane} {key}", pretext, key, of, plane) for key in chosen}
        start = pretexts[START]["run"]
        classifiers = {key: kept_or_made(f"{plane} {key}", classifier, key, of, plane, start) for key in CLASSIFIERS}
        found["planes"][plane] = {"pretexts": pretexts, "classifiers": classifiers}
        if plane == planes[0] and subject.findings:
            found["fine hits"] = {
                key: kept_or_made(f"{plane} {key} at {FINE[key]}", hits_of, own["run"], of, plane, FINE[key])
                for key, own in classifiers.items()
            }
    ensemble = {}
    for key in CLASSIFIERS:
        runs = [found["planes"][plane]["classifiers"][key]["run"] for plane in planes]
        ensemble[key] = kept_or_made(f"{'+'.join(planes)} {key} together", diagnosed, runs, of)
    first, other = (ensemble[key]["diagnosis"] for key in ("frozen pretext", "random frozen"))
    against = engine.compare_diagnoses(first, other)["labels"]
    return {**found, "ensemble": ensemble, "frozen pretext against random frozen": against}


def show(name: str, found: Mapping[str, Any]) -> None:
    print(f"\n## {name}: trained on {found['train']} exams, tested on {found['tested']}\n")
    print("| plane | pre-training | told right, held-out subjects | chance | shortcut: share of saliency / of pixels |")
    print("|---|---|---:|---:|---:|")
    for plane, row in found["planes"].items():
        for key, own in row["pretexts"].items():
            shares = own["shares"]
            ratio = f"{shares['shortcut']:.2f} / {shares['shortcut_area']:.2f}" if shares else "–"
            print(f"| {plane} | {key} | {own['held_out']:.3f} | {own['chance']:.3f} | {ratio} |")
    figures = {
        **{
            f"{plane} | {key}": own["figures"]
            for plane, row in found["planes"].items()
            for key, own in row["classifiers"].items()
        },
        **{f"together | {key}": own["figures"] for key, own in found["ensemble"].items()},
    }
    labels = list(next(iter(figures.values())))
    for figure in ("auc", "accuracy"):
        print(f"\n| plane | {figure} | " + " | ".join(labels) + " |\n|---|---|" + "---:|" * len(labels))
        for key, own in figures.items():
            print(f"| {key} | " + " | ".join(interval(own[label][figure]) for label in labels) + " |")
    for label, own in found["frozen pretext against random frozen"].items():
        gain = own["bootstrap"]["auc"]
        told = interval({**gain, "mean": gain["difference"]})
        print(f"\nAUC of {label}, together, frozen pretext less random frozen: {told}")
    for plane, row in found["planes"].items():
        for key, own in row["classifiers"].items():
            show_hits(f"{plane}, {key}", own["hits"])
    for key, hits in found.get("fine hits", {}).items():
        show_hits(f"{key}, at {FINE[key]}", hits)


def show_hits(where: str, hits: Mapping[str, Any]) -> None:
    for label, structures in hits.items():
        told = [
            f"{structure} {hit['hits']:.2f} (of pixels {hit['area']:.3f}; {hit['scans']} scans; "
            f"its pixels above others {hit.get('rank', math.nan):.2f})"
            for structure, hit in structures.items()
        ]
        if told:
            print(f"\nhighest saliency of {label}, {where}: {'; '.join(told)}")


def interval(figure: Mapping[str, float]) -> str:
    return f"{figure['mean']:.3f} [{figure['low']:.2f}, {figure['high']:.2f}]"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=os.environ.get("SAGITTAL_TEST_DATA"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=tuple(SETS), default=list(SETS))
    parser.add_argument("--pretexts", nargs="*", choices=tuple(PRETEXTS), default=list(PRETEXTS))
    parser.add_argument("--planes", nargs="+", choices=PLANES, default=list(PLANES), help="of those that a set has")
    parser.add_argument("--exams", type=int, default=60, help="of the phantom")
    parser.add_argument("--looked-at", type=int, default=6, help="tested scans at most whose saliency is averaged")
    parser.add_argument("--steps", type=int, default=0, help="of pre-training, in place of quick-cpu's")
    parser.add_argument("--head-steps", type=int, default=0, help="of classifiers, likewise")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    asked.out = asked.out.absolute()
    from sagittal_engine.service import Engine

    found = {}
    for name in asked.sets:
        if SETS[name].folder and asked.data is None:
            raise SystemExit(f"{name} needs real scans: give their folder, or set SAGITTAL_TEST_DATA.")
        asked.data = Path(asked.data) if asked.data else None
        engine = Engine()
        try:
            found[name] = done(engine, name, asked)
        finally:
            engine.shut_down()
        if not asked.json:
            show(name, found[name])
    if asked.json:
        print(json.dumps(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
