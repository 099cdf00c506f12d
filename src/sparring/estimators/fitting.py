"""A supervised fit about to be played: settings that suit the data, the network, its error, and what is watched."""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from sparring.chance import Chance, ambient_seed
from sparring.data.batches import Batches, usual_size
from sparring.data.targets import Classes, Labels, Targets
from sparring.errors import InputError, ShapeError
from sparring.estimators.design import threads_for
from sparring.estimators.examples import Examples, Inputs, Prepared
from sparring.estimators.parameters import ACTIVATIONS
from sparring.networks import MLP, ConvNet, adopted, dead_shares, has_batch_statistics
from sparring.objectives import binary_cross_entropy, cross_entropy, mean_squared_error
from sparring.place import Place
from sparring.seeds import derive
from sparring.shapes import describe
from sparring.training import EpochWatch, Game, State, delta_sizes, supervised_game
from sparring.training.adam import Adam
from sparring.training.reach import layer_pulls
from sparring.training.schedules import Schedule, rise_then_cosine
from sparring.training.stopping import Patience

__all__ = [
    "Fit",
    "FitSettings",
    "baseline_of",
    "error_of",
    "fit_of",
    "made_network",
    "measure",
    "outputs_of",
    "place_for",
    "score_of",
    "settle_fit",
]

AT_ONCE = 1024  # rows in one pass of a prediction
BATCH, LEAST_BATCH, IMAGE_BATCH, MIXED_BATCH = 200, 32, 128, 512
STEPS = 10  # in an epoch of few rows, at least
EPOCHS, IMAGE_EPOCHS = 200, 20
WIDE = 16  # pixels of an image's longer side from which bfloat16 pays
PROBED = 64  # rows whose deltas are measured
LIVING = 512  # rows of which a unit must say something, not to be dead
PROBES = 100  # how often in a run, at most


# -- settings


@dataclass(frozen=True)
class FitSettings:
    """What a supervised estimator's parameters mean for some data."""

    epochs: int
    batch_size: int | None
    rate: float
    cosine: bool
    dropout: float
    held_out: float
    stops: bool
    best: bool

    def described(self) -> dict[str, Any]:
        """For the record."""
        return asdict(self)


def settle_fit(given: Mapping[str, Any], image: bool) -> FitSettings:
    """Fill what the user left open."""
    batch = given["batch_size"]
    fraction = given["validation_fraction"]
    schedule = given["learning_rate"]
    cosine = image if schedule == "auto" else schedule == "cosine"
    return FitSettings(
        epochs=given["max_iter"] or (IMAGE_EPOCHS if image else EPOCHS),
        batch_size=None if batch == "auto" else int(batch),
        rate=float(given["learning_rate_init"] or (3e-3 if image else 1e-3)),
        cosine=cosine,
        dropout=(0.3 if image else 0.0) if given["dropout"] is None else float(given["dropout"]),
        held_out=(0.1 if given["early_stopping"] else 0.0) if fraction is None else float(fraction),
        # a rate that falls to zero is meant to be played to its end
        stops=given["early_stopping"] or not cosine,
        best=given["early_stopping"],
    )


# -- the network and its error


def made_network(
    given: Mapping[str, Any], settings: FitSettings, inputs: Inputs, targets: Targets, seed: int
) -> nn.Module:
    """The user's own network (copied), or an MLP for columns and a ConvNet for images. Weights follow from the seed.

    Raises ShapeError if it does not give an output per class, label or number.
    """
    network, shape, outputs = given["network"], inputs.shape, (targets.outputs,)
    with ambient_seed(derive(seed, "weights")):
        if isinstance(network, nn.Module):
            made = adopted(copy.deepcopy(network))
        elif network is not None:
            made = adopted(network(shape=shape, outputs=targets.outputs))
        elif inputs.kind == "image":
            norm = None if min(shape[1:]) < 2 else "batch"  # one pixel of one row has no spread to divide by
            made = ConvNet(
                shape, outputs, norm=norm, activation=ACTIVATIONS[given["activation"]], dropout=settings.dropout
            )
        else:
            made = MLP(shape, outputs, _hidden(given), ACTIVATIONS[given["activation"]], dropout=settings.dropout)
        _check(made, shape, targets.outputs)
    return made


