"""Published results, one file each: the module's name is the recipe's, its docstring the claim.

A recipe module has `RECIPE`, and a docstring that gives the command, the hours, the machine and the
number that it reached or should reach.
"""

import importlib
import pkgutil

from ..recipe import Recipe


def names() -> tuple[str, ...]:
    """The recipes' names, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def get(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
      ValueError: there is none; says which there are.
    """
    if name not in names():
        raise ValueError(f"no recipe {name!r}; there are {', '.join(names())}")
    recipe: Recipe = importlib.import_module(f"{__name__}.{name}").RECIPE
    return recipe
