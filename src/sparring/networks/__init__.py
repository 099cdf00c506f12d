"""Networks: sizes in, modules out. They know nothing of losses and files."""

from sparring.networks.average import Average
from sparring.networks.conv import ConvCritic, ConvGenerator
from sparring.networks.layers import LEAKY, count_parameters, has_batch_statistics, summary, treats_samples_apart
from sparring.networks.mlp import MLP

__all__ = [
    "LEAKY",
    "MLP",
    "Average",
    "ConvCritic",
    "ConvGenerator",
    "count_parameters",
    "has_batch_statistics",
    "summary",
    "treats_samples_apart",
]
