"""What the fake engine of the window tests serves: two made-up methods and small synthetic scans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from sagittal.facts import EvaluateRequest, Label, LabelSetFacts, ScanFacts, colour_of
from sagittal.measure import MeasureCard
from sagittal.method import MethodCard, Needs, Recipe
from sagittal.panels import Curve, Density, Histogram, Images, Lines, Matrix, Timeline
from sagittal.params import Params, TrainingParams, setting
from sagittal.probe import ProbeCard

SHAPE = (48, 40, 12)
ORGANS = ("liver", "right kidney", "left kidney", "spleen")


class EpisodeParams(TrainingParams):
    """Parameters of the first fake method: one of every kind."""

    steps: int = setting(40, "Steps the schedule is made for.", ge=0, le=10_000_000, unit="steps", paper=100_000)
    learning_rate: float = setting(1e-3, "Step size of the optimiser at its peak.", gt=0, le=100, paper=2e-3)
    encoder: str = setting(
        "small",
        "Network that turns slices into features.",
        choices={"small": "Four stages, for CPUs.", "resnet50": "Dilated ResNet-50, 256 channels."},
        paper="resnet50",
    )
    image_size: int = setting(128, "Slices are resampled to squares of this side.", ge=32, le=512, unit="px", paper=256)
    centre: bool = setting(True, "Centres features before comparing them.", group="Prototypes")
    threshold: float = setting(0.95, "Share of a window that must be inside the mask.", ge=0, le=1, group="Prototypes")
    weights: str | None = setting(None, "Published weights to start from.", path=True, group="Encoder")
    note: str = setting("", "A remark kept with the run.", group="Running")


class CurvatureParams(Params):
    """Parameters of the fake probe."""

    every: int = setting(100, "Steps between two measurements.", ge=1, unit="steps")


class ContrastParams(TrainingParams):
    """Parameters of the second fake method."""

    temperature: float = setting(0.2, "Divides the similarities.", gt=0, le=10)
    start_from: str = setting("", "Encoder to start from.", choices_from="runs")


class SpectrumParams(Params):
    """Parameters of the fake spectrum on demand: those of a `SpectrumRequest`."""

    steps: int = setting(100, "Lanczos steps.", ge=2, le=1000)
    probes: int = setting(5, "Random vectors.", ge=1, le=100)
    matrix: str = setting("hessian", "Which curvature.", choices={"hessian": "Second derivatives.", "ggn": "GGN."})
    batch_norm: str = setting("train", "Batch normalisation.", choices={"train": "The batch's.", "eval": "Running."})
    batches: int = setting(4, "Fixed batches.", ge=1, group="More")
    project_scale_directions: bool = setting(True, "Twice.", group="More")


class TaskParams(Params):
    """Parameters of the fake tasks on a representation."""

    target: str = setting("labels", "What is told of an image.")
    budget: str = setting("0", "Subjects with labels.")
    encoder: str = setting("trained", "Whose features.", choices={"trained": "The run's.", "untrained": "None."})
    k: int = setting(200, "Neighbours.", ge=1, group="k-NN")
    checkpoint: str = setting("last", "Checkpoint of the run.")


MEASURES = (
    MeasureCard("spectrum", "Hessian spectrum", "Density of eigenvalues.", SpectrumParams),
    MeasureCard(
        "embedding", "Map of the images", "Points of a plane.", TaskParams, asked=("target",),
        targets=("labels", "quartile"), needs=("representation",),
    ),
    MeasureCard(
        "knn", "k-NN", "Nearest images.", TaskParams, asked=("target", "budget", "encoder", "k"),
        targets=("labels", "quartile"), tests=True, needs=("representation",),
    ),
)  # fmt: skip
EPISODES = MethodCard(
    name="episodes",
    title="Episodes",
    summary="Learns to segment from superpixels that stand in for organs.",
    paper="Someone et al., A Journal 2024",
    capabilities=("pretext", "segmenter"),
    params=EpisodeParams,
    implementation="nowhere:Nothing",
    needs=Needs(scans=2),
    panels=(
        Lines("Losses", "Both losses of the episode.", series=("loss_query", "loss_ccr"), y_label="loss"),
        Lines("Dice of the episode", "Overlap of prediction and superpixel.", series=("dice",), y_label="Dice"),
        Images("Episode", "Support, superpixel, query, prediction.", source="preview"),
        Histogram("Similarities", "Cosine to the prototypes.", source="similarities", x_label="cosine"),
        Curve("Temperature", "", source="temperature", x_label="similarity", y_label="temperature"),
        Matrix("Gradient cosines", "", source="cosines", labels=("query", "ccr")),
        Density("Hessian spectrum", "", source="spectrum"),
        Timeline("Gate", "", series=("gate",), states=("closed", "open")),
    ),
    recipes=(
        Recipe("quick-cpu", "Quick, on a CPU", {"steps": 20}, "Ours"),
        Recipe("paper", "As published", {"steps": 100_000, "encoder": "resnet50", "image_size": 256}, "Table 3"),
    ),
)
CURVATURE = ProbeCard(
    name="curvature",
    title="Curvature",
    summary="The largest eigenvalue while training.",
    params=CurvatureParams,
    implementation="nowhere:Nothing",
    panels=(Lines("Largest eigenvalue", "", series=("largest",)),),
    needs=("pretext",),
)


CONTRAST = MethodCard(
    name="contrast",
    title="Contrast",
    summary="Pulls two views of a slice together and all others apart.",
    paper="Another et al., A Conference 2023",
    capabilities=("pretext", "representation"),
    params=ContrastParams,
    implementation="nowhere:Nothing",
    needs=Needs(scans=2, labels=True),
    note="Reconstructed from the published description.",
)


def label_table() -> tuple[Label, ...]:
    return tuple(Label(n, name, colour_of(n)) for n, name in enumerate(ORGANS, start=1))


def make_scan(index: int, *, labelled: bool = True, warnings: tuple[str, ...] = ()) -> ScanFacts:
    sets = (LabelSetFacts("truth", label_table(), {"kind": "imported"}),) if labelled else ()
    return ScanFacts(
        scan=f"{index:016x}",
        name=f"image_{index:02d}",
        subject=f"S{index:02d}",
        path=f"/scans/image_{index:02d}.nii.gz",
        kind="nifti",
        shape=SHAPE,
        spacing=(2.0, 2.0, 7.0),
        orientation="LAS" if index % 2 else "RAS",
        modality="MR",
        label_sets=sets,
        meta={"scanner": "A" if index % 2 else "B"},
        warnings=warnings,
    )


def make_image(index: int) -> np.ndarray[Any, Any]:
    """float32 SHAPE: a bright body with four organs, a little noise."""
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij")
    rng = np.random.default_rng(index)
    image = 200.0 * (x**2 / 0.8 + y**2 / 0.7 < 1) + rng.normal(0, 12, SHAPE)
    return (image + 120.0 * (make_labels(index) > 0) + 20 * z).astype(np.float32)


def make_labels(index: int) -> np.ndarray[Any, Any]:
    """uint16 SHAPE: four ellipsoids."""
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij")
    shift = 0.03 * (index % 5)
    centres = ((0.45, 0.2, 0.2), (0.35, -0.35, 0.0), (-0.35, -0.35, 0.0), (-0.5, 0.1, 0.2))
    radii = (0.32, 0.16, 0.16, 0.2)
    labels = np.zeros(SHAPE, np.uint16)
    for number, ((cx, cy, cz), r) in enumerate(zip(centres, radii, strict=True), start=1):
        inside = (x - cx - shift) ** 2 + (y - cy) ** 2 + ((z - cz) * 0.35) ** 2 < r**2
        labels[inside] = number
    return labels


def make_spectrum(steps: int = 5, probes: int = 1, matrix: str = "hessian") -> dict[str, Any]:
    """A spectrum's document of five Ritz values."""
    return {
        "ritz": [[-0.5, 0.0, 0.4, 2.0, 8.0]],
        "weights": [[0.02, 0.7, 0.2, 0.05, 0.03]],
        "residuals": [[0.0] * 5],
        "largest": 8.0,
        "smallest": -0.5,
        "smallest_converged": False,
        "negative_weight": 0.02,
        "negative_weight_projected": 0.001,
        "steps": steps,
        "probes": probes,
        "matrix": matrix,
        "batch_norm": "train",
        "batches": 1,
        "products": 10,
        "seconds": 0.5,
        "sigma": 0.085,
        "about": "Hessian on one batch.",
    }


