"""The supervised part of GS-EMA: Dice and cross-entropy."""

from __future__ import annotations

from monai.losses import DiceCELoss
from torch import Tensor

_DICE_CE = DiceCELoss(to_onehot_y=True, softmax=True)


def dice_ce(logits: Tensor, classes: Tensor) -> Tensor:
    """L_DCE = mean over batch and class of 1 − (2Σpg + ε)/(Σp + Σg + ε), plus the mean cross-entropy; ε = 1e-5.

    logits: (B, C, *spatial), softmax over the C classes, background included; classes: (B, 1, *spatial), integers.
    Raises ValueError where the two do not fit.
    """
    if classes.shape != (len(logits), 1, *logits.shape[2:]):
        raise ValueError(
            f"classes of logits {tuple(logits.shape)} are {(len(logits), 1, *logits.shape[2:])}; "
            f"got {tuple(classes.shape)}."
        )
    loss: Tensor = _DICE_CE(logits.float() if logits.itemsize < 4 else logits, classes)
    return loss
