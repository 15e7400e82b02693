"""Shows people: drawn on their picture, in a file, a notebook or a window."""

import csv
import io
import json
import os
import sys
from pathlib import Path
from typing import Any, TypeAlias

import cv2

from .. import files, pictures
from ..arrays import UInt8
from ..poses import Poses
from . import draw, results
from .window import Window

PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
WAIT = 0.03  # seconds between two looks at a window's keys

Picture: TypeAlias = UInt8 | str | os.PathLike[str]


def plot(poses: Poses, picture: Picture, **options: Any) -> UInt8:
    """As `Poses.plot`."""
    return draw.skeletons(_read(picture), poses, **options)


def save(
    poses: Poses, path: str | os.PathLike[str], picture: Picture | None = None, **options: Any
) -> Path:
    """As `Poses.save`."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".json":
        files.write(path, json.dumps(poses.to_dict(), ensure_ascii=False, indent=1) + "\n")
    elif suffix == ".csv":
        files.write(path, _csv(poses))
    elif suffix not in PICTURES:
        kinds = ", ".join((".json", ".csv", *PICTURES))
        raise ValueError(f"{path}: people are saved as {kinds}, by the suffix")
    elif picture is None:
        raise ValueError(
            f'{path} is a drawing: give the picture, too, as in poses.save("{path}", "photo.jpg")'
        )
    else:
        results.write_picture(path, plot(poses, picture, **options))
    return path


def show(poses: Poses, picture: Picture, **options: Any) -> None:
    """As `Poses.show`."""
    drawn = plot(poses, picture, **options)
    if "ipykernel" in sys.modules:
        from IPython.display import Image, display

        encoded = cv2.imencode(".png", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))[1]
        display(Image(data=encoded.tobytes()))
        return
    window = Window("tfpose: q closes")
    try:
        while window.show(drawn):
            cv2.waitKey(round(1000 * WAIT))
    finally:
        window.close()


def _read(picture: Picture) -> UInt8:
    return pictures.read(picture) if isinstance(picture, str | os.PathLike) else picture


def _csv(poses: Poses) -> str:
    """A line a person, under a line of names that is there without people, too."""
    text = io.StringIO()
    keypoints = [
        f"{name}_{part}" for name in poses.skeleton.keypoints for part in ["x", "y", "score"]
    ]
    writer = csv.DictWriter(text, ["person", "identity", "score", *keypoints], lineterminator="\n")
    writer.writeheader()
    writer.writerows(poses.to_rows())
    return text.getvalue()
