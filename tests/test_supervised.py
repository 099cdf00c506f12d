"""Classifier and Regressor: scikit-learn's contract, regularisation, validation, and what is kept."""

import json
import pickle
import signal
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_classification
from sklearn.linear_model import Lasso, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_estimator,
    check_param_validation,
)
from torch import nn

import sparring as sp
from sparring.errors import DataError, InputError, Interrupted, ShapeError
from sparring.estimators.parameters import ParameterError

KINDS = [sp.Classifier, sp.Regressor]
IRIS = load_iris(return_X_y=True)
DIGITS = load_digits(return_X_y=True)


# -- scikit-learn's own checks


@pytest.mark.slow
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_check_of_scikit_learn(kind: Any, early_stopping: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # fewer epochs than usual, which it passes too: hundreds of fits are asked for
        found = check_estimator(kind(early_stopping=early_stopping, max_iter=60), on_fail="raise", on_skip=None)
        others = {entry["check_name"]: entry["exception"] for entry in found if entry["status"] != "passed"}
    assert len(found) > 55
    # its only skip is of the machine's making: SCIPY_ARRAY_API is not set
    assert set(others) <= {"check_array_api_input"}


@pytest.mark.parametrize("check", [check_param_validation, check_dataframe_column_names_consistency])
@pytest.mark.parametrize("kind", KINDS)
def test_checks_that_are_not_among_them(kind: Any, check: Any) -> None:
    check(kind.__name__, kind())


def test_pipelines_searches_and_cross_validation() -> None:
    X, y = IRIS
    model = make_pipeline(StandardScaler(), sp.Classifier(max_iter=60, random_state=0))
    assert cross_val_score(model, X, y, cv=3).mean() > 0.9
    search = GridSearchCV(sp.Classifier(max_iter=60, random_state=0), {"hidden_layer_sizes": [(5,), (50,)]}, cv=3)
    assert search.fit(X, y).best_score_ > 0.8
    copied = clone(sp.Classifier(hidden_layer_sizes=(3, 2), l1=0.5))
    assert copied.get_params()["hidden_layer_sizes"] == (3, 2)
    assert copied.set_params(l1=0.25).l1 == 0.25


# -- what is learned


def test_digits_are_learned() -> None:
    X, y = DIGITS
    model = sp.Classifier(random_state=0).fit(X[:1400], y[:1400])
    assert model.score(X[1400:], y[1400:]) > 0.9
    assert np.allclose(model.predict_proba(X).sum(1), 1)
    assert np.allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X))


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1)])
def test_images_are_learned_by_convolutions(shape: tuple[int, ...]) -> None:
    X, y = DIGITS
    images = X.reshape(-1, *shape)
    model = sp.Classifier(max_iter=6, random_state=0).fit(images[:1200], y[:1200])
    assert any(isinstance(layer, nn.MaxPool2d) for layer in model.network_.modules())
    assert model.score(images[1200:], y[1200:]) > 0.9
    alone = np.concatenate([model.predict_proba(images[i : i + 1]) for i in range(5)])
    assert np.allclose(alone, model.predict_proba(images)[:5], atol=1e-5)  # no answer depends on batch mates


def test_several_numbers_at_once() -> None:
    X, y = load_diabetes(return_X_y=True)
    both = np.stack([y, 100 - 3 * y], axis=1)
    model = sp.Regressor(random_state=0).fit(X, both)
    assert model.predict(X).shape == both.shape
    assert model.score(X, both) > 0.5


def test_several_labels_at_once() -> None:
    X, _ = IRIS
    y = (X[:, :3] > np.median(X[:, :3], axis=0)).astype(int)
    model = sp.Classifier(random_state=0).fit(X, y)
    assert model.predict(X).shape == y.shape
    assert model.score(X, y) > 0.85
    assert ((model.predict_proba(X) > 0.5) == model.predict(X)).all()


def test_classes_of_any_kind_come_back() -> None:
    X, y = IRIS
    for names in (np.array(["setosa", "versicolor", "virginica"]), np.array([7, -3, 12]), np.array([2.0, 1.0, 0.5])):
        if names.dtype.kind == "f":
            names = np.array([2.0, 1.0, 3.0])
        model = sp.Classifier(max_iter=30, random_state=0).fit(X, names[y])
        assert model.classes_.dtype == names.dtype
        assert (model.predict(X) == names[y]).mean() > 0.9


