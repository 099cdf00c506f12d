"""What translations are held against, and what is found: both collections, and errors beside the truth."""

from dataclasses import dataclass
from typing import Any

from sparring.data.mixed import MixedSchema

__all__ = ["AS_IT_IS", "LINEAR", "ROUNDING", "TRANSLATED", "ColumnError", "Error", "Side", "Truth"]

ROUNDING = 1e-9
TRANSLATED, AS_IT_IS, LINEAR = "translated", "as it is", "linear map"


@dataclass(frozen=True)
class Side:
    """One of the two collections. train: the rows (n, ...) that were learned from. test: rows (m, ...) that were not.

    translated: what was made of the test rows, (m, ...) like the other side's rows. returned: what was made of that,
    (m, ...) like the test rows. span: the lowest and the highest value, of images. schema: of a table of any columns,
    whose rows are DataFrames.
    """

    train: Any
    test: Any
    translated: Any
    returned: Any
    span: tuple[float, float] | None = None
    schema: MixedSchema | None = None


@dataclass(frozen=True)
class Error:
    """How far something is from the truth, over all pairs.

    mae: mean absolute error, in shares of the values' range for images, else in deviations of the training columns; of
    tables of any columns the mean over columns of ``MixedSchema.apart_by_column``.
    interval: of it, 95 %, over resampled pairs. relative: mean Euclidean distance from the truth, over that of the
    truth from the mean training row (of tables of any columns, the usual one, by the same distance as mae): 1 for
    always saying that row. ssim: mean structural similarity, of images.
    """

    name: str
    mae: float
    interval: tuple[float, float]
    relative: float
    ssim: float | None


@dataclass(frozen=True)
class ColumnError:
    """One column of translations beside the truth, over all pairs.

    error: the share of labels that are wrong, or how far numbers are off, by the difference of their ranks. usual: the
    same of always saying the commonest label or the middle number.
    """

    name: str
    kind: str
    error: float
    usual: float


@dataclass(frozen=True)
class Truth:
    """Translations beside their true partners, and beside two baselines that need no network.

    errors: of what was "translated"; of leaving rows "as it is", where both sides have one shape; and of the best
    "linear map" of each channel (or column), fitted to these very pairs, which no network has seen. gap: where the
    mean absolute error is above the better baseline's (below 0: under it), 95 %. retrieval: the share of translations
    to which their own partner is nearest of all.
    columns: of tables of any columns, each by itself; the linear map is of ranks and labels there.
    """

    pairs: int
    errors: tuple[Error, ...]
    gap: tuple[float, float]
    retrieval: float
    columns: tuple[ColumnError, ...] = ()

    @property
    def better(self) -> bool:
        """Whether translations are nearer to the truth than both baselines, beyond chance."""
        return self.gap[1] < -ROUNDING

    def __getitem__(self, name: str) -> Error:
        return next(error for error in self.errors if error.name == name)
