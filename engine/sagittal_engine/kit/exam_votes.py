"""How much each plane has to say in an ensemble (thesis ch. 3)."""

from __future__ import annotations

import torch
from torch import Tensor


def vote_weights(accuracies: Tensor) -> Tensor:
    """Weights (planes, labels) of planes whose accuracies (planes, labels) are given: w = ln(acc / (1 − acc)), divided
    by their sum over planes, so that they sum to one for each label.

    A plane that is right less often than not votes against itself. The accuracies belong to exams that neither trained
    the networks nor are reported: with the reported ones, the thesis's own weights flatter the ensemble.
    Raises ValueError where an accuracy is not between 0 and 1, both excluded, or where the log-odds of a label do not
    sum to more than 0: then no plane knows more than a coin, and there is nothing to weigh.
    """
    if accuracies.ndim != 2 or accuracies.numel() == 0:
        raise ValueError(f"accuracies are (planes, labels), at least one of each; got {tuple(accuracies.shape)}.")
    outside = accuracies[~((accuracies > 0) & (accuracies < 1))]
    if len(outside):
        raise ValueError(f"an accuracy lies between 0 and 1, both excluded; got {float(outside[0]):g}.")
    odds = torch.logit(accuracies)
    total = odds.sum(0, keepdim=True)
    if bool((total <= 0).any()):
        label = int((total <= 0).flatten().nonzero()[0])
        raise ValueError(
            "the log-odds of the planes' accuracies must sum to more than 0 for each label; "
            f"got {float(total[0, label]):.3g} for label {label}."
        )
    return odds / total
