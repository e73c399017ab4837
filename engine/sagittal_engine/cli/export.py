"""`export`: label sets as files of other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sagittal.engine_port import SagittalError
from sagittal.exports import EXPORT_FORMATS, SERIES_AS, export_format
from sagittal_engine.cli import options
from sagittal_engine.cli.naming import check_set, find_scans, near
from sagittal_engine.cli.session import Session, session
from sagittal_engine.cli.status import Ended, Status


def register(app: typer.Typer) -> None:
    app.command("export")(export)


def export(
    context: typer.Context,
    study: options.Study,
    labels: options.LabelSet,
    format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="|".join(known.name for known in EXPORT_FORMATS),
            help=" ".join(f"{known.name}: {known.text}" for known in EXPORT_FORMATS),
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the files.", show_default=False)],
    scans: options.Scans = None,
    make_series: Annotated[
        str,
        typer.Option(
            "--make-series",
            metavar="|".join(SERIES_AS),
            help="With dicom-seg: makes a DICOM series of each scan that is none, or whose identifiers were blanked, "
            "for the segmentation to refer to. "
            f"auto: {SERIES_AS['auto']}.",
            show_default=False,
        ),
    ] = "",
    as_json: options.Json = False,
) -> None:
    """Writes a label set of every scan that has it, and re-reads what it wrote."""
    if export_format(format) is None:
        names = [known.name for known in EXPORT_FORMATS]
        hint = near(format, names, "sagittal export --help")
        raise SagittalError(f"There is no export format '{format}'; known: {', '.join(names)}. {hint}")
    if make_series and make_series not in SERIES_AS:
        raise SagittalError(f"--make-series takes one of {', '.join(SERIES_AS)}; got '{make_series}'.")
    with session(context, as_json, study) as on:
        check_set(on.study, labels)
        chosen = find_scans(on.study, scans)
        if format == "dicom-seg" and not make_series:
            _offer_series(on, labels, chosen)
        task = on.engine.start_export(labels, format, out, chosen, make_series=make_series)
        result = on.task(task, "Exporting")
        on.output.give(result, lambda console: _show_export(console, result))
        if not result["verified"]:
            raise Ended(Status.FAULT, "Error: what was written does not read back the same. Do not use these files.")


def _offer_series(on: Session, label_set: str, chosen: Sequence[str]) -> None:
    """Says which option makes the series, where a scan to be exported is no DICOM."""
    having = [scan for scan in on.study.scans if any(found.name == label_set for found in scan.label_sets)]
    strange = [scan.name for scan in having if scan.kind != "dicom" and (not chosen or scan.scan in chosen)]
    if strange:
        raise SagittalError(
            "A DICOM segmentation refers to the DICOM series it was drawn on, and these scans are no DICOM: "
            f"{', '.join(strange[:4])}{', …' if len(strange) > 4 else ''}. Add `--make-series auto` to have a DICOM "
            "series made of them too, choose DICOM scans with --scans, or export another format."
        )


def _show_export(console: Console, result: Mapping[str, Any]) -> None:
    for path in result["files"]:
        console.print(str(path), markup=False, soft_wrap=True)
    for row in result.get("refused", ()):
        console.print(f"✗ {row['name']}: {row['reason']}", markup=False, soft_wrap=True)
    for sentence in result.get("differences", ()):
        console.print(f"✗ {sentence}", markup=False, soft_wrap=True)
    checked = "read back and found the same" if result["verified"] else "NOT the same when read back"
    count = len(result["files"])
    console.print(f"{count} file{'' if count == 1 else 's'} written, {checked}.")
