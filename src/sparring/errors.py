"""The exception tree.

    SparringError
    ├── InputError (ValueError)     bad data or bad usage: nothing was started, nothing is lost (exit code 2)
    │   ├── ShapeError              an array or tensor has the wrong dimensions
    │   ├── DataError               a file, row, column or image cannot be used
    │   └── FolderError             a run folder exists already, or is not one
    │       ├── CheckpointError     no checkpoint in a run folder can be read
    │       └── OutputError         a file cannot be written (exit code 1)
    ├── RunError (RuntimeError)     a run that had started could not go on (exit code 1)
    │   ├── Diverged                a loss or gradient is not finite
    │   ├── Trouble                 a failure was found, and the run was to stop then
    │   └── RankLost                another process of a distributed run went away
    └── Interrupted (KeyboardInterrupt)   the user or the system asked the run to stop (exit code 130)

TroubleWarning (UserWarning) tells of a failure that was found in a run that goes on, UnseenWarning of rows that hold
what a model never learned from, FolderWarning of a run folder that is not as it was written, and its kind
CheckpointWarning of weights that are not those of the run's end.

Every message is one line that says what was found, where, and what is needed.
"""

__all__ = [
    "CheckpointError",
    "CheckpointWarning",
    "DataError",
    "Diverged",
    "FolderError",
    "FolderWarning",
    "InputError",
    "Interrupted",
    "OutputError",
    "RankLost",
    "RunError",
    "ShapeError",
    "SparringError",
    "Trouble",
    "TroubleWarning",
    "UnseenWarning",
]


class SparringError(Exception):
    """Every error that Sparring raises on purpose."""


LONGEST = 800  # characters of a message


class InputError(SparringError, ValueError):
    """Bad data or bad usage. Nothing was started and nothing is lost.

    A message that quotes far too much of what was found is shortened in its middle.
    """

    def __init__(self, *told: object) -> None:
        if len(told) == 1 and isinstance(told[0], str) and len(told[0]) > LONGEST:
            told = (f"{told[0][: LONGEST // 2]} … {told[0][-LONGEST // 3 :]}",)
        super().__init__(*told)


class ShapeError(InputError):
    """An array or tensor has the wrong dimensions."""


class DataError(InputError):
    """A file, row, column or image cannot be used."""


class FolderError(InputError):
    """A run folder exists already, is not one, or cannot be written."""


class OutputError(FolderError):
    """A file cannot be written: the disk is full, the folder is missing or locked, nobody reads the pipe."""


class CheckpointError(FolderError):
    """No checkpoint of a run folder can be read."""


class RunError(SparringError, RuntimeError):
    """A run that had started could not go on."""


class Diverged(RunError):
    """A loss or a gradient is not finite.

    turn: the turn that was playing; step: the round, counted from one;
    quantity: "loss" or "gradient"; last_good: the last checkpoint, or None.
    """

    def __init__(self, turn: str, step: int, quantity: str, last_good: str | None = None) -> None:
        super().__init__(turn, step, quantity, last_good)
        self.turn, self.step, self.quantity, self.last_good = turn, step, quantity, last_good

    def __str__(self) -> str:
        last = self.last_good
        where = f"the last good checkpoint is {last}" if last else "no checkpoint was written before it"
        return (
            f"the {self.quantity} of the turn '{self.turn}' is not finite at step {self.step}; {where}. "
            "A lower learning rate, a stronger penalty or another recipe is needed."
        )


class Trouble(RunError):
    """A failure was found in a run that was to stop then. finding: its name; step: where it was certain."""

    def __init__(self, finding: str, step: int, message: str) -> None:
        super().__init__(finding, step, message)
        self.finding, self.step, self.message = finding, step, message

    def __str__(self) -> str:
        return self.message


class RankLost(RunError):
    """Another process of a distributed run went away."""


class Interrupted(SparringError, KeyboardInterrupt):
    """The run was asked to stop (Ctrl-C or SIGTERM), and stopped after a whole step."""


class TroubleWarning(UserWarning):
    """A failure was found in a run that goes on."""


class UnseenWarning(UserWarning):
    """Rows hold labels or gaps that the training rows never had; the message says where, and what they count as."""


class FolderWarning(UserWarning):
    """A file of a run folder is not as it was written, or cannot be checked; the message says what is done about it."""


class CheckpointWarning(FolderWarning):
    """The weights that are used are not those of a run's end: an older checkpoint's, or those of a run that failed."""
