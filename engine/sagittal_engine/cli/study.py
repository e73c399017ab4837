"""`new`, `import`, `scans`: the study and its scans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sagittal.engine_port import SagittalError
from sagittal.facts import ScanFacts
from sagittal_engine.cli import looking, options, other_grids
from sagittal_engine.cli.output import table
from sagittal_engine.cli.session import session
from sagittal_engine.cli.status import Ended, Status

NAMED_FILES = 3
"""Files that a table names with a warning that they share; of more it says how many."""

NAMED_LABELS = 6
"""Labels of a set that a table names; of more it says how many, and `--json` has them all."""


def register(app: typer.Typer) -> None:
    app.command("new")(new)
    app.command("import")(import_)
    app.command("scans")(scans)


def new(context: typer.Context, study: options.Study, as_json: options.Json = False) -> None:
    """Creates an empty study folder."""
    with session(context, as_json, study, new=True) as on:
        path = on.study.path
        on.output.give({"study": path}, lambda console: console.print(f"New study: {path}", soft_wrap=True))


def import_(
    context: typer.Context,
    study: options.Study,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH…", help="Files, DICOM folders, or trees of both.", show_default=False),
    ] = None,
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            "--labels",
            metavar="PATH",
            help="Label map of the next image, in the order of the images; repeat. Without it they are paired by name.",
            show_default=False,
        ),
    ] = None,
    meta: Annotated[
        Path | None,
        typer.Option("--meta", metavar="FILE.csv", help="Table of meta labels, one row a scan.", show_default=False),
    ] = None,
    series: Annotated[
        list[str] | None,
        typer.Option(
            "--series",
            metavar="NAME",
            help="Take only this series, by its name or its number in `sagittal look`; repeat.",
            show_default=False,
        ),
    ] = None,
    layout: Annotated[
        str,
        typer.Option(
            "--layout",
            metavar="NAME",
            help="Published data sets are recognised by how their folders lie (auto); 'none' does not look for them,"
            " the name of one (acdc, mrnet, refuge…) looks for that alone.",
        ),
    ] = "auto",
    grids: Annotated[
        str,
        typer.Option(
            "--other-grids",
            metavar="ask|resample|refuse",
            help="Label maps whose voxels are not their image's: 'ask' at a terminal (where nobody can be asked they"
            " are resampled, nearest neighbour, and the report says so), 'resample' or 'refuse' them all.",
        ),
    ] = other_grids.ASK,
    as_json: options.Json = False,
) -> None:
    """Adds scans and their label maps to a study."""
    other_grids.check(grids)
    given = [*(paths or ()), *(labels or ()), *([meta] if meta else ())]
    if not paths and meta is None:
        raise SagittalError("Import what? Give files or folders, as in `sagittal import STUDY FOLDER`.")
    for path in given:
        if not path.exists():
            raise SagittalError(f"There is nothing at {path}. Check the path, then import again.")
    if series and labels:
        raise SagittalError(
            "Label maps go by the order of the images: name the images' files with --labels, not --series."
        )
    if labels and layout not in ("auto", "none"):
        raise SagittalError("A layout says itself which label map goes with which image: leave out --labels.")
    with session(context, as_json, study, writes=True) as on:
        resample: list[Path] | None = [] if grids == other_grids.REFUSE else None
        asked = bool(paths) and other_grids.is_asked(grids, as_json)
        if series or asked:
            found = looking.look_through(on, paths or (), labels or (), layout)
            if series:
                paths = looking.chosen(found["series"], series)
            if asked:
                wanted = [one for one in found["other_grids"] if not series or Path(one.files[0]) in (paths or ())]
                resample = other_grids.confirmed(on, wanted)
        task = on.engine.start_import(paths or (), labels=labels or (), meta=meta, layout=layout, resample=resample)
        report = on.task(task, "Importing")
        on.output.give(report, lambda console: _show_report(console, report))
        if paths and not report["imported"]:
            nothing = "Nothing was imported" + (
                ": every file was refused." if report["refused"] else ": no scan found."
            )
            raise Ended(Status.REFUSED, f"Error: {nothing} The report says why.")


def _show_report(console: Console, report: Mapping[str, Any]) -> None:
    rows = []
    for row in report["imported"]:
        names = _names([label["name"] for found in row["labels"] for label in found["labels"]])
        rows.append((row["scan"], row["path"], _size(row["shape"]), _spacing(row["spacing"]), names or "–"))
    if rows:
        table(console, ("scan", "file", "voxels", "spacing, mm", "labels"), rows)
    for row in report["layouts"]:
        console.print(f"Recognised: {row['sentence']}", markup=False, soft_wrap=True)
    for warning, files in _by_warning(report["imported"]).items():
        where = files if len(files) <= NAMED_FILES else [f"{len(files)} files, {Path(files[0]).name} among them"]
        for one in where:
            console.print(f"! {one}: {warning}", markup=False, soft_wrap=True)
    for row in report["refused"]:
        console.print(f"✗ {row['path']}: {row['reason']}", markup=False, soft_wrap=True)
    console.print(f"{len(report['imported'])} imported, {len(report['refused'])} refused.")


def _by_warning(imported: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Each warning once, with the files it is about: a set of a thousand pictures says the same of each."""
    found: dict[str, list[str]] = {}
    for row in imported:
        for warning in row["warnings"]:
            found.setdefault(warning, []).append(row["path"])
    return found


def _names(labels: list[str]) -> str:
    """ "liver, spleen", or "61 labels" of a set with many."""
    return ", ".join(labels) if len(labels) <= NAMED_LABELS else f"{len(labels)} labels"


def _size(shape: Any) -> str:
    return " × ".join(str(n) for n in shape)


def _spacing(spacing: Any) -> str:
    return " × ".join(f"{value:.3g}" for value in spacing)


def scan_document(scan: ScanFacts) -> dict[str, Any]:
    """One scan as `scans --json` prints it."""
    return {
        "scan": scan.scan,
        "name": scan.name,
        "subject": scan.subject,
        "path": scan.path,
        "kind": scan.kind,
        "modality": scan.modality,
        "shape": scan.shape,
        "spacing": scan.spacing,
        "orientation": scan.orientation,
        "labels": [
            {
                "set": found.name,
                "labels": [{"number": label.number, "name": label.name} for label in found.labels],
                "review": found.review,
            }
            for found in scan.label_sets
        ],
        "meta": scan.meta,
        "warnings": scan.warnings,
        "missing": scan.missing,
    }


def scans(context: typer.Context, study: options.Study, as_json: options.Json = False) -> None:
    """Lists the scans of a study with their labels and meta labels."""
    with session(context, as_json, study) as on:
        found = on.study.scans
        on.output.give([scan_document(scan) for scan in found], lambda console: _show_scans(console, found))


def _show_scans(console: Console, found: tuple[ScanFacts, ...]) -> None:
    if not found:
        console.print("The study has no scans yet. `sagittal import STUDY PATH…` adds some.")
        return
    table(
        console,
        ("scan", "name", "subject", "voxels", "spacing, mm", "axes", "labels", "meta labels"),
        (
            (
                scan.scan,
                scan.name + (" (file missing)" if scan.missing else ""),
                scan.subject,
                _size(scan.shape),
                _spacing(scan.spacing),
                scan.orientation,
                "; ".join(f"{s.name}: {_names([label.name for label in s.labels])}" for s in scan.label_sets) or "–",
                ", ".join(f"{key}={value}" for key, value in scan.meta.items()) or "–",
            )
            for scan in found
        ),
    )
