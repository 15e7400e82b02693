"""A little set of painted people, and networks without weights that see them perfectly.

The left half of a picture (bottom-up) or of a person's box (top-down) has the level of its number,
the right half is dark: so a network can tell by two pixels which it looks at, and whether it is
mirrored, and draws the maps that a perfect one would answer.
"""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from estimator import geometry, skeletons
from estimator.decoders import heatmap, paf
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import PoseSpec
from tfpose.evaluation.network import Network

HEIGHT, WIDTH = 120, 168
COCO = skeletons.get("coco17")
FLIP = list(COCO.flip_order)
BOXES = ((10.0, 20.0, 48.0, 80.0), (100.0, 8.0, 54.0, 100.0))  # of the two people of a picture
AREA = 2000.0
LEVEL, DARK = 40, 10  # number n has the level 40 + 20 n
TOP_DOWN = PoseSpec(
    model="painted_top_down",
    skeleton=COCO,
    image=ImageSpec(height=128, width=96, fit="crop"),
    outputs=OutputSpec(stride=4, background=False, pafs=False, sigma=8),
    decoder=heatmap.Parameters(),
)
BOTTOM_UP = PoseSpec(
    model="painted_bottom_up",
    skeleton=COCO,
    image=ImageSpec(height=240, width=336, flexible=True),
    outputs=OutputSpec(stride=8, background=False, sigma=12),
    decoder=paf.Parameters(),
)


def keypoints() -> np.ndarray:
    """(2, 17, 2) of both people, whole pixels, the same in every picture."""
    grid = np.stack(np.meshgrid(np.arange(4), np.arange(5)), axis=-1).reshape(-1, 2)[:17]
    left, top, width, height = np.array(BOXES).T[:, :, None]
    x, y = left + (grid[:, 0] + 0.5) * width / 4, top + (grid[:, 1] + 0.5) * height / 5
    return np.round(np.stack([x, y], axis=2))


def tree(count: int = 3) -> dict[str, object]:
    """COCO annotations of `count` pictures, ids 5, 6, ..., two people each."""
    annotations = [
        {
            "id": 2 * index + number + 1,
            "image_id": index + 5,
            "category_id": 1,
            "keypoints": np.insert(points, 2, 2, axis=1).ravel().tolist(),
            "num_keypoints": 17,
            "bbox": list(BOXES[number]),
            "area": AREA,
            "iscrowd": 0,
        }
        for index in range(count)
        for number, points in enumerate(keypoints())
    ]
    return {
        "images": [
            {"id": i + 5, "file_name": f"{i}.png", "height": HEIGHT, "width": WIDTH}
            for i in range(count)
        ],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO.keypoints)}],
    }


def write(folder: Path, *, top_down: bool = False, count: int = 3) -> tuple[Path, Path]:
    """Writes annotations and a zip of the pictures; returns both paths."""
    truth, images = folder / "truth.json", folder / "images.zip"
    truth.write_text(json.dumps(tree(count)))
    with zipfile.ZipFile(images, "w") as archive:
        for index in range(count):
            data = cv2.imencode(".png", paint(index, top_down))[1].tobytes()
            archive.writestr(f"all/{index}.png", data)
    return truth, images


def paint(index: int, top_down: bool) -> np.ndarray:
    picture = np.full((HEIGHT, WIDTH, 3), DARK, np.uint8)
    if not top_down:
        picture[:, : WIDTH // 2] = LEVEL + 20 * index
    for number, (left, top, width, height) in enumerate(np.array(BOXES, int) if top_down else ()):
        picture[top : top + height, left : left + width // 2] = LEVEL + 20 * number
    return picture


@dataclass(frozen=True, kw_only=True)
class Painted:
    """A runner. `shift` moves every answer right, pixels of the picture; `blind` sees nobody."""

    spec: PoseSpec
    shift: float = 0.0
    blind: bool = False

    def __call__(self, image: np.ndarray) -> dict[str, np.ndarray]:
        answers = [self._answer(one) for one in image]
        return {name: np.stack([answer[name] for answer in answers]) for name in answers[0]}

    def _answer(self, image: np.ndarray) -> dict[str, np.ndarray]:
        height, width = image.shape[:2]
        near, far = image[height // 2, [int(0.45 * width), int(0.55 * width)], 0].astype(int)
        number = round((max(near, far) - LEVEL) / 20)
        people = keypoints() + np.array([self.shift, 0])
        if self.spec.image.fit == "crop":
            matrix = geometry.crop_matrix(BOXES_OURS[number], height, width, padding=1.25)
            people = people[[number]]
        else:
            matrix = geometry.letterbox(HEIGHT, WIDTH, height, width).matrix
        people = geometry.transform(matrix, people)
        if far > near:  # mirrored
            people = (people * (-1, 1) + (width - 1, 0))[:, FLIP]
        return self._maps(geometry.input_to_map(people, self.spec.outputs.stride), height, width)

    def _maps(self, people: np.ndarray, height: int, width: int) -> dict[str, np.ndarray]:
        stride = self.spec.outputs.stride
        rows, columns = np.mgrid[: height // stride, : width // stride].astype(np.float32)
        cells = np.stack([columns, rows], axis=-1)[:, :, None, None]  # (h, w, 1, 1, 2)
        squared = np.square(cells - people).sum(axis=-1)  # (h, w, P, 17)
        heat = np.exp(-squared / (2 * (self.spec.outputs.sigma / stride) ** 2)).max(axis=2)
        maps = {"heatmaps": (heat * (not self.blind)).astype(np.float32)}
        if self.spec.outputs.pafs:
            start, end = np.array(COCO.limbs).T
            along = people[:, end] - people[:, start]  # (P, L, 2)
            length = np.linalg.norm(along, axis=-1, keepdims=True)
            unit = along / length
            offset = cells - people[:, start]  # (h, w, P, L, 2)
            ahead = (offset * unit).sum(axis=-1)
            aside = np.abs(offset[..., 0] * unit[..., 1] - offset[..., 1] * unit[..., 0])
            on = (aside < 1) & (ahead > -1) & (ahead < length[..., 0] + 1)  # (h, w, P, L)
            fields = (on[..., None] * unit).sum(axis=2)  # (h, w, L, 2)
            maps["pafs"] = fields.reshape(*fields.shape[:2], -1).astype(np.float32)
        return maps


BOXES_OURS = [(left - 0.5, top - 0.5, width, height) for left, top, width, height in BOXES]


def network(spec: PoseSpec, *, shift: float = 0.0, blind: bool = False) -> Network:
    runner = Painted(spec=spec, shift=shift, blind=blind)
    return Network(name=spec.model, spec=spec, runner=runner, batches=True)
