"""DySTreSS: a temperature for every pair, given by its similarity (thesis ch. 6).

Card and parameters only; nothing here imports torch.
"""

from typing import Self

from pydantic import model_validator

from sagittal.method import MethodCard
from sagittal.panels import Lines
from sagittal.params import setting
from sagittal_engine.kit import recipes
from sagittal_engine.kit.contrast_params import ContrastiveParams, panels

PROFILE = "Temperature"


class DySTreSSParams(ContrastiveParams):
    """Parameters of DySTreSS."""

    tau_min: float = setting(0.1, "Lowest temperature, of the most unlike pairs.", ge=0.01, le=10)
    tau_max: float = setting(0.2, "Highest temperature, of very like and of opposite pairs.", ge=0.01, le=10)
    profile: str = setting(
        "cosine",
        "How the temperature depends on the cosine c of a pair.",
        choices={
            "cosine": "Lowest at c = 0, highest at c = −1 and 1, along a cosine.",
            "linear": "Rises with |c|.",
            "exponential": "Rises with |c|, steeply at first.",
        },
    )
    shift: float | None = setting(
        None,
        "Shift of the cosine profile: 0 puts its lowest point at −0.5, −0.2 at −0.4, 0.2 at 0.4; empty: the plain one.",
        ge=-1,
        le=1,
        group=PROFILE,
    )
    scale: float | None = setting(
        None, "Half the width of the shifted profile; empty: half of 1 + |shift|.", gt=0, le=2, group=PROFILE
    )
    detach_temperature: bool = setting(
        True, "Treat the temperature as a constant to the gradient, as the released code does.", group=PROFILE
    )
    decoupled: bool = setting(
        False, "Take the positive out of the denominator and sum the two views apart (released variant).", group=PROFILE
    )

    @model_validator(mode="after")
    def _one_profile(self) -> Self:
        """The rules of `temperature.check_profile`, in the words of a form."""
        if self.tau_max < self.tau_min:
            raise ValueError(
                f"The highest temperature, 'tau_max', is {self.tau_max} and the lowest, 'tau_min', is {self.tau_min}. "
                "Raise 'tau_max', or lower 'tau_min'."
            )
        if self.shift is not None and self.profile != "cosine":
            raise ValueError(
                f"Only the cosine profile can be shifted, and 'profile' is {self.profile}. Leave 'shift' empty, or set "
                "'profile' to cosine."
            )
        if self.scale is not None and self.shift is None:
            raise ValueError("'scale' is the width of the shifted profile, and 'shift' is empty. Leave 'scale' empty.")
        return self


CARD = MethodCard(
    name="dystress",
    title="DySTreSS",
    summary="SimCLR's loss with a temperature per pair: cold for unlike pairs, warm for very like and opposite ones.",
    paper="Doctoral thesis, ch. 6 (DySTreSS); Manna et al., Dynamically Scaled Temperature",
    capabilities=("pretext", "representation"),
    params=DySTreSSParams,
    implementation="sagittal_plugins.dystress.method:DySTreSS",
    panels=panels(
        Lines(
            "Temperature of positives",
            "Mean temperature of the positive pairs of each step's batch.",
            series=("positive_temperature",),
            y_label="temperature",
        )
    ),
    recipes=recipes.load(__file__),
)
