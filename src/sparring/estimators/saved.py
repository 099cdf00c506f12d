"""Models from folders: saved ones, and runs."""

import os
from typing import Any

from sparring.errors import FolderError
from sparring.estimators.adversarial import GAN
from sparring.estimators.classifier import Classifier
from sparring.estimators.cycle import CycleGAN
from sparring.estimators.regressor import Regressor
from sparring.estimators.sequence_answers import SequenceClassifier, SequenceRegressor
from sparring.estimators.sequence_generator import SequenceGenerator
from sparring.estimators.sequence_tagger import SequenceTagger
from sparring.estimators.sequence_translator import SequenceTranslator
from sparring.isolation import isolated
from sparring.record import Record

__all__ = ["KINDS", "kind_of", "load"]

KINDS: dict[str, Any] = {
    "gan": GAN,
    "cyclegan": CycleGAN,
    "classifier": Classifier,
    "regressor": Regressor,
    "sequence-classifier": SequenceClassifier,
    "sequence-regressor": SequenceRegressor,
    "sequence-tagger": SequenceTagger,
    "sequence-generator": SequenceGenerator,
    "sequence-translator": SequenceTranslator,
}


def kind_of(record: Record) -> Any:
    """The class of the model in a run folder. Raises FolderError if this version does not know it."""
    kind = record.about.get("kind")
    if kind not in KINDS:
        raise FolderError(f"{record.folder} holds a {kind!r}, which this version does not know ({', '.join(KINDS)}).")
    return KINDS[kind]


@isolated
def load(folder: str | os.PathLike[str], **networks: Any) -> Any:
    """The model that was saved in a folder, or the newest state of a run there.

    Loading runs no code from the folder: networks are rebuilt from the configuration and filled
    from safetensors. generator=, critic=, network=: again, if the model had the user's own networks.
    Returns an estimator of the kind that was saved. Raises FolderError if the folder holds none.
    """
    record = Record.open(folder)
    return kind_of(record)._loaded(record, **networks)
