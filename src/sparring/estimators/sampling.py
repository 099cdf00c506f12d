"""Samples from a generator: noise of the right law, classes in the right shares, ways between two samples."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sparring.chance import generator as seeded
from sparring.data.mixed import MixedSchema
from sparring.data.schema import Schema
from sparring.data.targets import Classes
from sparring.errors import DataError, InputError, ShapeError
from sparring.networks import Choices
from sparring.seeds import derive
from sparring.shapes import describe

__all__ = ["AT_ONCE", "Sampler", "between", "class_shares", "counted"]

BALANCED = "balanced"  # all classes alike; unless a class is called so
AT_ONCE = 1024  # samples made in one pass


@dataclass(frozen=True)
class Sampler:
    """A generator and what it is called with. law: of the noise. classes: told apart, or None; shares: in the data."""

    generator: nn.Module
    schema: Schema
    latent_size: int
    law: Callable[..., Tensor]
    classes: Classes | None = None
    shares: tuple[float, ...] = ()

    def noise(self, n: int, seed: int) -> Tensor:
        """Latent vectors (n, latent_size), by the seed alone."""
        return self.law(n, self.latent_size, generator=seeded(seed, "sample"))

    def given(self, latent: Any) -> Tensor:
        """The user's own latent vectors."""
        found = np.asarray(latent)
        if found.ndim != 2 or found.shape[1] != self.latent_size or not len(found) or found.dtype.kind not in "iuf":
            raise ShapeError(f"latent must be numbers (n, {self.latent_size}); got {describe(found.shape)}")
        if not np.isfinite(found).all():
            raise DataError("latent must be finite numbers.")
        return torch.from_numpy(found.astype(np.float32))

    def rows(self, n: int, random_state: int) -> Any:
        """n samples, by a seed."""
        return self.made(self.noise(n, random_state), self.labels(n, None, random_state))

    def labels(self, n: int, y: Any, seed: int) -> NDArray[Any] | None:
        """The classes of n samples, or None for a model that knows none.

        y: None (in the data's shares), "balanced" (all alike), a mapping of classes to their shares, one class, or
        an array of n. Raises InputError or DataError for anything else, or if the model knows no classes.
        """
        if self.classes is None:
            if y is not None:
                if isinstance(self.schema, MixedSchema) and self.schema.classes is not None:
                    raise InputError("classes that are a column of a table cannot be asked for here; leave y out.")
                raise InputError("this model was fitted without classes; leave y out, or fit it with fit(X, y).")
            return None
        known = self.classes.classes
        evenly = isinstance(y, str) and y == BALANCED and BALANCED not in known.tolist()
        if y is None or evenly or isinstance(y, Mapping):
            shares = class_shares(self.classes, self.shares, y)
            rng = np.random.default_rng(derive(seed, "classes"))
            return known[rng.permutation(_counted(shares, n, rng.random()))]
        if np.ndim(y) == 0:
            return np.full(n, y)
        if np.shape(y) != (n,):
            raise ShapeError(f"y holds {len(y)} classes for {n} samples; one each is needed.")
        return np.asarray(y)

    def told(self, labels: NDArray[Any] | None) -> tuple[Tensor, ...]:
        """The classes as the networks take them: one tensor of whole numbers, or none."""
        if labels is None or self.classes is None:
            return ()
        return (torch.from_numpy(self.classes.encode(labels)),)

    def made(self, noise: Tensor, labels: NDArray[Any] | None = None) -> Any:
        """The samples for noise (n, latent_size) and the classes (n,), in the data's own kind."""
        device = next(self.generator.parameters()).device
        generating, choosing = self._choosing
        parts = zip(*(tensor.split(AT_ONCE) for tensor in (noise, *self.told(labels))), strict=True)
        with torch.inference_mode():
            if choosing is not None and isinstance(self.schema, MixedSchema):
                made = [[x.cpu() for x in choosing.compact(generating(p[0].to(device)).float())] for p in parts]
                return self.schema.expanded(*(torch.cat(x).numpy() for x in zip(*made, strict=True)))
            made = [self.generator(*(p.to(device) for p in part)).float().cpu() for part in parts]
        return self.schema.decode(torch.cat(made).numpy())

    def ways(self, steps: Any, pairs: Any, y: Any, latent: Any, seed: int) -> Any:
        """The samples on ``pairs`` ways of ``steps`` from one latent vector to another (see ``GAN.interpolate``)."""
        steps = counted(steps)
        if latent is not None and np.ndim(latent) != 3:
            raise ShapeError("latent must be the starts and the ends, of the shape (2, pairs, latent_size).")
        pairs = counted(pairs if latent is None else len(latent[0]))
        noise = self.noise(2 * pairs, seed) if latent is None else self.given(np.concatenate(list(latent)))
        way = between(noise[:pairs], noise[pairs:], steps, straight=self.law is not torch.randn)
        labels = self.labels(pairs, y, seed)
        return self.made(way, None if labels is None else labels.repeat(steps))

    @property
    def _choosing(self) -> tuple[nn.Module, Choices | None]:
        """A generator of mixed rows without its last layer, and that, which need not spread its choices out."""
        network = self.generator
        last = network[-1] if isinstance(network, nn.Sequential) and len(network) else None
        if isinstance(network, nn.Sequential) and isinstance(last, Choices):
            return nn.Sequential(*list(network)[:-1]), last  # a slice of a perceptron would be made as one
        return network, None


