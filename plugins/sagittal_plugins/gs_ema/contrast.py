"""The boundary-aware contrastive loss (BACL) of latents of student and teacher on source and transformed images."""

from __future__ import annotations

import torch
from torch import Tensor

from sagittal_engine.kit.pairs import full_precision

POSITIVE = ("source_student_teacher", "target_student_teacher")
"""Student and teacher on the same image, p of Eq. 5."""
NEGATIVE = (
    "student_source_target",
    "teacher_source_target",
    "student_source_teacher_target",
    "student_target_teacher_source",
)
"""Every other pair, n of Eq. 5."""


@full_precision
def similarities(
    student_source: Tensor, student_target: Tensor, teacher_source: Tensor, teacher_target: Tensor
) -> Tensor:
    """The six cosines h of Eq. 5, in the order of `POSITIVE` and `NEGATIVE`: (6,).

    Features (B, C, *spatial) or (B, D), row n of all four from the same image. A sample's features are one vector,
    neither pooled nor projected, and cosines are averaged over the batch before anything else.
    Raises ValueError where the shapes differ or there is no sample.
    """
    shapes = {tuple(f.shape) for f in (student_source, student_target, teacher_source, teacher_target)}
    if len(shapes) != 1 or student_source.ndim < 2 or not len(student_source):
        raise ValueError(f"four features of one shape (B, …), B of at least 1, are compared; got {sorted(shapes)}.")
    ss, st, ts, tt = (f.flatten(1) for f in (student_source, student_target, teacher_source, teacher_target))
    pairs = ((ss, ts), (st, tt), (ss, st), (ts, tt), (ss, tt), (st, ts))
    return torch.stack([torch.cosine_similarity(a, b, dim=1).mean() for a, b in pairs])


@full_precision
def contrast(cosines: Tensor) -> Tensor:
    """L_c = −ln(Σ_p e^h / (Σ_p e^h + Σ_n e^h)) of the six cosines of `similarities` (Eq. 5)."""
    return torch.logsumexp(cosines, 0) - torch.logsumexp(cosines[: len(POSITIVE)], 0)


def bacl_loss(student_source: Tensor, student_target: Tensor, teacher_source: Tensor, teacher_target: Tensor) -> Tensor:
    """One contrast (Eq. 5) of the features given, a scalar; six equal similarities give ln 3.

    Features and errors as `similarities`. The method sums it over the latents (volume) and over their
    `boundary_features`.
    """
    return contrast(similarities(student_source, student_target, teacher_source, teacher_target))


@full_precision
def boundary_features(latent: Tensor) -> Tensor:
    """b = |IFFT(FFT(z) · mask)| of latents z (B, C, *spatial): what is left without low frequencies, same shape.

    Along each spatial axis of n frequencies, the lowest in the middle, the indices n/4 … 3n/4 − 1 are low; the mask is
    zero where a frequency is low along every axis, and one elsewhere (8 … 23 of 32 as published). It does not depend
    on batch and channel, so that a transform over all axes gives the same. The magnitude of the complex result is
    taken. Raises ValueError where there is no spatial axis.
    """
    if latent.ndim < 3:
        raise ValueError(f"latents are (B, C, *spatial) with one spatial axis or more; got {tuple(latent.shape)}.")
    axes = tuple(range(2, latent.ndim))
    spectrum = torch.fft.fftn(latent, dim=axes)
    return torch.fft.ifftn(spectrum * high_pass(latent), dim=axes).abs()


def high_pass(latent: Tensor) -> Tensor:
    """The mask of `boundary_features` in the order of `torch.fft.fftn`: (*spatial), 0 or 1."""
    low = torch.ones((), dtype=torch.bool, device=latent.device)
    for n in latent.shape[2:]:
        index = torch.arange(n, device=latent.device)
        low = low.unsqueeze(-1) & ((index >= n // 4) & (index < 3 * n // 4))
    return torch.fft.ifftshift((~low).to(latent.dtype))
