"""Pictures that were stretched to a square get the shape in which a person is surest."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from estimator import pictures, skeletons
from estimator.arrays import Float, UInt8
from estimator.poses import Poses
from tfpose.data.picture_files import Pictures
from tfpose.teacher.unstretching import reshaped, shape_of, unstretch

COCO = skeletons.get("coco17")
NO_BOXES = np.zeros((0, 5), np.float32)


def person(score: float) -> Poses:
    """One person with a score."""
    poses = Poses(
        skeleton=COCO,
        xy=np.ones((1, 17, 2), np.float32),
        score=np.ones((1, 17), np.float32),
        person_score=np.ones(1, np.float32),
    )
    return replace(poses, person_score=np.array([score], np.float32))


def surest_when_round(picture: UInt8) -> tuple[Poses, Float]:
    """A teacher that is the surer of the white blob, the rounder it is; nobody without one."""
    rows, columns = np.nonzero(picture[..., 0] > 128)
    if not len(rows):
        return person(0).select(np.zeros(0, np.int64)), NO_BOXES
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    return person(min(height, width) / max(height, width)), NO_BOXES


def disc(width: int, height: int) -> UInt8:
    """A white disc on black."""
    picture = np.zeros((height, width, 3), np.uint8)
    cv2.circle(picture, (width // 2, height // 2), 30, (255, 255, 255), -1)
    return picture


def squeezed(picture: UInt8, side: int = 120) -> UInt8:
    """The picture, stretched to a square."""
    return np.asarray(cv2.resize(picture, (side, side)))


@pytest.mark.parametrize("size", [(160, 120), (120, 160)])
def test_a_stretched_picture_gets_its_shape_back(size: tuple[int, int]) -> None:
    """Both shapes are found, and the area stays within a percent."""
    square = squeezed(disc(*size))
    shape = shape_of(square, surest_when_round)
    assert shape == size[0] / size[1]
    height, width = reshaped(square, shape).shape[:2]
    assert width / height == pytest.approx(shape, rel=0.02)
    assert width * height == pytest.approx(square.shape[0] ** 2, rel=0.01)


def test_a_picture_that_is_no_square_has_no_other_shape() -> None:
    """The teacher is not asked."""

    def never(_: UInt8) -> tuple[Poses, Float]:
        raise AssertionError

    assert shape_of(disc(160, 120), never) is None


def write(path: Path, picture: UInt8) -> bytes:
    """Writes a picture, and returns its bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)
    return path.read_bytes()


def test_a_folder_is_written_whole_and_can_be_gone_on_with(tmp_path: Path) -> None:
    """Squares with people change; all else keeps its bytes; a second run makes nothing again."""
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    write(theirs / "a" / "wide.png", squeezed(disc(160, 120)))
    nobody = write(theirs / "a" / "nobody.png", np.zeros((50, 50, 3), np.uint8))
    other = write(theirs / "other.jpg", disc(160, 120))
    (theirs / "bad.jpg").write_bytes(b"no picture")
    images = Pictures([theirs])
    count = unstretch(images, ours, surest_when_round)
    assert (count.unstretched, count.nobody, count.others, count.before) == (1, 1, 1, 0)
    assert count.unread == ("bad.jpg",)
    assert pictures.read((ours / "a" / "wide.png.jpg").read_bytes()).shape == (104, 139, 3)
    assert (ours / "a" / "nobody.png").read_bytes() == nobody
    assert (ours / "other.jpg").read_bytes() == other
    again = unstretch(images, ours, surest_when_round)
    assert (again.unstretched, again.before) == (0, 3)
