"""A run that was stopped, or killed, ends with the same bits as one that never was."""

import ast
import inspect
import json
import os
import random
import signal
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import sparring as sp
from sparring import files
from sparring.data import toy
from sparring.errors import CheckpointError, DataError, Diverged, FolderError, InputError, Interrupted
from sparring.run import Progress
from sparring.training import RECIPES
from sparring.training.checkpoint import read_newest

IMAGES = toy.digits_split()[0][:200]
ROWS = toy.grid().sample(300, 0)
STEPS = 24


def _make(recipe: str, run: Path | None, **more: object) -> sp.GAN:
    return sp.GAN(recipe, steps=STEPS, batch_size=16, random_state=3, run=run, checkpoint_every=5, **more)


def _everything(folder: Path) -> tuple[str, list[str], dict[str, bytes], list[str]]:
    """All that two equal runs share: tensors and states, rows, sample files."""
    checkpoint = folder / "checkpoint" / f"step-{STEPS:08d}"
    tensors = (checkpoint / "state.safetensors").read_bytes()
    rows = (folder / "metrics.jsonl").read_text().splitlines()
    samples = {path.name: path.read_bytes() for path in sorted((folder / "samples").iterdir())}
    return (checkpoint / "state.json").read_text(), rows, {"tensors": tensors, **samples}, sorted(samples)


def _stop_at(step: int):  # noqa: ANN202
    def watch(progress: Progress) -> None:
        if progress.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    return watch


@pytest.mark.parametrize(
    "data", [IMAGES, ROWS, np.repeat(np.repeat(IMAGES, 3, 1), 3, 2)], ids=["small", "rows", "conv"]
)
@pytest.mark.parametrize("recipe", list(RECIPES))
def test_every_recipe_resumes_to_the_same_bits(tmp_path: Path, recipe: str, data: np.ndarray) -> None:
    # a hundred turns of the critic in each of the first rounds would take minutes
    fewer = {"critic_steps": 3} if recipe == "wgan" else {}
    straight = _make(recipe, tmp_path / "straight", **fewer).fit(data)
    at = {"r3gan": 7, "nonsaturating": 10, "wgan-gp": 1, "gan-2014": 23}.get(recipe, 5 + len(recipe))
    with pytest.raises(Interrupted, match=f"stopped at step {at} of {STEPS}; all is saved.*sparring resume"):
        _make(recipe, tmp_path / "stopped", verbose=_stop_at(at), **fewer).fit(data)
    assert json.loads((tmp_path / "stopped/run.json").read_text())["status"] == "stopped"
    resumed = sp.GAN.resume(tmp_path / "stopped", data)
    assert _everything(tmp_path / "straight") == _everything(tmp_path / "stopped")
    assert np.array_equal(straight.sample(9, random_state=0), resumed.sample(9, random_state=0))
    sessions = json.loads((tmp_path / "stopped/run.json").read_text())["sessions"]
    assert [(s["from_step"], s["to_step"]) for s in sessions] == [(0, at), (at, STEPS)]


def test_dropout_and_batch_statistics_resume_too(tmp_path: Path) -> None:
    def networks() -> dict[str, nn.Module]:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            generator = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
            critic = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(16, 1))
        return {"generator": generator, "critic": critic}

    _make("nonsaturating", tmp_path / "straight", **networks()).fit(ROWS)
    with pytest.raises(Interrupted):
        _make("nonsaturating", tmp_path / "stopped", verbose=_stop_at(11), **networks()).fit(ROWS)
    with pytest.raises(InputError, match="own generator; give it again"):
        sp.GAN.resume(tmp_path / "stopped", ROWS)
    sp.GAN.resume(tmp_path / "stopped", ROWS, **networks())
    assert _everything(tmp_path / "straight") == _everything(tmp_path / "stopped")


def test_a_run_in_memory_has_the_same_weights_as_one_in_a_folder(tmp_path: Path) -> None:
    kept, loose = _make("r3gan", tmp_path / "run").fit(ROWS), _make("r3gan", None).fit(ROWS)
    assert np.array_equal(kept.sample(5, random_state=0), loose.sample(5, random_state=0))
    assert kept.record_.rows() == loose.record_.rows()


def test_a_run_in_memory_that_was_stopped_is_still_a_model() -> None:
    gan = _make("r3gan", None, verbose=_stop_at(9))
    with pytest.raises(Interrupted, match=f"stopped at step 9 of {STEPS}$"):
        gan.fit(ROWS)
    assert gan.sample(3, random_state=0).shape == (3, 2)
    assert gan.record_.about["status"] == "stopped"


def test_a_broken_newest_checkpoint_costs_some_steps_but_not_the_run(tmp_path: Path) -> None:
    _make("r3gan", tmp_path / "straight").fit(ROWS)
    with pytest.raises(Interrupted):
        _make("r3gan", tmp_path / "stopped", verbose=_stop_at(13)).fit(ROWS)
    newest = tmp_path / "stopped/checkpoint/step-00000013/state.safetensors"
    newest.write_bytes(newest.read_bytes()[:1000])
    with pytest.warns(sp.CheckpointWarning, match="step-00000013 cannot be used"):
        resumed = sp.GAN.resume(tmp_path / "stopped", ROWS)
    assert "step-00000013" in resumed.skipped_[0]
    assert not newest.exists()  # or the run would take its own step 13 for saved when it came by
    assert _everything(tmp_path / "straight") == _everything(tmp_path / "stopped")


