"""A method of a few hundred weights that gives features of slices: what representation probes and tasks ask for."""

from sagittal.method import MethodCard
from sagittal.params import TrainingParams, setting


class PatchesParams(TrainingParams):
    """Parameters of the tiny method."""

    steps: int = setting(6, "Steps the schedule is made for.", ge=0, unit="steps")
    batch_size: int = setting(8, "Images per step.", ge=2)
    learning_rate: float = setting(0.05, "Step size.", gt=0)
    preview_steps: int = setting(0, "Steps between two pictures.", ge=0)
    held_out: int = setting(2, "Subjects kept from training.", ge=0)
    label_target: str = setting("labels", "What counts as the class of an image.")


CARD = MethodCard(
    name="patches",
    title="Patches",
    summary="Makes two noisy views of a slice alike.",
    paper="None",
    capabilities=("pretext", "representation"),
    params=PatchesParams,
    implementation="representing_methods.patches.method:Patches",
)
