"""The feed that a recipe names: a teacher's cache, or prepared data sets."""

from estimator.spec import PoseSpec

from ... import datasets
from ..recipe import Recipe
from . import cached, prepared
from .feed import Feed


def open_feed(recipe: Recipe, spec: PoseSpec, *, batch: int, worker: tuple[int, int]) -> Feed:
    """Opens the data of a recipe.

    Args:
      recipe: names a cache, or a data set and a policy.
      spec: of the network.
      batch: samples per step of this process.
      worker: this process's index, and the number of processes.

    Raises:
      FileNotFoundError: the data set was not prepared, or the cache does not exist.
      ValueError: the recipe names no data, or data that the network cannot train on; see
        `cached.open_cache` and `prepared.open_prepared`.
    """
    if recipe.canvases:
        return cached.open_cache(recipe, spec, batch=batch, worker=worker)
    if not recipe.dataset:
        raise ValueError(f"the recipe names no data set; prepared ones: {datasets.names()}")
    return prepared.open_prepared(recipe, spec, batch=batch, worker=worker)