def _hidden(given: Mapping[str, Any]) -> tuple[int, ...]:
    sizes = given["hidden_layer_sizes"]
    sizes = (sizes,) if isinstance(sizes, int | np.integer) else tuple(sizes)
    if any(isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1 for size in sizes):
        raise InputError(f"hidden_layer_sizes must be whole numbers above 0; got {given['hidden_layer_sizes']!r}.")
    return tuple(int(size) for size in sizes)


@torch.no_grad()
def _check(network: nn.Module, shape: tuple[int, ...], outputs: int) -> None:
    mode = network.training
    needed = f"the network must take inputs of the shape {describe((2, *shape))} and return {describe((2, outputs))}"
    try:
        found = network.eval()(torch.zeros(2, *shape))
    except RuntimeError as error:
        raise ShapeError(f"{needed}; it fails with: {' '.join(str(error).split())}") from error
    if not isinstance(found, Tensor) or tuple(found.shape) not in ((2, outputs), *([(2,)] if outputs == 1 else [])):
        shown = describe(tuple(found.shape)) if isinstance(found, Tensor) else type(found).__name__
        raise ShapeError(f"{needed}; got {shown}.")
    network.train(mode)


def error_of(targets: Targets) -> Callable[..., Tensor]:
    """The error that suits the targets: (outputs, targets[, weights]) to a mean per row."""
    if isinstance(targets, Classes):
        return cross_entropy
    return binary_cross_entropy if isinstance(targets, Labels) else mean_squared_error


def outputs_of(network: nn.Module, inputs: Tensor, place: Place) -> Tensor:
    """The network's outputs for many rows, (n, outputs) in float32, in the mode the network is in."""
    with torch.inference_mode(), place.autocast():
        return torch.cat([network(part).float() for part in inputs.split(AT_ONCE)])


# -- the fit


@dataclass(frozen=True)
class Fit:
    """A run about to be played."""

    data: Prepared
    settings: FitSettings
    place: Place
    threads: int | None
    network: nn.Module
    game: Game
    batches: Batches
    state: State
    watch: EpochWatch

    @property
    def steps(self) -> int:
        return self.settings.epochs * self.batches.per_epoch


def place_for(given: Mapping[str, Any], inputs: Inputs) -> Place:
    """The device, and the precision: bfloat16 pays for convolutions only, and a user's network may not bear it."""
    wide = inputs.kind == "image" and max(inputs.shape[1:]) >= WIDE and given["network"] is None
    return Place.of(given["device"], "float32" if given["precision"] == "auto" and not wide else given["precision"])


