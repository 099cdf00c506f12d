"""Regression: one number, or several, for every row or image."""

from typing import Any

from numpy.typing import NDArray
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, column_or_1d

from sparring.data.targets import Targets
from sparring.errors import DataError
from sparring.estimators.supervised import Supervised

__all__ = ["Regressor"]


class Regressor(RegressorMixin, MultiOutputMixin, Supervised):
    """Learns one number (n,) or several (n, k) per row or image, by the squared error.

    The parameters are those of ``Supervised``. Targets are scaled to mean 0 and deviation 1 inside, so
    ``tol`` and recorded errors are in squared deviations; answers are in the targets' own unit.

    After ``fit``: network_, n_iter_ (epochs), loss_curve_, validation_curve_ and best_epoch_ where
    rows were held out, record_, answers_ if the run has a folder or ``judge`` was called.

    >>> import numpy as np
    >>> X = np.linspace(-3, 3, 200)[:, None]
    >>> Regressor(random_state=0).fit(X, np.sin(X[:, 0])).score(X, np.sin(X[:, 0])) > 0.95
    True
    """

    kind = "regressor"

    def _checked_targets(self, y: Any) -> NDArray[Any]:
        try:
            y = check_array(y, ensure_2d=False, dtype="float64", input_name="y")
        except ValueError as error:
            if "could not convert" not in str(error):
                raise
            raise DataError(f"the targets must be numbers ({error}); to predict classes use a classifier.") from None
        return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _targets_of(self, y: NDArray[Any]) -> Targets | None:
        return None

    def _named(self, targets: Targets) -> None:
        pass

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