def test_a_network_of_ones_own() -> None:
    X, y = IRIS
    own = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    before = [weight.detach().clone() for weight in own.parameters()]
    model = sp.Classifier(network=own, max_iter=50, random_state=0).fit(X, y)
    assert all(torch.equal(old, new) for old, new in zip(before, own.parameters(), strict=True))  # it was copied
    assert model.score(X, y) > 0.8

    def factory(shape: tuple[int, ...], outputs: int) -> nn.Module:
        return nn.Linear(shape[0], outputs)

    assert sp.Classifier(network=factory, random_state=0).fit(X, y).score(X, y) > 0.8
    with pytest.raises(ShapeError, match=r"must take inputs of the shape \(2, 4\) and return \(2, 3\); got \(2, 5\)"):
        sp.Classifier(network=nn.Linear(4, 5)).fit(X, y)
    with pytest.raises(ShapeError, match="it fails with"):
        sp.Classifier(network=nn.Linear(3, 3)).fit(X, y)


# -- weights


def test_whole_weights_are_repeated_rows_to_the_bit() -> None:
    X, y = IRIS
    weights = np.random.default_rng(0).integers(0, 4, len(y))
    weighted = sp.Classifier(max_iter=10, random_state=0, early_stopping=True).fit(X, y, weights)
    mixed = np.random.default_rng(1).permutation(np.repeat(np.arange(len(y)), weights))
    repeated = sp.Classifier(max_iter=10, random_state=0, early_stopping=True).fit(X[mixed], y[mixed])
    assert np.array_equal(weighted.predict_proba(X), repeated.predict_proba(X))


def test_other_weights_weigh() -> None:
    X = np.array([[0.0], [0.0], [1.0], [1.0]])
    y = np.array([0, 1, 0, 1])
    model = sp.Classifier((), max_iter=2000, learning_rate_init=0.05, tol=0, n_iter_no_change=500, random_state=0)
    found = model.fit(X, y, [0.3, 0.1, 0.15, 0.45]).predict_proba(np.array([[0.0], [1.0]]))[:, 1]
    assert np.allclose(found, [0.25, 0.75], atol=0.02)  # the weighted shares of class 1


def test_class_weights_favour_rare_classes() -> None:
    X, y = make_classification(600, weights=[0.95], class_sep=0.4, flip_y=0.05, random_state=0)
    plain = sp.Classifier((), random_state=0).fit(X, y)
    even = sp.Classifier((), class_weight="balanced", random_state=0).fit(X, y)
    assert even.predict(X).mean() > 2 * plain.predict(X).mean()
    dictionary = {0: len(y) / (2 * (y == 0).sum()), 1: len(y) / (2 * (y == 1).sum())}
    same = sp.Classifier((), class_weight=dictionary, random_state=0).fit(X, y)
    assert np.allclose(same.predict_proba(X), even.predict_proba(X), atol=1e-6)


# -- regularisation


def _linear(**settings: Any) -> sp.Regressor:
    """A linear map, trained to its optimum by gradient descent on all rows."""
    return sp.Regressor(
        (), solver="sgd", learning_rate_init=0.05, batch_size=10**6, max_iter=4000, tol=0, n_iter_no_change=4000,
        random_state=0, **settings,
    )  # fmt: skip


def _standardised() -> tuple[Any, Any]:
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X), (y - y.mean()) / y.std()


def test_l2_is_ridge() -> None:
    X, y = _standardised()
    ours = _linear(l2=0.2).fit(X, y).network_[0].weight.detach().numpy()[0]
    # mean of (y - wx)^2 + l2 / 2 w^2, times n, is Ridge's sum of squares with alpha = n l2 / 2
    assert np.allclose(ours, Ridge(alpha=len(y) * 0.2 / 2).fit(X, y).coef_, atol=1e-4)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_l1_is_lasso_with_its_exact_zeros(momentum: float) -> None:
    X, y = _standardised()
    ours = _linear(l1=0.3, momentum=momentum).fit(X, y).network_[0].weight.detach().numpy()[0]
    theirs = Lasso(alpha=0.3 / 2, tol=1e-8).fit(X, y).coef_  # half the squares' mean there
    assert 0 < (theirs == 0).sum() < len(theirs)
    assert np.array_equal(ours == 0, theirs == 0)
    assert np.allclose(ours, theirs, atol=1e-4)


