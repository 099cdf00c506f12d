"""Sparring: neural networks trained alone or against each other, and judged honestly.

    import sparring as sp
    gan = sp.GAN(random_state=0).fit(images)
    more = gan.sample(100)
    print(gan.judge(held_out))

Names load on first use, so that ``import sparring`` costs nothing before torch is needed.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparring import filters as filters
    from sparring import transport as transport
    from sparring.errors import CheckpointWarning as CheckpointWarning
    from sparring.errors import Diverged as Diverged
    from sparring.errors import FolderWarning as FolderWarning
    from sparring.errors import InputError as InputError
    from sparring.errors import Interrupted as Interrupted
    from sparring.errors import RunError as RunError
    from sparring.errors import SparringError as SparringError
    from sparring.errors import Trouble as Trouble
    from sparring.errors import TroubleWarning as TroubleWarning
    from sparring.errors import UnseenWarning as UnseenWarning
    from sparring.estimators import GAN as GAN
    from sparring.estimators import Classifier as Classifier
    from sparring.estimators import CycleGAN as CycleGAN
    from sparring.estimators import Regressor as Regressor
    from sparring.estimators import SequenceClassifier as SequenceClassifier
    from sparring.estimators import SequenceGenerator as SequenceGenerator
    from sparring.estimators import SequenceRegressor as SequenceRegressor
    from sparring.estimators import SequenceTagger as SequenceTagger
    from sparring.estimators import SequenceTranslator as SequenceTranslator
    from sparring.estimators import load as load
    from sparring.judging import judge as judge
    from sparring.record import Record as Record
    from sparring.training import sensitivities as sensitivities
    from sparring.training import train as train

__version__ = "0.1.0"

_HOMES = {
    "GAN": "sparring.estimators",
    "Classifier": "sparring.estimators",
    "CycleGAN": "sparring.estimators",
    "Regressor": "sparring.estimators",
    "SequenceClassifier": "sparring.estimators",
    "SequenceGenerator": "sparring.estimators",
    "SequenceRegressor": "sparring.estimators",
    "SequenceTagger": "sparring.estimators",
    "SequenceTranslator": "sparring.estimators",
    "load": "sparring.estimators",
    "judge": "sparring.judging",
    "train": "sparring.training",
    "sensitivities": "sparring.training",
    "Record": "sparring.record",
    "filters": "",
    "transport": "",
    "SparringError": "sparring.errors",
    "InputError": "sparring.errors",
    "RunError": "sparring.errors",
    "CheckpointWarning": "sparring.errors",
    "Diverged": "sparring.errors",
    "FolderWarning": "sparring.errors",
    "Interrupted": "sparring.errors",
    "Trouble": "sparring.errors",
    "TroubleWarning": "sparring.errors",
    "UnseenWarning": "sparring.errors",
}

__all__ = [
    "GAN",
    "CheckpointWarning",
    "Classifier",
    "CycleGAN",
    "Diverged",
    "FolderWarning",
    "InputError",
    "Interrupted",
    "Record",
    "Regressor",
    "RunError",
    "SequenceClassifier",
    "SequenceGenerator",
    "SequenceRegressor",
    "SequenceTagger",
    "SequenceTranslator",
    "SparringError",
    "Trouble",
    "TroubleWarning",
    "UnseenWarning",
    "filters",
    "judge",
    "load",
    "sensitivities",
    "train",
    "transport",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sparring' has no attribute {name!r}")
    home = _HOMES[name]
    value = getattr(importlib.import_module(home), name) if home else importlib.import_module(f"sparring.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
