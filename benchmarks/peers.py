"""Loops as other codes write them, for the same networks and the same time. They learn from images in [-1, 1].

Each is a generator of nothing: ``next`` plays one step. The waste that such codes share (fakes that carry a graph
in the critic's turn, the critic's gradients in the generator's, losses read by .item(), Adam without its fused
kernel, maps in torch's default layout) is left as it is found. No moving average of weights.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sparring.networks import ConvCritic, ConvGenerator

__all__ = ["PLAIN", "Plain", "normal_weights"]


@dataclass(frozen=True)
class Plain:
    """A loop about to run: its generator (noise (n, latent) to images), and the steps to be taken."""

    generator: nn.Module
    steps: Iterator[None]
    latent: int
    law: Callable[..., Tensor] = torch.randn


def _batches(data: Tensor, size: int) -> Iterator[Tensor]:
    while True:
        for rows in torch.randperm(len(data)).split(size):
            if len(rows) == size:
                yield data[rows]


def normal_weights(network: nn.Module) -> None:
    """The initialisation of Radford et al. 2016."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)


def plain_dcgan(data: Tensor, width: int) -> Plain:
    """DCGAN: Radford et al. 2016, section 4, as the many tutorials write it (binary cross entropy on logits)."""
    shape, latent, batch = tuple(data.shape[1:]), 100, 64
    generator = ConvGenerator(latent, shape, width, "batch", nn.Tanh())
    critic = ConvCritic(shape, width, "batch")
    for network in (generator, critic):
        normal_weights(network)
        network.to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]
    adam_g = torch.optim.Adam(generator.parameters(), 2e-4, (0.5, 0.999))
    adam_c = torch.optim.Adam(critic.parameters(), 2e-4, (0.5, 0.999))
    error = nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones(batch), torch.zeros(batch)

    def steps() -> Iterator[None]:
        losses: list[float] = []
        for real in _batches(data, batch):
            critic.zero_grad()
            fake = generator(torch.randn(batch, latent))
            loss = error(critic(real), ones) + error(critic(fake.detach()), zeros)
            loss.backward()
            adam_c.step()
            losses.append(loss.item())
            generator.zero_grad()
            loss = error(critic(fake), ones)
            loss.backward()
            adam_g.step()
            losses.append(loss.item())
            yield

    return Plain(generator, steps(), latent)


def plain_wgan_gp(data: Tensor, width: int) -> Plain:
    """WGAN-GP: Gulrajani et al. 2017, Algorithm 1, lambda 10, five critic turns, Adam 1e-4 (0, 0.9)."""
    shape, latent, batch = tuple(data.shape[1:]), 128, 64
    generator = ConvGenerator(latent, shape, width, "batch", nn.Tanh())
    critic = ConvCritic(shape, width, "layer")
    for network in (generator, critic):
        network.to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]
    adam_g = torch.optim.Adam(generator.parameters(), 1e-4, (0.0, 0.9))
    adam_c = torch.optim.Adam(critic.parameters(), 1e-4, (0.0, 0.9))

    def penalty(real: Tensor, fake: Tensor) -> Tensor:
        t = torch.rand(len(real), 1, 1, 1)
        mixed = (t * real + (1 - t) * fake).requires_grad_()
        (slope,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
        return (slope.flatten(1).norm(dim=1) - 1).square().mean()

    def steps() -> Iterator[None]:
        losses: list[float] = []
        batches = _batches(data, batch)
        while True:
            for _ in range(5):
                real = next(batches)
                critic.zero_grad()
                fake = generator(torch.randn(batch, latent)).detach()
                loss = critic(fake).mean() - critic(real).mean() + 10 * penalty(real, fake)
                loss.backward()
                adam_c.step()
                losses.append(loss.item())
            generator.zero_grad()
            loss = -critic(generator(torch.randn(batch, latent))).mean()
            loss.backward()
            adam_g.step()
            losses.append(loss.item())
            yield

    return Plain(generator, steps(), latent)


PLAIN: dict[str, Callable[[Tensor, int], Plain]] = {"plain-dcgan": plain_dcgan, "plain-wgan-gp": plain_wgan_gp}
