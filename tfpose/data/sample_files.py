"""Sample files, made on the spot: pictures, a short film and small annotated sets.

The one photograph is the package's own, `estimator.pictures.SAMPLE` (NASA's portrait of Eileen
Collins, public domain); its keypoints are labelled by hand. The stick figures are drawn.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from estimator import files, pictures, skeletons
from estimator.arrays import Float, UInt8
from estimator.outputs import results
from estimator.outputs.video_writer import VideoWriter

from . import sample_bodies

KINDS = ("photo", "film", "people", "toy", "bodies")
# x, y and COCO's visibility in the photograph, pixels; 1 is hidden.
LABELS: Mapping[str, tuple[float, float, int]] = {
    "nose": (223, 122, 2),
    "left_eye": (247, 103, 2),
    "right_eye": (203, 102, 2),
    "left_ear": (276, 115, 1),
    "right_ear": (173, 114, 1),
    "left_shoulder": (322, 264, 2),
    "right_shoulder": (95, 261, 2),
    "right_elbow": (71, 413, 2),
}
FIGURE = ("head", "left_hand", "right_hand", "left_foot", "right_foot")
FIGURE_SKELETON: Mapping[str, Any] = {
    "name": "toy5",
    "keypoints": list(FIGURE),
    "limbs": [["head", hand] for hand in FIGURE[1:]],
    "flip_pairs": [["left_hand", "right_hand"], ["left_foot", "right_foot"]],
    "sigmas": [0.05, 0.07, 0.07, 0.09, 0.09],
}
FRAMES, RATE = 24, 12.0  # of the film; frames per second


def make(kind: str, folder: Path) -> list[Path]:
    """Writes one kind of sample files into a folder.

    Args:
      kind: "photo": photo.jpg. "film": walk.mp4, in which the camera moves over the photograph.
        "people": pictures/, train.json and val.json: the photograph turned, mirrored and moved,
        with COCO's 17 keypoints. "toy": stick figures with five keypoints, and skeleton.json.
        "bodies": drawn people with halpe26's 26 keypoints, and boxes.json, as a detector would find
        those of val.json.
      folder: made if it is not there; files in it are replaced.

    Returns:
      What was written: files, and folders of pictures.

    Raises:
      OSError: the folder cannot be written.
      ValueError: there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"no sample {kind!r}; there are {', '.join(KINDS)}")
    files.make_folder(folder)
    makers = {"photo": _photo, "film": _film, "people": _people, "toy": _toy, "bodies": _bodies}
    return makers[kind](folder)


def _photo(folder: Path) -> list[Path]:
    files.write(folder / "photo.jpg", pictures.SAMPLE.read_bytes())
    return [folder / "photo.jpg"]


def _film(folder: Path) -> list[Path]:
    photo = pictures.read(pictures.SAMPLE)
    with VideoWriter(folder / "walk.mp4", rate=RATE) as film:
        for frame in range(FRAMES):
            left, top = 40 + 2 * frame, 10 + frame
            film.write(
                np.ascontiguousarray(photo[top : top + 360, left : left + 400]), frame / RATE
            )
    return [folder / "walk.mp4"]


def _people(folder: Path) -> list[Path]:
    photo = pictures.read(pictures.SAMPLE)
    skeleton = skeletons.get("coco17")
    points = np.zeros((len(skeleton.keypoints), 3), np.float32)
    for name, label in LABELS.items():
        points[skeleton.keypoints.index(name)] = label
    files.make_folder(folder / "pictures")
    written = [folder / "pictures"]
    draw = random.Random(3)
    for split, numbers in (("train", range(12)), ("val", range(12, 20))):
        rows = []
        for number in numbers:
            picture, moved = _moved(photo, points, skeleton.flip_order, draw)
            results.write_picture(folder / "pictures" / f"{number:02d}.jpg", picture)
            rows.append((f"{number:02d}.jpg", picture.shape, moved))
        written.append(_write_coco(folder / f"{split}.json", "person", skeleton.keypoints, rows))
    return written