def counted(n: Any, noise: Any = None, y: Any = None) -> int:
    """How many samples are meant. Raises InputError for what is no count, or differs from the latent vectors'."""
    if n is None:
        n = len(noise) if noise is not None else len(y) if np.ndim(y) == 1 and not isinstance(y, Mapping) else 1
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise InputError(f"n must be a whole number above 0; got {n!r}")
    if noise is not None and len(noise) != n:
        raise InputError(f"latent holds {len(noise)} vectors for {n} samples; one each is needed.")
    return int(n)


def class_shares(classes: Classes, shares: tuple[float, ...], wanted: Any) -> NDArray[np.float64]:
    """The share of each class: the data's (None), all alike ("balanced"), or as a mapping of classes says."""
    if wanted is None:
        return np.asarray(shares)
    if not isinstance(wanted, Mapping):
        return np.full(len(classes.classes), 1 / len(classes.classes))
    found = np.zeros(len(classes.classes))
    names = list(wanted)
    found[classes.encode(np.asarray(names))] = [float(wanted[name]) for name in names]
    if not (np.isfinite(found).all() and (found >= 0).all() and found.sum() > 0):
        raise InputError(f"shares of classes must be at least 0, and one above; got {dict(wanted)}")
    return found / found.sum()


def _counted(shares: NDArray[np.float64], n: int, start: float) -> NDArray[np.int64]:
    """Class numbers (n,) in these shares, to less than one sample, and over all starts in [0, 1) exactly.

    Systematic sampling: a comb of teeth one apart is laid over the shares' cumulative sum.
    """
    ends = np.floor(np.cumsum(shares) * n + start + 1e-9)
    ends[-1] = n
    return np.repeat(np.arange(len(shares)), np.diff(ends, prepend=0.0).astype(int))


def between(start: Tensor, end: Tensor, steps: int, straight: bool) -> Tensor:
    """Ways from latent vectors to others, (pairs, latent_size) each, as (pairs * steps, latent_size), ends included.

    straight: along lines, for uniform noise; else along arcs, which keep the length that normal noise has.
    Source: White 2016 ("Sampling generative networks"), for the arcs.
    """
    t = torch.linspace(0, 1, steps).view(1, -1, 1)
    a, b = start[:, None], end[:, None]
    if straight:
        return torch.lerp(a, b, t).flatten(0, 1)
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=2).clamp(-1, 1)[..., None]
    angle = torch.acos(cosine)
    sine = torch.sin(angle)
    arc = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / sine.clamp(min=1e-12)
    return torch.where(sine < 1e-4, torch.lerp(a, b, t), arc).flatten(0, 1)
