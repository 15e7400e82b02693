"""All eight Exif orientations, in every path that pictures and labels take."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tensorflow as tf

from estimator import pictures, skeleton_file, skeletons
from estimator.arrays import UInt8
from tests.tfpose import toy_data
from tfpose.canvases import scenes
from tfpose.data import annotations, ignore_regions, pose_set
from tfpose.data.picture_files import Pictures
from tfpose.evaluation import annotations as truth
from tfpose.evaluation.picture_reader import PictureReader
from tfpose.pipeline import decoding

SKELETON = skeleton_file.from_tree(toy_data.SKELETON)
HEIGHT, WIDTH = 60, 84  # upright
HEAD, HAND = (50, 20), (70, 40)  # x, y upright; the hand is the left one
SQUARE = (4, 8, 12, 16)  # x, y, width, height of a crowd, upright
ALL = range(1, 9)
SWAPPED = range(5, 9)
BACK = {6: 8, 8: 6}  # the orientation that undoes another; the rest undo themselves


def upright() -> UInt8:
    """Grey, white at the head, black at the left hand."""
    picture = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    cv2.circle(picture, HEAD, 3, (255, 255, 255), -1)
    cv2.circle(picture, HAND, 3, (0, 0, 0), -1)
    return picture


def stored(orientation: int) -> UInt8:
    return pictures.turn(upright(), BACK.get(orientation, orientation))


def file(orientation: int) -> bytes:
    """A JPEG as a camera writes it."""
    encoded = bytes(cv2.imencode(".jpg", stored(orientation), [cv2.IMWRITE_JPEG_QUALITY, 97])[1])
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0%c\0\0\0\0\0\0" % orientation
    return encoded[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + encoded[2:]


def place(picture: UInt8, *, light: bool) -> tuple[int, int]:
    """x, y of the white or the black dot."""
    grey = cv2.GaussianBlur(picture[..., 0], (5, 5), 0)
    _, _, darkest, brightest = cv2.minMaxLoc(grey)
    return tuple(brightest if light else darkest)


def tree(orientation: int, *, of_stored: bool, sizes: bool = True) -> dict[str, Any]:
    """Labels that someone made who sees the stored picture, or the upright one.

    In a mirror image the left hand looks like a right one, and is labelled so.
    """
    picture = stored(orientation) if of_stored else upright()
    mirrored = of_stored and orientation in (2, 4, 5, 7)
    head, hand = place(picture, light=True), place(picture, light=False)
    hands = [0, 0, 0, *hand, 2] if mirrored else [*hand, 2, 0, 0, 0]
    left, top, width, height = SQUARE
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[top : top + height, left : left + width] = 1
    if of_stored:
        mask = pictures.turn(mask, BACK.get(orientation, orientation))
    rows, columns = np.nonzero(mask)
    x, y, x2, y2 = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    polygon = [[int(v) for v in (x, y, x2, y, x2, y2, x, y2)]]
    counts = np.diff(np.flatnonzero(np.diff(mask.T.ravel(), prepend=2, append=2)))
    runs = {"size": list(mask.shape), "counts": [int(c) for c in counts]}
    said = {"height": picture.shape[0], "width": picture.shape[1]} if sizes else {}
    crowd = {"iscrowd": 1, "keypoints": [0] * 15, "bbox": None, "area": None}
    return {
        "categories": [{"id": 1, "name": "person", "keypoints": toy_data.KEYPOINTS}],
        "images": [{"id": 1, "file_name": "1.jpg", **said}],
        "annotations": [
            toy_data.annotation(1, 1, keypoints=[*head, 2, *hands, *[0] * 6], bbox=None, area=100),
            toy_data.annotation(2, 1, segmentation=polygon, **crowd),
            toy_data.annotation(3, 1, segmentation=runs, **crowd),
        ],
    }


def write(folder: Path, orientation: int, labels: dict[str, Any]) -> Path:
    (folder / "1.jpg").write_bytes(file(orientation))
    path = folder / "labels.json"
    path.write_text(json.dumps(labels))
    return path


def near(found: Sequence[float], wanted: tuple[int, int]) -> bool:
    return bool(np.abs(np.subtract(found, wanted)).max() <= 1)


@pytest.mark.parametrize("of_stored", [True, False])
@pytest.mark.parametrize("orientation", ALL)
def test_training_and_evaluation_see_the_same(
    tmp_path: Path, orientation: int, of_stored: bool
) -> None:
    path = write(tmp_path, orientation, tree(orientation, of_stored=of_stored))
    if orientation in (2, 3, 4):  # the sizes are the same either way
        with pytest.raises(ValueError, match=f"EXIF orientation {orientation}.*auto-orient"):
            pose_set.check("train", annotations.pose_set(path, [tmp_path], SKELETON))
        with pytest.raises(ValueError, match=f"EXIF orientation {orientation}.*auto-orient"):
            truth.read(path, skeleton=SKELETON).upright(Pictures([tmp_path]))
        return
    part = annotations.pose_set(path, [tmp_path], SKELETON)
    pose_set.check("train", part)
    (sample,) = part.samples
    record = part.record(sample)
    image, mask, readable = decoding.decode(
        tf.constant(record.image), tf.constant(record.ignore), tf.constant(0), HEIGHT, WIDTH
    )
    assert bool(readable)
    people = truth.read(path, skeleton=SKELETON).upright(Pictures([tmp_path]))
    ((_, picture),) = PictureReader(people, Pictures([tmp_path]), [1])
    for seen in (image.numpy(), picture):
        assert near(place(seen, light=True), HEAD)
        assert near(place(seen, light=False), HAND)
    for keypoints in (record.keypoints[0], people.people(1)[0].keypoints):
        assert near(keypoints[0, :2], HEAD)
        assert near(keypoints[1, :2], HAND)
        assert keypoints[2, 2] == 0
    left, top, width, height = SQUARE
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[top : top + height, left : left + width] = 255
    for region in sample.ignored:
        np.testing.assert_array_equal(ignore_regions.draw([region], HEIGHT, WIDTH), expected)
    assert mask.numpy().any()


@pytest.mark.parametrize("orientation", ALL)
def test_without_labels_every_path_is_upright(tmp_path: Path, orientation: int) -> None:
    (tmp_path / "1.jpg").write_bytes(file(orientation))
    part = pose_set.unlabelled([tmp_path], skeletons.get("coco17"))
    record = part.record(part.samples[0])
    (tmp_path / "shard").write_bytes(record.image)
    cached = scenes.Scene(name="1", origin="toy", place=(tmp_path / "shard", 0, len(record.image)))
    from_folder = scenes.gather(scenes.unlabelled(part.pictures), files=part.pictures)
    for seen in (
        pictures.read(record.image),
        pictures.read(tmp_path / "1.jpg"),
        scenes.gather([cached]).read(0),
        from_folder.read(0),
    ):
        assert seen.shape == (HEIGHT, WIDTH, 3)
        assert near(place(seen, light=True), HEAD)
        assert near(place(seen, light=False), HAND)


@pytest.mark.parametrize("orientation", SWAPPED)
def test_labels_that_contradict_their_sizes_are_refused(tmp_path: Path, orientation: int) -> None:
    labels = tree(orientation, of_stored=False)
    labels["images"][0] |= {"height": WIDTH, "width": HEIGHT}  # as Label Studio exports
    path = write(tmp_path, orientation, labels)
    with pytest.raises(ValueError, match="labels lie outside it"):
        pose_set.check("train", annotations.pose_set(path, [tmp_path], SKELETON))
    with pytest.raises(ValueError, match="labels lie outside it"):
        truth.read(path, skeleton=SKELETON).upright(Pictures([tmp_path]))


def test_without_sizes_nothing_tells(tmp_path: Path) -> None:
    path = write(tmp_path, 6, tree(6, of_stored=False, sizes=False))
    with pytest.raises(ValueError, match="no size is annotated"):
        pose_set.check("train", annotations.pose_set(path, [tmp_path], SKELETON))


def test_turning_twice_is_turning_once(tmp_path: Path) -> None:
    path = write(tmp_path, 6, tree(6, of_stored=True))
    once = truth.read(path, skeleton=SKELETON).upright(Pictures([tmp_path]))
    twice = once.upright(Pictures([tmp_path]))
    assert twice.tree() == once.tree()
