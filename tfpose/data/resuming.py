"""Resumable work on a folder: by one process at a time, with the same options."""

import contextlib
import errno
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from absl import logging

TAKEN = (errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK)  # what the lock of another process gives


@contextlib.contextmanager
def alone(lock: Path, work: str) -> Iterator[None]:
    """Keeps other processes out of the block; the lock ends with the process that holds it.

    Args:
      lock: the file to lock; made if it is not there, and left behind.
      work: what the other process is doing, for the error: "preparing data/coco".

    Raises:
      BlockingIOError: another process holds the lock.
    """
    with open(lock, "w", encoding="utf-8") as file:
        try:
            _lock(file.fileno())
        except OSError as error:
            if error.errno in TAKEN:
                raise BlockingIOError(f"another process is {work}: wait for it") from None
            logging.warning("no lock on %s (%s): let no second process work there", lock, error)
        yield


def _lock(descriptor: int) -> None:
    """Locks an open file, or raises OSError; it ends with the descriptor."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], *, free: Iterable[str] = ()
) -> list[str]:
    """Options that changed, as lines "name: before, now after".

    Args:
      before, after: trees of options, such as `dataclasses.asdict` gives; tuples and lists are the
        same, since JSON has one of them only.
      free: dotted names that may change, such as "optimiser.rate".
    """
    old, new, ignored = _flat(before), _flat(after), set(free)
    return [
        f"{name}: {old.get(name)!r}, now {new.get(name)!r}"
        for name in sorted(old.keys() | new.keys())
        if name not in ignored and old.get(name) != new.get(name)
    ]


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = json.loads(json.dumps(value))
    return flat
