"""The folder of a run: who may work in it, and the recipe that it was begun with."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from estimator import files, skeletons
from estimator.skeleton import Skeleton

from ..data.resuming import alone, differences
from ..weights import loading
from .recipe import FREE, Recipe

RECIPE, LOCK = "recipe.json", ".lock"
NEWER = "frozen_norms"  # a field that runs begun before 0.2 lack


@contextmanager
def claimed(folder: Path, recipe: Recipe, worker: int) -> Iterator[None]:
    """Keeps other processes out of a run's folder, and writes the recipe into it.

    Args:
      folder: of the run; created where it does not exist.
      recipe: of the run.
      worker: this process's index: several hosts may share the folder.

    Raises:
      BlockingIOError: another process trains in the folder.
      ValueError: the run was begun with another recipe, or its recipe is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder / (LOCK + (f"-{worker}" if worker else "")), f"training in {folder}"):
        _check(recipe, folder)
        with files.Whole(folder / RECIPE, shared=True) as partial:  # workers may come at once
            partial.write_text(recipe.to_json(), encoding="utf-8")
        yield


def skeleton_of(folder: Path) -> Skeleton | None:
    """The skeleton that a run was told to train; None for the model's own, and where no run is.

    Raises:
      FileNotFoundError: it is that of a file which is gone.
      ValueError: the run's recipe is damaged, or names no skeleton.
    """
    path = folder / RECIPE
    name = str(_read(path).get("skeleton") or "") if path.is_file() else ""
    return skeletons.get(name) if name else None


def _check(recipe: Recipe, folder: Path) -> None:
    """Refuses a recipe that differs from the run's; one without checkpoints takes any."""
    path = folder / RECIPE
    if not (path.is_file() and (folder / loading.RUN_CHECKPOINTS).is_dir()):
        return
    before = {NEWER: getattr(Recipe, NEWER), **_read(path)}
    differing = differences(before, json.loads(recipe.to_json()), free=FREE)
    if differing:
        raise ValueError(
            f"{folder} was begun with another recipe:\n  "
            + "\n  ".join(differing)
            + f"\nGo on with its own, or begin a new folder, with --start={folder} for its weights"
        )


def _read(path: Path) -> dict[str, Any]:
    """The recipe that a run was begun with.

    Raises:
      ValueError: it is damaged; names the file.
    """
    try:
        return dict(files.read_json(path))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path} is no recipe ({error}): it was edited or damaged since the run began. Delete "
            "it to go on with the recipe of this command"
        ) from error
