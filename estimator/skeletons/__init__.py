"""The skeletons that ship, one file each: the module's name is the skeleton's name.

A user's own skeleton is a JSON file; `estimator.skeleton_file` reads it.
"""

import importlib
import os
import pkgutil
from pathlib import Path

from .. import skeleton_file
from ..skeleton import Skeleton


def names() -> tuple[str, ...]:
    """The skeletons' names, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def get(name: str | os.PathLike[str]) -> Skeleton:
    """The skeleton of a name, or the one in a JSON file of the user's own.

    Args:
      name: one of `names`, or the path of a .json file; see `estimator.skeleton_file`.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: there is no skeleton of that name, or none in the file; says which there are.
    """
    if Path(name).suffix == ".json":
        return skeleton_file.read(Path(name))
    if name not in names():
        raise ValueError(
            f"no skeleton {str(name)!r}; there are {', '.join(names())}, or give a .json file"
        )
    skeleton: Skeleton = importlib.import_module(f"{__name__}.{name}").SKELETON
    return skeleton
