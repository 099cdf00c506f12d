"""The estimator: what it finds, exact resume, use in parts and tiles, and bad input."""

import json
import os
import pickle
import signal
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

import sparring as sp
from sparring.data import toy
from sparring.errors import DataError, FolderError, InputError, Interrupted, ShapeError
from sparring.report import write_report
from sparring.run import Progress

STEPS = 24
IMAGES = toy.digits_split()[0][:160]


def _points(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = np.array([[-1, -0.6], [1.2, 0.1], [0.1, 1.3]])
    return centres[rng.choice(3, n, p=[0.5, 0.3, 0.2])] + 0.15 * rng.normal(size=(n, 2))


TURN = np.array([[1.0, -1.0], [1.0, 1.0]]) / 2**0.5
A, B = _points(150, 0), _points(120, 1) @ TURN.T + 4
COLOUR = np.repeat(IMAGES[:, :, :, None], 3, 3) * np.array([1.0, 0.5, 0.25])
WAVES = np.sin(np.arange(20) / 3 + np.random.default_rng(0).uniform(0, 6, size=(80, 1)))


def _make(run: Path | None = None, **more: Any) -> sp.CycleGAN:
    return sp.CycleGAN(
        **{"steps": STEPS, "batch_size": 8, "random_state": 3, "run": run, "checkpoint_every": 5, **more}
    )


def _stop_at(step: int) -> Callable[[Progress], None]:
    def watch(progress: Progress) -> None:
        if progress.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    return watch


# -- what it finds


def test_points_find_their_partners_without_pairs() -> None:
    model = sp.CycleGAN(steps=400, restarts=2, random_state=0).fit(_points(2000, 0), _points(2000, 1) @ TURN.T + 4)
    x = _points(500, 2)
    truth = x @ TURN.T + 4
    apart = np.linalg.norm(model.transform(x) - truth, axis=1).mean() / np.linalg.norm(truth - 4, axis=1).mean()
    assert apart < 0.05
    assert np.linalg.norm(model.inverse_transform(truth) - x, axis=1).mean() < 0.05
    assert model.cycle_error(x).shape == (500,)
    assert model.cycle_error(x).mean() < 0.05
    assert len(model.restarts_) == 2
    rows = [row for row in model.record_.rows() if "restart/w1_to_b" in row]
    assert [row["step"] for row in rows] == [100, 200]
    assert model.record_.about["restarts"]["tried"] == model.restarts_
    assert model.findings_ == ()


def test_inverted_and_turned_images_find_their_partners() -> None:
    images = toy.digits_split()[0]
    a, b, test = images[:500], 16 - images[500:1000].swapaxes(1, 2), images[1000:1100]
    model = sp.CycleGAN(steps=40, random_state=0).fit(a, b)
    truth = 16 - test.swapaxes(1, 2)
    made = model.transform(test)
    apart = np.linalg.norm((made[:, None] - truth[None]).reshape(100, 100, -1), axis=2)
    assert (apart.argmin(1) == np.arange(100)).mean() >= 0.99
    assert np.abs(made - truth).mean() / 16 < 0.02
    assert model.start_.said == "transposed, colours inverted"


# -- exact resume


@pytest.mark.parametrize(
    ("a", "b", "more", "at"),
    [
        (A, B, {"restarts": 3, "restart_steps": 5, "buffer": 10}, 7),  # among the restarts
        (A, B, {"restarts": 3, "restart_steps": 5, "buffer": 10}, 10),  # at the end of one
        (A, B, {"restarts": 3, "restart_steps": 5}, 21),
        (IMAGES[:80], 16 - IMAGES[80:], {"buffer": 12, "identity": 2.0}, 13),
        (WAVES[:40], WAVES[40:] * 2, {"kind": "signal", "buffer": 6, "objective": "hinge"}, 11),
    ],
    ids=["restart", "between", "after", "images", "signals"],
)
def test_a_stopped_run_ends_with_the_same_bits(tmp_path: Path, a: Any, b: Any, more: dict, at: int) -> None:
    straight = _make(tmp_path / "straight", **more).fit(a, b)
    with pytest.raises(Interrupted, match=f"stopped at step {at}"):
        _make(tmp_path / "stopped", verbose=_stop_at(at), **more).fit(a, b)
    resumed = sp.CycleGAN.resume(tmp_path / "stopped", a, b)
    last = straight.record_.about["steps"]
    assert last == STEPS + (10 if "restarts" in more else 0)
    for name in ("state.safetensors", "state.json"):
        path = Path("checkpoint") / f"step-{last:08d}" / name
        assert (tmp_path / "straight" / path).read_bytes() == (tmp_path / "stopped" / path).read_bytes()
    assert straight.record_.rows() == resumed.record_.rows()
    assert np.array_equal(straight.transform(a[:5]), resumed.transform(a[:5]))
    assert straight.restarts_ == resumed.restarts_


def test_probes_change_no_bit() -> None:
    made = [_make(probes=probes, steps=220, restarts=1).fit(A, B).transform(A[:9]) for probes in (True, False)]
    assert np.array_equal(*made)


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    first, again, other = (_make(restarts=1, random_state=s).fit(A, B).transform(A[:9]) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_other_data_are_refused_on_resume(tmp_path: Path) -> None:
    _make(tmp_path / "run").fit(A, B)
    with pytest.raises(DataError, match="B has changed since the run began"):
        sp.CycleGAN.resume(tmp_path / "run", A, B + 1)
    with pytest.raises(DataError, match="give A and B again"):
        sp.CycleGAN.resume(tmp_path / "run")
    with pytest.raises(FolderError, match="holds a 'cyclegan', not a gan"):
        sp.GAN.resume(tmp_path / "run", A)


# -- using it


def test_frames_come_back_as_the_other_sides_frames() -> None:
    a = pd.DataFrame(A, columns=["x", "y"])
    b = pd.DataFrame({"u": (B[:, 0] * 10).round().astype(int), "v": B[:, 1], "w": B[:, 0] - B[:, 1]})
    model = _make(restarts=1).fit(a, b)
    made = model.transform(a[:7])
    assert list(made.columns) == ["u", "v", "w"]
    assert made["u"].dtype == b["u"].dtype
    assert list(model.inverse_transform(b[:7]).columns) == ["x", "y"]


@pytest.mark.parametrize(
    ("a", "b", "kind"),
    [
        (IMAGES[:80].astype(np.uint8), COLOUR[:60], "auto"),
        (np.zeros((20, 7, 9)) + np.arange(9) / 9 + np.arange(20)[:, None, None], np.random.rand(20, 7, 9, 2), "auto"),
        (WAVES[:40], np.random.rand(30, 20, 3), "signal"),
    ],
    ids=["channels", "odd", "signals"],
)
def test_channels_and_sizes_of_many_kinds(a: np.ndarray, b: np.ndarray, kind: str) -> None:
    model = _make(steps=3, kind=kind).fit(a, b)
    made, back = model.transform(a[:5]), model.inverse_transform(b[:5])
    assert (made.shape, made.dtype) == ((5, *b.shape[1:]), b.dtype)
    assert (back.shape, back.dtype) == ((5, *a.shape[1:]), a.dtype)
    assert made.min() >= b.min()
    assert made.max() <= b.max()
    single = model.transform(a[0])
    assert np.array_equal(single, made[0]) or np.abs(single - made[0]).max() < 1e-5
    assert model.cycle_error(a[:5]).min() >= 0


def test_a_stream_without_end_is_translated_in_parts(tmp_path: Path) -> None:
    model = _make(restarts=1).fit(A, B)

    def endless() -> Iterator[np.ndarray]:
        while True:
            yield from A

    taken = next(iter(model.stream(islice(endless(), 5000))))
    np.testing.assert_allclose(taken.rows[:150], model.transform(A), rtol=1e-5, atol=1e-6)
    np.save(tmp_path / "a.npy", A)
    np.testing.assert_allclose(model.transform(tmp_path / "a.npy"), model.transform(A), rtol=1e-5, atol=1e-6)
    back = np.concatenate([part.rows for part in model.stream(B, reverse=True)])
    np.testing.assert_allclose(back, model.inverse_transform(B), rtol=1e-5, atol=1e-6)


def _folder(path: Path, images: np.ndarray) -> Path:
    path.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image).save(path / f"{i:03d}.png")
    return path


def test_large_pictures_keep_their_size(tmp_path: Path) -> None:
    """The inverse of each pixel, which is what it begins at, is the same in tiles as in one piece."""
    small = (IMAGES * 15.9).astype(np.uint8)
    model = _make(steps=1, learning_rate=1e-9).fit(_folder(tmp_path / "a", small[:60]), 255 - small[60:])
    big = np.random.default_rng(0).integers(0, 256, size=(300, 530), dtype=np.uint8)
    path = tmp_path / "big.png"
    Image.fromarray(big).save(path)
    made = model.transform(path, full_size=True)[0]
    assert made.shape == (300, 530)
    assert np.abs(made.astype(int) - (255 - big)).max() <= 1
    assert model.transform(path).shape == (1, 8, 8)  # else it is scaled, as pictures were that it learned from
    chunks = list(model.stream(tmp_path / "a"))
    assert chunks[0].names is not None
    assert chunks[0].names[:2] == ("000.png", "001.png")
    with pytest.raises(DataError, match="bytes from 0 to 255; this model learned from float64"):
        _make(steps=1).fit(IMAGES[:80], IMAGES[80:] / 2).transform(tmp_path / "a")


def test_a_saved_model_and_a_pickled_one_hold_no_rows(tmp_path: Path) -> None:
    model = _make(restarts=1).fit(A, B)
    model.save(tmp_path / "kept")
    loaded, thawed = sp.load(tmp_path / "kept"), pickle.loads(pickle.dumps(model))
    for other in (loaded, thawed):
        assert np.array_equal(other.transform(A[:9]), model.transform(A[:9]))
        assert np.array_equal(other.inverse_transform(B[:9]), model.inverse_transform(B[:9]))
    content = b"".join(path.read_bytes() for path in (tmp_path / "kept").rglob("*") if path.is_file())
    assert A[0].tobytes() not in content
    assert not hasattr(thawed, "_job")
    with pytest.raises(FolderError, match="holds a run already"):
        model.save(tmp_path / "kept")


def test_a_loaded_image_model_translates_as_before(tmp_path: Path) -> None:
    model = _make(tmp_path / "run").fit(IMAGES[:80], 16 - IMAGES[80:].swapaxes(1, 2))
    assert np.array_equal(sp.load(tmp_path / "run").transform(IMAGES[:5]), model.transform(IMAGES[:5]))


def test_ones_own_networks(tmp_path: Path) -> None:
    def generator(shape: tuple[int, ...], outputs: tuple[int, ...]) -> nn.Module:
        return nn.Linear(shape[0], outputs[0])

    own = {"generator": generator, "critic": nn.Linear(2, 1)}
    model = _make(tmp_path / "run", restarts=1, **own).fit(A, B)
    assert isinstance(model.generators_["G"], nn.Linear)
    with pytest.raises(InputError, match="give it again"):
        sp.load(tmp_path / "run")
    loaded = sp.load(tmp_path / "run", **own)
    assert np.array_equal(loaded.transform(A[:3]), model.transform(A[:3]))
    with pytest.raises(ShapeError, match=r"generator G must make samples of the shape .*2, 2"):
        _make(generator=lambda shape, outputs: nn.Linear(2, 5)).fit(A, B)
    with pytest.raises(ShapeError, match="critic of A cannot take"):
        _make(critic=nn.Linear(3, 1)).fit(A, B)


# -- the run's folder


def test_a_run_has_pictures_rows_and_a_report(tmp_path: Path) -> None:
    model = _make(tmp_path / "run").fit(IMAGES[:80], 16 - IMAGES[80:])
    record = sp.Record.open(tmp_path / "run")
    with Image.open(record.samples()[-1][1]) as picture:
        assert picture.size == (6 * 9 + 1, 8 * 9 + 1)  # eight rows of A, G(A), F(G(A)), B, F(B), G(F(B))
    assert {"generators/A/cycle", "generators/B/adversarial", "critics/B/real_score"} <= set(record.rows()[-1])
    assert model.record_.report_path.exists()
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    assert about["data"]["A"]["rows_train"] == 80
    assert about["start"] == "colours inverted"


def test_a_run_of_tables_keeps_what_comes_back_too(tmp_path: Path) -> None:
    model = _make(tmp_path / "run").fit(A, B)
    last = model.record_.samples()[-1][1]
    for part, rows in (("", A), ("-a-a", A), ("-b-a", B), ("-b-b", B)):
        assert len(pd.read_csv(last.with_stem(last.stem + part))) == len(rows)
    assert len(pd.read_csv(tmp_path / "run" / "samples" / "real-a.csv")) == len(A)
    assert len(pd.read_csv(tmp_path / "run" / "samples" / "real.csv")) == len(B)


# -- bad input


@pytest.mark.parametrize(
    ("a", "b", "more", "said"),
    [
        (A, IMAGES, {}, "both sides must be of one kind; A are tables and B images"),
        (IMAGES, np.random.rand(20, 9, 8), {}, "both sides must have one size; A and B have 8 × 8 and 9 × 8 pixels"),
        (A, np.full((20, 2), np.nan), {}, "^B: "),
        (A[:1], B, {}, "^A: "),
        (A, B, {"objective": "least"}, "objective must be one of"),
        (A, B, {"cycle": (1, 2, 3)}, "cycle must be a weight"),
        (A, B, {"adversarial": 0, "cycle": 0}, "every weight is 0"),
        (A, B, {"changes": {"depht": 2}}, "did you mean 'depth'"),
        (A, B, {"restarts": 0}, "restarts must be a whole number above 0"),
        (A, B, {"restarts": 2, "restart_steps": 99}, "more than all 24 steps"),
        (A, B, {"steps": 2.5}, "steps must be a whole number"),
        (A, B, {"on_trouble": "panic"}, "on_trouble must be"),
        (A, B, {"probes": ["auc"]}, "probes must be"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_bad_input_is_said_in_a_line(tmp_path: Path, a: Any, b: Any, more: dict, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        _make(tmp_path / "run", **more).fit(a, b)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_rows_of_another_shape_are_refused() -> None:
    model = _make(restarts=1).fit(A, B)
    with pytest.raises(ShapeError, match=r"shape \(n, 2\)"):
        model.transform(np.zeros((3, 5)))
    with torch.inference_mode(), pytest.raises(DataError):
        model.transform(np.full((3, 2), np.nan))


def test_a_judged_run_says_so_in_its_folder_its_report_and_when_loaded(tmp_path: Path) -> None:
    test = toy.digits_split()[1][:60]
    a, b = _folder(tmp_path / "a", (IMAGES[:80] * 15).astype(np.uint8)), tmp_path / "b"
    _folder(b, 255 - (IMAGES[80:] * 15).astype(np.uint8))
    held_out = (test * 15).astype(np.uint8)
    model = _make(tmp_path / "run", validation_fraction=0.2).fit(a, b)
    verdict = model.judge(held_out, 255 - held_out, pairs=True)
    truth = verdict["A to B"].truth
    assert truth is not None
    assert truth.retrieval == 1.0
    assert truth["translated"].mae < 0.01
    loaded = sp.load(tmp_path / "run")  # which reads the rows for the floors from where they were
    again = loaded.judge(held_out, 255 - held_out, pairs=np.arange(60)[:, None].repeat(2, 1))
    assert again == verdict == sp.load(tmp_path / "run").verdict_
    page = write_report(tmp_path / "run").read_text()
    assert "Against the truth" in page
    assert "All figures of B to A" in page
    with pytest.raises(ShapeError, match="pairs=True says that row i of A is row i of B; got 60 and 59 rows"):
        model.judge(held_out, held_out[1:], pairs=True)
    memory = _make(restarts=1).fit(A, B)
    memory.save(tmp_path / "kept")
    with pytest.raises(DataError, match="floors need them"):
        sp.load(tmp_path / "kept").judge(A, B)
