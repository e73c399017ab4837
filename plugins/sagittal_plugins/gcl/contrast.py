"""The two contrasts of GCL for one meta label: between images, and between pixels of images.

Reconstructed from the published description; the equations of the paper were not available. The image contrast is that
of supervised contrastive learning (Khosla et al., NeurIPS 2020, eq. 2, L_out).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from sagittal_engine.kit.pairs import check_temperature, full_precision


@full_precision
def image_contrast(embeddings: Tensor, positives: Tensor, *, temperature: float = 0.1) -> Tensor:
    """mean_i −(1/|P_i|) Σ_{j∈P_i} [ s_ij/τ − ln Σ_{k≠i} e^{s_ik/τ} ], s = cosine, P_i the positives of i.

    embeddings: (n, D) unit rows; positives: bool (n, n), row i marks P_i, its diagonal does not count. Rows without a
    positive are left out of the mean; where none has one, the result is 0. Raises ValueError where shapes do not fit.
    """
    check_temperature(temperature)
    count = len(embeddings)
    if embeddings.ndim != 2 or count < 2:
        raise ValueError(f"embeddings must be (n, D) with n of at least 2; got {tuple(embeddings.shape)}.")
    if positives.dtype != torch.bool or positives.shape != (count, count):
        raise ValueError(
            f"positives must be bool ({count}, {count}), as there are {count} embeddings; got {positives.dtype} "
            f"{tuple(positives.shape)}."
        )
    itself = torch.eye(count, dtype=torch.bool, device=embeddings.device)
    logits = (embeddings @ embeddings.T / temperature).masked_fill(itself, -torch.inf)
    log_shares = (logits - logits.logsumexp(1, keepdim=True)).masked_fill(~positives | itself, 0.0)
    numbers = (positives & ~itself).sum(1)
    means = log_shares.sum(1) / numbers.clamp(min=1)
    return -means.sum() / (numbers > 0).sum().clamp(min=1)


@full_precision
def pixel_contrast(kept: Tensor, negatives: Tensor) -> Tensor:
    """mean_a −(1/|P_a|) Σ_{p∈P_a} ln [ e^{s_ap/τ} / (e^{s_ap/τ} + Σ_neg e^{s/τ}) ], cosines already divided by τ.

    kept: (A, k) of each anchor pixel with the candidates that the filter kept; negatives: (A,) ln Σ_neg e^{s/τ}.
    Raises ValueError where there is not one sum per anchor.
    """
    if kept.ndim != 2 or negatives.shape != kept.shape[:1]:
        raise ValueError(
            f"there must be one sum over negatives per anchor; got cosines {tuple(kept.shape)} and sums "
            f"{tuple(negatives.shape)}."
        )
    return F.softplus(negatives.unsqueeze(1) - kept, threshold=40.0).mean()
