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
from sparring.objectives.supervised import cross_entropy, mean_squared_error

__all__ = [
    "MINIMAX",
    "NON_SATURATING",
    "RELATIVISTIC",
    "WASSERSTEIN",
    "Objective",
    "cross_entropy",
    "mean_squared_error",
    "one_centred",
    "r1",
    "r2",
    "scores",
]
