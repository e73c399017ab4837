"""The network of an exam classifier: what reads slices one by one, and what brings them together."""

from __future__ import annotations

from torch import Tensor, nn

from sagittal_engine.kit.exam_encoders import GroupReader, Look, SliceReader, encoder_named
from sagittal_engine.nets.exam_heads import ConvLSTMHead, MaximumHead, VolumeHead
from sagittal_engine.nets.sslacl import SSLACLClassifier
from sagittal_plugins.exam_classifier import GROUPS, ExamClassifierParams


class ExamNetwork(nn.Module):
    """Slices of exams → scores of their labels."""

    def __init__(self, reader: SliceReader | GroupReader, head: nn.Module | None, *, frozen: bool) -> None:
        """Without a `head` the reader's own network brings the slices together."""
        super().__init__()
        self.encoder, self.head, self.frozen = reader, head, frozen
        if frozen:
            self.fixed.requires_grad_(False)
            self.fixed.eval()

    @property
    def fixed(self) -> nn.Module:
        """The part that stays as it is where the encoder is frozen."""
        return self.encoder.network.branches if isinstance(self.encoder, GroupReader) else self.encoder

    def train(self, mode: bool = True) -> ExamNetwork:
        """Also sets what is frozen to evaluation, so that statistics of normalisations stay."""
        super().train(mode)
        if self.frozen:
            self.fixed.eval()
        return self

    def read(self, slices: Tensor, groups: Tensor) -> Tensor:
        """(M, C, H, W) with the group of each slice, (M,) → (M, …)."""
        found: Tensor = self.encoder(slices, groups)
        return found

    def judge(self, read: Tensor) -> Tensor:
        """(B, k, …) → (B, labels)."""
        if isinstance(self.encoder, GroupReader):
            return self.encoder.network.judged(read)
        assert self.head is not None
        scores: Tensor = self.head(read)
        return scores


def build(params: ExamClassifierParams, outputs: int) -> ExamNetwork:
    """A freshly initialised network of `outputs` labels."""
    p = params
    channels, cells = int(p.channels), int(p.grid) ** 2
    if p.head == GROUPS:
        classifier = SSLACLClassifier(channels, width=p.width, outputs=outputs, groups=cells)
        return ExamNetwork(GroupReader(classifier, Look(channels, p.signed)), None, frozen=p.frozen)
    network = encoder_named(p.encoder, stem=p.stem, channels=channels, width=p.width, cells=cells)
    look = Look(channels, p.signed, cells, p.crop) if p.of_cells else Look(channels, p.signed)
    reader = SliceReader(network, look)
    heads = {
        "convlstm": lambda: ConvLSTMHead(reader.width, outputs, width=p.head_width),
        "cnn3d": lambda: VolumeHead(reader.width, outputs, width=p.head_width),
        "maximum": lambda: MaximumHead(reader.width, outputs),
    }
    return ExamNetwork(reader, heads[p.head](), frozen=p.frozen)
