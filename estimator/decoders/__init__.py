"""Ways of reading a network's outputs, one file each: the module's name is the decoder's name.

A decoder module has a frozen dataclass `Parameters` (thresholds and the like, which travel in the
spec of the model), `RENAMED` (fields of `Parameters` by their names in older specs),
`ANSWERS` ("maps", SimCC's "bins", "points": keypoints already, or a detector's "boxes"),
`shapes(skeleton, layout, height, width)`, the shape of each output for an input of that size, and
`decode(outputs, skeleton, layout, parameters) -> Poses`, with the poses in pixels of the network's
input. A decoder knows nothing of specs, files or pictures.
"""

import functools
import importlib
import pkgutil
from types import ModuleType
from typing import Any, TypeAlias

Parameters: TypeAlias = Any  # a `Parameters` of one of the modules here


@functools.cache
def names() -> tuple[str, ...]:
    """The decoders' names, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def get(name: str) -> ModuleType:
    """The decoder's module.

    Raises:
      ValueError: there is none of that name; says which there are.
    """
    if name not in names():
        raise ValueError(f"no decoder {name!r}; there are {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}")


def name_of(parameters: Parameters) -> str:
    """The name of the decoder that these parameters are for.

    Raises:
      ValueError: the object is of no decoder.
    """
    name = type(parameters).__module__.rpartition(".")[2]
    if name not in names() or not isinstance(parameters, get(name).Parameters):
        raise ValueError(
            f"{parameters!r} is of no decoder; use the Parameters of one of {', '.join(names())}"
        )
    return name
