"""A run for each finding, small enough for a few seconds: what docs/finding_pages.py plays, and its pages show."""

from dataclasses import dataclass

__all__ = ["EXAMPLES", "Example"]


@dataclass(frozen=True)
class Example:
    """A run that has a finding.

    code: makes ``data``, ``model`` and ``found``. says: what the picture shows. rule: what the detector goes by.
    measures: drawn over the steps, several in one drawing with commas between; log: those on a logarithmic scale.
    points: whether the samples are points of a plane.
    """

    code: str
    says: str
    rule: str
    measures: tuple[str, ...]
    log: tuple[str, ...] = ()
    points: bool = False


def _game(name: str, data: str, game: str, imports: str = "from sparring.data import toy") -> str:
    return f"""
import warnings

import sparring as sp
{imports}

data = {data}
with warnings.catch_warnings():
    warnings.simplefilter("ignore", sp.TroubleWarning)  # a failure is said as soon as it is seen
    model = sp.GAN({game}, random_state=0, threads=1).fit(data)

found = next(found for found in model.findings_ if found.name == "{name}")
"""


def _fit(name: str, data: str, fit: str, imports: str = "from sklearn.datasets import load_digits") -> str:
    return f"""
import tempfile

{imports}

import sparring as sp

{data}
folder = tempfile.mkdtemp() + "/run"  # deltas and units are looked at in runs that have a folder
model = sp.Classifier({fit}, random_state=0, threads=1, run=folder).fit(X, y)

found = next(found for found in model.findings_ if found.name == "{name}")
"""


RING, GRID = "toy.ring().sample(4_000, 0)", "toy.grid().sample(4_000, 0)"
EXAMPLES: dict[str, Example] = {}
