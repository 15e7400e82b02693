"""Keeps what native libraries write to file descriptor 2 until it is known whether it matters.

They write there past `sys.stderr` and past `logging`, and no setting silences them.
"""

import contextlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator

_ONE = threading.RLock()  # the descriptor is the whole process's


@contextlib.contextmanager
def kept(drop: str = "") -> Iterator[None]:
    """Holds back what the block writes to file descriptor 2, and then shows it without `drop`.

    If the block fails, all of it is shown.

    Args:
      drop: regular expression of the lines to leave out; "" leaves out all of them.
    """
    with _ONE:
        yield from _kept(drop)


def _kept(drop: str) -> Iterator[None]:
    try:
        real = os.dup(2)
    except OSError:  # a program without standard error, such as a service of Windows
        yield
        return
    with tempfile.TemporaryFile() as file:
        if sys.stderr is not None:
            sys.stderr.flush()
        os.dup2(file.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(real, 2)
            file.seek(0)
            rows = file.read().splitlines(keepends=True)
            pattern = re.compile(drop.encode())
            for row in rows:
                if failed or not pattern.search(row):
                    os.write(real, row)
            os.close(real)
