"""Annotation files as trees of undecoded entries: JSON, or one JSON in a zip."""

import json
import zipfile
from pathlib import Path
from typing import Any

import msgspec

from estimator import files


class Tree(msgspec.Struct):
    """A file's three lists; entries are JSON, or decoded already."""

    images: list[msgspec.Raw]
    annotations: list[msgspec.Raw]
    categories: list[dict[str, Any]]


def load(path: Path) -> Tree:
    """Reads a file.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is not JSON, or not COCO's keypoint format; says what it looks like.
    """
    data = _bytes(path)
    try:
        return msgspec.json.decode(data, type=Tree)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass  # NaN, another encoding, or no such file: Python's reader tells which
    try:
        tree = json.loads(data)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(
            f"{path} is not JSON ({error}): if it was cut short, fetch or export it again"
        ) from error
    try:
        return msgspec.convert(
            {key: tree[key] for key in ("images", "annotations", "categories")}, _Loose
        )  # type: ignore[return-value]  # the same fields, with entries that are decoded
    except (msgspec.ValidationError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not COCO's keypoint format: {_resemblance(tree)}") from error


class _Loose(msgspec.Struct):
    images: list[Any]
    annotations: list[Any]
    categories: list[dict[str, Any]]


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f"no annotation file {path}")
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                name
                for name in archive.namelist()
                if name.endswith(".json") and not Path(name).name.startswith("._")
            ]
            if len(members) != 1:
                raise ValueError(f"{path} must hold one .json, found {members}: unpack it")
            files.check_member(archive.getinfo(members[0]), path)
            return archive.read(members[0])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ValueError(f"{path} is no sound zip ({error}): fetch it again") from error


def _resemblance(tree: Any) -> str:
    """What a file that is not COCO's looks like, and what to do with it."""
    first = tree[0] if isinstance(tree, list) and tree else None
    if isinstance(first, dict) and {"joints", "center"} <= set(first):
        return "it looks like HRNet's MPII format; use --dataset=mpii"
    if isinstance(first, dict) and "score" in first:
        return "it looks like detections or results; give the annotation file"
    found = sorted(tree)[:8] if isinstance(tree, dict) else type(tree).__name__
    return (
        f"it needs the lists 'images', 'annotations' and 'categories', found {found}; export it "
        "from your labelling tool as 'COCO keypoints'"
    )
