"""What losses do to the curvature: spectra of several methods at several moments of training, as a table and a picture.

    packaging/with-display.sh python benchmarks/method_spectra.py DATA --out FOLDER [--methods simclr dcl mio]
        [--moments 20 200 400] [--lanczos 100] [--probes 5] [--batches 1]

DATA holds scans. Each method is trained by its recipe `quick-cpu` on the scans of four subjects in five, with a
checkpoint at each moment; there the Hessian's spectrum is computed by stochastic Lanczos quadrature on fixed batches
with fixed views, and once more without the trivial directions of scale-invariant layers. The picture is drawn by the
window's own charts: densities on a logarithmic axis, the axes shared by the moments of a method. FOLDER keeps the study
and every document; the same command goes on where it was ended. On two busy cores a spectrum of 1,000 products takes
several minutes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from sagittal_app import theme
from sagittal_app.charts.spectra import SpectraGrid
from sagittal_app.widgets.basics import label
from sagittal_engine import Study, spectrum, train
from sagittal_engine.registry import Registry

Document = Mapping[str, Any]
WIDTH, MARGIN = 1200, 16


def measured(chosen: argparse.Namespace) -> dict[str, list[Document]]:
    """Method → its documents, by moment; what FOLDER holds already is not computed again."""
    place = chosen.out / "study"
    if place.exists():
        study = Study.open(place)
    else:
        study = Study.create(place)
        study.import_paths([chosen.data])
    found: dict[str, list[Document]] = {}
    try:
        for method in chosen.methods:
            note = chosen.out / f"{method}.json"
            if not note.exists():
                kept = ",".join(map(str, chosen.moments))
                record = train(study, method, recipe="quick-cpu", keep_checkpoints=kept, held_out=0.2)
                note.write_text(json.dumps({"run": record.facts.run}), encoding="utf-8")
            run = json.loads(note.read_text(encoding="utf-8"))["run"]
            found[method] = [_spectrum(study, chosen, method, run, moment) for moment in chosen.moments]
    finally:
        study.close()
    return found


def _spectrum(study: Study, chosen: argparse.Namespace, method: str, run: str, moment: int) -> Document:
    path = chosen.out / f"{method}_{moment}.json"
    if not path.exists():
        document = spectrum(
            study, run=run, checkpoint=str(moment), steps=chosen.lanczos, probes=chosen.probes, batches=chosen.batches
        )
        path.write_text(json.dumps(document), encoding="utf-8")
    loaded: Document = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def table(found: Mapping[str, Sequence[Document]], titles: Mapping[str, str]) -> str:
    """Markdown: a row per method and moment."""
    lines = [
        "| method | step | largest | smallest | negative weight | without trivial directions | weight in doubt |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for method, documents in found.items():
        for d in documents:
            figures = [f"{d[name]:.2f}" for name in ("largest", "smallest")]
            weights = ("negative_weight", "negative_weight_projected", "unresolved_weight")
            figures += [f"{d[name]:.3f}" for name in weights]
            lines.append(f"| {titles[method]} | {d['step']} | " + " | ".join(figures) + " |")
    return "\n".join(lines)


def draw(found: Mapping[str, Sequence[Document]], titles: Mapping[str, str], out: Path) -> None:
    """All spectra in one picture, a row for each method."""
    application = QApplication.instance() or QApplication([])
    theme.apply("light")
    sheet = QWidget()
    rows = QVBoxLayout(sheet)
    rows.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
    for method, documents in found.items():
        grid = SpectraGrid(method)
        grid.show_spectra([(f"Step {d['step']}", d["step"], d) for d in documents])
        rows.addWidget(label(titles[method], "heading"))
        rows.addWidget(grid)
    sheet.resize(WIDTH, sheet.sizeHint().height())
    sheet.show()
    for _ in range(5):
        application.processEvents()
    sheet.grab().save(str(out))
    sheet.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--methods", nargs="+", default=["simclr", "dcl", "mio"])
    parser.add_argument("--moments", nargs="+", type=int, default=[20, 200, 400])
    parser.add_argument("--lanczos", type=int, default=100)
    parser.add_argument("--probes", type=int, default=5)
    parser.add_argument("--batches", type=int, default=1)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    titles = {card.name: card.title for card in Registry().cards()}
    found = measured(chosen)
    print(table(found, titles))
    draw(found, titles, chosen.out / "spectra.png")
    print(f"\n{chosen.out / 'spectra.png'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
