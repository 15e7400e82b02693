"""Ultralytics' YOLO-pose: data.yaml, and a text file of shares beside each picture.

A line is `class x y width height` (the box, by its centre) and x, y and perhaps a flag of every
keypoint, all as shares of the picture (docs.ultralytics.com/datasets/pose). `kpt_shape` is
[keypoints, 2 or 3], `flip_idx` the mirrored order, `kpt_names` (newer files) their names. The text
file of images/train/7.jpg is labels/train/7.txt.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from estimator import pictures as readable
from estimator.pictures import header

from ..picture_files import Pictures

WANTED = "give the data.yaml with kpt_shape, or the folder that holds it"
HEADS = ("data.yaml", "data.yml", "dataset.yaml")


def detect(path: Path) -> bool:
    """Whether it is a data.yaml, or a folder with one."""
    return _yaml(path) is not None


def tree(path: Path, split: str, pictures: Pictures | None) -> dict[str, Any]:
    """The COCO tree of one split.

    Raises:
      ValueError: data.yaml lacks something, or a line has another number of values; names it.
    """
    head = _yaml(path)
    assert head is not None
    data = _read_head(head)
    count, values = _shape(head, data)
    root = head.parent / str(data.get("path") or "")
    root = root if root.is_dir() else head.parent
    folders = _folders(head, data, split, root)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for picture, name in _pictures(folders, root):
        image_id = len(images) + 1
        upright = header.read(picture.read_bytes()).upright
        if not all(upright):
            decoded = readable.read(picture)
            upright = (decoded.shape[0], decoded.shape[1])
        size = {"height": upright[0], "width": upright[1]}
        images.append({"id": image_id, "file_name": name, **size})
        for entry in _people(_labels_of(picture), count, values, size):
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, **entry})
    return {
        "images": images,
        "annotations": annotations,
        "categories": _categories(data, count),
    }


def _yaml(path: Path) -> Path | None:
    if path.is_dir():
        return next((path / name for name in HEADS if (path / name).is_file()), None)
    return path if path.suffix in (".yaml", ".yml") and path.is_file() else None


def _read_head(head: Path) -> dict[str, Any]:
    import yaml  # only this format needs it

    try:
        data = yaml.safe_load(head.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{head} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise ValueError(f"{head} must hold names and values, as data.yaml of Ultralytics does")
    return data


def _shape(head: Path, data: dict[str, Any]) -> tuple[int, int]:
    shape = data.get("kpt_shape")
    sound = isinstance(shape, list) and len(shape) == 2 and all(isinstance(s, int) for s in shape)
    if not sound or shape[0] < 1 or shape[1] not in (2, 3):  # type: ignore[index]
        raise ValueError(
            f"{head} needs kpt_shape: [number of keypoints, 2 or 3], found {shape}: is it a data "
            "set of poses?"
        )
    return shape[0], shape[1]  # type: ignore[index]


def _folders(head: Path, data: dict[str, Any], split: str, root: Path) -> list[Path]:
    given = data.get(split) or (data.get("valid") if split == "val" else None)
    if not given:
        there = ", ".join(name for name in ("train", "val", "valid", "test") if data.get(name))
        raise ValueError(f"{head} has no split {split!r}, only {there or 'none'}")
    folders = []
    for name in given if isinstance(given, list) else [given]:
        tried = [root / str(name), head.parent / str(name), head.parent / str(name).lstrip("./")]
        found = next((path for path in tried if path.exists()), None)
        if found is None:
            raise FileNotFoundError(f"{head} says {split}: {name}, which is not at {tried[0]}")
        folders.append(found)
    return folders


def _pictures(folders: list[Path], root: Path) -> Iterator[tuple[Path, str]]:
    """The pictures of folders, or of text files that list them, and their names."""
    for folder in folders:
        if folder.is_dir():
            found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in readable.SUFFIXES)
        else:
            lines = folder.read_text(encoding="utf-8").split("\n")
            found = [folder.parent / line.strip() for line in lines if line.strip()]
        for picture in found:
            if readable.is_of_the_system(picture):
                continue
            if not picture.is_file():
                raise FileNotFoundError(f"{folder} lists {picture}, which is not there")
            inside = picture.resolve().is_relative_to(root.resolve())
            name = picture.resolve().relative_to(root.resolve()) if inside else picture
            yield picture, name.as_posix()


def _labels_of(picture: Path) -> Path:
    """The text file of a picture: the last folder `images` on its path becomes `labels`."""
    parts = list(picture.parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == "images":
            parts[place] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def _people(
    labels: Path, count: int, values: int, size: dict[str, int]
) -> Iterator[dict[str, Any]]:
    if not labels.is_file():
        return  # a picture without people
    height, width = size["height"], size["width"]
    for number, line in enumerate(labels.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            kind, *shares = map(float, line.split())
        except ValueError as error:
            raise ValueError(f"{labels}, line {number}: {error}: it must be numbers") from error
        if len(shares) != 4 + count * values:
            raise ValueError(
                f"{labels}, line {number} has {1 + len(shares)} numbers; a class, a box and "
                f"{count} keypoints of {values} values are {5 + count * values}"
            )
        x, y, wide, high = shares[:4]
        keypoints: list[float] = []
        for start in range(4, len(shares), values):
            left, top = shares[start] * width, shares[start + 1] * height
            flag = shares[start + 2] if values == 3 else 2.0 * bool(left or top)
            keypoints += [left, top, flag] if flag else [0, 0, 0]
        yield {
            "category_id": int(kind),
            "iscrowd": 0,
            "keypoints": keypoints,
            "bbox": [(x - wide / 2) * width, (y - high / 2) * height, wide * width, high * height],
        }


def _categories(data: dict[str, Any], count: int) -> list[dict[str, Any]]:
    names = data.get("names") or {0: "person"}
    pairs = names.items() if isinstance(names, dict) else enumerate(names)
    keypoints = data.get("kpt_names") or data.get("keypoints") or {}
    found = []
    for number, name in pairs:
        own = keypoints.get(number) if isinstance(keypoints, dict) else keypoints
        known = list(map(str, own)) if isinstance(own, list) and len(own) == count else []
        flip = data.get("flip_idx")
        found.append({"id": int(number), "name": str(name), "keypoints": known, "flip_idx": flip})
    return found
