"""Checks of flags before anything large is imported: a mistyped path is told within a second."""

import difflib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from estimator import skeletons
from estimator.skeleton import Skeleton

PACKAGE = Path(__file__).resolve().parents[1]


def existing(*holders: "flags.FlagHolder[Any]", after: str = "") -> None:
    """These flags name files or folders that are there; one that isn't given is not checked.

    Args:
      holders: the flags.
      after: what stands between a name and the path, in NAME=PATH; "" where there are no names.
    """

    def check(value: str) -> str:
        return _missing(value.partition(after)[2] if after and after in value else value)

    for holder in holders:
        _each(holder, check)


def ending(holder: "flags.FlagHolder[Any]", suffixes: Sequence[str]) -> None:
    """The flag names a file with one of these suffixes."""

    def check(path: str) -> str:
        wrong = not path.endswith(tuple(suffixes))
        return f"must end in {' or '.join(suffixes)}" if wrong else ""

    _each(holder, check)


def writable(*holders: "flags.FlagHolder[Any]", folder: bool | None = False) -> None:
    """The flags name what can be written; folders above it may be missing.

    Args:
      holders: the flags.
      folder: they name folders; False: files; None: either.
    """

    def check(path: str) -> str:
        place = Path(path)
        if folder is False and place.is_dir():
            return "is a folder; give a file's name"
        if folder and place.is_file():
            return "is a file; give a folder"
        above = place if folder else place.parent
        while not above.exists():
            above = above.parent
        if not above.is_dir():
            return f"cannot be written: {above} is no folder"
        return "" if os.access(above, os.W_OK | os.X_OK) else f"cannot be written: {above} is shut"

    for holder in holders:
        _each(holder, check)


def model(*holders: "flags.FlagHolder[Any]", known: Sequence[str]) -> None:
    """The flags name models of `known`, or files or folders that are there."""

    def check(name: str) -> str:
        if name in known or not _missing(name):
            return ""
        if Path(name).suffix or os.sep in name:
            return _missing(name)
        return f"is no file, and no model of that name; there are {', '.join(known)}"

    for holder in holders:
        _each(holder, check)


def one_of(holder: "flags.FlagHolder[Any]", known: Sequence[str]) -> None:
    """The flag's values are among `known`."""

    def check(name: str) -> str:
        if name in known:
            return ""
        near = difflib.get_close_matches(name, known, n=1)
        return f"there are {', '.join(known)}" + (f"; did you mean {near[0]}?" if near else "")

    _each(holder, check)


def skeleton(holder: "flags.FlagHolder[Any]") -> None:
    """The flag is a skeleton's name, or a JSON file of one."""

    def check(name: str) -> str:
        try:
            skeleton_of(name)
        except (OSError, ValueError) as error:
            return str(error)
        return ""

    _each(holder, check)


def skeleton_of(name: str | None) -> Skeleton | None:
    """The skeleton that a flag says; None where it says nothing.

    Raises:
      FileNotFoundError, ValueError: there is none of that name, or the file holds none.
    """
    return skeletons.get(name) if name else None


def modules(room: str) -> tuple[str, ...]:
    """The names of the modules in and below a room, such as recipes, without importing it."""
    names = (file.stem for file in (PACKAGE / room).rglob("*.py"))
    return tuple(sorted(name for name in names if not name.startswith("_")))


def _missing(path: str) -> str:
    return "" if Path(path).exists() else "there is no such file or folder"


def _each(holder: "flags.FlagHolder[Any]", check: Callable[[str], str]) -> None:
    """`check` says what is wrong with one value, "" if nothing is."""

    def all_right(value: Any) -> bool:
        single = isinstance(value, str)
        for one in [value] if single else value or []:
            if one and (wrong := check(one)):
                raise flags.ValidationError(wrong if single else f"{one}: {wrong}")
        return True

    flags.register_validator(holder, all_right)  # type: ignore[no-untyped-call]  # absl's stub
