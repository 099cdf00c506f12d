"""What a learner minimises: functions of outputs and scores, and penalties on a critic's slope."""

from sparring.objectives.adversarial import (
    MINIMAX,
    NON_SATURATING,
    RELATIVISTIC,
    WASSERSTEIN,
    Objective,
    scores,
)
from sparring.objectives.penalties import one_centred, r1, r2
from sparring.objectives.supervised import (
    binary_cross_entropy,
    cross_entropy,
    mean_squared_error,
    soft_threshold,
    weight_penalty,
)

__all__ = [
    "MINIMAX",
    "NON_SATURATING",
    "RELATIVISTIC",
    "WASSERSTEIN",
    "Objective",
    "binary_cross_entropy",
    "cross_entropy",
    "mean_squared_error",
    "one_centred",
    "r1",
    "r2",
    "scores",
    "soft_threshold",
    "weight_penalty",
]