def make_map(count: int = 12) -> dict[str, Any]:
    """A map's document: three classes on a circle."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    classes = (np.arange(count) % 3).tolist()
    return {
        "x": np.cos(angles).tolist(),
        "y": np.sin(angles).tolist(),
        "classes": classes,
        "names": ["liver", "liver+spleen", "none"],
        "about": "PCA of the features of 12 images.",
    }


def make_previews(folder: Path, step: int) -> list[dict[str, Any]]:
    """Writes a picture and one document of every kind for `step`, and gives their rows of a run's record."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    edges = np.linspace(-1, 1, 21)
    documents: dict[str, Any] = {
        "similarities": {
            "edges": edges.tolist(),
            "counts": {
                "query": np.exp(-(edges[:-1] ** 2) * 8).tolist(),
                "ccr": np.exp(-(edges[:-1] ** 2)).tolist(),
            },
        },
        "temperature": {"x": edges.tolist(), "y": {"temperature": (0.1 + 0.05 * (1 + edges)).tolist()}},
        "cosines": {"labels": ["query", "ccr"], "values": [[1.0, -0.2], [-0.2, 1.0]]},
        "spectrum": make_spectrum(),
    }
    pixels = np.full((64, 256, 3), (step * 5) % 255, np.uint8)
    pixels[16:48, 16:48] = (230, 159, 0)
    picture = folder / f"preview_{step}.png"
    Image.fromarray(pixels).save(picture)
    rows = [{"panel": "preview", "step": step, "path": str(picture), "caption": f"Step {step}"}]
    for name, document in documents.items():
        path = folder / f"{name}_{step}.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        rows.append({"panel": name, "step": step, "path": str(path), "caption": ""})
    return rows


def task_facts(request: EvaluateRequest) -> dict[str, Any]:
    """What a task on images says of itself besides its figures."""
    return {
        "target": request.parameters.get("target", "labels"),
        "encoder": request.parameters.get("encoder", "trained"),
        "step": 20,
        "split": "Tested subjects gave no label.",
        "intervals": "95 % bootstrap over subjects.",
        "chance": 0.25,
        "tested": {"subjects": 4, "images": 48},
        "draws": [{"budget": 0, "repeat": repeat, "subjects": ["S01"], "images": 12} for repeat in range(3)],
    }
