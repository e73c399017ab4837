"""A comparison's results as rows, as a document, and as files: Markdown, CSV, picture. No torch."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sagittal.comparison import HEADLINES, ComparisonFacts, ComparisonRequest, ComparisonRow
from sagittal.facts import colour_of
from sagittal_engine.evaluate.few_label_params import FineTuneParams
from sagittal_engine.evaluate.subject_draws import figures_of_draws
from sagittal_engine.store.atomic import replacing
from sagittal_engine.store.comparison_folder import FILES, ComparisonFolder, Settled

RESAMPLES = FineTuneParams.model_fields["resamples"].default


def rows_of(
    request: ComparisonRequest, settled: Settled, results: Sequence[Mapping[str, Any]]
) -> tuple[ComparisonRow, ...]:
    """What each start came to at each budget, as far as it is done."""
    rows = []
    for budget in dict.fromkeys(draw["budget"] for draw in settled.draws):
        for start in settled.starts:
            own = [r for r in results if (r["start"], r["budget"]) == (start["name"], budget)]
            if own:
                draws = [r["cases"] for r in sorted(own, key=lambda r: int(r["repeat"]))]
                metrics = figures_of_draws(
                    draws, resamples=int(request.parameters.get("resamples", RESAMPLES)), seed=request.seed
                )
                rows.append(
                    ComparisonRow(start["name"], start["title"], budget, len(own), sum(map(len, draws)), metrics)
                )
    return tuple(rows)


def document(facts: ComparisonFacts) -> dict[str, Any]:
    """What `compare --json` prints: plain values."""
    return {"comparison": facts.id, **asdict(facts), "state": str(facts.state)}


def markdown(request: ComparisonRequest, settled: Settled, rows: Sequence[ComparisonRow]) -> str:
    """The table with what must be said beside it."""
    lines = [f"# {request.title}", ""]
    done = sum(row.repeats for row in rows)
    lines += [
        f"Mean (95 % interval) over {len(settled.test_scans)} tested scans; {done} of {settled.total} fine-tunings.",
        "",
    ]
    lines.append("| subjects with labels | start | draws | tested subjects | " + " | ".join(HEADLINES.values()) + " |")
    lines.append("|---:|---|---:|---:|" + "---:|" * len(HEADLINES))
    for row in rows:
        figures = [_figure(row.metrics.get(metric)) for metric in HEADLINES]
        n = max((int(figure["n"]) for figure in row.metrics.values()), default=0)
        budget = str(row.budget) if row.budget else "all"
        lines.append(f"| {budget} | {row.title} | {row.repeats} | {n} | " + " | ".join(figures) + " |")
    lines += ["", f"Labels: {', '.join(settled.labels)}.", *settled.notes, ""]
    return "\n".join(lines)


def _figure(figure: Mapping[str, float] | None) -> str:
    if figure is None:
        return "–"
    return f"{figure['mean']:.3f} ({figure['low']:.3f}–{figure['high']:.3f})"


def table_csv(rows: Sequence[ComparisonRow]) -> str:
    """A row per start, budget and metric."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["budget", "start", "title", "draws", "cases", "metric", "mean", "low", "high", "n"])
    for row in rows:
        for metric, f in row.metrics.items():
            figures = [f[name] for name in ("mean", "low", "high", "n")]
            writer.writerow([row.budget, row.start, row.title, row.repeats, row.cases, metric, *figures])
    return out.getvalue()


def cases_csv(results: Sequence[Mapping[str, Any]]) -> str:
    """A row per fine-tuning and tested scan."""
    names = list(dict.fromkeys(name for result in results for case in result["cases"] for name in case))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["start", "budget", "repeat", *names])
    for result in results:
        for case in result["cases"]:
            values = ["" if case.get(name) is None else case[name] for name in names]
            writer.writerow([result["start"], result["budget"], result["repeat"], *values])
    return out.getvalue()


def write(folder: ComparisonFolder) -> None:
    """Writes the tables and the picture of what is done so far."""
    from sagittal_engine.demo.drawing import bars

    request, settled, _ = folder.read()
    results = folder.results()
    rows = rows_of(request, settled, results)
    texts = {"table": markdown(request, settled, rows), "csv": table_csv(rows), "cases": cases_csv(results)}
    for name, text in texts.items():
        with replacing(folder.path / FILES[name], durable=False) as temporary:
            temporary.write_text(text, encoding="utf-8")
    colours = {start["title"]: colour_of(n) for n, start in enumerate(settled.starts, start=1)}
    groups: dict[str, dict[str, tuple[float, float | None, float | None]]] = {}
    for row in rows:
        figure = row.metrics.get("dice_mean")
        if figure is not None:
            n = f"{row.budget or 'all'} labelled"
            groups.setdefault(n, {})[row.title] = (figure["mean"], figure["low"], figure["high"])
    if groups:
        about = f"Dice, mean over the labels, with 95 % intervals; {len(results)} of {settled.total} fine-tunings done"
        picture = bars(request.title, about, groups, colours)
        with replacing(folder.path / FILES["figure"], durable=False) as temporary:
            picture.save(temporary)
