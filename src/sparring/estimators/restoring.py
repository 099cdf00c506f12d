"""A run brought back from its folder: its parameters, and of a GAN what remedies changed, and its data."""

from typing import Any

from sparring.data.conditions import read_conditioned
from sparring.data.source import Source
from sparring.data.spool import heard
from sparring.data.stored import is_stored
from sparring.diagnose.remedies import Applied
from sparring.errors import DataError, InputError
from sparring.estimators.trusting import refuse_unknown
from sparring.place import Place
from sparring.record import Record
from sparring.training.checkpoint import Checkpoint

__all__ = ["Treatments", "applied_in", "configured", "configured_gan", "data_again"]


class Treatments:
    """The remedies that a run has had, as a part of its checkpoints: what the weights beside them belong to."""

    def __init__(self, applied: list[Applied]) -> None:
        self.applied = applied

    def state_dict(self) -> dict[str, Any]:
        return {"applied": [entry.to_json() for entry in self.applied]}

    def load_state_dict(self, state: Any) -> None:
        self.applied[:] = [Applied(**entry) for entry in state["applied"]]


def applied_in(checkpoint: Checkpoint) -> list[Applied]:
    """The remedies that the run had had when a checkpoint was written."""
    return [Applied(**entry) for entry in checkpoint.state.get("remedies", {}).get("applied", [])]


def configured(kind: Any, record: Record, verbose: Any = None, **networks: Any) -> Any:
    """An estimator of a kind with a run's parameters, not yet trained.

    verbose: of a run that is to go on, which it does on the device that it was on; None: it is to answer alone.
    Raises InputError if the run had networks or settings of the user's own, which must be given again, and if the
    device that it is to go on on is not there; FolderError for parameters that there are not.
    """
    refuse_unknown(kind, record)
    about = record.about
    for name in about["custom"]:
        if networks.get(name) is None:
            raise InputError(f"{record.folder} was trained with its own {name}; give it again: {name}=...")
    earlier = getattr(kind, "absent", {})
    made = kind(**{**earlier, **about["parameters"], **networks}, run=str(record.folder), verbose=verbose or 0)
    made.threads, made.precision = about["place"]["threads"], about["place"]["precision"]
    made.seed_ = about["seed"]
    if verbose is not None:
        made.device = _device_again(record, made.device)
    return made


def _device_again(record: Record, asked: str) -> str:
    """Where a run goes on: its random state, which a checkpoint holds, is of one kind of device."""
    device = record.about["place"]["device"] if asked == "auto" else asked
    try:
        Place.of(device)
    except InputError as error:
        missing = str(error).partition("; use")[0]
        raise InputError(f"{record.folder} goes on where it began, or fit anew: {missing}.") from error
    return device


def configured_gan(
    kind: Any, record: Record, checkpoint: Checkpoint | None, verbose: Any = None, **networks: Any
) -> Any:
    """The same for a GAN, with the remedies that it had had when a checkpoint was written."""
    made = configured(kind, record, verbose, **networks)
    made.latent_size, made.applied_ = record.about["latent_size"], applied_in(checkpoint) if checkpoint else []
    return made


def data_again(model: Any, record: Record, X: Any, y: Any = None) -> tuple[Source, Any]:
    """A run's data and classes: as given, or from where they were. Raises DataError if they have changed."""
    about = record.about["data"]
    if X is None and about["path"] is None:
        raise DataError(f"{record.folder} was fitted on data in memory; give them again.")
    told = record.about.get("targets") is not None or record.about["schema"].get("classes") is not None
    if told and y is None:
        y = about["target"]
        if y is None:
            raise DataError(f"{record.folder} was fitted with classes in memory; give them again as y.")
    data = about["path"] if X is None else X
    in_parts = is_stored(about["fingerprint"])  # whatever memory is free now
    with heard(print if model.verbose == 1 else None):
        source, labels = read_conditioned(
            data, y, model.image_size, model.kind, model.leave_out, model.schema, in_parts
        )
    if source.fingerprint != about["fingerprint"]:
        raise DataError(
            f"the data have changed since the run began: they were {about['description']}, and now are "
            f"{source.description}{', of other content' if source.description == about['description'] else ''}."
        )
    return source, labels
