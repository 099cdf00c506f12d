"""Training does not wait for torch's compiler."""

import subprocess
import sys

import torch

from sparring.training.uncompiled import METHODS

FIT = """
import sys, numpy as np, sparring as sp
rows = np.random.default_rng(0).normal(size=(60, 2))
sp.GAN(steps=3, batch_size=8, random_state=0).fit(rows).sample(2)
sp.Classifier(max_iter=2).fit(rows, rows[:, 0] > 0).predict(rows)
print("torch._dynamo" in sys.modules)
"""


def test_the_compiler_is_not_imported() -> None:
    said = subprocess.run([sys.executable, "-c", FIT], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "False"


def test_the_methods_are_those_that_torch_marks() -> None:
    marked = {name for name, method in vars(torch.optim.Optimizer).items() if hasattr(method, "__wrapped__")}
    assert set(METHODS) <= marked
