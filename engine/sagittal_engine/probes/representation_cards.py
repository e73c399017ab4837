"""Parameters and cards of the probes that look at representations. No torch."""

from __future__ import annotations

from pydantic import field_validator

from sagittal.panels import Histogram, Lines, Scatter
from sagittal.params import Params, setting, step_list
from sagittal.probe import ProbeCard


def steps_of(text: str) -> frozenset[int]:
    """The steps in "0 500 1000" (commas part the values of a probe). Raises ValueError that names what is no number."""
    return step_list(text.replace(" ", ","))


IMAGES_OF = {
    "training": "Images that are trained on.",
    "held-out": "Images of the subjects kept from training.",
}
TARGET_HELP = "What counts as the class of an image; empty takes the method's own 'label_target'."


class GeometryParams(Params):
    """When and on what the geometry of a representation is measured."""

    every: int = setting(100, "Steps between two measurements.", ge=1, unit="steps")
    images: int = setting(512, "Most images looked at, the same at every measurement.", ge=2, le=20_000, unit="images")
    images_of: str = setting("training", "Whose images.", choices=IMAGES_OF)
    space: str = setting(
        "projections",
        "Which vectors.",
        choices={
            "projections": "What the loss compares.",
            "features": "What is kept: the encoder's pooled features, projector removed.",
        },
    )
    batch_norm: str = setting(
        "batch",
        "Whose mean and deviation batch normalisation takes.",
        choices={
            "batch": "Those of up to 256 of the images at a time, as the loss sees them.",
            "running": "Those gathered over training; before the first steps they say nothing yet.",
        },
    )
    target: str = setting("", TARGET_HELP)


class KnnParams(Params):
    """When and how live k-NN is measured."""

    every: int = setting(200, "Steps between two measurements.", ge=1, unit="steps")
    k: int = setting(200, "Neighbours that vote, at most as many as there are.", ge=1, le=100_000)
    temperature: float = setting(0.1, "A vote weighs e^(cosine / temperature).", ge=0.02, le=10)
    bank: int = setting(5000, "Most training images that vote; 0 takes all.", ge=0, unit="images")
    target: str = setting("", TARGET_HELP)


class EmbeddingParams(Params):
    """When and how a map of the images is drawn."""

    steps: str = setting("0", "Steps at which a map is drawn, as 0 500; one is drawn at the end as well.")
    kind: str = setting(
        "pca",
        "How features become points of a plane.",
        choices={
            "pca": "The two directions of largest variance: quick, and distances keep their meaning.",
            "tsne": "t-SNE: neighbours stay neighbours, distances between groups mean nothing.",
        },
    )
    images: int = setting(1000, "Most images drawn.", ge=3, le=10_000, unit="images")
    images_of: str = setting("training", "Whose images.", choices=IMAGES_OF)
    perplexity: float = setting(30, "Neighbours that t-SNE balances, at most a third of the images.", ge=2, le=500)
    target: str = setting("", "What colours the points; empty takes the method's own 'label_target'.")

    @field_validator("steps")
    @classmethod
    def _steps(cls, text: str) -> str:
        steps_of(text)
        return text


REPRESENTATION = ("representation",)

CARDS = (
    ProbeCard(
        name="geometry",
        title="Geometry of the representation",
        summary="Alignment, uniformity and tolerance, and how alike pairs of images are.",
        params=GeometryParams,
        implementation="sagittal_engine.probes.representation:Geometry",
        panels=(
            Lines(
                "Alignment and uniformity",
                "Alignment: mean squared distance of two views of an image on the unit sphere, 0 is perfect. "
                "Uniformity: ln of the mean of exp(−2·distance²) over distinct pairs of images, lower is more even; "
                "'all pairs' counts self pairs too, as DySTreSS does; 'inter class' takes pairs of different classes.",
                series=("alignment", "uniformity", "uniformity_all_pairs", "inter_class_uniformity"),
            ),
            Lines(
                "Tolerance",
                "Mean cosine within classes. 'tolerance': over distinct pairs of one class; 'unconditional': over all "
                "N² pairs, others counting 0 (Wang and Liu); 'dystress': that times ten, meant for ten equal classes.",
                series=("tolerance", "tolerance_unconditional", "tolerance_dystress"),
            ),
            Histogram(
                "Similarity of pairs",
                "Cosines of two views of one image (positive), and of different images of one class or of two, in one "
                "view each; the same images and views at every measurement.",
                source="similarity",
                x_label="cosine",
            ),
        ),
        needs=REPRESENTATION,
    ),
    ProbeCard(
        name="knn",
        title="Live k-NN",
        summary="Accuracy on subjects kept from training, by the nearest training images.",
        params=KnnParams,
        implementation="sagittal_engine.probes.representation:Knn",
        panels=(
            Lines(
                "k-NN accuracy",
                "Share of images of held-out subjects whose class the most similar training images give by a vote "
                "weighted e^(cosine / t); 'knn_chance' is what the bank's most frequent class alone would score.",
                series=("knn_accuracy", "knn_chance"),
                y_label="accuracy",
            ),
        ),
        needs=REPRESENTATION,
    ),
    ProbeCard(
        name="embedding",
        title="Map of the images",
        summary="Features drawn as points of a plane (PCA or t-SNE), coloured by class.",
        params=EmbeddingParams,
        implementation="sagittal_engine.probes.embedding:Embedding",
        panels=(
            Scatter(
                "Map of the images",
                "Pooled features of the encoder, L2-normalised, in two dimensions; one point an image.",
                source="embedding",
            ),
        ),
        needs=REPRESENTATION,
    ),
)