def test_l1_under_adam_rests_at_the_same_zeros() -> None:
    X, y = _standardised()
    model = sp.Regressor((), l1=0.3, batch_size=10**6, max_iter=3000, tol=0, n_iter_no_change=3000,
                         learning_rate_init=0.003, random_state=0).fit(X, y)  # fmt: skip
    theirs = Lasso(alpha=0.3 / 2, tol=1e-8).fit(X, y).coef_
    ours = model.network_[0].weight.detach().numpy()[0]
    assert np.array_equal(ours == 0, theirs == 0)
    assert np.allclose(ours, theirs, atol=2e-3)


def test_biases_are_not_penalised() -> None:
    X = np.random.default_rng(0).normal(size=(200, 3))
    y = np.where(np.arange(200) < 150, "often", "seldom")
    model = sp.Classifier((), l2=1e4, max_iter=1500, tol=0, n_iter_no_change=1500, random_state=0).fit(X, y)
    assert abs(model.network_[0].weight).max() < 1e-2
    assert np.allclose(model.predict_proba(X)[:, 0], 0.75, atol=0.03)  # what the biases alone can say


def test_dropout_is_in_training_alone() -> None:
    X, y = IRIS
    model = sp.Classifier(dropout=0.5, max_iter=5, random_state=0).fit(X, y)
    assert any(isinstance(layer, nn.Dropout) for layer in model.network_.modules())
    assert np.array_equal(model.predict_proba(X), model.predict_proba(X))
    again = sp.Classifier(dropout=0.5, max_iter=5, random_state=0).fit(X, y)
    assert np.array_equal(model.predict_proba(X), again.predict_proba(X))  # its draws are the run's


# -- the validation set


def _noisy() -> tuple[Any, Any]:
    X, y = make_classification(200, 20, n_informative=4, flip_y=0.3, random_state=0)
    return X, y


def test_the_best_weights_come_back() -> None:
    X, y = _noisy()
    model = sp.Classifier((200,), early_stopping=True, n_iter_no_change=15, learning_rate_init=0.01, random_state=0)
    model.fit(X[:150], y[:150], validation_data=(X[150:], y[150:]))
    chance = model.predict_proba(X[150:])[np.arange(50), y[150:]]
    assert np.isclose(-np.log(chance).mean(), min(model.validation_curve_), atol=1e-5)
    assert model.n_iter_ >= model.best_epoch_ + 15 - 1
    assert model.validation_curve_[model.best_epoch_ - 1] == min(model.validation_curve_)
    assert model.validation_curve_[-1] > min(model.validation_curve_)
    assert len(model.loss_curve_) == len(model.validation_curve_) == model.n_iter_


def test_validation_rows_are_not_learned_from() -> None:
    X, y = IRIS
    model = sp.Classifier(early_stopping=True, validation_fraction=0.2, random_state=0, max_iter=3).fit(X, y)
    data = model.record_.about["data"]
    assert data["rows_train"] + data["rows_held_out"] == 150
    assert 25 <= data["rows_held_out"] <= 35


def test_a_fraction_alone_records_and_does_not_stop() -> None:
    X, y = _noisy()
    model = sp.Classifier(max_iter=30, validation_fraction=0.25, tol=0, n_iter_no_change=100, random_state=0).fit(X, y)
    assert model.n_iter_ == len(model.validation_curve_) == 30


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_tiny_data(n: int) -> None:
    X, y = np.arange(n, dtype=float)[:, None], np.arange(n) % 2
    assert len(sp.Classifier(early_stopping=True, max_iter=3, random_state=0).fit(X, y).predict(X)) == n
    assert len(sp.Regressor(early_stopping=True, max_iter=3, random_state=0).fit(X, y).predict(X)) == n


def test_a_class_seen_once_is_learned_from() -> None:
    X, y = IRIS
    y = y.copy()
    y[10] = 9
    model = sp.Classifier(early_stopping=True, max_iter=3, random_state=0).fit(X, y)
    assert 9 in model.classes_


def test_partial_fit_goes_on_and_answers_with_the_best() -> None:
    X, y = DIGITS
    model = sp.Classifier(early_stopping=True, n_iter_no_change=2, learning_rate_init=0.01, random_state=0)
    errors = []
    for call in range(12):
        model.partial_fit(X[:600], y[:600], classes=np.arange(10))
        errors.append(model.record_.rows()[-1]["validation/error"])
        assert model.n_iter_ == call + 1
    held = model._stream.held_out
    outputs = model.network_(torch.from_numpy(held.inputs)).detach()
    assert np.isclose(
        nn.functional.cross_entropy(outputs, torch.from_numpy(held.targets)).item(), min(errors), atol=1e-5
    )
    assert model.score(X[600:], y[600:]) > 0.85
    assert isinstance(model.stalled_, bool)
    assert pickle.loads(pickle.dumps(model))._stream.held_out is None  # a pickle holds no rows


def test_partial_fit_in_one_call_is_an_epoch_of_fit() -> None:
    X, y = DIGITS
    once = sp.Classifier(max_iter=1, random_state=0).fit(X, y)
    call = sp.Classifier(random_state=0).partial_fit(X, y)
    assert np.array_equal(once.predict_proba(X), call.predict_proba(X))


def test_partial_fit_learns_new_classes_only_if_told() -> None:
    X, y = IRIS
    model = sp.Classifier(random_state=0).partial_fit(X[:100], y[:100])
    with pytest.raises(DataError, match="the class 2, which is not among the known ones: 0, 1"):
        model.partial_fit(X, y)


def test_a_warm_start_goes_on() -> None:
    X, y = DIGITS
    model = sp.Classifier(max_iter=2, warm_start=True, random_state=0).fit(X, y)
    first = model.loss_curve_[-1]
    assert model.fit(X, y).loss_curve_[0] < first
    cold = sp.Classifier(max_iter=2, random_state=0).fit(X, y)
    assert cold.fit(X, y).loss_curve_[0] > first


# -- frames


def _frame() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    colour = rng.choice(["red", "green", "blue"], 300)
    frame = pd.DataFrame({"size": rng.normal(size=300), "colour": colour, "new": rng.random(300) < 0.5})
    return frame, np.where(colour == "red", "yes", "no")


def test_categories_are_one_hot() -> None:
    frame, y = _frame()
    model = sp.Classifier(random_state=0).fit(frame, y)
    assert model.score(frame, y) > 0.99
    assert list(model.feature_names_in_) == ["size", "colour", "new"]
    with pytest.warns(sp.UnseenWarning, match="'purple'; they count as none of the known"):
        unseen = model.inputs_.encode(frame.head(1).assign(colour="purple"))
    assert unseen[0, :3].tolist() == [0, 0, 0]  # the stated rule: zero everywhere
    same = frame.assign(colour=frame["colour"].astype("category"))
    assert np.array_equal(model.predict(same), model.predict(frame))


def test_the_target_can_be_a_column() -> None:
    frame, y = _frame()
    model = sp.Classifier(random_state=0, max_iter=5).fit(frame.assign(answer=y), "answer")
    assert np.array_equal(model.predict(frame), sp.Classifier(random_state=0, max_iter=5).fit(frame, y).predict(frame))
    with pytest.raises(DataError, match=r"no column 'anser'; did you mean 'answer'\?"):
        sp.Classifier().fit(frame.assign(answer=y), "anser")


# -- what cannot be used


def _with(value: float, row: int = 7, column: int = 2) -> np.ndarray:
    X = IRIS[0].copy()
    X[row, column] = value
    return X


@pytest.mark.parametrize(
    ("X", "y", "said"),
    [
        (_with(np.nan), IRIS[1], r"X contains NaN: column 'x2', row 7"),
        (_with(-np.inf), IRIS[1], r"X contains infinity: column 'x2', row 7"),
        (pd.DataFrame({"a": [1, "two", 3.0]}), [0, 1, 0], r"column 'a' holds values of the type\(s\) float, int, str"),
        (pd.DataFrame({"a": [[1], [2]]}), [0, 1], r"column 'a' holds values of the type\(s\) list"),
        (pd.DataFrame({"a": ["x", "x"]}), [0, 1], r"every column is constant or empty"),
        (pd.DataFrame({"a": [str(i) for i in range(300)]}), np.arange(300) % 2, r"300 of 300 texts differ\)\. Leave"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]), [0, 1], r"'a' appears twice"),
        (IRIS[0], np.zeros(150), r"every target is of the class 0.0; at least two classes"),
        (IRIS[0], IRIS[1][:-1], r"150 rows and y 149"),
        (IRIS[0], None, r"requires y to be passed"),
        (IRIS[0], np.linspace(0, 1, 150), r"Unknown label type: continuous"),
        (np.zeros((3, 4, 4)), [0, 1, 0], r"every pixel of every image is 0"),
        (np.array([["1", "x"], ["2", "3"]]), [0, 1], r"texts, such as 'x' in row 0, column 1; numbers are needed"),
        ([["1", "2"], ["2", "3"]], [0, 1], r"texts, such as '1' in row 0, column 0"),
        ([[1, 2], [3]], [0, 1], r"row 0 has \(2\), row 1 \(1\); give each as many"),
        ([np.zeros((4, 4)), np.zeros((5, 5))], [0, 1], r"\(4, 4\), row 1 \(5, 5\); images must have one size"),
    ],
)
def test_data_that_cannot_be_used(X: Any, y: Any, said: str) -> None:
    with pytest.raises((DataError, ShapeError), match=said):
        sp.Classifier().fit(X, y)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (np.zeros(150), "every sample weight is zero"),
        (np.full(150, -1.0), "row 0 has -1.0"),
        (np.full(150, np.nan), "must be finite"),
        (np.ones(3), r"must have the shape \(150,\)"),
    ],
)
def test_weights_that_cannot_weigh(weights: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        sp.Classifier().fit(*IRIS, sample_weight=weights)


@pytest.mark.parametrize(
    "settings", [{"l1": -1}, {"dropout": 1.0}, {"max_iter": 0}, {"solver": "lbfgs"}, {"validation_fraction": 1.5}]
)
def test_parameters_that_cannot_be(settings: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=f"The '{next(iter(settings))}' parameter of Classifier must be"):
        sp.Classifier(**settings).fit(*IRIS)


def test_more_that_cannot_be() -> None:
    X, y = IRIS
    with pytest.raises(InputError, match="whole numbers above 0"):
        sp.Classifier((10, 0)).fit(X, y)
    with pytest.raises(InputError, match="class_weight names the class 'x'"):
        sp.Classifier(class_weight={"x": 2}).fit(X, y)
    with pytest.raises(InputError, match=r"validation_data must be \(X, y\)"):
        sp.Classifier().fit(X, y, validation_data=X)
    with pytest.raises(DataError, match="to predict classes use a classifier"):
        sp.Regressor().fit(X, np.array(["a", "b", "c"])[y])
    images = sp.Classifier(max_iter=1).fit(DIGITS[0][:50].reshape(-1, 8, 8), DIGITS[1][:50])
    with pytest.raises(ShapeError, match=r"must have the shape \(n, 8, 8\); got \(3, 9, 9\)"):
        images.predict(np.zeros((3, 9, 9)))


# -- keeping


@pytest.fixture
def digits_csv(tmp_path: Path) -> Path:
    X, y = DIGITS
    frame = pd.DataFrame(X[:400], columns=[f"pixel{i}" for i in range(64)]).assign(digit=y[:400])
    frame.to_csv(tmp_path / "digits.csv", index=False)
    return tmp_path / "digits.csv"


@pytest.mark.parametrize("images", [False, True])
def test_a_stopped_run_ends_with_the_same_bits(tmp_path: Path, images: bool) -> None:
    X, y = DIGITS[0][:300], DIGITS[1][:300]
    X = X.reshape(-1, 8, 8) if images else X
    settings: dict[str, Any] = {"early_stopping": True, "max_iter": 12, "n_iter_no_change": 3, "tol": 0.02}
    settings |= {"dropout": 0.2, "l1": 1e-3, "random_state": 0, "checkpoint_every": 5}
    straight = sp.Classifier(**settings, run=tmp_path / "straight").fit(X, y)

    def stop(progress: Any) -> None:
        if progress.step == 33:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Interrupted):
        sp.Classifier(**settings, run=tmp_path / "stopped", verbose=stop).fit(X, y)
    resumed = sp.Classifier.resume(tmp_path / "stopped", X, y)
    assert np.array_equal(straight.predict_proba(X), resumed.predict_proba(X))
    assert straight.best_epoch_ == resumed.best_epoch_
    rows = [(tmp_path / name / "metrics.jsonl").read_bytes() for name in ("straight", "stopped")]
    assert rows[0] == rows[1]
    with pytest.raises(DataError, match="have changed"):
        sp.Classifier.resume(tmp_path / "stopped", X, y[::-1])


def test_saved_loaded_and_pickled_models_answer_alike(tmp_path: Path, digits_csv: Path) -> None:
    model = sp.Classifier(early_stopping=True, max_iter=8, random_state=0, run=tmp_path / "run").fit(
        digits_csv, "digit"
    )
    expected = model.predict_proba(digits_csv)
    model.save(tmp_path / "saved")
    for other in (sp.load(tmp_path / "run"), sp.load(tmp_path / "saved"), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(other.predict_proba(digits_csv), expected)
        assert np.array_equal(other.classes_, model.classes_)
    frame = pd.read_csv(digits_csv)
    with pytest.raises(ValueError, match="feature names"):
        sp.load(tmp_path / "saved").predict(frame)  # a frame must hold what was learned from, and no more
    regressor = sp.Regressor(max_iter=5, random_state=0).fit(*load_diabetes(return_X_y=True))
    regressor.save(tmp_path / "regressor")
    again = sp.load(tmp_path / "regressor")
    assert np.array_equal(again.predict(load_diabetes().data), regressor.predict(load_diabetes().data))


def test_the_run_folder_says_what_was_done(tmp_path: Path) -> None:
    X, y = DIGITS[0][:300].reshape(-1, 8, 8), DIGITS[1][:300]
    sp.Classifier(
        max_iter=3, learning_rate_init=3e-4, validation_fraction=0.2, random_state=0, run=tmp_path / "run"
    ).fit(X, y)
    about = json.loads((tmp_path / "run/run.json").read_text())
    layers = about["networks"]["network"]["layers"]
    assert sum(layer["parameters"] for layer in layers) == about["networks"]["network"]["parameters"]
    assert layers[0]["kind"] == "Conv2d 1-32"
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    ends = [row for row in rows if "epoch" in row]
    assert [row["epoch"] for row in ends] == [1, 2, 3]
    assert {"training/error", "validation/error", "validation/score", "layer 1/delta"} <= set(ends[0])
    answers = json.loads((tmp_path / "run/answers.json").read_text())
    assert sum(map(sum, answers["confusion"])) == answers["rows"] == about["data"]["rows_held_out"]
    pictures = {path.stem for path in (tmp_path / "run/pictures").iterdir()}
    assert {"filters", "maps", "seen"} <= pictures
    page = (tmp_path / "run/report.html").read_text()
    for said in ("What it takes for what", "The worst mistakes", "What the first layer sees", "Size of delta"):
        assert said in page, said


def test_the_report_marks_the_chosen_epoch(tmp_path: Path) -> None:
    X, y = _noisy()
    model = sp.Classifier((100,), early_stopping=True, learning_rate_init=0.01, random_state=0, run=tmp_path / "run")
    model.fit(X, y)
    page = (tmp_path / "run/report.html").read_text()
    assert f"The weights of epoch {model.best_epoch_} are kept" in page
    assert 'class="chosen"' in page
    numbers = sp.Regressor(early_stopping=True, random_state=0, run=tmp_path / "numbers")
    numbers.fit(*load_diabetes(return_X_y=True))
    assert "Answers against true values" in (tmp_path / "numbers/report.html").read_text()


def test_judging_by_data_it_was_given_is_said(tmp_path: Path) -> None:
    X, y = IRIS
    model = sp.Classifier(max_iter=5, random_state=0).fit(X, y)
    assert model.judge(X, y).seen
    assert "of the data it was given" in model.answers_.lines()[0]
    assert not model.judge(X[:50], y[:50]).seen
