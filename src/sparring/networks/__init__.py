"""Networks: sizes in, modules out. They know nothing of losses and files."""

from sparring.networks.average import Average
from sparring.networks.conv import ConvCritic, ConvGenerator
from sparring.networks.convnet import ConvNet
from sparring.networks.layers import (
    LEAKY,
    Layer,
    count_parameters,
    draws_nothing,
    has_batch_statistics,
    layers,
    summary,
    treats_samples_apart,
)
from sparring.networks.mlp import MLP

__all__ = [
    "LEAKY",
    "MLP",
    "Average",
    "ConvCritic",
    "ConvGenerator",
    "ConvNet",
    "Layer",
    "count_parameters",
    "draws_nothing",
    "has_batch_statistics",
    "layers",
    "summary",
    "treats_samples_apart",
]
