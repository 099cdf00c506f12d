"""Networks: sizes in, modules out. They know nothing of losses and files."""

from sparring.networks.attention import AdditiveAttention
from sparring.networks.average import Average
from sparring.networks.carrying import Carrying
from sparring.networks.choices import Choices, Ranked, Ranks, begin_at_shares, ranking
from sparring.networks.chords import Chords
from sparring.networks.conditional import LabelledCritic, LabelledGenerator
from sparring.networks.conv import ConvCritic, ConvGenerator
from sparring.networks.convnet import ConvNet
from sparring.networks.crf import CRF, forbidden_in_bio
from sparring.networks.dropout import Dropout, adopted, dropout_mask
from sparring.networks.layers import (
    LEAKY,
    Layer,
    count_parameters,
    has_batch_statistics,
    layers,
    spares_global_rng,
    summary,
    treats_samples_apart,
)
from sparring.networks.looking import evaluating, hearing
from sparring.networks.maxout import Maxout
from sparring.networks.mlp import MLP
from sparring.networks.norms import MapNorm
from sparring.networks.pairs import PAIRS, Pair, convolutional, maxout, perceptrons, residual, skipping
from sparring.networks.placing import Places, Placing, Ranking, TableTranslator
from sparring.networks.reading import SequenceNetwork
from sparring.networks.recurrent import CELLS, Recurrent, ends, reversed_rows
from sparring.networks.residual import ResidualCritic, ResidualGenerator
from sparring.networks.searching import beam, greedy
from sparring.networks.signs import Signs
from sparring.networks.skipping import Skipping
from sparring.networks.spectral import spectrally_normalised
from sparring.networks.symmetries import Symmetry, symmetries
from sparring.networks.tagging import TaggingNetwork
from sparring.networks.tiling import tiled
from sparring.networks.translating import EncoderDecoder
from sparring.networks.translators import (
    Clamp,
    ImageTranslator,
    PatchCritic,
    VectorTranslator,
    WholeScores,
)
from sparring.networks.units import dead_shares
from sparring.networks.waves import Waves
from sparring.networks.winograd import WinogradConv2d
from sparring.networks.word_inputs import WordInputs

__all__ = [
    "CELLS",
    "CRF",
    "LEAKY",
    "MLP",
    "PAIRS",
    "AdditiveAttention",
    "Average",
    "Carrying",
    "Choices",
    "Chords",
    "Clamp",
    "ConvCritic",
    "ConvGenerator",
    "ConvNet",
    "Dropout",
    "EncoderDecoder",
    "ImageTranslator",
    "LabelledCritic",
    "LabelledGenerator",
    "Layer",
    "MapNorm",
    "Maxout",
    "Pair",
    "PatchCritic",
    "Places",
    "Placing",
    "Ranked",
    "Ranking",
    "Ranks",
    "Recurrent",
    "ResidualCritic",
    "ResidualGenerator",
    "SequenceNetwork",
    "Signs",
    "Skipping",
    "Symmetry",
    "TableTranslator",
    "TaggingNetwork",
    "VectorTranslator",
    "Waves",
    "WholeScores",
    "WinogradConv2d",
    "WordInputs",
    "adopted",
    "beam",
    "begin_at_shares",
    "convolutional",
    "count_parameters",
    "dead_shares",
    "dropout_mask",
    "ends",
    "evaluating",
    "forbidden_in_bio",
    "greedy",
    "has_batch_statistics",
    "hearing",
    "layers",
    "maxout",
    "perceptrons",
    "ranking",
    "residual",
    "reversed_rows",
    "skipping",
    "spares_global_rng",
    "spectrally_normalised",
    "summary",
    "symmetries",
    "tiled",
    "treats_samples_apart",
]
