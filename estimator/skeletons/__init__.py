"""The skeletons that ship, one file each: the module's name is the skeleton's name."""

import importlib
import pkgutil

from ..skeleton import Skeleton


def names() -> tuple[str, ...]:
    """The skeletons' names, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def get(name: str) -> Skeleton:
    """The skeleton of that name.

    Raises:
      ValueError: there is none; says which there are.
    """
    if name not in names():
        raise ValueError(f"no skeleton {name!r}; there are {', '.join(names())}")
    skeleton: Skeleton = importlib.import_module(f"{__name__}.{name}").SKELETON
    return skeleton