def test_resume_refuses_other_data_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        _make("r3gan", tmp_path / "run", verbose=_stop_at(3)).fit(ROWS)
    with pytest.raises(DataError, match="data in memory; give them again"):
        sp.GAN.resume(tmp_path / "run")
    with pytest.raises(DataError, match="the data have changed"):
        sp.GAN.resume(tmp_path / "run", ROWS + 1)


def test_a_saved_model_is_not_a_run_to_go_on_with(tmp_path: Path) -> None:
    _make("r3gan", None).fit(ROWS).save(tmp_path / "model")
    with pytest.raises(CheckpointError, match="saved for use"):
        sp.GAN.resume(tmp_path / "model", ROWS)


def test_divergence_leaves_a_readable_folder_and_a_good_checkpoint(tmp_path: Path) -> None:
    gan = sp.GAN("wgan-gp", steps=500, learning_rate=1e12, random_state=0, run=tmp_path / "run", checkpoint_every=1)
    with pytest.raises(Diverged) as caught:
        gan.fit(ROWS)
    assert caught.value.turn in ("critic", "generator")
    assert str(tmp_path / "run") in str(caught.value)
    about = json.loads((tmp_path / "run/run.json").read_text())
    assert about["status"] == "diverged"
    assert about["failure"] == str(caught.value)
    found = read_newest(tmp_path / "run/checkpoint")
    assert found.step == caught.value.step - 1
    assert str(found.path) == caught.value.last_good
    assert all(value.isfinite().all() for value in found.state["critic"].values())
    if not found.step:  # the first step diverged
        with pytest.raises(CheckpointError, match=r"diverged at step \d+ before its first good checkpoint"):
            sp.load(tmp_path / "run")
        return
    with pytest.warns(sp.CheckpointWarning, match=rf"diverged at step \d+; these are the weights of step {found.step}"):
        assert sp.load(tmp_path / "run").sample(3).shape == (3, 2)


# -- SIGKILL

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked here")
MOMENTS = (
    "before the file",
    "before the folder",
    "before its sync",
    "before the old one is removed",
    "before its renaming",
    "after its renaming",
    "after a row",
)


def _in_child(task: Callable[[], object]) -> int:
    """Run a task in a forked child. Returns its exit code: 0, or minus the signal that killed it."""
    child = os.fork()
    if child == 0:
        try:
            task()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _fit(folder: Path) -> None:
    _make("wgan-gp", folder).fit(ROWS)


def _go_on(folder: Path) -> None:
    """Do what a user does whose run was killed: resume it, or fit anew where nothing had begun."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sp.CheckpointWarning)  # it begins again
            sp.GAN.resume(folder, ROWS)
    except FolderError:
        _fit(folder)


def _killed_at(moment: str, time: int) -> Callable[[str], None]:
    """Kills its process at such a moment, of which it lets some pass."""
    left = [time]

    def reached(found: str) -> None:
        if found == moment:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return reached


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, Counter[str]]:
    """A run that was not disturbed, and how often it came to each of the moments."""
    folder, met = tmp_path_factory.mktemp("straight") / "run", Counter[str]()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(files, "reached", lambda moment: met.update([moment]))
        _fit(folder)
    return _everything(folder), met


@needs_fork
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0], ids=["first", "middle", "last"])
def test_a_run_killed_at_any_moment_of_its_writing_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, straight: tuple[object, Counter[str]], moment: str, share: float
) -> None:
    expected, met = straight
    assert met[moment] > 2
    monkeypatch.setattr(files, "reached", _killed_at(moment, round(share * (met[moment] - 1))))
    assert _in_child(lambda: _fit(tmp_path / "run")) == -signal.SIGKILL
    monkeypatch.undo()
    assert _in_child(lambda: _go_on(tmp_path / "run")) == 0
    assert _everything(tmp_path / "run") == expected
    left = [
        path for path in (tmp_path / "run").rglob("*") if path.name.endswith(files.TEMPORARY) or path.name == "lock"
    ]
    assert moment == "before its sync" or left == []


@needs_fork
def test_a_run_killed_again_and_again_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, straight: tuple[object, Counter[str]]
) -> None:
    expected, met = straight
    chance = random.Random(0)
    for _ in range(4):
        moment = chance.choice(MOMENTS)
        monkeypatch.setattr(files, "reached", _killed_at(moment, chance.randrange(met[moment] // 3 + 1)))
        code = _in_child(lambda: _go_on(tmp_path / "run"))
        monkeypatch.undo()
        assert code in (0, -signal.SIGKILL)
        if code == 0:
            break
    assert _in_child(lambda: _go_on(tmp_path / "run")) == 0
    assert _everything(tmp_path / "run") == expected


def test_every_moment_of_writing_is_tried() -> None:
    tree = ast.parse(inspect.getsource(files))
    found = {
        ast.literal_eval(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reached"
    }
    assert found == set(MOMENTS)


@needs_fork
def test_a_run_that_is_going_on_is_not_resumed_or_replaced_by_another_process(tmp_path: Path) -> None:
    def refused(progress: Progress) -> None:
        if progress.step == 12:
            found = f"is being written by process {os.getpid()}"
            seen.append(_in_child(lambda: _refused(lambda: sp.GAN.resume(tmp_path / "run", ROWS), found)))
            seen.append(_in_child(lambda: _refused(lambda: _fit(tmp_path / "run"), found)))

    def _refused(task: Callable[[], object], found: str) -> None:
        with warnings.catch_warnings(), pytest.raises(FolderError, match=found):
            warnings.simplefilter("ignore", sp.CheckpointWarning)
            task()

    seen: list[int] = []
    _make("wgan-gp", tmp_path / "run", verbose=refused).fit(ROWS)
    assert seen == [0, 0]
    assert not (tmp_path / "run/lock").exists()
