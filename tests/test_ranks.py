"""Several processes: two ranks equal one on the joint batch, and a lost one ends the run clearly."""

import json
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

# rounding grows: with a penalty of weight 10 and five turns of the critic a round, weights are equal to 1e-8 after
# two rounds and losses to 2e-3 after six. That parts are equal in float64, test_chains.py shows.
STEPS = {"wgan-gp": 4, "r3gan": 20, "gan-2014": 20}

# plain gradient descent: Adam divides by a gradient's own size, so it blows rounding up where gradients are near 0
WORKER = """
import sys, json, numpy as np, sparring as sp
from dataclasses import replace
from functools import partial
from torch.optim import SGD
from sparring.networks import maxout
from sparring.place import ranked
from sparring.training import RECIPES

data, folder, steps = np.load(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])

def game(name):
    recipe = RECIPES[name]["small image"]
    # every rank draws dropout for its own rows
    networks = maxout((32,), (16,), dropout=0.0) if name == "gan-2014" else recipe.networks
    recipe = replace(recipe, optimizer=partial(SGD, momentum=0.5, fused=True), batch_size=16, generator_rate=2e-3,
                     critic_rate=2e-3, networks=networks)
    sp.GAN(recipe, steps=steps[name], random_state=3, threads=1, run=f"{folder}/{name}").fit(data)

def classify():
    X = data.reshape(200, -1)
    y = (X[:, 20] + 3 * X[:, 30] > X[:, 40]).astype(int)
    model = sp.Classifier((16,), solver="sgd", l2=0.01, early_stopping=True, n_iter_no_change=2, tol=0.01, max_iter=60,
                          batch_size=20, random_state=3, threads=1, run=f"{folder}/classifier")
    model.fit(X[:160], y[:160], validation_data=(X[160:], y[160:]))

with ranked():
    for name in steps:
        game(name)
    classify()
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


def test_two_ranks_equal_one_on_the_joint_batch(tmp_path: Path, data: Path) -> None:
    """Three games, and a classifier that stops early; in one test, since starting processes takes the longest."""
    (tmp_path / "worker.py").write_text(WORKER)
    for ranks in (1, 2):
        arguments = [str(tmp_path / "worker.py"), str(data), str(tmp_path / str(ranks)), json.dumps(STEPS)]
        done = subprocess.run(_launch(ranks, *arguments), capture_output=True, text=True, timeout=250)
        assert done.returncode == 0, done.stderr
    for recipe, steps in STEPS.items():
        one, two = (read_newest(tmp_path / str(ranks) / recipe / "checkpoint") for ranks in (1, 2))
        assert one.step == two.step == steps
        assert one.state["state"]["position"] == two.state["state"]["position"]
        _assert_alike(tmp_path, recipe, "generator", "critic")
    assert read_newest(tmp_path / "1/classifier/checkpoint").step < 60 * 8  # stopped early
    _assert_alike(tmp_path, "classifier", "network")


def _assert_alike(folder: Path, run: str, *networks: str) -> None:
    """The run of one rank and that of two: steps, weights and rows."""
    one, two = (read_newest(folder / str(ranks) / run / "checkpoint") for ranks in (1, 2))
    assert one.step == two.step, run
    for network in networks:
        for name, value in one.state[network].items():
            assert np.allclose(value, two.state[network][name], rtol=1e-4, atol=1e-6), (run, name)
    for row, other in zip(*(sp.Record.open(folder / str(ranks) / run).rows() for ranks in (1, 2)), strict=True):
        assert row == pytest.approx(other, rel=1e-3, abs=1e-5), run


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
