"""A method of a few dozen weights, with dropout and batch norm, that can be told to misbehave."""

from sagittal.method import MethodCard, Recipe
from sagittal.panels import Lines
from sagittal.params import TrainingParams, setting


class TinyParams(TrainingParams):
    """Parameters of the tiny method."""

    steps: int = setting(12, "Steps the schedule is made for.", ge=0, unit="steps")
    preview_steps: int = setting(0, "Steps between two pictures.", ge=0)
    checkpoint_steps: int = setting(5, "Steps between two checkpoints.", ge=1)
    trouble: str = setting(
        "none",
        "What goes wrong.",
        choices={
            name: name
            for name in ("none", "build", "prepare", "batch", "step", "nan", "pictures", "mendable", "exit", "weights")
        },
    )
    trouble_at: int = setting(7, "The step at which it goes wrong.", ge=0)
    pause_ms: float = setting(0.0, "Milliseconds that every step takes longer.", ge=0)
    wait: bool = setting(False, "Prepare without end, honouring the boundary.")


CARD = MethodCard(
    name="tiny",
    title="Tiny",
    summary="Learns next to nothing, quickly.",
    paper="None",
    capabilities=("pretext",),
    params=TinyParams,
    implementation="running_methods.tiny.method:Tiny",
    panels=(Lines("Loss", series=("main_loss",)),),
    recipes=(Recipe("short", "Four steps", {"steps": 4}, "test"),),
)
