"""What every number in a run's rows means: one table for the record, the report and the docs. No torch."""

from dataclasses import dataclass

__all__ = ["METRICS", "Metric", "metric"]


@dataclass(frozen=True)
class Metric:
    """What a logged number means. unit: "" for a pure number."""

    name: str
    unit: str
    meaning: str
    healthy: str


METRICS: tuple[Metric, ...] = (
    Metric("step", "steps", "rounds of turns played so far", "grows by the logging interval"),
    Metric(
        "loss",
        "nats or squared units",
        "what the turn's learner minimises, penalties included",
        "a fit's falls; a game's hovers, and says little about quality",
    ),
    Metric("epoch", "epochs", "passes over the training data so far", "grows by one"),
    Metric(
        "error",
        "nats or squared deviations",
        "mean error per row (per step, where a sequence has one at each), without penalties: of the training rows "
        "while they were learned from, of validation rows at the epoch's end",
        "both fall; when the validation error rises while the training error falls, the network over-fits",
    ),
    Metric(
        "score",
        "",
        "of validation rows: the share of right classes, tags or next steps, F1 of entities, or R² of numbers",
        "rises towards 1; above the baseline in any case",
    ),
    Metric("penalty", "nats or squared deviations", "the L1 and L2 terms of the weights", "below the error"),
    Metric(
        "delta",
        "error per output of a unit",
        "size of a layer's delta (see the lecture): root mean square over units and rows of their share in the error",
        "of one size in all layers; where it falls by factors from layer to layer, the gradient vanishes",
    ),
    Metric(
        "time_delta",
        "error per input of a step",
        "size of delta some steps before a row's end: root mean square over rows of what that step's inputs hear of "
        "the error, through all steps after it",
        "of one size; where it falls by factors from step to step back, early inputs cannot be learned from",
    ),
    Metric(
        "pull",
        "error per relative change",
        "size of a layer's weights times that of the error's gradient by them: how far the error moves, to first "
        "order, for a change that is large in proportion to the weights",
        "of one size in all layers; where it falls by factors towards the first, early layers learn next to nothing",
    ),
    Metric(
        "heard",
        "",
        "what some steps before a row's end hear of its error, as a share of what those hear that hear most: the mean "
        "over rows, of the root mean square over steps k to 2 k - 1 before the end",
        "above a hundredth while the error is large; below a thousandth, early inputs cannot be learned from",
    ),
    Metric(
        "voices",
        "rows",
        "how many training and held-out rows are nearest to samples, those that are so to many counting less: one over "
        "the sum of their squared shares; what `nearer` rests on",
        "tens; near 1 the samples are all alike, and `nearer` says nothing",
    ),
    Metric(
        "dead",
        "",
        "share of a layer's ReLU units (or filters) that are zero for each of 512 training rows",
        "a few hundredths at most",
    ),
    Metric(
        "objective",
        "nats or score units",
        "the loss without its penalties",
        "near its value for a critic that cannot tell: log 2 per pair, 2 log 2 for minimax, 0 for wasserstein",
    ),
    Metric(
        "gradient",
        "loss units per weight",
        "Euclidean norm of the learner's gradient, all layers together",
        "within a factor of ten of its early values; near 0 it has vanished",
    ),
    Metric(
        "w1",
        "times its floor",
        "exact Wasserstein-1 between samples and held-out rows, over the same of training rows and held-out rows",
        "falls towards 1",
    ),
    Metric(
        "coverage",
        "times its floor",
        "share of held-out rows with a sample near them, over the same of training rows",
        "rises towards 1; where it falls, variety is being lost",
    ),
    # -- of a CycleGAN
    Metric("adversarial", "nats or score units", "what the critic says against a generator's fakes", "hovers"),
    Metric(
        "cycle",
        "data units",
        "mean absolute difference of rows and what came back: F(G(a)) and a, G(F(b)) and b; of tables with labels, "
        "dates or gaps by columns: 1 for labels that differ, else the difference of ranks",
        "falls towards 0; near 0 from the start, nothing may have been translated",
    ),
    Metric(
        "identity",
        "data units",
        "mean absolute difference of rows and what the generator that makes such rows leaves of them",
        "falls",
    ),
    Metric(
        "moved",
        "",
        "mean absolute difference of rows and their translations, over that of rows of one side and the other",
        "about 1, unless both sides look alike",
    ),
    Metric(
        "returned",
        "",
        "mean absolute difference of rows and what came back, over that of rows of one side from each other",
        "falls towards 0",
    ),
    Metric(
        "hidden",
        "",
        "how much worse rows come back for faint noise (a twentieth of a deviation) over their translations, over "
        "that noise",
        "about 1; far above it, translations hold what cannot be seen in them",
    ),
    Metric("w1_to_b", "data units", "exact Wasserstein-1 between G(A) and B at a restart's end", "the least is kept"),
    Metric("w1_to_a", "data units", "exact Wasserstein-1 between F(B) and A at a restart's end", "falls with w1_to_b"),
    Metric("rate", "", "the learning rate in force", "follows the schedule"),
    Metric("real_score", "score units", "the critic's mean score of real samples", "near the fakes' score"),
    Metric("fake_score", "score units", "the critic's mean score of generated samples", "near the reals' score"),
    Metric(
        "r1",
        "squared score units per data unit",
        "mean squared critic gradient at real samples (R1)",
        "small and steady",
    ),
    Metric("r2", "squared score units per data unit", "mean squared critic gradient at fakes (R2)", "small and steady"),
    Metric(
        "one_centred",
        "squared score units per data unit",
        "mean squared distance of the critic's gradient norm from one",
        "below about 0.1",
    ),
    Metric(
        "moments",
        "",
        "squared distance of the samples' second moments from the real rows', without its chance part",
        "falls towards 0, and may be below it",
    ),
    # -- what probes measure (diagnose/probes.py)
    Metric(
        "layer_gradient",
        "loss units per weight",
        "Euclidean norm of the gradient of one layer's weights",
        "within a factor of a hundred from layer to layer",
    ),
    Metric(
        "update",
        "",
        "how far a step moved the learner's weights, over their size (both Euclidean, all layers together)",
        "about 1e-4 to 1e-2 while the rate is high",
    ),
    Metric(
        "jumps",
        "decades",
        "how much the size of the gradient differs within 50 steps: from its 10th to its 90th percentile",
        "below 0.5; where it is more, samples far from the data say that the gradient is unstable",
    ),
    Metric(
        "auc",
        "",
        "the chance that the critic scores a real row above a sample (area under the ROC curve)",
        "0.5 to 0.9: above 0.5 the critic has something to teach; 1 for long, it is sure of every sample",
    ),
    Metric(
        "accuracy",
        "",
        "share of real rows with a score above 0 and samples below it",
        "0.5 to 0.9; says nothing of objectives that only compare scores",
    ),
    Metric(
        "score_spread", "score units", "standard deviation of the critic's scores of real rows and samples", "steady"
    ),
    Metric("score_size", "score units", "largest size of a score", "steady; without a bound on the critic it may grow"),
    Metric(
        "memory",
        "",
        "the chance that the critic scores a row it learned from above a held-out row",
        "about 0.5; above, it knows its rows by heart",
    ),
    Metric(
        "slope",
        "score units per data unit",
        "mean Euclidean norm of the critic's gradient at samples",
        "steady; 1 for an ideal Wasserstein critic",
    ),
    Metric(
        "estimate",
        "",
        "the critic's mean gap between real rows and samples, over its steepest slope seen and over exact "
        "Wasserstein-1 of the same rows",
        "above 0 and at most 1, as the dual says; near 0 the critic sees no difference that is there",
    ),
    Metric(
        "singular",
        "",
        "largest singular value of a layer's weights, as a matrix of outputs and all else",
        "steady, a few units at most",
    ),
    Metric(
        "recall",
        "times its floor",
        "share of held-out rows that lie among the samples, over the same of training rows",
        "rises; swings from run to run where the data are sharp",
    ),
    Metric(
        "dispersion",
        "",
        "root mean squared distance of the samples from their mean, over that of the data",
        "0.9 to 1.1; far below it the samples are all alike",
    ),
    Metric("missed", "", "share of the data in cells (of k-means) that hold no sample", "below 0.05"),
    Metric(
        "duplicates",
        "",
        "share of samples with another nearer than a twentieth of the usual distance between real rows",
        "below 0.05",
    ),
    Metric(
        "nearer",
        "",
        "share of samples nearer to training rows than to as many held-out rows",
        "about 0.5; above, rows are being memorised",
    ),
)


def metric(key: str) -> Metric:
    """The entry for a row's key, such as ``critic/loss``. Raises KeyError for an unknown name.

    >>> metric("critic/gradient").unit
    'loss units per weight'
    """
    name = key.rsplit("/", 1)[-1]
    for entry in METRICS:
        if entry.name == name:
            return entry
    raise KeyError(f"no metric is called {name!r}; the table METRICS in metrics.py lists them")
