"""A detector gives boxes; the second look reads the people in them."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from estimator import PoseEstimator, pictures, skeletons
from estimator.arrays import Float, UInt8
from estimator.decoders import boxes
from estimator.inputs.averaging import Averaging
from estimator.layout import BOXES, ImageSpec, OutputSpec
from estimator.maps import Runner
from estimator.poses import Poses
from estimator.second_look.options import Options
from estimator.spec import PoseSpec

DETECTOR = PoseSpec(
    model="mine",
    skeleton=skeletons.get("openpose18"),
    image=ImageSpec(height=256, width=320, multiple=32, flexible=True),
    outputs=OutputSpec(stride=16, background=False, pafs=False, boxes=16),
    decoder=boxes.Parameters(min_box=0.5),
)


class Everything:
    """A runner that sees one person, who fills the picture, with the given score."""

    def __init__(self, score: float) -> None:
        self._logit = np.log(score / (1 - score))

    def __call__(self, image: UInt8) -> dict[str, Float]:
        rows, columns = (length // 16 for length in image.shape[1:3])
        cells = np.full((len(image), rows, columns, 5), -9, np.float32)
        y = rows // 2 + 0.5
        for x in (columns / 2 - 0.5, columns / 2 + 0.5):  # mirrored, they change places
            sides = (x, y, columns - x, rows - y)  # left, top, right, bottom
            cells[:, int(y), int(x)] = [self._logit, *np.sqrt(sides)]
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
    picture = pictures.read(pictures.SAMPLE)
    estimator = PoseEstimator(DETECTOR, runner=Everything(0.9), threads=1)
    (score,) = estimator(picture).person_score
    assert score > 0.2
    found = estimator(picture).found[0]
    names = [
        name for name, is_found in zip(DETECTOR.skeleton.keypoints, found, strict=True) if is_found
    ]
    assert {"nose", "left_shoulder", "right_shoulder"} <= set(names)


def test_of_a_detector_the_crops_alone_are_mirrored() -> None:
    """Its boxes gain nothing by a second run; its people, who are read twice, do."""
    picture = pictures.read(pictures.SAMPLE)
    seen: list[int] = []

    class Counted(Everything):
        def __call__(self, image: UInt8) -> dict[str, Float]:
            seen.append(len(image))
            return super().__call__(image)

    averaging = Averaging(flip=True)
    estimator = PoseEstimator(DETECTOR, runner=Counted(0.9), threads=1, averaging=averaging)
    (there,) = estimator(picture)
    (back,) = estimator(np.ascontiguousarray(picture[:, ::-1]))
    assert sum(seen) == 2  # one run for each picture
    shift = there.xy[:, 0] + back.xy[list(DETECTOR.skeleton.flip_order), 0] - picture.shape[1] + 1
    assert np.nanmedian(np.abs(shift)) < 0.5  # mirrored crops are answered alike but for rounding


def test_a_detectors_boxes_are_its_own() -> None:
    """For another top-down network: here the whole picture, not what is around the keypoints."""
    picture = pictures.read(pictures.SAMPLE)
    estimator = PoseEstimator(DETECTOR, runner=Everything(0.9), threads=1)
    (found,) = estimator.person_boxes(picture)
    height, width = picture.shape[:2]
    np.testing.assert_allclose(found.box, (0, 0, width, height), atol=0.1 * width)
    assert found.score == pytest.approx(0.9, abs=1e-3)
    assert estimator.person_boxes(picture, min_score=0.95) == []
    (around,) = PoseEstimator("tfpose_s", threads=1).person_boxes(picture)
    assert around.box[2] < width


def test_a_large_jpeg_keeps_what_the_second_look_cuts_out(tmp_path: Path) -> None:
    """A detector's input is small; its people are read in a picture of COCO's size or more."""
    estimator = PoseEstimator(DETECTOR, runner=Everything(0.9), threads=1)
    seen: list[tuple[int, ...]] = []
    look = estimator._second_look
    assert look is not None

    def watched(picture: UInt8, poses: Poses, found: Float) -> Poses:
        seen.append(picture.shape)
        return look(picture, poses, found)

    estimator._second_look = watched  # type: ignore[assignment]
    watched.least_box = look.least_box  # type: ignore[attr-defined]
    large = cv2.resize(pictures.read(pictures.SAMPLE), (3000, 3000))
    cv2.imwrite(str(tmp_path / "large.jpg"), large)
    estimator(tmp_path / "large.jpg")
    assert seen == [(750, 750, 3)]  # an eighth would suffice for the input


def test_an_engine_asked_for_runs_both_networks() -> None:
    pytest.importorskip("openvino")
    estimator = PoseEstimator("tfpose_detector", engine="openvino", threads=1)
    look = estimator._second_look
    assert look is not None
    assert estimator.engine == getattr(look._runner, "engine", "") == "openvino"
    assert len(estimator(pictures.read(pictures.SAMPLE))) == 1


def test_a_weak_box_is_nobody() -> None:
    estimator = PoseEstimator(DETECTOR, runner=Everything(0.4), threads=1)
    assert len(estimator(pictures.read(pictures.SAMPLE))) == 0


def test_of_many_boxes_the_best_are_read() -> None:
    """Up to `boxes` of a picture, so that the time is bounded; "always" reads all."""
    picture = pictures.read(pictures.SAMPLE)
    read: list[int] = []
    for options in (Options(), Options(boxes=1), Options(boxes=1, mode="always")):
        estimator = PoseEstimator(DETECTOR, runner=TwoHalves(0.9), threads=1, second_look=options)
        look = estimator._second_look
        assert look is not None
        runs, inner = [0], look._runner

        def counted(
            image: UInt8, runs: list[int] = runs, inner: Runner = inner
        ) -> dict[str, Float]:
            runs[0] += 1
            return inner(image)

        look._runner = counted
        estimator(picture)
        read += runs
    assert read == [2, 1, 2]


def test_a_detector_without_a_second_look_is_refused() -> None:
    with pytest.raises(ValueError, match="gives people's boxes and no keypoints"):
        PoseEstimator(DETECTOR, runner=Everything(0.9), second_look="off")


def test_boxes_have_no_mean_over_sizes() -> None:
    with pytest.raises(ValueError, match=r"no mean over sizes: scales must be \(1,\)"):
        PoseEstimator(DETECTOR, runner=Everything(0.9), averaging=Averaging(scales=(1.0, 1.5)))


def test_specs_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"needs outputs\.boxes"):
        replace(DETECTOR, outputs=replace(DETECTOR.outputs, boxes=0))
    for value in (0.0, 1.5):
        with pytest.raises(ValueError, match="min_box must be above 0 and at most 1"):
            boxes.Parameters(min_box=value)
        with pytest.raises(ValueError, match="overlap must be above 0 and at most 1"):
            boxes.Parameters(overlap=value)
