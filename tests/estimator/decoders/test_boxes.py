"""A detector gives boxes; the second look reads the people in them."""

from dataclasses import replace

import numpy as np
import pytest

from estimator import PoseEstimator, pictures, skeletons
from estimator.arrays import Float, UInt8
from estimator.decoders import boxes
from estimator.inputs.averaging import Averaging
from estimator.layout import BOXES, ImageSpec, OutputSpec
from estimator.second_look.options import Options
from estimator.spec import PoseSpec
from tests.conftest import ROOT

DETECTOR = PoseSpec(
    model="mine",
    skeleton=skeletons.get("openpose18"),
    image=ImageSpec(height=256, width=320, multiple=32, flexible=True),
    outputs=OutputSpec(stride=16, background=False, pafs=False, boxes=16),
    decoder=boxes.Parameters(min_box=0.5),
)
SAMPLE = ROOT / "estimator" / "pictures" / "sample.jpg"


class Everything:
    """A runner that sees one person, who fills the picture, with the given score."""

    def __init__(self, score: float) -> None:
        self._logit = np.log(score / (1 - score))

    def __call__(self, image: UInt8) -> dict[str, Float]:
        rows, columns = (length // 16 for length in image.shape[1:3])
        cells = np.full((len(image), rows, columns, 5), -9, np.float32)
        middle = (columns / 2, rows / 2, columns / 2, rows / 2)  # left, top, right, bottom
        both = slice(columns // 2 - 1, columns // 2 + 1)  # mirrored, they change places
        cells[:, rows // 2, both] = [self._logit, *np.sqrt(middle)]
        return {BOXES: cells}


class TwoHalves(Everything):
    """A runner that sees a person in each half of the picture."""

    def __call__(self, image: UInt8) -> dict[str, Float]:
        rows, columns = (length // 16 for length in image.shape[1:3])
        cells = np.full((len(image), rows, columns, 5), -9, np.float32)
        half = (columns / 4, rows / 2, columns / 4, rows / 2)
        cells[:, rows // 2, [columns // 4, 3 * columns // 4]] = [self._logit, *np.sqrt(half)]
        return {BOXES: cells}


def test_the_map_of_boxes_is_the_only_output() -> None:
    assert DETECTOR.answers == "boxes"
    assert DETECTOR.shapes(128, 64) == {BOXES: (8, 4, 5)}
    assert PoseSpec.from_json(DETECTOR.to_json()) == DETECTOR
    assert len(DETECTOR.decode({BOXES: np.zeros((8, 4, 5), np.float32)})) == 0
    with pytest.raises(ValueError, match="the map of boxes"):
        DETECTOR.decode({BOXES: np.zeros((8, 4, 4), np.float32)})


def test_the_second_look_reads_whom_the_detector_sees() -> None:
    picture = pictures.read(SAMPLE)
    estimator = PoseEstimator(DETECTOR, runner=Everything(0.9), threads=1)
    (score,) = estimator(picture).person_score
    assert score > 0.2
    found = estimator(picture).found[0]
    names = [
        name for name, is_found in zip(DETECTOR.skeleton.keypoints, found, strict=True) if is_found
    ]
    assert {"nose", "left_shoulder", "right_shoulder"} <= set(names)
    mirrored = PoseEstimator(
        DETECTOR, runner=Everything(0.9), threads=1, averaging=Averaging(flip=True)
    )
    assert len(mirrored(picture)) == 1


def test_a_weak_box_is_nobody() -> None:
    estimator = PoseEstimator(DETECTOR, runner=Everything(0.4), threads=1)
    assert len(estimator(pictures.read(SAMPLE))) == 0


def test_a_crowd_is_read_by_the_bottom_up_network() -> None:
    """One box more than may be read, and tfpose_s answers; without it, the best are read."""
    picture = pictures.read(SAMPLE)
    crowd = Options(people=1)
    rows = PoseEstimator(DETECTOR, runner=TwoHalves(0.9), threads=1, second_look=crowd)(picture)
    whole = PoseEstimator("tfpose_s", threads=1, second_look=crowd)(picture)
    np.testing.assert_array_equal(rows.xy, whole.xy)
    best = PoseEstimator(
        DETECTOR, runner=TwoHalves(0.9), threads=1, second_look=replace(crowd, crowd="")
    )
    assert len(best(picture)) <= 1
    few = PoseEstimator(
        DETECTOR, runner=TwoHalves(0.9), threads=1, second_look=replace(crowd, people=2)
    )
    assert few(picture).xy.tolist() != whole.xy.tolist()


def test_a_detector_without_a_second_look_is_refused() -> None:
    with pytest.raises(ValueError, match="gives people's boxes and no keypoints"):
        PoseEstimator(DETECTOR, runner=Everything(0.9), second_look="off")


def test_specs_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"needs outputs\.boxes"):
        replace(DETECTOR, outputs=replace(DETECTOR.outputs, boxes=0))
    for value in (0.0, 1.5):
        with pytest.raises(ValueError, match="min_box must be above 0 and at most 1"):
            boxes.Parameters(min_box=value)
