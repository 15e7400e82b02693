"""Checkpoints of a run: folders that are written whole or not at all.

A folder is written beside its place, flushed to the disk and renamed. Its manifest holds a SHA-256
of each file, so that damage is found before a variable changes.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf
from absl import logging

from estimator import files

FORMAT = 1
MANIFEST, PREFIX, BEST = "manifest.json", "state", "best"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """An undamaged checkpoint.

    Attributes:
      folder: of the checkpoint.
      step: steps done.
      variables: shapes by name.
      notes: of `Checkpoints.save`.
    """

    folder: Path
    step: int
    variables: dict[str, list[int]]
    notes: dict[str, Any]


class Checkpoints:
    """The checkpoints of a run.

    Args:
      folder: for checkpoints only.
      keep: number of newest checkpoints to keep, besides the best.
    """

    def __init__(self, folder: str | os.PathLike[str], *, keep: int = 3) -> None:
        self.folder, self._keep = Path(folder), keep

    def save(
        self, step: int, variables: Mapping[str, Any], iterator: Any, notes: Mapping[str, Any]
    ) -> Path:
        """Writes a checkpoint, then removes the oldest beyond `keep`.

        Args:
          step: steps done.
          variables: name to tf.Variable.
          iterator: of tf.data, whose place is saved; None saves none.
          notes: anything that JSON can hold.

        Raises:
          OSError: it could not be written; earlier checkpoints are untouched.
          ValueError: the iterator cannot be saved.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        place = self.folder / f"{step:09d}"
        try:
            with files.Whole(place, durable=True) as partial:
                partial.mkdir()
                _write(partial, step, variables, iterator, notes)
        except tf.errors.FailedPreconditionError as error:  # no fault of the disk
            raise ValueError(f"the data's iterator cannot be saved: {error.message}") from error
        except tf.errors.OpError as error:
            raise OSError(f"could not write {place}: {error.message}") from error
        for old in self._places()[: -self._keep]:
            shutil.rmtree(old, ignore_errors=True)
        return place

    def mark_best(self, place: Path) -> None:
        """Keeps that checkpoint as `best`, whatever happens to it among the newest."""
        with files.Whole(self.folder / BEST) as partial:
            shutil.copytree(place, partial)

    def newest(self) -> Checkpoint | None:
        """The newest undamaged checkpoint; damaged ones are logged.

        Raises:
          ValueError: there are checkpoints, and none is whole.
        """
        return next(self.whole(), None)

    def whole(self) -> Iterator[Checkpoint]:
        """Yields the undamaged checkpoints, newest first."""
        places, found = self._places()[::-1], False
        for place in places:
            try:
                checkpoint = read(place)
            except ValueError as error:
                logging.warning("skipped a damaged checkpoint: %s", error)
                continue
            found = True
            yield checkpoint
        if places and not found:
            raise ValueError(
                f"none of the {len(places)} checkpoints in {self.folder} is whole: begin anew in "
                "another run folder"
            )

    def _places(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(place for place in self.folder.iterdir() if place.name.isdigit())


def read(place: Path) -> Checkpoint:
    """Reads and checks a checkpoint's manifest and files.

    Raises:
      ValueError: it is damaged, of a newer format or no checkpoint.
    """
    try:
        manifest = files.read_json(place / MANIFEST)
        for name, digest in manifest["files"].items():
            if _digest(place / name) != digest:
                raise ValueError(f"{place / name} is not what was written")
        if manifest["format"] > FORMAT:
            raise ValueError(f"{place} has format {manifest['format']}: upgrade tfpose")
        return Checkpoint(
            folder=place,
            step=int(manifest["step"]),
            variables=dict(manifest["variables"]),
            notes=dict(manifest["notes"]),
        )
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{place} is not a whole checkpoint: {error!r}") from error


def restore(checkpoint: Checkpoint, variables: Mapping[str, Any], iterator: Any) -> None:
    """Restores the variables, and the iterator's place, from a checkpoint.

    Raises:
      ValueError: the variables differ from the saved ones; says in what. None has changed then.
    """
    check_variables(checkpoint, variables)
    _tracker(variables, iterator).read(
        str(checkpoint.folder / PREFIX)
    ).assert_existing_objects_matched()


def restore_some(checkpoint: Checkpoint, variables: Mapping[str, Any]) -> None:
    """Restores some of a checkpoint's variables, by name."""
    check_variables(checkpoint, variables, part=True)
    reader = tf.train.load_checkpoint(str(checkpoint.folder / PREFIX))
    keys = {key.lower(): key for key in reader.get_variable_to_shape_map()}
    for name, variable in variables.items():
        key = f"variables/{_escaped(name)}/.ATTRIBUTES/VARIABLE_VALUE"
        variable.assign(reader.get_tensor(keys[key.lower()]))


def check_variables(
    checkpoint: Checkpoint, variables: Mapping[str, Any], *, part: bool = False
) -> None:
    """Checks names and shapes against a checkpoint.

    Raises:
      ValueError: they differ; says in what.
    """
    shapes = {name: list(variable.shape) for name, variable in variables.items()}
    missing = sorted(set(shapes) - set(checkpoint.variables))
    extra = [] if part else sorted(set(checkpoint.variables) - set(shapes))
    other = [
        f"{name} {checkpoint.variables[name]} there, {shape} here"
        for name, shape in shapes.items()
        if name in checkpoint.variables and checkpoint.variables[name] != shape
    ]
    if missing or extra or other:
        raise ValueError(
            f"{checkpoint.folder} is of another model or recipe: it lacks {missing[:5]}, has "
            f"{extra[:5]} besides, and other shapes {other[:5]}. Resume with the recipe that began "
            "the run, or begin a new run folder with --start"
        )


def _tracker(variables: Mapping[str, Any], iterator: Any) -> Any:
    extra = {} if iterator is None else {"iterator": iterator}
    return tf.train.Checkpoint(variables=dict(variables), **extra)


def _escaped(name: str) -> str:
    """A name as TensorFlow's checkpoints spell it."""
    return name.replace(".", "..").replace("/", ".S")


def _write(
    folder: Path, step: int, variables: Mapping[str, Any], iterator: Any, notes: Mapping[str, Any]
) -> None:
    _tracker(variables, iterator).write(str(folder / PREFIX))
    parts = sorted(path for path in folder.iterdir() if path.is_file())
    manifest = {
        "format": FORMAT,
        "step": step,
        "files": {path.name: _digest(path) for path in parts},
        "variables": {name: list(variable.shape) for name, variable in variables.items()},
        "notes": dict(notes),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
