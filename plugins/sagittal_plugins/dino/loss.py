"""Cross entropy between a centred, sharpened teacher and a student (Caron et al. 2021, Eqs. 1 to 4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sagittal_engine.kit.pairs import check_temperature


def teacher_answers(outputs: Tensor, centre: Tensor, temperature: float | Tensor) -> Tensor:
    """softmax((g − c)/τ_t) of (N, K) outputs: a constant to the gradient."""
    return torch.softmax((_wide(outputs.detach()) - centre) / temperature, dim=1)


def dino_loss(
    students: Sequence[Tensor],
    teachers: Sequence[Tensor],
    centre: Tensor,
    *,
    student_temperature: float = 0.1,
    teacher_temperature: float | Tensor = 0.04,
) -> Tensor:
    """Mean over pairs of a teacher's view and another view of the student of −Σ_k P_t log P_s, a mean over images.

    students: raw scores (N, K) of all crops, the large ones first; teachers: those of the large crops; the pair of a
    crop with itself does not count. centre: (K,). Raises ValueError where a temperature is not greater than 0, or no
    pair is left.
    """
    return _cross_entropy(
        students,
        [teacher_answers(scores, centre, _checked(teacher_temperature)) for scores in teachers],
        student_temperature,
    )


def dino_terms(
    students: Sequence[Tensor],
    teachers: Sequence[Tensor],
    centre: Tensor,
    *,
    student_temperature: float = 0.1,
    teacher_temperature: float | Tensor = 0.04,
) -> tuple[Tensor, Tensor]:
    """`dino_loss`, and the mean entropy of the teacher's answers, which the loss cannot go below."""
    answers = [teacher_answers(scores, centre, _checked(teacher_temperature)) for scores in teachers]
    entropy = torch.stack([torch.special.entr(rows).sum(1).mean() for rows in answers]).mean()
    return _cross_entropy(students, answers, student_temperature), entropy


def _checked(temperature: float | Tensor) -> float | Tensor:
    check_temperature(temperature, "teacher_temperature")
    return temperature


def _cross_entropy(students: Sequence[Tensor], answers: Sequence[Tensor], temperature: float) -> Tensor:
    check_temperature(temperature, "student_temperature")
    total, pairs = torch.zeros((), device=students[0].device if students else None), 0
    for place, scores in enumerate(students):
        others = [answer for t, answer in enumerate(answers) if t != place]
        if others:
            # −Σ_k P_k log softmax(x)_k = ln Σ e^x − Σ_k P_k x_k, as the P_k sum to one.
            scaled = _wide(scores) / temperature
            agreement = ((others[0] if len(others) == 1 else torch.stack(others).sum(0)) * scaled).sum(1)
            total = total + (len(others) * torch.logsumexp(scaled, 1) - agreement).mean()
            pairs += len(others)
    if not pairs:
        raise ValueError(
            f"DINO compares a view with another one; got {len(students)} of the student, {len(answers)} of the teacher."
        )
    return total / pairs


def _wide(scores: Tensor) -> Tensor:
    return scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores
