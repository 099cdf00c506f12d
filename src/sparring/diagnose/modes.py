"""The failures that are told apart: what each is, what it comes of, and what cures it. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sparring.diagnose import advice
from sparring.diagnose.advice import About, Advice, advised
from sparring.diagnose.finding import Finding, Severity

__all__ = ["MODES", "Mode", "cure_for", "told"]


@dataclass(frozen=True)
class Mode:
    """A way to fail. helps: what may be done. hides: what follows from it, and is no finding of its own meanwhile."""

    name: str
    title: str
    severity: Severity
    meaning: str
    cause: str
    helps: tuple[Advice, ...]
    hides: tuple[str, ...] = ()

    @property
    def cure(self) -> str:
        """All that is known to help, in a sentence."""
        return advised(self.helps)


_GAME = (
    Mode(
        "divergence",
        "divergence",
        "failure",
        "losses, scores or gradients grow without bound, and the samples drift away from the data.",
        "steps that are too large, or a critic whose slope nothing bounds.",
        helps=(
            Advice("smaller learning rates"),
            Advice("a penalty on the critic's slope", open=advice.unpenalised),
            Advice("a stronger penalty on the critic's slope", open=advice.penalised),
            Advice("the default recipe", open=advice.not_default),
        ),
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
        helps=(
            Advice("the non-saturating objective", open=advice.objective_is("minimax")),
            Advice("fewer critic steps", open=advice.several_steps),
            Advice("a penalty on the critic's slope", open=advice.unpenalised),
            Advice("a stronger penalty on the critic's slope", open=advice.penalised),
            Advice("a slower critic"),
            Advice("the default recipe", open=advice.not_default),
        ),
        hides=("unstable-gradient", "mode-collapse", "lost-modes", "overpowering-critic", "memorised-rows"),
    ),
    Mode(
        "unstable-gradient",
        "unstable gradient",
        "failure",
        "the generator's gradient jumps by factors of ten from step to step, so that no direction is kept.",
        "a steep critic that is learned too fast: large rates, many critic steps, no bound on its slope.",
        helps=(
            Advice("a penalty on the critic's slope", open=advice.unpenalised),
            Advice("a stronger penalty on the critic's slope", open=advice.penalised),
            Advice("smaller rates"),
            Advice("fewer critic steps", open=advice.several_steps),
            Advice("the default recipe", open=advice.not_default),
        ),
    ),
    Mode(
        "mode-collapse",
        "mode collapse",
        "failure",
        "the samples are nearly all alike, or sit on a small part of the data.",
        "a generator that learns faster than its critic can follow, in a game that judges each sample by itself.",
        helps=(
            Advice("paired scores (r3gan)", open=advice.objective_is_not("relativistic")),
            Advice("packs of samples (pacgan)", open=advice.unpacked),
            Advice("a slower generator"),
            Advice("the default recipe", open=advice.not_default),
            Advice("another start (another seed)"),
        ),
        # samples that jump about shake the gradient, and are all nearest to the same few rows
        hides=("unstable-gradient", "lost-modes", "underfit-critic", "memorised-rows"),
    ),
    Mode(
        "lost-modes",
        "partial mode collapse",
        "warning",
        "a part of the data has no samples, though the rest is learned.",
        "the same as for mode collapse; or training that is not long enough.",
        helps=(
            Advice("longer training"),
            Advice("the default recipe", open=advice.not_default),
            Advice("packs of samples (pacgan)", open=advice.unpacked),
            Advice("more noise numbers (latent_size)", open=advice.noisy),
        ),
    ),
    Mode(
        "overpowering-critic",
        "overpowering critic",
        "warning",
        "the critic tells every sample from every real row, while the samples do not get better.",
        "a critic too large or too often taught for its generator, or too few rows.",
        helps=(
            Advice("fewer critic steps", open=advice.several_steps),
            Advice("a penalty on the critic's slope", open=advice.unpenalised),
            Advice("a stronger penalty on the critic's slope", open=advice.penalised),
            Advice("a smaller critic or a larger generator"),
        ),
    ),
    Mode(
        "underfit-critic",
        "underfit critic",
        "warning",
        "the critic cannot tell samples from real rows, though exact Wasserstein-1 can: it has nothing to teach.",
        "a critic too small, too seldom taught or too strictly bounded.",
        helps=(
            Advice("more critic steps"),
            Advice("a larger critic"),
            Advice("a weaker penalty", open=advice.penalised),
            Advice("wider clipping", open=advice.clipped),
            Advice("no spectral normalisation", open=advice.spectral),
        ),
    ),
    Mode(
        "overfitting-critic",
        "critic that knows its rows by heart",
        "warning",
        "the critic scores the rows it learned from above real rows it has not seen.",
        "few rows and a large critic.",
        helps=(
            Advice("more data"),
            Advice("flips", open=advice.unflipped),
            Advice("dropout in the critic", open=advice.without("dropout", network="critic")),
            Advice("a penalty on the critic's slope", open=advice.unpenalised),
            Advice("a stronger penalty on the critic's slope", open=advice.penalised),
            Advice("early stopping", open=advice.off("early_stopping")),
        ),
    ),
    Mode(
        "memorised-rows",
        "memorised training rows",
        "warning",
        "samples lie nearer to the rows learned from than to rows held out.",
        "few rows and long training.",
        helps=(
            Advice("early stopping", open=advice.off("early_stopping")),
            Advice("fewer steps"),
            Advice("a smaller generator"),
            Advice("more data"),
            Advice("judge the copies before you share samples"),
        ),
    ),
)
_FIT = (
    Mode(
        "over-fitting",
        "over-fitting",
        "warning",
        "the error on validation rows rises while that on training rows falls.",
        "more weights than the rows can decide.",
        helps=(
            Advice("early stopping", open=advice.off("early_stopping")),
            Advice("an L1 penalty", open=advice.off("l1")),
            Advice("an L2 penalty", open=advice.off("l2")),
            Advice("dropout", open=advice.no_dropout),
            Advice("a smaller network"),
            Advice("more data"),
        ),
    ),
    Mode(
        "not-learning",
        "a network that does not learn",
        "failure",
        "the training error has not fallen.",
        "a learning rate far too small or too large, dead units, or inputs that say nothing of the targets.",
        helps=(
            Advice("another learning rate"),
            Advice("other units"),
            Advice("a larger network"),
            Advice("no L1 penalty", open=advice.on("l1")),
            Advice("no L2 penalty", open=advice.on("l2")),
            Advice("check that rows and targets belong together"),
        ),
    ),
    Mode(
        "dead-units",
        "dead units",
        "warning",
        "hidden units give zero for every row, so that they neither say nor learn anything.",
        "a large step that threw their weights where no row reaches them.",
        helps=(
            Advice("a smaller learning rate"),
            Advice("LeakyReLU units", open=advice.without("leakyrelu")),
            Advice("SiLU units", open=advice.without("silu")),
            Advice("tanh units", open=advice.without("tanh")),
        ),
    ),
    Mode(
        "vanishing-delta",
        "vanishing delta",
        "warning",
        "the lecture's delta shrinks by factors from layer to layer towards the input, or from step to step back.",
        "many layers, or steps of a plain RNN, with small slopes (tanh, sigmoid) or small weights.",
        helps=(
            Advice("ReLU units", open=advice.saturating),
            Advice("normalisation", open=advice.unnormalised),
            Advice("fewer layers", open=advice.stacked),
            Advice("LSTM or GRU cells", open=advice.plain_cell),
            Advice("an answer that sees all steps (pooling)", open=advice.reads_the_end),
            Advice("gates that begin by keeping what they have (remember)", open=advice.forgets),
            Advice("shorter sequences", open=advice.recurrent),
        ),
    ),
    Mode(
        "exploding-delta",
        "exploding delta",
        "warning",
        "the lecture's delta grows by factors from layer to layer towards the input, or from step to step back.",
        "large weights in many layers, or in a recurrent one.",
        helps=(
            Advice("smaller weights at the start"),
            Advice("a smaller learning rate"),
            Advice("normalisation", open=advice.unnormalised),
            Advice("fewer layers", open=advice.stacked),
            Advice("clipped gradients", open=advice.off("clip")),
            Advice("LSTM or GRU cells", open=advice.plain_cell),
            Advice("shorter sequences", open=advice.recurrent),
        ),
    ),
)
_CYCLE = (
    Mode(
        "collapsed-side",
        "one side collapsed",
        "failure",
        "the translations of one side are nearly all alike, or sit on a small part of the data; the other's do not.",
        "a generator that learns faster than its critic can follow, with little weight on what must come back.",
        helps=(
            Advice("more weight on the cycle of the other side"),
            Advice("slower generators"),
            Advice("the default settings", open=advice.not_default),
        ),
        hides=("unstable-gradient", "lost-modes", "underfit-critic", "memorised-rows"),
    ),
    Mode(
        "nothing-translated",
        "nothing translated",
        "failure",
        "rows come back, but only because they were left nearly as they are: they do not look like the other side.",
        "a cycle or identity that weighs so much that the critics are not heard, or critics that do not learn.",
        helps=(
            Advice("a smaller cycle weight", open=advice.weighs("cycle")),
            Advice("a smaller identity weight", open=advice.weighs("identity")),
            Advice("a larger critic rate"),
            Advice("the default settings", open=advice.not_default),
        ),
        hides=("overpowering-critic", "underfit-critic"),
    ),
    Mode(
        "hidden-information",
        "information hidden in translations",
        "warning",
        "rows come back well, but no longer if faint noise is laid over their translations: what these do not show is "
        "written into them too faintly to be seen.",
        "one side has something that the other has no place for, while the cycle asks for it back.",
        helps=(
            Advice("a smaller weight of that side's cycle, or 0", open=advice.weighs("cycle")),
            Advice("do not take a small cycle error for a good translation"),
        ),
    ),
)
MODES: Mapping[str, Mode] = MappingProxyType({mode.name: mode for mode in (*_GAME, *_CYCLE, *_FIT)})
"""By name: those of games first, then those of CycleGANs, then those of fits."""


def cure_for(finding: Finding, about: About | None = None) -> str:
    """What helps against a finding in the run that has it; what the finding itself says, if it does."""
    return finding.cure or advised(MODES[finding.name].helps, about)


def told(finding: Finding) -> str:
    """A finding in a line: what, since when, the numbers, and the cure.

    >>> told(Finding("divergence", "failure", 100, 120, (), until=300))
    'divergence is over at step 300 (it began at step 100)'
    """
    mode = MODES[finding.name]
    if finding.until is not None:
        return f"{mode.title} is over at step {finding.until:,} (it began at step {finding.since:,})"
    shown = "; ".join(str(evidence) for evidence in finding.evidence)
    return f"{mode.title} since step {finding.since:,}: {shown}. What helps: {cure_for(finding)}"