def fit_of(
    given: Mapping[str, Any],
    data: Prepared,
    settings: FitSettings,
    network: nn.Module,
    place: Place,
    seed: int,
    probed: bool = False,
) -> Fit:
    """Bring network, error, optimiser, batches and watch together. probed: whether deltas are recorded."""
    if place.ranks > 1 and has_batch_statistics(network):
        raise InputError(
            "batch normalisation sees only one rank's part of a batch, so several ranks would not equal one. "
            "Give a network= without it, or use one process."
        )
    network = network.to(place.device)
    error = error_of(data.targets)
    train = tuple(torch.from_numpy(array).to(place.device) for array in data.train.arrays)
    settings = _sized(given, settings, data)
    batches = Batches(
        *train,
        size=settings.batch_size,
        seed=derive(seed, "batches"),
        short=place.ranks == 1,
        rank=place.rank,
        ranks=place.ranks,
    )
    optimizer = _optimizer(given, settings, network)
    schedule: Schedule | None = None
    if settings.cosine:
        schedule = rise_then_cosine(settings.rate, settings.epochs * batches.per_epoch)
    game = supervised_game(network, error, optimizer, schedule, l1=given["l1"], l2=given["l2"])
    evaluate = partial(measure, network, data.targets, data.held_out, place) if len(data.held_out) else None
    patience = Patience(given["n_iter_no_change"], given["tol"]) if settings.stops else None
    probe = partial(_probed, network, train, error, baseline_of(data.targets, train, error)) if probed else None
    watch = EpochWatch(network, batches, evaluate, patience, probe, math.ceil(settings.epochs / PROBES), place)
    state = State(Chance(derive(seed, "chance"), place.device, place.rank, place.ranks))
    threads = given["threads"] or threads_for(network, batches.size // place.ranks)
    return Fit(data, settings, place, threads, network, game, batches, state, watch)


def _sized(given: Mapping[str, Any], settings: FitSettings, data: Prepared) -> FitSettings:
    """With the batch size asked for, else 200 (images 128, mixed tables 512), but less for few rows.

    An epoch of one step teaches little. Where both are left open, a mixed table's batch of more than 200 has a rate
    that is larger by as much.
    """
    rows = len(data.train)
    usual = {"image": IMAGE_BATCH, "mixed features": MIXED_BATCH}.get(data.inputs.kind, BATCH)
    size = min(settings.batch_size or usual_size(rows, LEAST_BATCH, usual, STEPS), rows)
    if settings.batch_size is None and given["learning_rate_init"] is None and usual == MIXED_BATCH:
        settings = replace(settings, rate=settings.rate * max(1.0, size / BATCH))
    return replace(settings, batch_size=size)


def _optimizer(given: Mapping[str, Any], settings: FitSettings, network: nn.Module) -> Optimizer:
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if not parameters:
        raise InputError("the network has no weights that learn.")
    if given["solver"] == "sgd":
        return SGD(parameters, lr=settings.rate, momentum=given["momentum"], fused=True)
    return Adam(parameters, lr=settings.rate)


def _probed(
    network: nn.Module, train: tuple[Tensor, ...], error: Callable[..., Tensor], baseline: float
) -> dict[str, float]:
    """What is looked at beside errors, on rows that stay the same: the lecture's delta by layer, and dead units."""
    rows, targets = train[0], train[1]
    sizes = delta_sizes(network, rows[:PROBED], targets[:PROBED], error)
    found = {f"layer {i}/delta": size for i, (_, size) in enumerate(sizes, 1)}
    pulls = layer_pulls(network, rows[:PROBED], targets[:PROBED], error)
    found |= {f"layer {i}/pull": size for i, (_, size) in enumerate(pulls, 1)}
    found |= {f"layer {i}/dead": share for i, (_, share) in enumerate(dead_shares(network, rows[:LIVING]), 1)}
    return found | {"baseline/error": baseline}


def baseline_of(targets: Targets, train: tuple[Tensor, ...], error: Callable[..., Tensor]) -> float:
    """The error of the best answer that looks at no input: the training rows' shares of classes, or their mean."""
    expected = train[1]
    weights = train[2] if len(train) > 2 else torch.ones(len(expected), device=expected.device)
    share = weights / weights.sum()
    if isinstance(targets, Classes):
        each = torch.bincount(expected, share, minlength=targets.outputs).clamp(min=1e-12).log()
    else:
        rows = expected.reshape(len(expected), -1).to(share.dtype)
        mean = (share[:, None] * rows).sum(0)
        each = torch.logit(mean.clamp(1e-6, 1 - 1e-6)) if isinstance(targets, Labels) else mean
    answers = each.to(torch.float32).expand(len(expected), -1)
    return float(error(answers, *train[1:]))


def measure(network: nn.Module, targets: Targets, rows: Examples, place: Place) -> dict[str, float]:
    """The error and the score of validation rows, in the mode the network is in."""
    inputs, expected, *weights = (torch.from_numpy(array).to(place.device) for array in rows.arrays)
    outputs = outputs_of(network, inputs, place)
    found = error_of(targets)(outputs, expected, *weights)
    return {"validation/error": found.item(), "validation/score": score_of(targets, outputs, expected)}


def score_of(targets: Targets, outputs: Tensor, expected: Tensor) -> float:
    """The share of right answers, or R^2 (the mean over several numbers)."""
    outputs, expected = outputs.cpu(), expected.cpu()  # not every device has float64
    if isinstance(targets, Classes):
        return (outputs.argmax(1) == expected).double().mean().item()
    if isinstance(targets, Labels):
        return ((outputs > 0) == (expected > 0)).all(1).double().mean().item()
    missed = (outputs.reshape(expected.shape) - expected).double().square().sum(0)
    spread = (expected - expected.double().mean(0)).square().sum(0)
    return (1 - missed / spread.clamp(min=1e-12)).mean().item()
