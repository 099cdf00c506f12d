"""What a supervised estimator's parameters may be, and the error for what they may not."""

import os
from collections.abc import Mapping
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    StrOptions,
    validate_parameter_constraints,
)
from torch import nn

from sparring.errors import InputError
from sparring.networks import CELLS

__all__ = [
    "ACTIVATIONS",
    "CLASS_WEIGHT",
    "FORECAST",
    "GENERATION",
    "POOLING",
    "SEQUENCE",
    "SUPERVISED",
    "TRANSLATION",
    "ParameterError",
    "check_parameters",
]

ACTIVATIONS: Mapping[str, type[nn.Module]] = MappingProxyType(
    {"relu": nn.ReLU, "tanh": nn.Tanh, "logistic": nn.Sigmoid, "silu": nn.SiLU, "identity": nn.Identity}
)
_WHOLE = Interval(Integral, 1, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_SHARE = Interval(Real, 0, 1, closed="left")

SUPERVISED: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", _WHOLE],
    "network": [callable, nn.Module, None],
    "activation": [StrOptions(set(ACTIVATIONS))],
    "solver": [StrOptions({"adam", "sgd"})],
    "learning_rate_init": [_POSITIVE, None],
    "learning_rate": [StrOptions({"auto", "constant", "cosine"})],
    "momentum": [Interval(Real, 0, 1, closed="left")],
    "batch_size": [StrOptions({"auto"}), _WHOLE],
    "max_iter": [_WHOLE, None],
    "tol": [_NOT_NEGATIVE],
    "l1": [_NOT_NEGATIVE],
    "l2": [_NOT_NEGATIVE],
    "dropout": [_SHARE, None],
    "early_stopping": ["boolean"],
    "validation_fraction": [_SHARE, None],
    "n_iter_no_change": [_WHOLE],
    "warm_start": ["boolean"],
    "image_size": [_WHOLE, tuple, list, None],
    "leave_out": ["array-like"],
    "schema": [str, os.PathLike, Mapping, None],
    "run": [str, os.PathLike, None],
    "checkpoint_every": [_WHOLE, None],
    "device": [str],
    "precision": [StrOptions({"auto", "float32", "bfloat16"})],
    "threads": [_WHOLE, None],
    "random_state": ["random_state"],
    "verbose": [callable, "verbose"],
}


SEQUENCE: dict[str, list[Any]] = {
    "cell": [StrOptions(set(CELLS))],
    **{name: [_WHOLE] for name in ("hidden_size", "layers", "width", "max_iter", "n_iter_no_change")},
    **{name: [_SHARE] for name in ("dropout", "word_dropout")},
    "batch_size": SUPERVISED["batch_size"],
    "remember": [Interval(Integral, 2, None, closed="left"), None],
    **{name: ["boolean"] for name in ("learned_start", "early_stopping", "bidirectional", "lower", "letters")},
    "learning_rate_init": [_POSITIVE],
    "learning_rate": [StrOptions({"constant", "cosine"})],
    "clip": [_POSITIVE, None],
    "weight_noise": [_NOT_NEGATIVE],
    "minimum_count": [_WHOLE],
    "most_words": [_WHOLE, None],
    "vectors": [str, os.PathLike, None],
    "encoding": [str],
    **{
        name: SUPERVISED[name]
        for name in ("tol", "l1", "l2", "validation_fraction", "run", "checkpoint_every", "device", "precision")
    },
    **{name: SUPERVISED[name] for name in ("threads", "random_state", "verbose")},
}


TRANSLATION: dict[str, list[Any]] = {
    **{name: ["boolean"] for name in ("attention", "tied")},
    "smoothing": [_SHARE],
    "beam": [_WHOLE],
    "alpha": [_NOT_NEGATIVE],
    "longest": [_WHOLE, None],
}
GENERATION: dict[str, list[Any]] = {
    "input_dropout": [_SHARE, None],
    "level": [StrOptions({"word", "letter"})],
    "window": [_WHOLE, None],
    "chords": ["boolean"],
}
FORECAST: dict[str, list[Any]] = {
    "ahead": [_WHOLE, None],
    "back": [_WHOLE],
    "season": [_WHOLE, None],
    "relative": ["boolean"],
}
POOLING: list[Any] = [StrOptions({"last", "mean", "max"})]
CLASS_WEIGHT: list[Any] = [StrOptions({"balanced"}), dict, None]


class ParameterError(InputError, InvalidParameterError):
    """A parameter of an estimator that cannot be: the name, what is needed, and what it was."""


def check_parameters(estimator: BaseEstimator) -> None:
    """Raise ParameterError if a parameter is not of those in ``_parameter_constraints``."""
    known: Any = estimator
    try:
        validate_parameter_constraints(
            known._parameter_constraints, estimator.get_params(deep=False), caller_name=type(estimator).__name__
        )
    except InvalidParameterError as error:
        raise ParameterError(str(error)) from None
