"""A prepared set as two files that are read without TensorFlow, to be sent to another machine.

DIR/pictures.bin   the encoded pictures, one after the other
DIR/scenes.npz     where each lies, its name, origin and labels
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..canvases.scenes import Scene, Scenes
from ..data.picture_files import Pictures

PICTURES, SCENES = "pictures.bin", "scenes.npz"


def write(scenes: tuple[Scene, ...], folder: str | os.PathLike[str]) -> Path:
    """Writes labelled scenes of a prepared set.

    Raises:
      ValueError: a scene is of no prepared set, or unlabelled.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    starts = [0]
    with (folder / PICTURES).open("wb") as file:
        for scene in scenes:
            if scene.place is None or scene.keypoints is None or scene.boxes is None:
                raise ValueError(f"{scene.name} is no labelled picture of a prepared set")
            path, start, length = scene.place
            with path.open("rb") as source:
                source.seek(start)
                file.write(source.read(length))
            starts.append(starts[-1] + length)
    labels = [(scene.keypoints, scene.boxes) for scene in scenes]
    np.savez_compressed(
        folder / SCENES,
        starts=np.array(starts),
        names=np.array([scene.name for scene in scenes]),
        origins=np.array([scene.origin for scene in scenes]),
        people=np.array([len(keypoints) for keypoints, _ in labels if keypoints is not None]),
        keypoints=np.concatenate([keypoints for keypoints, _ in labels if keypoints is not None]),
        boxes=np.concatenate([boxes for _, boxes in labels if boxes is not None]),
    )
    return folder


def read(folder: str | os.PathLike[str]) -> Scenes:
    """The scenes of a folder that `write` made.

    Raises:
      FileNotFoundError: a file is missing.
      ValueError: the pictures were cut short.
    """
    folder = Path(folder)
    with np.load(folder / SCENES) as file:
        stored = dict(file)
    starts = stored["starts"].tolist()
    pictures = folder / PICTURES
    if pictures.stat().st_size != starts[-1]:
        raise ValueError(
            f"{pictures} has {pictures.stat().st_size} bytes, not {starts[-1]}: send it again, or "
            "write it anew with tfpose pack-scenes"
        )
    ends = np.cumsum(stored["people"])
    keypoints, boxes = (np.split(stored[name], ends[:-1]) for name in ("keypoints", "boxes"))
    scenes = tuple(
        Scene(
            name=str(stored["names"][index]),
            origin=str(stored["origins"][index]),
            keypoints=keypoints[index],
            boxes=boxes[index],
            place=(pictures, starts[index], starts[index + 1] - starts[index]),
        )
        for index in range(len(ends))
    )
    return Scenes(scenes=scenes, files=Pictures(()))
