"""The networks of benchmarks/images.py taught by other GAN libraries, where they are installed, for a given time.

Their loops are left as they are; what a run is given ends by itself when its time is over. torchgan 0.1.0 needs
torchvision. vegans 0.4.0 asks for torch 1.8.1: install it with --no-deps; it calls ``next`` as a method of an
iterator, which loaders of today do not have, so the one below does. Both write files: into a folder for the moment.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from peers import normal_weights
from torch import Tensor, nn
from torch.utils.data import DataLoader

from sparring.networks import ConvCritic, ConvGenerator

__all__ = ["LIBRARIES", "Taught"]

Taught = tuple[Callable[[Tensor], Tensor], int, int]
"""Noise to images, the length of the noise, the batches that were read."""


class _Until(DataLoader[Tensor]):
    """Shuffled batches over and over, until the time is over."""

    def __init__(self, data: Tensor, size: int, seconds: float) -> None:
        super().__init__(data, size, shuffle=True, drop_last=True)  # pyright: ignore[reportArgumentType]
        self.seconds, self.batches, self.end = seconds, 0, 0.0

    def __len__(self) -> int:
        return 10**9

    def __iter__(self) -> "_Batches":  # pyright: ignore[reportIncompatibleMethodOverride]
        self.end = self.end or time.perf_counter() + self.seconds
        return _Batches(self)

    def read(self) -> Iterator[Tensor]:
        while True:
            for batch in super().__iter__():
                if time.perf_counter() > self.end:
                    return
                self.batches += 1
                yield batch


class _Batches:
    def __init__(self, loader: _Until) -> None:
        self.found = loader.read()

    def __iter__(self) -> "_Batches":
        return self

    def __next__(self) -> Tensor:
        return next(self.found)

    next = __next__


def _networks(shape: tuple[int, ...], width: int, latent: int, norm: str) -> tuple[nn.Module, nn.Module]:
    made = ConvGenerator(latent, shape, width, "batch", nn.Tanh()), ConvCritic(shape, width, norm)
    for network in made:
        if norm == "batch":
            normal_weights(network)
        network.to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]
    return made


DCGAN: dict[str, Any] = {"lr": 2e-4, "betas": (0.5, 0.999)}
WGAN_GP: dict[str, Any] = {"lr": 1e-4, "betas": (0.0, 0.9)}


def _torchgan(data: Tensor, width: int, seconds: float, latent: int, norm: str, adam: dict[str, Any]) -> Taught:
    from torchgan import losses, models  # pyright: ignore[reportMissingImports]
    from torchgan.trainer import Trainer  # pyright: ignore[reportMissingImports]

    generator, critic = _networks(tuple(data.shape[1:]), width, latent, norm)

    class Generates(models.Generator):
        def __init__(self) -> None:
            super().__init__(latent)
            self.network = generator

        def forward(self, z: Tensor) -> Tensor:
            return self.network(z)

    class Judges(models.Discriminator):
        def __init__(self) -> None:
            super().__init__(data.shape[1])
            self.network = critic

        def forward(self, x: Tensor) -> Tensor:
            return self.network(x)

    wasserstein = [
        losses.WassersteinGeneratorLoss(),
        losses.WassersteinDiscriminatorLoss(),
        losses.WassersteinGradientPenalty(lambd=10.0),
    ]
    minimax = [losses.MinimaxGeneratorLoss(nonsaturating=True), losses.MinimaxDiscriminatorLoss()]
    loader = _Until(data, 64, seconds)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            {
                "generator": {"name": Generates, "optimizer": {"name": torch.optim.Adam, "args": adam}},
                "discriminator": {"name": Judges, "optimizer": {"name": torch.optim.Adam, "args": adam}},
            },
            minimax if norm == "batch" else wasserstein,
            device=torch.device("cpu"),
            ncritic=1 if norm == "batch" else 5,
            epochs=1,
            checkpoints=str(Path(folder) / "model"),
            recon=folder,
        )
        trainer.logger.logger_end_epoch.clear()  # its picture needs an argument that torchvision has dropped
        trainer(loader)
    return generator, latent, loader.batches


def _vegans(data: Tensor, width: int, seconds: float, latent: int, norm: str, adam: dict[str, Any]) -> Taught:
    from vegans import GAN  # pyright: ignore[reportMissingImports]

    generator, critic = _networks(tuple(data.shape[1:]), width, latent, norm)
    kind = GAN.VanillaGAN if norm == "batch" else GAN.WassersteinGANGP
    loader = _Until(data, 64, seconds)
    with tempfile.TemporaryDirectory() as folder:
        model = kind(
            generator,
            nn.Sequential(critic, nn.Sigmoid()) if norm == "batch" else critic,
            x_dim=tuple(data.shape[1:]),
            z_dim=latent,
            optim=torch.optim.Adam,
            optim_kwargs={"Generator": adam, "Adversary": adam},
            device="cpu",
            folder=str(Path(folder) / "run"),
            secure=False,
        )
        steps = None if norm == "batch" else {"Adversary": 5}
        model.fit(loader, epochs=1, batch_size=64, steps=steps, print_every=None, save_losses_every=None)
    return generator, latent, loader.batches


LIBRARIES: dict[str, Callable[[Tensor, int, float], Taught]] = {
    "torchgan-dcgan": lambda data, width, seconds: _torchgan(data, width, seconds, 100, "batch", DCGAN),
    "torchgan-wgan-gp": lambda data, width, seconds: _torchgan(data, width, seconds, 128, "layer", WGAN_GP),
    "vegans-dcgan": lambda data, width, seconds: _vegans(data, width, seconds, 100, "batch", DCGAN),
    "vegans-wgan-gp": lambda data, width, seconds: _vegans(data, width, seconds, 128, "layer", WGAN_GP),
}
