"""A method that edits gradients: twice the first objective's, none of the second's."""

from running_methods.tiny import TinyParams
from sagittal.method import MethodCard

CARD = MethodCard(
    name="editing",
    title="Editing",
    summary="Edits its gradients.",
    paper="None",
    capabilities=("pretext",),
    params=TinyParams,
    implementation="running_methods.editing.method:Editing",
)
