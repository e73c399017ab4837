"""The demo's report: the same text as a page that stands on its own (HTML) and as Markdown."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sagittal.engine_port import EnginePort
from sagittal_engine.cli.output import duration, interval
from sagittal_engine.demo.pictures import draw_all
from sagittal_engine.demo.results import LABEL_SET, PROTOCOLS, SEED, Results

Block = tuple[str, Any]
"""A piece of the report: ("heading", text), ("text", text), ("table", rows, the first a header),
("picture", (path, caption)) or ("code", text)."""

TITLE = "Sagittal: the main job on synthetic scans"
PROTOCOL_WORDS = {
    "published": "Protocol 'published': as the literature scores. Only the slices between the first and the last one "
    "of the organ in the query's own truth count, and the program is told that range.",
    "deployed": "Protocol 'deployed': what a user has. Nothing of the query's truth is used, every slice counts, and "
    "an organ found where it is not costs.",
}


def write_report(out: Path, results: Results, engine: EnginePort) -> tuple[Path, list[Path]]:
    """Writes report.html, report.md and pictures/*.png into `out`; returns the page and the pictures."""
    captions = draw_all(out / "pictures", results, engine)
    blocks = _blocks(results, captions)
    (out / "report.md").write_text(_markdown(blocks, out), encoding="utf-8")
    page = out / "report.html"
    page.write_text(_page(blocks), encoding="utf-8")
    return page, list(captions)


def _blocks(results: Results, captions: Mapping[Path, str]) -> list[Block]:
    pictures = {path.stem: ("picture", (path, caption)) for path, caption in captions.items()}
    run = results.runs["trained"]
    n_test = len(results.tested)
    blocks: list[Block] = [
        (
            "text",
            "Every scan in this report is synthetic: drawn by a program from a seed, made to resemble abdominal MR, "
            "taken from no patient. The figures show that the program works on this machine; they say nothing about "
            "patients.",
        ),
        ("heading", "What was done"),
        (
            "text",
            f"{len(results.scans)} synthetic subjects with liver, both kidneys and spleen were drawn and imported. "
            f"{results.card.title} was trained for {run.state.step} steps on the first {results.training} scans "
            f"without looking at any label. Then a few slices of one scan that was not trained on "
            f"({results.support.name}) served as the only example, and every other scan was segmented from it, into "
            f"the label set '{LABEL_SET}'.",
        ),
        pictures["cohort"],
        pictures["support"],
        pictures["segmentation"],
        ("heading", "How good it is"),
        ("table", _figures(results)),
        (
            "text",
            "Dice is 2·TP / (2·TP + FP + FN) over the voxels of one scan and organ: 1 is perfect overlap, 0 is none. "
            f"A figure is the mean over the {n_test} scans that were not trained on (n); in brackets stands its 95 % "
            "interval by bootstrap over scans. The scans are tested in folds: each fold's queries are segmented from "
            "the scan that follows the fold, which is not a query of that fold. 'Untrained' is the same network with "
            f"the random weights it started from, seed {SEED}.",
        ),
        *(("text", PROTOCOL_WORDS[protocol]) for protocol in PROTOCOLS),
        *(pictures[f"dice-{protocol}"] for protocol in PROTOCOLS),
        ("heading", "Scan by scan"),
        ("table", _cases(results)),
        ("heading", "How it was trained"),
        pictures["losses"],
        ("table", _training(results)),
        ("heading", "How to do it again"),
        (
            "code",
            "sagittal demo --headless --out DIR\n"
            f"sagittal show {results.study} {run.facts.run}\n"
            f"sagittal evaluate {results.study} --run {run.facts.run} --task one-shot --protocol deployed\n"
            f"sagittal {results.study}",
        ),
        ("text", "The last line opens the window on the same study. Not for clinical use."),
    ]
    return blocks


def _figures(results: Results) -> list[list[str]]:
    metrics = list(results.evaluations["trained", PROTOCOLS[0]]["summary"])
    names = [metric.removeprefix("dice_") for metric in metrics]
    rows = [["protocol", "network", *names]]
    for protocol in PROTOCOLS:
        for run in results.runs:
            summary = results.evaluations[run, protocol]["summary"]
            rows.append([protocol, run, *(interval(summary[metric]) for metric in metrics)])
    return rows


def _cases(results: Results) -> list[list[str]]:
    """Dice of each tested scan with the trained network."""
    names = {scan.scan: scan.name.split(".")[0] for scan in results.scans}
    metrics = list(results.evaluations["trained", PROTOCOLS[0]]["summary"])
    rows = [["scan", "protocol", *(metric.removeprefix("dice_") for metric in metrics)]]
    for protocol in PROTOCOLS:
        for case in results.evaluations["trained", protocol]["cases"]:
            values = (case.get(metric) for metric in metrics)
            rows.append([names.get(case["scan"], case["scan"]), protocol, *(_number(value) for value in values)])
    return rows


def _number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float | int) else "–"


def _training(results: Results) -> list[list[str]]:
    run = results.runs["trained"]
    recipe = next(r for r in results.card.recipes if r.name == run.facts.request.recipe)
    rows = [
        ["fact", "value"],
        ["method", f"{results.card.title} ({results.card.paper})"],
        ["recipe", f"{recipe.name}: {recipe.title}"],
        ["device", run.facts.device],
        ["seed", str(run.facts.request.seed)],
        *(["version of " + name, version] for name, version in run.facts.versions.items()),
        *(["time, " + part, duration(seconds)] for part, seconds in results.seconds.items()),
        *([name, str(value)] for name, value in sorted(recipe.values.items())),
    ]
    return rows


def _markdown(blocks: list[Block], out: Path) -> str:
    parts = [f"# {TITLE}"]
    for kind, content in blocks:
        if kind == "heading":
            parts.append(f"## {content}")
        elif kind == "table":
            lines = ["| " + " | ".join(row) + " |" for row in content]
            parts.append("\n".join([lines[0], "|" + "---|" * len(content[0]), *lines[1:]]))
        elif kind == "picture":
            path, caption = content
            parts.append(f"![{caption}]({path.relative_to(out).as_posix()})\n\n*{caption}*")
        elif kind == "code":
            parts.append("\n".join(f"    {line}" for line in content.splitlines()))
        else:
            parts.append(content)
    return "\n\n".join(parts) + "\n"


STYLE = """
:root { color-scheme: light dark; --text: #1b1f24; --quiet: #5c6773; --line: #dde2e8; --page: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ed; --quiet: #98a2ae; --line: #2c323a; --page: #15181c; } }
body { font: 15px/1.55 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; display: block;
  overflow-x: auto; }
th, td { text-align: left; padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); }
figure { margin: 1.2rem 0; } figure img { max-width: 100%; height: auto; }
figcaption { color: var(--quiet); font-size: 13px; } pre { overflow-x: auto; color: var(--quiet); }
"""


def _page(blocks: list[Block]) -> str:
    parts = [f"<h1>{html.escape(TITLE)}</h1>"]
    for kind, content in blocks:
        if kind == "heading":
            parts.append(f"<h2>{html.escape(content)}</h2>")
        elif kind == "table":
            head = "".join(f"<th>{html.escape(cell)}</th>" for cell in content[0])
            body = "".join(
                "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in content[1:]
            )
            parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
        elif kind == "picture":
            path, caption = content
            data = base64.b64encode(path.read_bytes()).decode()
            text = html.escape(caption)
            image = f'<img alt="{text}" src="data:image/png;base64,{data}">'
            parts.append(f"<figure>{image}<figcaption>{text}</figcaption></figure>")
        elif kind == "code":
            parts.append(f"<pre>{html.escape(content)}</pre>")
        else:
            parts.append(f"<p>{html.escape(content)}</p>")
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(TITLE)}</title><style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )
