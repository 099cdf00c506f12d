"""What every sequence model keeps to: repeats, resuming, saving, padding that changes nothing, clear refusals."""

import os
import pickle
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import sparring as sp
from sparring.data.sequences import rows_of
from sparring.errors import DataError, InputError, Interrupted, ShapeError
from sparring.run import Progress

RNG = np.random.default_rng(0)
WORDS = ["anna", "bob", "sees", "hears", "the", "old", "young", "dog", "cat", "house", "in", "near", "and"]
TEXTS = [" ".join(RNG.choice(WORDS, RNG.integers(1, 9))) for _ in range(60)]
ROWS = [text.split() for text in TEXTS]
CLASSES = ["dog" if "dog" in row else "none" for row in ROWS]
TAGS = [["B-who" if word in ("anna", "bob") else "O" for word in row] for row in ROWS]
SIGNALS = [RNG.normal(size=(RNG.integers(2, 9), 3)) for _ in range(60)]
FRAMES = [(RNG.random((RNG.integers(2, 9), 5)) < 0.3).astype(float) for _ in range(60)]
SMALL: dict[str, Any] = {"hidden_size": 12, "width": 10, "max_iter": 4, "batch_size": 16, "random_state": 0}

CASES: dict[str, tuple[Any, dict[str, Any], Any, Any]] = {
    "classifier": (sp.SequenceClassifier, {"pooling": "mean"}, TEXTS, CLASSES),
    "classifier of signals": (sp.SequenceClassifier, {"cell": "gru"}, SIGNALS, CLASSES),
    "regressor": (sp.SequenceRegressor, {"layers": 2, "learned_start": True}, SIGNALS, [row.sum() for row in SIGNALS]),
    "tagger": (sp.SequenceTagger, {}, ROWS, TAGS),
    "tagger without crf": (sp.SequenceTagger, {"crf": False, "cell": "rnn", "letters": False}, ROWS, TAGS),
    "tagger of signals": (sp.SequenceTagger, {"crf": False}, SIGNALS, [list("ab" * 9)[: len(row)] for row in SIGNALS]),
    "writer": (sp.SequenceGenerator, {"level": "letter"}, TEXTS, None),
    "writer of streams": (sp.SequenceGenerator, {"window": 5, "batch_size": 4}, ROWS, None),
    "composer": (sp.SequenceGenerator, {"cell": "gru"}, FRAMES, None),
    "translator": (sp.SequenceTranslator, {"minimum_count": 1}, TEXTS, [" ".join(row[::-1]) for row in ROWS]),
    "translator without attention": (sp.SequenceTranslator, {"attention": False, "beam": 1}, ROWS, TAGS),
}
EVERY = pytest.mark.parametrize("case", list(CASES))


def _made(case: str, **more: Any) -> Any:
    kind, settings, _, _ = CASES[case]
    return kind(**{**SMALL, **settings, **more})


def _fitted(case: str, **more: Any) -> Any:
    _, _, X, y = CASES[case]
    return _made(case, **more).fit(X, y)


def _weights(model: Any) -> dict[str, torch.Tensor]:
    return model.network_.state_dict()


def _equal(one: Any, other: Any) -> bool:
    a, b = _weights(one), _weights(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def _answers(model: Any, X: Any) -> list[Any]:
    if isinstance(model, sp.SequenceGenerator):
        return [np.asarray(row).tolist() for row in model.sample(4, length=7, random_state=1)]
    return [row.tolist() if isinstance(row, np.ndarray) else row for row in model.predict(X)]


@EVERY
def test_a_random_state_repeats_a_fit_and_another_does_not(case: str) -> None:
    first, again, other = _fitted(case), _fitted(case), _fitted(case, random_state=1)
    assert _equal(first, again)
    assert not _equal(first, other)
    assert first.record_.rows() == again.record_.rows()


@EVERY
def test_parameters_are_stored_as_given_and_cloned(case: str) -> None:
    model = _made(case)
    assert clone(model).get_params() == model.get_params()
    assert "hidden_size=12" in repr(model)
    assert model.set_params(hidden_size=7).hidden_size == 7


@EVERY
def test_every_weight_learns(case: str) -> None:
    model, before = _fitted(case, max_iter=3, dropout=0.0), _fitted(case, max_iter=1, dropout=0.0)
    still = [name for name, weight in _weights(model).items() if torch.equal(weight, _weights(before)[name])]
    assert [name for name in still if "_mask" not in name and "forbidden" not in name] == []


@EVERY
def test_a_run_resumes_to_the_same_bits(case: str, tmp_path: Path) -> None:
    _, _, X, y = CASES[case]
    keeping = {"early_stopping": True, "checkpoint_every": 3}
    straight = _fitted(case, run=tmp_path / "straight", **keeping)

    def stop(progress: Progress) -> None:
        if progress.step == 5:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted, match="stopped at step 5"):
        _fitted(case, run=tmp_path / "stopped", verbose=stop, **keeping)
    resumed = type(straight).resume(tmp_path / "stopped", X, y)
    assert _equal(straight, resumed)
    assert (tmp_path / "straight/metrics.jsonl").read_text() == (tmp_path / "stopped/metrics.jsonl").read_text()
    assert straight.best_epoch_ == resumed.best_epoch_
    assert _answers(straight, X) == _answers(resumed, X)
    with pytest.raises(DataError, match="changed since the run"):
        type(straight).resume(tmp_path / "stopped", X[::-1], None if y is None else y[::-1])


@EVERY
def test_saved_and_loaded_it_answers_the_same(case: str, tmp_path: Path) -> None:
    model, X = _fitted(case, early_stopping=True, run=tmp_path / "run"), CASES[case][2]
    model.save(tmp_path / "saved")
    expected = _answers(model, X[:20])
    for folder in ("saved", "run"):
        loaded = sp.load(tmp_path / folder)
        assert type(loaded) is type(model)
        assert _answers(loaded, X[:20]) == expected
        assert loaded.answers_.to_json() == model.answers_.to_json()
    assert _answers(pickle.loads(pickle.dumps(model)), X[:20]) == expected
    assert (tmp_path / "run/report.html").stat().st_size > 10_000


@pytest.mark.parametrize("case", [case for case in CASES if "writer" not in case and case != "composer"])
def test_no_answer_depends_on_batch_mates(case: str) -> None:
    model, X = _fitted(case), CASES[case][2]
    together = _answers(model, X)
    alone, turned = [_answers(model, [row])[0] for row in X[:12]], _answers(model, X[::-1])[::-1]
    if case == "regressor":  # numbers, equal up to float32's rounding
        assert np.allclose(alone, together[:12], atol=1e-6)
        assert np.allclose(turned, together, atol=1e-6)
    else:
        assert alone == together[:12]
        assert turned == together
    if hasattr(model, "predict_proba"):
        alone = np.concatenate([np.atleast_2d(model.predict_proba([row])[0]) for row in X[:5]])
        joint = np.concatenate([np.atleast_2d(row) for row in model.predict_proba(X)[:5]])
        assert np.allclose(alone, joint, atol=1e-6)


@pytest.mark.parametrize("case", ["writer", "composer", "writer of streams"])
def test_likelihoods_do_not_depend_on_batch_mates_and_are_of_one_step_after_the_other(case: str) -> None:
    model, X = _fitted(case), CASES[case][2]
    together = model.log_likelihood(X)
    assert np.allclose([model.log_likelihood([row])[0] for row in X[:6]], together[:6], atol=1e-4)
    assert model.score(X) == pytest.approx(together.sum() / model.judge(X).steps, abs=1e-6)


def test_a_row_of_length_one_is_the_lectures_one_to_one() -> None:
    """With one step, and no state before it, a recurrent network is a network with one hidden layer."""
    X = RNG.normal(size=(40, 1, 3))
    model = sp.SequenceRegressor(**{**SMALL, "cell": "rnn"}).fit(X, X.sum((1, 2)))
    layer, last = model.network_.recurrent.layers[0], model.network_.last
    scaled = torch.from_numpy(((X[:, 0] - X[:, 0].mean(0)) / X[:, 0].std(0)).astype(np.float32))
    hidden = torch.tanh(scaled @ layer.weight_ih_l0.T + layer.bias_ih_l0 + layer.bias_hh_l0)
    outputs = (hidden @ last.weight.T + last.bias).detach().double().numpy()
    assert np.allclose(model.coding_.targets.answer(outputs), model.predict(X), atol=1e-5)


def test_the_best_weights_come_back() -> None:
    model = _fitted("classifier", early_stopping=True, max_iter=30, learning_rate_init=0.05, learning_rate="constant")
    assert min(model.validation_curve_) == model.validation_curve_[model.best_epoch_ - 1]
    assert model.n_iter_ <= model.best_epoch_ + model.n_iter_no_change
    longer = _fitted("classifier", validation_fraction=0.1, max_iter=model.best_epoch_, learning_rate_init=0.05,
                     learning_rate="constant")  # fmt: skip
    assert _equal(model, longer)


def test_class_weights_move_answers_to_the_rare() -> None:
    y = ["rare" if i % 10 == 0 else "usual" for i in range(60)]
    settings = {**SMALL, "learning_rate_init": 0.01}
    plain, heavy = (sp.SequenceClassifier(**settings, class_weight=one).fit(TEXTS, y) for one in (None, "balanced"))
    rare = list(heavy.classes_).index("rare")
    assert heavy.predict_proba(TEXTS)[:, rare].mean() > plain.predict_proba(TEXTS)[:, rare].mean() + 0.1
    tagger = sp.SequenceTagger(**SMALL, crf=False, class_weight="balanced").fit(ROWS, TAGS)
    assert np.concatenate(tagger.predict_proba(ROWS))[:, 0].mean() > 0.3  # B-who is every seventh word
    with pytest.raises(InputError, match="a CRF looks at whole rows; give crf=False"):
        sp.SequenceTagger(class_weight="balanced").fit(ROWS, TAGS)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_a_stream_says_what_the_batch_says(cell: str, pooling: str) -> None:
    settings = {**SMALL, "cell": cell, "pooling": pooling, "bidirectional": False, "layers": 2}
    model = sp.SequenceRegressor(**settings).fit(SIGNALS, [row.sum() for row in SIGNALS])
    stream, row = model.stream(), SIGNALS[3]
    for t, x in enumerate(row):
        assert stream.push(x) == pytest.approx(model.predict([row[: t + 1]])[0], abs=1e-5)
    stream.reset()
    assert stream.push(row[0]) == pytest.approx(model.predict([row[:1]])[0], abs=1e-5)


def test_streams_of_taggers_and_writers() -> None:
    tagger = sp.SequenceTagger(**SMALL, crf=False, bidirectional=False).fit(ROWS, TAGS)
    stream = tagger.stream()
    assert [stream.push(word) for word in ROWS[0]] == tagger.predict([ROWS[0]])[0]
    writer = _fitted("writer")
    stream, end = writer.stream(), writer.coding_.vocabulary.number("</s>")
    letters = writer.coding_.vocabulary.encode(TEXTS[0])
    start = _fitted("composer").stream()
    assert start.push(FRAMES[0][0]).shape == (5,)
    total = 0.0
    for place, letter in enumerate(TEXTS[0][:-1]):
        total += np.log(stream.push(letter)[letters[place + 1]])
    total += np.log(stream.push(TEXTS[0][-1])[end])
    begun = writer.log_likelihood([TEXTS[0]])[0] - total  # log p of the first letter, which no push has given
    assert np.log(1e-4) < begun < 0
    with pytest.raises(InputError, match="bidirectional=False"):
        _fitted("classifier").stream()
    with pytest.raises(InputError, match="crf=False"):
        sp.SequenceTagger(**SMALL, bidirectional=False).fit(ROWS, TAGS).stream()


def test_tags_in_any_scheme_give_the_same_spans() -> None:
    rows = [["new", "york", "is", "far"], ["to", "paris"]] * 10
    bio = [["B-loc", "I-loc", "O", "O"], ["O", "B-loc"]] * 10
    bioes = [["B-loc", "E-loc", "O", "O"], ["O", "S-loc"]] * 10
    iob1 = [["I-loc", "I-loc", "O", "O"], ["O", "I-loc"]] * 10
    models = [
        sp.SequenceTagger(**{**SMALL, "max_iter": 30, "learning_rate_init": 0.01}).fit(rows, tags)
        for tags in (bio, bioes, iob1)
    ]
    assert _equal(models[0], models[1])
    assert _equal(models[0], models[2])
    assert models[0].score(rows, iob1) == 1.0
    assert models[0].spans([["to", "new", "york"]]) == [[("loc", "new york")]]


def test_samples_begin_as_told_and_end(tmp_path: Path) -> None:
    writer = _fitted("writer", max_iter=20, learning_rate_init=0.02)
    texts = writer.sample(5, prime="anna", length=20, random_state=0)
    assert all(text.startswith("anna") and len(text) <= 20 for text in texts)
    assert writer.sample(5, prime="anna", length=20, random_state=0) == texts
    assert writer.sample(3, length=9, temperature=0) == [writer.sample(1, length=9, temperature=0)[0]] * 3
    assert writer.sample(3, length=9, top_k=1, random_state=5) == writer.sample(3, length=9, temperature=0)
    composer = _fitted("composer")
    music = composer.sample(2, prime=FRAMES[0][:2], length=6, random_state=0)
    assert [row.shape for row in music] == [(6, 5)] * 2
    assert np.array_equal(music[0][:2], FRAMES[0][:2].astype(bool))
    assert composer.rolls(music)[0].frames.shape == (6, 5)
    for wrong in ({"n": 0}, {"length": 0}, {"temperature": -1.0}, {"top_k": 0}):
        with pytest.raises(InputError, match="must be at least"):
            writer.sample(**wrong)


