"""Classification: one class, or several labels, for every row or image."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d
from torch import nn

from sparring.data.targets import Classes, Labels, Targets
from sparring.errors import InputError
from sparring.estimators.parameters import CLASS_WEIGHT, SUPERVISED
from sparring.estimators.supervised import Supervised
from sparring.isolation import isolated

__all__ = ["Classifier"]


@isolated
class Classifier(ClassifierMixin, Supervised):
    """Learns which class a row or an image is of, by cross-entropy; or which labels it has, of (n, labels) 0 and 1.

    The parameters are those of ``Supervised``, and:
    class_weight: "balanced" (classes count alike, however rare), or a dict of weights.

    After ``fit``: classes_, network_, n_iter_ (epochs), loss_curve_, validation_curve_ and best_epoch_
    where rows were held out, record_, answers_ if the run has a folder or ``judge`` was called.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> Classifier(random_state=0).fit(X, y).score(X, y) > 0.95
    True
    """

    kind = "classifier"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {**SUPERVISED, "class_weight": CLASS_WEIGHT}

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        *,
        class_weight: Any = None,
        network: nn.Module | Callable[..., nn.Module] | None = None,
        activation: str = "relu",
        solver: str = "adam",
        learning_rate_init: float | None = None,
        learning_rate: str = "auto",
        momentum: float = 0.9,
        batch_size: int | str = "auto",
        max_iter: int | None = None,
        tol: float = 1e-4,
        l1: float = 0.0,
        l2: float = 0.0,
        dropout: float | None = None,
        early_stopping: bool = False,
        validation_fraction: float | None = None,
        n_iter_no_change: int = 10,
        warm_start: bool = False,
        image_size: int | tuple[int, int] | None = None,
        leave_out: Sequence[str] = (),
        schema: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        run: Any = None,
        checkpoint_every: int | None = None,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        random_state: Any = None,
        verbose: Any = 0,
    ) -> None:
        given = {name: value for name, value in locals().items() if name not in ("self", "class_weight", "__class__")}
        super().__init__(**given)
        self.class_weight = class_weight

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The probability of every class, (n, classes), in the order of classes_; or of every label, (n, labels)."""
        outputs = self._outputs(X)
        return special.softmax(outputs, axis=1) if isinstance(self.targets_, Classes) else special.expit(outputs)

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """The logarithms of the probabilities, exact also where these round to zero."""
        outputs = self._outputs(X)
        return (
            special.log_softmax(outputs, axis=1) if isinstance(self.targets_, Classes) else special.log_expit(outputs)
        )

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Scores before they become probabilities, (n, classes) or (n, labels); of two classes the difference, (n,)."""
        outputs = self._outputs(X)
        return (
            outputs[:, 1] - outputs[:, 0] if isinstance(self.targets_, Classes) and outputs.shape[1] == 2 else outputs
        )

    def features(self, X: Any) -> NDArray[np.float64]:
        """What the last layer sees of each row, (n, d): features in which samples can be judged.

        Raises InputError if the network, a user's own, has no linear layer.
        """
        check_is_fitted(self, "network_")
        linear = [module for module in self.network_.modules() if isinstance(module, nn.Linear)]
        if not linear:
            raise InputError("this network has no linear layer, and so no features before it.")
        seen: list[torch.Tensor] = []
        hook = linear[-1].register_forward_pre_hook(lambda _, given: seen.append(given[0].detach().cpu()))
        try:
            self._outputs(X)
        finally:
            hook.remove()
        return torch.cat(seen).double().numpy()

    def _class_weight(self) -> Any:
        return self.class_weight

    def _checked_targets(self, y: Any) -> NDArray[Any]:
        as_they_are: Any = None  # scikit-learn's annotations know only text here
        y = check_array(y, ensure_2d=False, allow_nd=True, dtype=as_they_are, input_name="y")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if type_of_target(y) not in ("binary", "multiclass", "multilabel-indicator"):
            raise ValueError(f"Unknown label type: {type_of_target(y)}; one class per row, or (n, labels) of 0 and 1.")
        return y

    def _targets_of(self, y: NDArray[Any]) -> Targets:
        return Labels(y.shape[1]) if y.ndim == 2 else Classes.of(y)

    def _named(self, targets: Targets) -> None:
        self.classes_ = targets.classes if isinstance(targets, Classes) else np.arange(targets.outputs)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.input_tags.three_d_array = True
        return tags