def _moved(
    photo: UInt8, points: Float, flip_order: Sequence[int], draw: random.Random
) -> tuple[UInt8, Float]:
    """The photograph turned, scaled and perhaps mirrored, on 384x480 pixels, with its keypoints."""
    height, width = 384, 480
    if draw.random() < 0.5:
        points = points[list(flip_order)] * (-1, 1, 1) + (photo.shape[1] - 1, 0, 0)
        points = np.where(points[:, 2:] > 0, points, 0)
        photo = np.ascontiguousarray(photo[:, ::-1])
    size = photo.shape[1], photo.shape[0]
    matrix = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), draw.uniform(-12, 12), 1.0)
    factor = draw.uniform(0.55, 0.75)
    matrix = factor * matrix
    matrix[:, 2] += (
        draw.uniform(0, width - factor * size[0]),
        draw.uniform(0, max(1.0, height - factor * size[1])),
    )
    moved = cv2.warpAffine(
        photo, matrix, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    xy = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    inside = (points[:, 2] > 0) & ((xy >= 0) & (xy < (width, height))).all(axis=1)
    labelled = np.concatenate([xy, points[:, 2:]], axis=1) * inside[:, np.newaxis]
    return np.asarray(moved, np.uint8), labelled.astype(np.float32)


def _toy(folder: Path) -> list[Path]:
    written = _drawn(folder, _figure, "figure", FIGURE, train=160, val=40)
    files.write(folder / "skeleton.json", json.dumps(FIGURE_SKELETON, indent=1) + "\n")
    return [*written, folder / "skeleton.json"]


def _bodies(folder: Path) -> list[Path]:
    keypoints = sample_bodies.SKELETON.keypoints
    written = _drawn(folder, sample_bodies.body, "person", keypoints, train=400, val=80)
    tree = files.read_json(written[-1])
    names = {image["id"]: image["file_name"] for image in tree["images"]}
    boxes = [
        {"image_id": names[one["image_id"]], "category_id": 1, "bbox": one["bbox"], "score": 1.0}
        for one in tree["annotations"]
    ]
    files.write(folder / "boxes.json", json.dumps(boxes).encode())
    return [*written, folder / "boxes.json"]


def _drawn(
    folder: Path,
    make_one: Callable[[random.Random], tuple[UInt8, Float]],
    category: str,
    keypoints: Sequence[str],
    *,
    train: int,
    val: int,
) -> list[Path]:
    """Writes two splits of drawn pictures of one person each."""
    files.make_folder(folder / "pictures")
    written = [folder / "pictures"]
    draw = random.Random(1)
    for split, numbers in (("train", range(train)), ("val", range(train, train + val))):
        rows = []
        for number in numbers:
            picture, points = make_one(draw)
            results.write_picture(folder / "pictures" / f"{number:04d}.jpg", picture)
            rows.append((f"{number:04d}.jpg", picture.shape, points))
        written.append(_write_coco(folder / f"{split}.json", category, keypoints, rows))
    return written


def _figure(draw: random.Random) -> tuple[UInt8, Float]:
    """A stick figure, (240, 320, 3) RGB, and its keypoints (5, 3)."""
    picture = np.full((240, 320, 3), draw.randrange(90, 200), np.uint8)
    x, y, size = draw.uniform(80, 240), draw.uniform(40, 80), draw.uniform(60, 140)
    offsets = ((0, 0), (0.4, 0.4), (-0.4, 0.4), (0.2, 1), (-0.2, 1))
    points = [
        (x + size * (dx + draw.uniform(-0.1, 0.1)), y + size * (dy + draw.uniform(-0.1, 0.1)))
        for dx, dy in offsets
    ]
    hip = (x, y + 0.6 * size)
    lines = [(points[0], hip), *((points[0], hand) for hand in points[1:3])]
    for start, end in (*lines, *((hip, foot) for foot in points[3:])):
        cv2.line(picture, _pixel(start), _pixel(end), (40, 40, 40), 4)
    cv2.circle(picture, _pixel(points[0]), round(size / 8), (200, 120, 60), -1)
    return picture, np.array([(*point, 2) for point in points], np.float32)


def _pixel(point: tuple[float, float]) -> tuple[int, int]:
    return round(point[0]), round(point[1])


def _write_coco(
    path: Path,
    category: str,
    keypoints: Sequence[str],
    rows: Sequence[tuple[str, tuple[int, ...], Float]],
) -> Path:
    """Writes pictures of one person each, (file's name, shape, keypoints), in COCO's format."""
    images, annotations = [], []
    for number, (name, shape, points) in enumerate(rows, 1):
        seen = points[points[:, 2] > 0, :2]
        low, high = seen.min(axis=0) - 10, seen.max(axis=0) + 10
        images.append({"id": number, "file_name": name, "height": shape[0], "width": shape[1]})
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "iscrowd": 0,
                "keypoints": [round(float(value), 2) for value in points.ravel()],
                "num_keypoints": len(seen),
                "bbox": [round(float(value), 2) for value in (*low, *(high - low))],
                "area": round(float(np.prod(high - low)), 2),
            }
        )
    kind = {"id": 1, "name": category, "keypoints": list(keypoints)}
    tree = {"images": images, "annotations": annotations, "categories": [kind]}
    files.write(path, json.dumps(tree))
    return path
