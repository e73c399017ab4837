"""Parameters and cards of the probes that look at curvature. No torch."""

from __future__ import annotations

from pydantic import field_validator

from sagittal.panels import Curve, Density, Lines
from sagittal.params import Params, setting
from sagittal.probe import ProbeCard
from sagittal_engine.probes.representation_cards import steps_of

MATRIX_CHOICES = {
    "hessian": "Second derivatives of the loss.",
    "ggn": "The generalised Gauss-Newton matrix: the loss's curvature seen through the network's slope. Never negative "
    "where the loss is convex in the outputs; contrastive losses are not.",
}
BATCH_NORM_CHOICES = {
    "train": "Batch normalisation uses the batch's statistics, as in training.",
    "eval": "Batch normalisation uses its running statistics.",
}


class SpectrumParams(Params):
    """When and how a run's curvature is looked at."""

    every: int = setting(500, "Steps between two spectra; 0 takes only those listed.", ge=0, unit="steps")
    at: str = setting("", "Further steps to look at, as 100 1000.")
    steps: int = setting(100, "Lanczos steps at most: Ritz values per random vector.", ge=2, le=1000)
    probes: int = setting(5, "Random vectors at most.", ge=1, le=100)
    budget: float = setting(
        10.0, "Share of the training time that spectra may take; fewer steps and vectors are made to keep to it.",
        gt=0, le=1000, unit="%",
    )  # fmt: skip
    batches: int = setting(1, "Fixed batches the loss is the mean of.", ge=1, le=1000)
    matrix: str = setting("hessian", "Which curvature.", choices=MATRIX_CHOICES, group="How")
    batch_norm: str = setting("train", "How batch normalisation behaves.", choices=BATCH_NORM_CHOICES, group="How")
    project_scale_directions: bool = setting(
        True, "Compute it a second time without the trivial directions of scale-invariant layers.", group="How"
    )

    @field_validator("at")
    @classmethod
    def _listed(cls, text: str) -> str:
        steps_of(text)
        return text


class ConvergenceParams(Params):
    """When the approach to a minimum is looked at, and what counts as the bottom."""

    every: int = setting(100, "Steps between two measurements.", ge=1, unit="steps")
    batches: int = setting(2, "Fixed batches the loss is the mean of.", ge=1, le=1000)
    floor: str = setting(
        "lowest", "The loss that counts as the minimum L*: a number, or 'lowest' for the lowest seen so far."
    )
    products: int = setting(
        8, "Curvature products behind the estimate of the largest eigenvalue; 0 leaves it out.", ge=0, le=100
    )
    budget: float = setting(5.0, "Share of the training time that this may take.", gt=0, le=1000, unit="%")

    @field_validator("floor")
    @classmethod
    def _number(cls, text: str) -> str:
        if text != "lowest":
            try:
                float(text)
            except ValueError:
                raise ValueError(f"the floor is a number or 'lowest'; got '{text}'") from None
        return text


SPECTRUM_ABOUT = (
    "Density of the eigenvalues of the loss's curvature on fixed batches with fixed views, by stochastic Lanczos "
    "quadrature: Ritz values as stems, each as high as its weight alone makes the density. The outermost converge to "
    "eigenvalues; the bulk is sampled, so what is negative is told as a weight, not as a count."
)
NEGATIVE_ABOUT = (
    "Share of all directions in which the loss curves downwards (below −1e-6 λmax). Some of it is certain: a layer "
    "whose scale is normalised away (a convolution before batch normalisation, the last layer under a cosine loss) has "
    "a direction ψ with Hψ = −gradient and ψᵀHψ = 0, so H has a negative eigenvalue wherever that gradient is not "
    "zero. This is no sign of a saddle; the second line leaves these directions out."
)
BOUND_ABOUT = (
    "Plain gradient descent on a fixed loss cannot be shown to descend once the learning rate exceeds 2/λmax, and the "
    "classical bound is 1/λmax. λmax belongs to a few fixed batches; momentum, adaptive rules and noise move the "
    "limit: a guide, not a law."
)
PL_ABOUT = (
    "μ = ‖gradient‖² / (2 (L − L*)) at every moment so far, on fixed batches, with L* the lowest loss seen so far or "
    "the chosen floor. Where ½‖∇L‖² ≥ μ (L − L*) holds everywhere with one μ > 0 (the Polyak-Łojasiewicz "
    "inequality) and the curvature never exceeds λmax, gradient descent with rate 1/λmax brings L − L* down by the "
    "factor 1 − μ/λmax per step. This is an estimate along one path, not a proof that the inequality holds."
)

CARDS: tuple[ProbeCard, ...] = (
    ProbeCard(
        name="spectrum",
        title="Hessian spectrum",
        summary="Density of the curvature's eigenvalues, its extremes and its negative part, within a time budget.",
        params=SpectrumParams,
        implementation="sagittal_engine.probes.live_spectrum:LiveSpectrum",
        panels=(
            Density("Hessian spectrum", SPECTRUM_ABOUT, source="spectrum"),
            Lines("Extreme eigenvalues", SPECTRUM_ABOUT, series=("hessian_largest", "hessian_smallest")),
            Lines(
                "Weight of negative curvature",
                NEGATIVE_ABOUT,
                series=("hessian_negative_weight", "hessian_negative_weight_projected"),
            ),
            Lines("Learning rate and 1/λmax", BOUND_ABOUT, series=("learning_rate", "inverse_largest"), log=True),
            Lines("Cost of measuring", "Time of all probes as a share of the training time.", series=("probe_share",)),
        ),
    ),
    ProbeCard(
        name="convergence",
        title="Convergence",
        summary="Gradient norm, an estimate of the Polyak-Łojasiewicz constant along the run, the rate it implies.",
        params=ConvergenceParams,
        implementation="sagittal_engine.probes.convergence:Convergence",
        panels=(
            Lines(
                "Gradient norm", "‖∇L‖ over all trained parameters, on the same fixed batches and views throughout.",
                series=("gradient_norm",), log=True,
            ),
            Curve(
                "Polyak-Łojasiewicz estimate", PL_ABOUT, source="convergence", x_label="step", y_label="μ",
            ),
            Lines("Rate implied per step", PL_ABOUT, series=("convergence_rate",)),
            Lines("Learning rate and step bound", BOUND_ABOUT, series=("learning_rate", "step_bound"), log=True),
        ),
    ),
)  # fmt: skip