def test_word_vectors_of_the_users_own(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("".join(f"{word} {i} 1 0 0\n" for i, word in enumerate([*WORDS, "elephant"])))
    settings = {**SMALL, "width": 4, "vectors": str(path), "max_iter": 1, "learning_rate_init": 1e-9}
    model = sp.SequenceClassifier(**settings).fit(TEXTS, CLASSES)
    words = model.coding_.inputs.vocabulary
    assert "elephant" not in words
    vectors = model.network_.inputs.vectors.weight.detach().numpy()
    assert np.allclose([vectors[words.number(word)][0] for word in WORDS], range(len(WORDS)), atol=1e-4)
    with pytest.raises(InputError, match="vectors of 4 numbers; give width=4"):
        sp.SequenceClassifier(**{**settings, "width": 5}).fit(TEXTS, CLASSES)
    with pytest.raises(InputError, match="vectors are of words"):
        sp.SequenceClassifier(**settings).fit(SIGNALS, CLASSES)


WRONG: dict[str, tuple[Any, Any, Any, type[Exception], str]] = {
    "no rows": (sp.SequenceClassifier, [], [], DataError, "X is empty"),
    "one text": (sp.SequenceClassifier, "no file here.txt", None, DataError, "no file or folder no file here.txt"),
    "an empty text": (sp.SequenceClassifier, ["a", " "], ["x", "y"], DataError, "row 1 holds no words"),
    "no targets": (sp.SequenceClassifier, ["a", "b"], None, DataError, "needs y"),
    "one class": (sp.SequenceClassifier, ["a", "b"], ["x", "x"], DataError, "at least two classes"),
    "unequal": (sp.SequenceClassifier, ["a", "b"], ["x"], ShapeError, "2 sequences and y 1"),
    "a number among words": (sp.SequenceClassifier, [["a"], ["b", 3]], ["x", "y"], DataError, "row 1 holds 3"),
    "other columns": (
        sp.SequenceRegressor,
        [np.zeros((3, 2)), np.zeros((3, 1))],
        [0, 1],
        ShapeError,
        "row 1 must have",
    ),
    "not finite": (sp.SequenceRegressor, [[1.0, np.nan], [1.0]], [0, 1], DataError, "row 0, step 1, column 0 is nan"),
    "texts to predict": (sp.SequenceRegressor, [[1.0], [2.0]], ["a", "b"], DataError, "y must be numbers"),
    "a tag too few": (sp.SequenceTagger, [["a", "b"]], [["O"]], ShapeError, "row 0 has 2 steps and 1 tags"),
    "a tag of no span": (sp.SequenceTagger, [["a", "b"]], [["B-per", "X"]], DataError, "row 0 of y: a tag is O, or"),
    "a text to tag": (sp.SequenceTagger, ["a b"], [["O", "O"]], ShapeError, "row 0 of X is a text"),
    "no key": (sp.SequenceGenerator, [np.full((3, 2), 0.5)], None, DataError, "frames are 0 or 1"),
    "targets to write": (sp.SequenceGenerator, ["a"], ["b"], InputError, "takes no y"),
    "no translation": (sp.SequenceTranslator, ["a"], ["b", "c"], ShapeError, "1 sequences and 2 translations"),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_bad_input_is_refused_with_its_place(case: str) -> None:
    kind, X, y, error, words = WRONG[case]
    with pytest.raises(error, match=words):
        kind(**SMALL).fit(X, y)


def test_what_was_not_seen_while_learning() -> None:
    tagger = _fitted("tagger")
    missed = next(kind for kind in tagger.judge([["anna"]], [["B-what"]]).kinds if kind.name == "what")
    assert (missed.there, missed.right) == (1, 0)  # a kind it never learned is a kind it misses
    with pytest.raises(DataError, match="'B-what', which is not among the known"):
        sp.SequenceTagger(**SMALL).fit(ROWS, TAGS, validation_data=([["anna"]], [["B-what"]]))
    assert len(tagger.predict([["zebra", "anna"]])[0]) == 2  # words that are new are no error
    assert _fitted("translator").predict(["", "anna"])[0] == ""
    with pytest.raises(ShapeError, match="DataFrame"):
        rows_of(__import__("pandas").DataFrame({"a": [1]}))
    with pytest.raises(NotFittedError, match="not fitted"):
        sp.SequenceClassifier().predict(["a"])


def test_a_sentence_of_ten_thousand_words() -> None:
    model = _fitted("classifier")
    assert model.predict([" ".join(ROWS[0] * 2500), TEXTS[1]]).shape == (2,)
    tags = _fitted("tagger").predict([ROWS[0] * (10_000 // len(ROWS[0]))])
    assert len(tags[0]) == 10_000 // len(ROWS[0]) * len(ROWS[0])


# -- rows of a step


@pytest.mark.parametrize(("rows", "steps"), [(3, 1), (40, 10), (640, 128), (1280, 128), (6400, 200)])
def test_few_rows_are_learned_from_in_many_steps(rows: int, steps: int) -> None:
    """A 128th of the rows a step, at least 4 and at most 32."""
    seen: list[Progress] = []
    model = sp.SequenceGenerator(
        hidden_size=2, width=2, level="letter", max_iter=1, random_state=0, verbose=seen.append
    )
    model.fit(["ab"] * rows)
    assert seen[-1].steps == steps


def test_a_translators_step_takes_64_rows_of_many_and_another_size_if_it_is_asked_for() -> None:
    seen: list[Progress] = []
    for size in ("auto", 5):
        model = sp.SequenceTranslator(hidden_size=2, width=2, max_iter=1, batch_size=size, verbose=seen.append)
        model.fit(["a"] * 64 * 129, ["b"] * 64 * 129) if size == "auto" else model.fit(["a"] * 12, ["b"] * 12)
        assert seen[-1].steps == (129 if size == "auto" else 3)
