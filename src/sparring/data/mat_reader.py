"""Reads a .mat file's cell arrays of numbers, as a program of its own: SciPy's reader can crash on a damaged one.

python mat_reader.py FILE NAME ...    writes an .npz of the arrays "NAME/0", "NAME/1", ... to standard output
"""

import contextlib
import io
import sys

import numpy as np
from scipy.io import loadmat

__all__ = ["main"]

MEMORY = 4 * 2**30  # bytes that it may take


def main() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    path, *names = sys.argv[1:]
    content = loadmat(path, variable_names=names)
    arrays = {}
    for name in names:
        if name in content:
            cells = content[name].ravel() if content[name].dtype == object else [content[name]]
            arrays |= {f"{name}/{i}": np.asarray(cell) for i, cell in enumerate(cells)}
    if any(array.dtype.hasobject or array.dtype.names for array in arrays.values()):
        raise ValueError("its cells hold other things than numbers")
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    sys.stdout.buffer.write(packed.getvalue())


if __name__ == "__main__":
    try:
        main()
    except Exception as error:  # one line, for whoever asked
        sys.exit(" ".join(f"{error or type(error).__name__}".split())[:500])
