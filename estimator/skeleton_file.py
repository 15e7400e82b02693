"""Skeletons in JSON files, with the fields of `estimator.skeleton.Skeleton`.

Limbs and flip pairs may give keypoints by name instead of by index:
`"limbs": [["tail", "head"], [0, 2]]`.
"""

import dataclasses
from pathlib import Path
from typing import Any

from . import files
from .skeleton import Skeleton

FIELDS = tuple(field.name for field in dataclasses.fields(Skeleton))
REQUIRED = ("name", "keypoints", "limbs", "flip_pairs", "sigmas")


def read(path: Path) -> Skeleton:
    """The skeleton in a JSON file.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is not JSON, a field is missing or unknown, or the skeleton is invalid (a
        flip that is no involution, an index outside); names the file.
    """
    try:
        return from_tree(files.read_json(path))
    except FileNotFoundError:
        raise FileNotFoundError(f"no skeleton file {path}") from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} holds no skeleton: {error}") from error


def from_tree(tree: Any) -> Skeleton:
    """The skeleton of a JSON object, the inverse of `dataclasses.asdict`.

    Raises:
      ValueError: a field is missing or unknown, or the skeleton is invalid.
    """
    if not isinstance(tree, dict):
        raise ValueError(f"needs an object with {', '.join(REQUIRED)}, found {type(tree).__name__}")
    missing = [name for name in REQUIRED if name not in tree]
    unknown = sorted(set(tree) - set(FIELDS))
    if missing or unknown:
        raise ValueError(
            f"has unknown fields {unknown} and lacks {missing}; known are {sorted(FIELDS)}"
        )
    for name in ("keypoints", "limbs", "flip_pairs", "sigmas", "redundant_limbs"):
        if not isinstance(tree.get(name, []), list | tuple):
            raise ValueError(f"{name} must be a list, found {str(tree[name])[:80]}")
    try:
        return _built(tree)
    except (TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"a field is of a wrong type: {error}") from error


def _built(tree: dict[str, Any]) -> Skeleton:
    keypoints = tuple(tree["keypoints"])
    return Skeleton(
        name=str(tree["name"]),
        keypoints=keypoints,
        limbs=_pairs("limbs", tree["limbs"], keypoints),
        flip_pairs=_pairs("flip_pairs", tree["flip_pairs"], keypoints),
        sigmas=tuple(float(sigma) for sigma in tree["sigmas"]),
        redundant_limbs=tuple(int(index) for index in tree.get("redundant_limbs", ())),
        derived={name: tuple(parts) for name, parts in tree.get("derived", {}).items()},
    )


def _pairs(
    field: str, pairs: list[list[str | int]], keypoints: tuple[str, ...]
) -> tuple[tuple[int, int], ...]:
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"{field} must be pairs, found {pairs}")
    return tuple((_index(field, a, keypoints), _index(field, b, keypoints)) for a, b in pairs)


def _index(field: str, keypoint: str | int, keypoints: tuple[str, ...]) -> int:
    if isinstance(keypoint, int):
        return keypoint
    if keypoint not in keypoints:
        raise ValueError(f"{field} names {keypoint!r}, which is none of {', '.join(keypoints)}")
    return keypoints.index(keypoint)
