"""Other tools' keypoint annotations, as the tree of a COCO file: one format a module.

The module's name is the format's name. A module has `detect(path)` and `tree(path, split,
pictures)`; and `ON_REQUEST = True` where its files are COCO's as well, so that none is guessed. The
tree goes through the same door as a COCO file (`tfpose.data.annotations`), so that values are
checked in one place. `supervision` was looked at: it reads boxes and masks of these formats, and no
keypoints.
"""

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import Any

from ..picture_files import Pictures

COCO = "coco"


def names() -> tuple[str, ...]:
    """The formats' names, COCO's first."""
    found = sorted(
        module.name for module in pkgutil.iter_modules(__path__) if module.name != "grouping"
    )
    return (COCO, *found)


def get(name: str) -> ModuleType:
    """The module of a format other than COCO's.

    Raises:
      ValueError: there is none of that name; says which there are.
    """
    if name not in names()[1:]:
        raise ValueError(f"no format {name!r}; there are {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}")


def tree(
    path: Path, name: str | None, split: str, pictures: Pictures | None
) -> dict[str, Any] | None:
    """The COCO tree of annotations in another format; None where they are COCO's.

    Args:
      path: of the file or folder.
      name: the format; None finds it out where it is plain.
      split: which part, for formats that hold several.
      pictures: the pictures, where they are known; for sizes and names.

    Raises:
      FileNotFoundError: there is no such file or folder.
      ValueError: it is not of that format, or an entry of it cannot be read.
    """
    if name == COCO:
        return None
    if not path.exists():
        raise FileNotFoundError(f"no annotation file {path}")
    guessed = (one for one in names()[1:] if not getattr(get(one), "ON_REQUEST", False))
    found = next((one for one in guessed if get(one).detect(path)), None)
    if name is None and found is None:
        return None
    chosen = get(name or str(found))
    if name is not None and not chosen.detect(path):
        raise ValueError(f"{path} is no {name} annotation: {chosen.WANTED}")
    made: dict[str, Any] = chosen.tree(path, split, pictures)
    return made
