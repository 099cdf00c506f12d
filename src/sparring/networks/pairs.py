"""Pairs of networks for an adversarial game, made to the size of the data."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from torch import nn

from sparring.networks.conv import ConvCritic, ConvGenerator
from sparring.networks.dropout import Dropout
from sparring.networks.layers import LEAKY
from sparring.networks.maxout import Maxout
from sparring.networks.mlp import MLP
from sparring.networks.residual import ResidualCritic, ResidualGenerator
from sparring.networks.signs import Signs
from sparring.networks.skipping import Skipping
from sparring.networks.waves import Waves

__all__ = ["PAIRS", "Pair", "convolutional", "maxout", "perceptrons", "residual", "skipping"]


@dataclass(frozen=True)
class Pair:
    """How the two networks are made.

    generator(latent_size, shape, last): noise (n, latent_size) to samples (n, *shape), ended by the layer ``last``
    unless it is None. critic(shape, outputs): samples to scores (n,), or (n, outputs) unless that is None.
    images: whether samples must be images, (c, h, w).
    """

    name: str
    generator: Callable[[int, Sequence[int], nn.Module | None], nn.Module]
    critic: Callable[[Sequence[int], int | None], nn.Module]
    images: bool = False


def perceptrons(
    hidden: Sequence[int] = (64, 64, 64),
    critic_hidden: Sequence[int] | None = None,
    waves: Sequence[float] = (),
    signs: int = 0,
) -> Pair:
    """Multilayer perceptrons: ReLU in the generator, LeakyReLU in the critic.

    hidden: sizes of the hidden layers; critic_hidden: the critic's, if they differ. waves: frequencies that a
    vector's critic sees its inputs by (see ``Waves``). signs: of how many of its noise's numbers the generator sees
    the sign alone (see ``Signs``); at most two thirds of them.
    """
    generator = partial(_perceptron_generator, tuple(hidden), signs)
    critic = partial(_perceptron_critic, tuple(critic_hidden or hidden), tuple(waves))
    return Pair("perceptrons", generator, critic)


def maxout(hidden: Sequence[int], units: Sequence[int], pieces: int = 5, dropout: float = 0.5) -> Pair:
    """The first GAN's: a ReLU generator, and a critic of maxout units with dropout.

    Source: Goodfellow et al. 2014, with their code: for MNIST hidden (1200, 1200), units (240, 240).
    """
    made = partial(_maxout_critic, tuple(units), pieces, dropout)
    return Pair("maxout", partial(_perceptron_generator, tuple(hidden), 0), made)


def convolutional(width: int = 32, generator_norm: str | None = None, critic_norm: str | None = None) -> Pair:
    """The convolutional pair; with the norms "batch" it is DCGAN's."""
    made = partial(_conv_generator, width, generator_norm), partial(_conv_critic, width, critic_norm)
    return Pair("convolutional", *made, images=True)


def residual(width: int = 16, blocks: int = 1) -> Pair:
    """The residual pair, without normalisation."""
    made = partial(_residual_generator, width, blocks), partial(_residual_critic, width, blocks)
    return Pair("residual", *made, images=True)


def skipping(
    hidden: Sequence[int] = (128, 128), critic_hidden: Sequence[int] | None = None, norm: str | None = "layer"
) -> Pair:
    """For mixed tables: a generator whose layers keep their inputs (see ``Skipping``), and a plain critic."""
    made = partial(_perceptron_critic, tuple(critic_hidden or hidden), ())
    return Pair("skipping", partial(_skipping_generator, tuple(hidden), norm), made)


# -- of functions with a name, so that a recipe that holds them can be pickled


def _perceptron_generator(
    hidden: Sequence[int], signs: int, latent_size: int, shape: Sequence[int], last: nn.Module | None
) -> nn.Module:
    made = MLP((latent_size,), shape, hidden, nn.ReLU, last)
    count = min(signs, 2 * latent_size // 3)
    return nn.Sequential(Signs(count), made) if count else made


def _skipping_generator(
    hidden: Sequence[int], norm: str | None, latent_size: int, shape: Sequence[int], last: nn.Module | None
) -> nn.Module:
    made = Skipping(latent_size, math.prod(shape), hidden, norm)
    return made if last is None else nn.Sequential(made, last)


def _perceptron_critic(
    hidden: Sequence[int], waves: Sequence[float], shape: Sequence[int], outputs: int | None
) -> nn.Module:
    scores = () if outputs is None else (outputs,)
    if not waves or len(shape) > 1:
        return MLP(shape, scores, hidden, LEAKY)
    seen = Waves(shape[0], waves)
    return nn.Sequential(seen, MLP((seen.outputs,), scores, hidden, LEAKY))


def _maxout_critic(
    units: Sequence[int], pieces: int, dropout: float, shape: Sequence[int], outputs: int | None
) -> nn.Module:
    sizes = [math.prod(shape), *units]
    layers: list[nn.Module] = [nn.Flatten()] if len(shape) > 1 else []
    for before, after in itertools.pairwise(sizes):
        layers += [Maxout(before, after, pieces), *([Dropout(dropout)] if dropout else [])]
    layers.append(nn.Linear(sizes[-1], outputs or 1))
    return nn.Sequential(*layers, *([nn.Flatten(0)] if outputs is None else []))


def _conv_generator(
    width: int, norm: str | None, latent_size: int, shape: Sequence[int], last: nn.Module | None
) -> nn.Module:
    return ConvGenerator(latent_size, shape, width, norm, last)


def _conv_critic(width: int, norm: str | None, shape: Sequence[int], outputs: int | None) -> nn.Module:
    return ConvCritic(shape, width, norm, outputs=outputs)


def _residual_generator(
    width: int, blocks: int, latent_size: int, shape: Sequence[int], last: nn.Module | None
) -> nn.Module:
    return ResidualGenerator(latent_size, shape, width, blocks, last)


def _residual_critic(width: int, blocks: int, shape: Sequence[int], outputs: int | None) -> nn.Module:
    return ResidualCritic(shape, width, blocks, outputs=outputs)


PAIRS: Mapping[str, Callable[..., Pair]] = MappingProxyType(
    {
        "perceptrons": perceptrons,
        "skipping": skipping,
        "convolutional": convolutional,
        "dcgan": partial(convolutional, generator_norm="batch", critic_norm="batch"),
        "residual": residual,
    }
)
"""Pairs by name, for the command line; each takes its sizes."""
