"""The command line: parse, call, print. Exit codes: 0 done, 1 a run failed, 2 bad usage or input, 130 stopped."""

import os
import sys
import warnings
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code."""
    sys.exit(_run(list(sys.argv[1:] if arguments is None else arguments)))


def _run(arguments: list[str]) -> int:
    from cyclopts import CycloptsError

    from sparring.cli.app import app
    from sparring.errors import InputError, Interrupted, SparringError

    # scikit-learn's advice to programmers; what matters here is said by our own errors
    warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")
    from sparring.cli.warned import warned

    try:
        if int(os.environ.get("WORLD_SIZE", 1)) > 1:
            from sparring.place import ranked

            with ranked(), warned():
                app(arguments, exit_on_error=False, print_error=False)
        else:
            with warned():
                app(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        return _say(error, 2)
    except InputError as error:
        return _say(error, 2)
    except Interrupted as error:
        return _say(error, 130)
    except SparringError as error:
        return _say(error, 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of a pipe went away: no one is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _say(error: BaseException, code: int) -> int:
    line = " ".join(str(error).split())
    print(f"sparring: {line}", file=sys.stderr)
    return code
