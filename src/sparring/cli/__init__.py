"""The command line: parse, call, print.

Exit codes: 0 done, 1 a run failed or an output cannot be written, 2 bad usage or input, 70 something that nobody
foresaw, 130 stopped.
"""

import contextlib
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code."""
    sys.exit(_run(list(sys.argv[1:] if arguments is None else arguments)))


def _run(arguments: list[str]) -> int:
    from cyclopts import CycloptsError

    from sparring.cli.endings import UNFORESEEN, answering, unforeseen
    from sparring.errors import InputError, Interrupted, OutputError, SparringError

    # scikit-learn's advice to programmers; what matters here is said by our own errors
    warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")
    try:
        with answering():
            _call(arguments)
    except OutputError as error:
        return _say(str(error), 1)
    except (CycloptsError, InputError) as error:
        return _say(str(error), 2)
    except Interrupted as error:
        return _say(str(error), 130)
    except SparringError as error:
        return _say(str(error), 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of a pipe went away: no one is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MemoryError:
        return _say("there is not enough memory for this. Fewer rows, smaller images or a smaller batch may help.", 1)
    except Exception as error:
        return _say(unforeseen(error, arguments), UNFORESEEN)
    return 0


def _call(arguments: list[str]) -> None:
    """Call the command that the arguments ask for, in this process's rank if there are several."""
    from sparring.cli.app import app
    from sparring.cli.warned import warned
    from sparring.files import refuse_nowhere

    with contextlib.ExitStack() as stack:
        if int(os.environ.get("WORLD_SIZE", 1)) > 1:
            from sparring.place import ranked

            stack.enter_context(ranked())
        stack.enter_context(warned())
        command, bound, _ = app.parse_args(arguments, exit_on_error=False, print_error=False)
        output = bound.arguments.get("output")
        if isinstance(output, Path):
            refuse_nowhere(output)
        command(*bound.args, **bound.kwargs)


def _say(line: str, code: int) -> int:
    with contextlib.suppress(OSError):
        print(f"sparring: {' '.join(line.split())}", file=sys.stderr)
    return code
