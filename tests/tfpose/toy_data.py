"""A data set small enough to draw: pictures of one colour, five keypoints, annotations by hand."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

KEYPOINTS = ["head", "left_hand", "right_hand", "left_foot", "right_foot"]
SKELETON = {
    "name": "toy5",
    "keypoints": KEYPOINTS,
    "limbs": [["head", "left_hand"], ["head", "right_hand"], [0, 3], [0, 4]],
    "flip_pairs": [["left_hand", "right_hand"], [3, 4]],
    "sigmas": [0.05, 0.06, 0.06, 0.09, 0.09],
}
PERSON = [30, 10, 2, 40, 20, 2, 20, 20, 1, 35, 50, 2, 0, 0, 0]  # no right foot
BOX = [15, 5, 30, 50]


def annotation(number: int, image: int, **changes: Any) -> dict[str, Any]:
    """A person in an image."""
    person = {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "iscrowd": 0,
        "keypoints": list(PERSON),
        "num_keypoints": 4,
        "bbox": BOX,
        "area": 800,
    }
    return person | changes


def tree(images: int) -> dict[str, Any]:
    """A COCO tree of so many pictures, one person each, 64 wide and 60 high."""
    numbers = range(1, images + 1)
    return {
        "categories": [{"id": 1, "name": "person", "keypoints": KEYPOINTS}],
        "images": [
            {"id": i, "file_name": f"{i:03d}.jpg", "height": 60, "width": 64} for i in numbers
        ],
        "annotations": [annotation(100 + i, i) for i in numbers],
    }


def picture(number: int, height: int = 60, width: int = 64) -> bytes:
    """A JPEG with a pattern of its own."""
    pattern = np.random.default_rng(number).integers(0, 256, (6, 6, 3), np.uint8)
    enlarged = cv2.resize(pattern, (width, height), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".jpg", enlarged)[1])


def write(folder: Path, images: int, **changes: Any) -> None:
    """Writes pictures/, toy.json and skeleton.json."""
    (folder / "pictures").mkdir(parents=True)
    for number in range(1, images + 1):
        (folder / "pictures" / f"{number:03d}.jpg").write_bytes(picture(number))
    (folder / "toy.json").write_text(json.dumps(tree(images) | changes))
    (folder / "skeleton.json").write_text(json.dumps(SKELETON))
