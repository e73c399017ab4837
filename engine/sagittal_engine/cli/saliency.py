"""`saliency`: where in a scan a run's network looked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sagittal.engine_port import SagittalError
from sagittal.saliency import SaliencyLayer, SaliencyRequest
from sagittal_engine.cli import options
from sagittal_engine.cli.naming import find_run, find_scan
from sagittal_engine.cli.output import table
from sagittal_engine.cli.session import Session, session
from sagittal_engine.store.atomic import replacing

ENDINGS = (".nii", ".nii.gz")
WHERE = {"border": "borders of cells", "background": "background", "shortcut": "either (shortcut score)"}


def register(app: typer.Typer) -> None:
    app.command("saliency")(saliency)


def saliency(
    context: typer.Context,
    study: options.Study,
    run: options.Run,
    scan: Annotated[
        str | None,
        typer.Option("--scan", metavar="SCAN", help="Scan by name or id; without it layers are listed."),
    ] = None,
    layer: Annotated[
        str,
        typer.Option("--layer", metavar="NAME", help="[default: the last that tells places apart]", show_default=False),
    ] = "",
    target: Annotated[
        str,
        typer.Option(
            "--target",
            metavar="NAME",
            help="What is explained: puzzle, transform, similarity, or a label. [default: the run's first]",
            show_default=False,
        ),
    ] = "",
    checkpoint: Annotated[
        str, typer.Option("--checkpoint", metavar="C", help="'last', 'best', or a step that was kept.")
    ] = "last",
    shuffled: Annotated[
        bool, typer.Option("--shuffled", help="With the weights from the layer to the output shuffled.")
    ] = False,
    sanity: Annotated[
        bool, typer.Option("--sanity", help="Also compare with shuffled weights: a map that stays tells nothing.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="Seed of puzzles and shuffling.")] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.nii.gz", help="Writes the map.", show_default=False)
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Shows where in a scan a run's network looked (Grad-CAM), as a map over all slices that is kept with the run.

    Told with it: the share of the map on borders of cells and on what is no body, each beside its share of the pixels;
    how often its highest point lies in each label that the scan has; with --sanity how much of it survives shuffling.
    Without --scan, the layers and targets of the run are listed.
    """
    if out is not None and not out.name.endswith(ENDINGS):
        raise SagittalError(f"A map is written as {' or '.join(ENDINGS)}; got '{out.name}'.")
    if out is not None and not out.parent.is_dir():
        raise SagittalError(f"There is no folder {out.parent} to write the map into. Make it first.")
    with session(context, as_json, study, writes=scan is not None) as on:
        found = find_run(on.engine.runs(), run, on.study.path).facts.run
        if scan is None:
            layers, targets = on.engine.saliency_layers(found), on.engine.saliency_targets(found)
            on.output.give({"targets": targets, "layers": layers}, lambda console: _list(console, targets, layers))
            return
        request = SaliencyRequest(found, find_scan(on.study, scan).scan, layer, target, checkpoint, shuffled, seed)
        result = dict(on.task(on.engine.start_saliency(request, sanity=sanity), "Looking back"))
        if out is not None:
            result["out"] = str(_write(on, result, out))
        on.output.give(result, lambda console: _show(console, result))


def _write(on: Session, result: Mapping[str, Any], out: Path) -> Path:
    """The map as a NIfTI file on the scan's grid; voxels that the network was not shown are NaN."""
    import nibabel

    volume = on.engine.saliency_map(result["id"])
    affine = on.engine.image(result["request"]["scan"]).affine
    with replacing(out) as temporary:
        nibabel.save(nibabel.Nifti1Image(volume, affine), temporary)  # type: ignore[no-untyped-call,attr-defined]
    return out


def _list(console: Console, targets: Sequence[str], layers: Sequence[SaliencyLayer]) -> None:
    if not layers:
        console.print(
            "The run's method names nothing that could be explained, so its network cannot be asked.", markup=False
        )
        return
    console.print(f"Targets: {', '.join(targets)}", markup=False)
    rows = [(layer.name, layer.title, "suggested" if layer.suggested else "") for layer in layers]
    table(console, ("layer", "places of its maps", ""), rows)


def _show(console: Console, result: Mapping[str, Any]) -> None:
    console.print(f"{result['title']} (step {result['step']}, {result['plane']} slices)", markup=False)
    share, hits = result["share"], result["hits"]
    rows = [(f"on {words}", _share(share, name), _share(share, f"{name}_area")) for name, words in WHERE.items()]
    rows += [(f"highest point in {name}", _share(hits, name), _share(hits, f"{name}_area")) for name in _labels(hits)]
    rows += [(f"pixels of {name} above others", _share(hits, f"{name}_rank"), "0.500") for name in _ranked(hits)]
    table(console, ("saliency", "share>", "by chance>"), [row for row in rows if row[2] != "–"])
    if result["sanity"] is not None:
        console.print(
            f"Likeness to the map of shuffled weights: {result['sanity']:.2f} (near 1: the map tells of the picture, "
            "not of what was learnt).",
            markup=False,
        )
    for note in result["notes"]:
        console.print(f"! {note}", markup=False, soft_wrap=True)
    if "out" in result:
        console.print(result["out"], markup=False, soft_wrap=True)


def _labels(hits: Mapping[str, float]) -> list[str]:
    return [name for name in hits if f"{name}_area" in hits]


def _share(values: Mapping[str, float], name: str) -> str:
    return f"{values[name]:.3f}" if name in values else "–"


def _ranked(hits: Mapping[str, float]) -> list[str]:
    return [name for name in _labels(hits) if f"{name}_rank" in hits]
