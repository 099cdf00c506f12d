"""Keys that sound together: each key of a frame is told which of those below it sound."""

import torch
from torch import Tensor, nn

from sparring.networks.layers import APART

__all__ = ["Chords"]

DRAWS = 256  # frames of which probabilities are the mean


class Chords(nn.Module):
    """p(x) = product over keys k of p(x_k | x_1..x_k-1), with log-odds a_k + sum over j < k of w_kj x_j.

    A fully visible sigmoid belief network (Neal 1992; Frey 1998): its likelihood is exact, and costs one product of
    matrices. a, (n, keys), comes from elsewhere, such as a recurrent network that has heard the frames before; so this
    is the output layer of RNN-NADE (Boulanger-Lewandowski et al. 2012), without hidden units. At first all w are 0,
    and the keys are drawn apart from each other.

    >>> chords = Chords(3)
    >>> chords(torch.zeros(1, 3), torch.ones(1, 3))
    tensor([[0., 0., 0.]], grad_fn=<AddBackward0>)
    """

    def __init__(self, keys: int) -> None:
        super().__init__()
        self.keys = keys
        self.weights = nn.Parameter(torch.zeros(keys * (keys - 1) // 2))
        self.places: Tensor
        self.register_buffer("places", torch.tril_indices(keys, keys, -1), persistent=False)

    def matrix(self) -> Tensor:
        """w, (keys, keys): by how much key j, a column, raises key k, a row; 0 unless j lies below k."""
        found = self.weights.new_zeros(self.keys, self.keys)
        return found.index_put((self.places[0], self.places[1]), self.weights)

    def forward(self, logits: Tensor, frames: Tensor) -> Tensor:
        """The log-odds of each key, given those that sound below it: (..., keys), of a and frames of 0 and 1."""
        return logits + nn.functional.linear(frames, self.matrix().to(frames))

    @torch.no_grad()
    def draw(self, logits: Tensor, temperature: float = 1.0, chance: torch.Generator | None = None) -> Tensor:
        """Frames of 0 and 1, (n, keys), drawn from the lowest key to the highest. Temperature 0: the likelier, always.

        chance: a generator of the logits' device.
        """
        lots = torch.rand(logits.shape, generator=chance, device=logits.device)
        above, odds = self.matrix().to(logits.device).T, logits.clone()
        frames = torch.zeros_like(logits)
        for key in range(self.keys):
            own = odds[:, key]
            sounds = own > 0 if temperature == 0 else lots[:, key] < (own / temperature).sigmoid()
            frames[:, key] = sounds
            odds[:, key + 1 :] += frames[:, key : key + 1] * above[key, key + 1 :]
        return frames

    @torch.no_grad()
    def probabilities(self, logits: Tensor) -> Tensor:
        """Of each key, whatever the others do: (n, keys). Means over 256 frames drawn, the same for the same logits."""
        chance = torch.Generator(logits.device).manual_seed(0)
        many = logits.repeat_interleave(DRAWS, dim=0)
        sound = self(many, self.draw(many, chance=chance)).sigmoid()
        return sound.reshape(len(logits), DRAWS, self.keys).mean(dim=1)


APART.add(Chords)
