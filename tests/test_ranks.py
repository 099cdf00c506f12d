"""Several processes: two ranks equal one on the joint batch, and a lost one ends the run clearly."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import sparring as sp
from sparring.data import toy
from sparring.training.checkpoint import read_newest

STEPS = 20

# plain gradient descent: Adam divides by a gradient's own size, so it blows rounding up where gradients are near 0
WORKER = """
import sys, numpy as np, sparring as sp
from dataclasses import replace
from functools import partial
from torch.optim import SGD
from sparring.networks import maxout
from sparring.place import ranked
from sparring.training import RECIPES
recipe = RECIPES[sys.argv[3]]["small image"]
# every rank draws dropout for its own rows
networks = maxout((32,), (16,), dropout=0.0) if sys.argv[3] == "gan-2014" else recipe.networks
recipe = replace(recipe, optimizer=partial(SGD, momentum=0.5, fused=True), batch_size=16, generator_rate=2e-3,
                 critic_rate=2e-3, networks=networks)
with ranked():
    sp.GAN(recipe, steps=int(sys.argv[4]), random_state=3, threads=1, run=sys.argv[2]).fit(np.load(sys.argv[1]))
"""


def _launch(ranks: int, *arguments: str) -> list[str]:
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(ranks), "--master-port", str(_free_port())]
    return [sys.executable, *(launcher if ranks > 1 else []), *arguments]


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "digits.npy"
    np.save(path, toy.digits_split()[0][:200])
    return path


@pytest.mark.parametrize("recipe", ["wgan-gp", "r3gan", "gan-2014"])
def test_two_ranks_equal_one_on_the_joint_batch(tmp_path: Path, data: Path, recipe: str) -> None:
    # rounding grows: with a penalty of weight 10 and five turns of the critic a round, weights are equal to 1e-8 after
    # two rounds and losses to 2e-3 after six. That parts are equal in float64, test_chains.py shows.
    steps = 4 if recipe == "wgan-gp" else STEPS
    (tmp_path / "worker.py").write_text(WORKER)
    for ranks in (1, 2):
        arguments = [str(tmp_path / "worker.py"), str(data), str(tmp_path / str(ranks)), recipe, str(steps)]
        done = subprocess.run(_launch(ranks, *arguments), capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
    one, two = (read_newest(tmp_path / str(ranks) / "checkpoint") for ranks in (1, 2))
    assert one.step == two.step == steps
    for network in ("generator", "critic"):
        for name, value in one.state[network].items():
            assert np.allclose(value, two.state[network][name], rtol=1e-4, atol=1e-6), name
    assert one.state["state"]["position"] == two.state["state"]["position"]
    for row, other in zip(*(sp.Record.open(tmp_path / str(ranks)).rows() for ranks in (1, 2)), strict=True):
        assert row == pytest.approx(other, rel=1e-3, abs=1e-5)


CLASSIFY = """
import sys, numpy as np, sparring as sp
from sparring.place import ranked
X = np.load(sys.argv[1]).reshape(200, -1)
y = (X[:, 20] + 3 * X[:, 30] > X[:, 40]).astype(int)
with ranked():
    model = sp.Classifier((16,), solver="sgd", l2=0.01, early_stopping=True, n_iter_no_change=2, tol=0.01, max_iter=60,
                          batch_size=20, random_state=3, threads=1, run=sys.argv[2])
    model.fit(X[:160], y[:160], validation_data=(X[160:], y[160:]))
"""


def test_two_ranks_classify_as_one_does_and_stop_together(tmp_path: Path, data: Path) -> None:
    (tmp_path / "worker.py").write_text(CLASSIFY)
    for ranks in (1, 2):
        arguments = [str(tmp_path / "worker.py"), str(data), str(tmp_path / str(ranks))]
        done = subprocess.run(_launch(ranks, *arguments), capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
    one, two = (read_newest(tmp_path / str(ranks) / "checkpoint") for ranks in (1, 2))
    assert one.step == two.step < 60 * 8  # stopped early
    for name, value in one.state["network"].items():
        assert np.allclose(value, two.state["network"][name], rtol=1e-4, atol=1e-6), name
    for row, other in zip(*(sp.Record.open(tmp_path / str(ranks)).rows() for ranks in (1, 2)), strict=True):
        assert row == pytest.approx(other, rel=1e-3, abs=1e-5)


def test_a_lost_rank_ends_the_run_clearly_and_resumably(tmp_path: Path, data: Path) -> None:
    folder = tmp_path / "run"
    fit = ["-m", "sparring", "fit", "gan", str(data), "--run-folder", str(folder), "--recipe", "wgan-gp", "--seed", "3"]
    options = ["--steps", "100000", "--batch-size", "16", "--checkpoint-every", "10", "--threads", "1"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(_launch(2, *fit, *options), **pipes, text=True) as launcher:
        deadline = time.monotonic() + 120
        while not (folder / "checkpoint/step-00000020").exists():
            assert launcher.poll() is None, launcher.stderr and launcher.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(_worker(launcher.pid, rank=1), signal.SIGKILL)
        _, errors = launcher.communicate(timeout=120)
    assert launcher.returncode != 0
    about = sp.Record.open(folder).about
    assert about["status"] in ("failed", "stopped")
    assert "sparring: " in errors
    assert "lost its connection to another rank" in errors or "stopped at step" in errors
    assert read_newest(folder / "checkpoint").step >= 20


def _worker(launcher: int, rank: int) -> int:
    """The process number of a rank, from its environment."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(launcher)], capture_output=True, text=True).stdout
    for pid in map(int, listed.split()):
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        if f"RANK={rank}".encode() in environment:
            return pid
    raise AssertionError(f"no process of rank {rank} among {listed!r}")
