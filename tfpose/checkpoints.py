"""A run's state on disk: each checkpoint a folder that is there whole or not at all.

A folder is written beside its place, flushed to the disk and renamed; its manifest holds a SHA-256
of each file, so that a damaged one is known before a single variable is touched.
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

FORMAT = 1
MANIFEST, PREFIX, BEST = "manifest.json", "state", "best"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A checkpoint that is whole.

    Attributes:
      folder: its place.
      step: steps that were done.
      variables: names to shapes.
      notes: what else was saved, as given.
    """

    folder: Path
    step: int
    variables: dict[str, list[int]]
    notes: dict[str, Any]


class Checkpoints:
    """The checkpoints of a run.

    Args:
      folder: theirs alone.
      keep: the newest that stay, besides the best.
    """

    def __init__(self, folder: str | os.PathLike[str], *, keep: int = 3) -> None:
        self.folder, self._keep = Path(folder), keep

    def save(
        self, step: int, variables: Mapping[str, Any], iterator: Any, notes: Mapping[str, Any]
    ) -> Path:
        """Writes a checkpoint, then removes the oldest that are too many.

        Args:
          step: steps done.
          variables: name to tf.Variable.
          iterator: of tf.data, to go on where it stands; None saves none.
          notes: anything that JSON holds.

        Raises:
          OSError: the disk did not take it; what was there before is untouched.
          ValueError: the iterator cannot be saved.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        place = self.folder / f"{step:09d}"
        partial = self.folder / f"{place.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir()
            _write(partial, step, variables, iterator, notes)
            if place.exists():
                shutil.rmtree(place)
            os.replace(partial, place)
            _flush(self.folder)
        except tf.errors.FailedPreconditionError as error:  # no fault of the disk
            raise ValueError(f"the data's iterator cannot be saved: {error.message}") from error
        except tf.errors.OpError as error:
            raise OSError(f"could not write {place}: {error.message}") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        for old in self._places()[: -self._keep]:
            shutil.rmtree(old, ignore_errors=True)
        return place

    def mark_best(self, place: Path) -> None:
        """Keeps that checkpoint as `best`, whatever happens to it among the newest."""
        new, old = self.folder / f"{BEST}.partial", self.folder / BEST
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(place, new)
        shutil.rmtree(old, ignore_errors=True)
        os.replace(new, old)

    def newest(self) -> Checkpoint | None:
        """The newest that is whole; says which it passed over, and why.

        Raises:
          ValueError: there are checkpoints, and none is whole.
        """
        return next(self.whole(), None)

    def whole(self) -> Iterator[Checkpoint]:
        """Those that are whole, newest first."""
        places, found = self._places()[::-1], False
        for place in places:
            try:
                checkpoint = read(place)
            except ValueError as error:
                logging.warning("passing over a damaged checkpoint: %s", error)
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
        manifest = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
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
    except (OSError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{place} is not a whole checkpoint: {error!r}") from error


def restore(checkpoint: Checkpoint, variables: Mapping[str, Any], iterator: Any) -> None:
    """Puts a checkpoint's values into the variables, and its place into the iterator.

    Raises:
      ValueError: the variables are not those that were saved; says which. None has changed then.
    """
    check_variables(checkpoint, variables)
    _tracker(variables, iterator).read(
        str(checkpoint.folder / PREFIX)
    ).assert_existing_objects_matched()


def restore_some(checkpoint: Checkpoint, variables: Mapping[str, Any]) -> None:
    """Puts a part of a checkpoint's values into variables that it holds by these names."""
    check_variables(checkpoint, variables, part=True)
    reader = tf.train.load_checkpoint(str(checkpoint.folder / PREFIX))
    keys = {key.lower(): key for key in reader.get_variable_to_shape_map()}
    for name, variable in variables.items():
        key = f"variables/{_escaped(name)}/.ATTRIBUTES/VARIABLE_VALUE"
        variable.assign(reader.get_tensor(keys[key.lower()]))


def check_variables(
    checkpoint: Checkpoint, variables: Mapping[str, Any], *, part: bool = False
) -> None:
    """Compares names and shapes with what was saved.

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
    files = sorted(path for path in folder.iterdir() if path.is_file())
    manifest = {
        "format": FORMAT,
        "step": step,
        "files": {path.name: _digest(path) for path in files},
        "variables": {name: list(variable.shape) for name, variable in variables.items()},
        "notes": dict(notes),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    for path in (*files, folder / MANIFEST, folder):
        _flush(path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
