"""A method that trains as `tiny` and segments by copying the support's mask."""

from running_methods.tiny import TinyParams
from sagittal.method import MethodCard
from sagittal.params import setting


class MarkerParams(TinyParams):
    """Parameters of the marker."""

    level: float = setting(0.5, "Confidence given.", ge=0, le=1)
    width: int = setting(4, "Channels of the network.", ge=1)


CARD = MethodCard(
    name="marker",
    title="Marker",
    summary="Copies masks.",
    paper="None",
    capabilities=("pretext", "segmenter"),
    params=MarkerParams,
    implementation="running_methods.marker.method:Marker",
)
