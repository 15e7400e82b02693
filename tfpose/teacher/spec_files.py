"""The spec beside a foreign network's file: NAME.json beside NAME.xml, NAME.onnx or NAME.param."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from estimator import files

Spec = TypeVar("Spec")


def read(path: Path, kind: type[Spec], lists: Mapping[str, Callable[[Any], Any]]) -> Spec:
    """Reads the spec beside a network's file.

    Args:
      path: of the network.
      kind: a dataclass with the fields of the .json.
      lists: fields that are lists, and the type of their entries.

    Raises:
      FileNotFoundError: there is none.
      ValueError: a field is missing, unknown or invalid.
    """
    path = path.with_suffix(".json")
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no {path}: it must say what the network reads and gives (docs/training.md)"
        )
    try:
        tree = files.read_json(path)
        given = {name: tuple(map(lists[name], tree[name])) for name in lists if name in tree}
        return kind(**{**tree, **given})
    except TypeError as error:
        known = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
        raise ValueError(f"{path} must have the fields {', '.join(known)}: {error}") from error
