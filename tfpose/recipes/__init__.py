"""Published results, one file each: the module's name is the recipe's, its docstring the claim.

A recipe module has `RECIPE`, and a docstring that gives the command, the hours, the machine and the
number that it reached or should reach. The folders `bottom_up` and `top_down` are no part of the
name. What a recipe's options mean is in `tfpose.training.recipe`.
"""

import importlib
import pkgutil

from ..training.recipe import Recipe


def names() -> tuple[str, ...]:
    """The recipes' names, sorted."""
    return tuple(sorted(modules()))


def get(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
      ValueError: there is no such recipe; says which there are.
    """
    found = modules()
    if name not in found:
        raise ValueError(f"no recipe {name!r}; there are {', '.join(sorted(found))}")
    recipe: Recipe = importlib.import_module(found[name]).RECIPE
    return recipe


def modules() -> dict[str, str]:
    """Recipes by name, and the module of each."""
    return {
        module.name.rpartition(".")[2]: module.name
        for module in pkgutil.walk_packages(__path__, f"{__name__}.")
        if not module.ispkg
    }
