"""What a learner minimises: functions of outputs and scores, and penalties on a critic's slope."""

from sparring.objectives.adversarial import (
    HINGE,
    LEAST_SQUARES,
    MINIMAX,
    NON_SATURATING,
    RELATIVISTIC,
    WASSERSTEIN,
    Objective,
    scores,
)
from sparring.objectives.constraints import clip_weights
from sparring.objectives.cycle import cells_apart, cycle_consistency, identity
from sparring.objectives.moments import Moments
from sparring.objectives.penalties import one_centred, r1, r2
from sparring.objectives.supervised import (
    binary_cross_entropy,
    cross_entropy,
    mean_squared_error,
    soft_threshold,
    weight_penalty,
)

__all__ = [
    "HINGE",
    "LEAST_SQUARES",
    "MINIMAX",
    "NON_SATURATING",
    "RELATIVISTIC",
    "WASSERSTEIN",
    "Moments",
    "Objective",
    "binary_cross_entropy",
    "cells_apart",
    "clip_weights",
    "cross_entropy",
    "cycle_consistency",
    "identity",
    "mean_squared_error",
    "one_centred",
    "r1",
    "r2",
    "scores",
    "soft_threshold",
    "weight_penalty",
]
