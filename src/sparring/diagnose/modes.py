"""The failures that are told apart: what each is, what it comes of, and what cures it. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sparring.diagnose.finding import Finding, Severity

__all__ = ["MODES", "Mode", "told"]


@dataclass(frozen=True)
class Mode:
    """A way to fail. hides: what follows from it, and is no finding of its own while it holds."""

    name: str
    title: str
    severity: Severity
    meaning: str
    cause: str
    cure: str
    hides: tuple[str, ...] = ()


_GAME = (
    Mode(
        "divergence",
        "divergence",
        "failure",
        "losses, scores or gradients grow without bound, and the samples drift away from the data.",
        "steps that are too large, or a critic whose slope nothing bounds.",
        "smaller learning rates; a penalty on the critic's slope; the default recipe.",
        hides=(
            "vanishing-gradient",
            "unstable-gradient",
            "mode-collapse",
            "lost-modes",
            "overpowering-critic",
            "underfit-critic",
            "memorised-rows",
        ),
    ),
    Mode(
        "vanishing-gradient",
        "vanishing generator gradient",
        "failure",
        "the generator's gradient has died away though its samples are still told apart: it has stopped learning.",
        "a critic so sure of itself that its loss is flat where the samples are (log(1 - D) is, at D = 0).",
        "the non-saturating objective; fewer critic steps; a penalty on the critic's slope; the default recipe.",
        hides=("unstable-gradient", "mode-collapse", "lost-modes", "overpowering-critic", "memorised-rows"),
    ),
    Mode(
        "unstable-gradient",
        "unstable gradient",
        "failure",
        "the generator's gradient jumps by factors of ten from step to step, so that no direction is kept.",
        "a steep critic that is learned too fast: large rates, many critic steps, no bound on its slope.",
        "a penalty on the critic's slope; smaller rates; fewer critic steps; the default recipe.",
    ),
    Mode(
        "mode-collapse",
        "mode collapse",
        "failure",
        "the samples are nearly all alike, or sit on a small part of the data.",
        "a generator that learns faster than its critic can follow, in a game that judges each sample by itself.",
        "paired scores (r3gan), packs of samples (pacgan), slower generator; start again with r3gan.",
        # samples that jump about shake the gradient, and are all nearest to the same few rows
        hides=("unstable-gradient", "lost-modes", "underfit-critic", "memorised-rows"),
    ),
    Mode(
        "lost-modes",
        "partial mode collapse",
        "warning",
        "a part of the data has no samples, though the rest is learned.",
        "the same as for mode collapse; or training that is not long enough.",
        "longer training, the default recipe, packs of samples, more noise numbers (latent_size).",
    ),
    Mode(
        "overpowering-critic",
        "overpowering critic",
        "warning",
        "the critic tells every sample from every real row, while the samples do not get better.",
        "a critic too large or too often taught for its generator, or too few rows.",
        "fewer critic steps, a stronger penalty, a smaller critic or a larger generator.",
    ),
    Mode(
        "underfit-critic",
        "underfit critic",
        "warning",
        "the critic cannot tell samples from real rows, though exact Wasserstein-1 can: it has nothing to teach.",
        "a critic too small, too seldom taught or too strictly bounded.",
        "more critic steps, a larger critic, a weaker penalty or wider clipping.",
    ),
    Mode(
        "overfitting-critic",
        "critic that knows its rows by heart",
        "warning",
        "the critic scores the rows it learned from above real rows it has not seen.",
        "few rows and a large critic.",
        "more data, flips, dropout or a stronger penalty in the critic, early stopping.",
    ),
    Mode(
        "memorised-rows",
        "memorised training rows",
        "warning",
        "samples lie nearer to the rows learned from than to rows held out.",
        "few rows and long training.",
        "early stopping, a smaller generator, more data; judge the copies before you share samples.",
    ),
)
_FIT = (
    Mode(
        "over-fitting",
        "over-fitting",
        "warning",
        "the error on validation rows rises while that on training rows falls.",
        "more weights than the rows can decide.",
        "early stopping, L1, L2 or dropout, a smaller network, more data.",
    ),
    Mode(
        "not-learning",
        "a network that does not learn",
        "failure",
        "the training error has not fallen.",
        "a learning rate far too small or too large, dead units, or inputs that say nothing of the targets.",
        "another learning rate, other units, standardised inputs; check that rows and targets belong together.",
    ),
    Mode(
        "dead-units",
        "dead units",
        "warning",
        "hidden units give zero for every row, so that they neither say nor learn anything.",
        "a large step that threw their weights where no row reaches them.",
        "a smaller learning rate; LeakyReLU, SiLU or tanh units.",
    ),
    Mode(
        "vanishing-delta",
        "vanishing delta",
        "warning",
        "the lecture's delta shrinks by factors from layer to layer towards the input, or from step to step back.",
        "many layers, or steps of a plain RNN, with small slopes (tanh, sigmoid) or small weights.",
        "ReLU units, normalisation, fewer layers; LSTM or GRU cells.",
    ),
    Mode(
        "exploding-delta",
        "exploding delta",
        "warning",
        "the lecture's delta grows by factors from layer to layer towards the input, or from step to step back.",
        "large weights in many layers, or in a recurrent one.",
        "smaller weights at the start, normalisation, a smaller learning rate, fewer layers; clipped gradients.",
    ),
)
_CYCLE = (
    Mode(
        "collapsed-side",
        "one side collapsed",
        "failure",
        "the translations of one side are nearly all alike, or sit on a small part of the data; the other's do not.",
        "a generator that learns faster than its critic can follow, with little weight on what must come back.",
        "more weight on the cycle of the other side; slower generators; the default settings.",
        hides=("unstable-gradient", "lost-modes", "underfit-critic", "memorised-rows"),
    ),
    Mode(
        "nothing-translated",
        "nothing translated",
        "failure",
        "rows come back, but only because they were left nearly as they are: they do not look like the other side.",
        "a cycle or identity that weighs so much that the critics are not heard, or critics that do not learn.",
        "a smaller cycle and identity weight; a larger critic rate; the default settings.",
        hides=("overpowering-critic", "underfit-critic"),
    ),
    Mode(
        "hidden-information",
        "information hidden in translations",
        "warning",
        "rows come back well, but no longer if faint noise is laid over their translations: what these do not show is "
        "written into them too faintly to be seen.",
        "one side has something that the other has no place for, while the cycle asks for it back.",
        "a smaller weight of that side's cycle, or 0; do not take a small cycle error for a good translation.",
    ),
)
MODES: Mapping[str, Mode] = MappingProxyType({mode.name: mode for mode in (*_GAME, *_CYCLE, *_FIT)})
"""By name: those of games first, then those of CycleGANs, then those of fits."""


def told(finding: Finding) -> str:
    """A finding in a line: what, since when, the numbers, and the cure.

    >>> told(Finding("divergence", "failure", 100, 120, (), until=300))
    'divergence is over at step 300 (it began at step 100)'
    """
    mode = MODES[finding.name]
    if finding.until is not None:
        return f"{mode.title} is over at step {finding.until:,} (it began at step {finding.since:,})"
    shown = "; ".join(str(evidence) for evidence in finding.evidence)
    return f"{mode.title} since step {finding.since:,}: {shown}. What helps: {mode.cure}"
