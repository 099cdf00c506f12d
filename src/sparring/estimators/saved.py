"""Models from folders: saved ones, and runs."""

import os
from typing import Any

from sparring.errors import FolderError
from sparring.estimators.adversarial import GAN
from sparring.record import Record

__all__ = ["load"]

KINDS = {"gan": GAN}


def load(folder: str | os.PathLike[str], **networks: Any) -> GAN:
    """The model that was saved in a folder, or the newest state of a run there.

    Loading runs no code from the folder: networks are rebuilt from the configuration and filled
    from safetensors. generator=, critic=: again, if the model had the user's own networks.
    Raises FolderError if the folder holds none.
    """
    record = Record.open(folder)
    kind = record.about.get("kind")
    if kind not in KINDS:
        raise FolderError(f"{folder} holds a {kind!r}, which this version does not know ({', '.join(KINDS)}).")
    return KINDS[kind]._loaded(record, **networks)
