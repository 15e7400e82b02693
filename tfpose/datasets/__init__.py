"""Data sets, one file each: the module's name is the data set's name.

A data set's module has `Builder`, a `tfpose.data.pose_builder.PoseBuilder`. Preparing is
`tfpose.data.prepare`, reading what was prepared `tfpose.data.prepared_sets`, whose `load` is here.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING

from ..data.prepared_sets import folder_of, load

if TYPE_CHECKING:
    from ..data.pose_builder import PoseBuilder

__all__ = ["folder_of", "get", "load", "names"]


def names() -> tuple[str, ...]:
    """The data sets' names, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def get(name: str) -> "type[PoseBuilder]":
    """The builder's class.

    Raises:
      ValueError: there is none of that name; says which there are.
    """
    if name not in names():
        raise ValueError(f"no data set {name!r}; there are {', '.join(names())}")
    builder: type[PoseBuilder] = importlib.import_module(f"{__name__}.{name}").Builder
    return builder
