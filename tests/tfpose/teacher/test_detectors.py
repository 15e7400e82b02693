"""Person detectors: what they read, how their boxes are read, and how looks are fused."""

import json
from pathlib import Path

import numpy as np
import pytest

from estimator.arrays import Float
from tfpose.teacher import detectors
from tfpose.teacher.detectors import Detectors, DetectorSpec, fuse, look, read_spec, suppressed

PLAIN = {"mean": (0.0, 0.0, 0.0), "deviation": (1.0, 1.0, 1.0)}
CORNERS = DetectorSpec(kind="corners", stretched=True, **PLAIN)
DISTANCES = DetectorSpec(kind="distances", **PLAIN)
PICTURE = np.zeros((160, 320, 3), np.uint8)  # half of an input's 320x320


def boxes(*rows: tuple[float, ...]) -> Float:
    return np.array(rows, np.float32).reshape(-1, 5)


def corners(*rows: tuple[float, ...]) -> list[Float]:
    """The outputs of a detector of corners."""
    array = boxes(*rows)
    return [array[None, :, :4], array[None, None, :, 4]]


def test_a_stretched_picture_gives_boxes_in_its_own_pixels() -> None:
    (found,) = look(PICTURE, CORNERS, 320, lambda _: corners((32, 64, 96, 128, 0.9)))
    np.testing.assert_allclose(found, (32, 32, 96, 64, 0.9), rtol=1e-6)


def test_distances_are_from_the_cells_upper_left_corner() -> None:
    map_ = np.full((1, 10, 10, 5), -20, np.float32)  # stride 32; a logit of -20 is nobody
    map_[0, 2, 3] = (0, 6, 14, 34, 20)
    (found,) = look(PICTURE, DISTANCES, 320, lambda _: [map_])
    np.testing.assert_allclose(found, (90, 50, 130, 84, 0.5), rtol=1e-6)


def test_a_letterboxed_picture_lies_at_the_top_left_on_grey() -> None:
    seen: list[Float] = []

    def run(image: Float) -> list[Float]:
        seen.append(image)
        return [np.full((1, 10, 10, 5), -20, np.float32)]

    assert len(look(PICTURE, DISTANCES, 320, run)) == 0
    (image,) = seen
    assert image.shape == (1, 3, 320, 320)
    assert image[0, :, :160].max() == 0
    assert (image[0, :, 160:] == 114).all()


def test_channels_are_turned_for_a_network_that_reads_bgr() -> None:
    seen: list[Float] = []

    def run(image: Float) -> list[Float]:
        seen.append(image)
        return corners()

    spec = DetectorSpec(kind="corners", stretched=True, channels="bgr", **PLAIN)
    look(np.full((64, 64, 3), (10, 20, 30), np.uint8), spec, 32, run)
    np.testing.assert_array_equal(seen[0][0, :, 0, 0], (30, 20, 10))


def test_the_weaker_of_two_boxes_is_dropped() -> None:
    both = boxes((0, 0, 10, 10, 0.5), (1, 0, 11, 10, 0.9), (30, 30, 40, 40, 0.2))
    np.testing.assert_array_equal(suppressed(both, 0.6)[:, 4], np.float32((0.9, 0.2)))


def test_fused_boxes_are_the_mean_weighted_by_scores() -> None:
    found = fuse(
        [boxes((0, 0, 10, 10, 0.9)), boxes((3, 0, 13, 10, 0.3), (50, 0, 60, 9, 0.6))], overlap=0.5
    )
    np.testing.assert_allclose(found[0], (0.75, 0, 10.75, 10, 0.6), rtol=1e-6)
    np.testing.assert_allclose(found[1], (50, 0, 60, 9, 0.3), rtol=1e-6)


def test_mirrored_looks_are_turned_back() -> None:
    answers = iter((corners((0, 0, 32, 320, 0.8)), corners((288, 0, 320, 320, 0.4))))
    spec = DetectorSpec(kind="corners", stretched=True, mirrored=True, **PLAIN)
    (found,) = Detectors([(spec, 320, lambda _: next(answers))])(PICTURE)
    np.testing.assert_allclose(found, (0, 0, 32, 160, 0.6), rtol=1e-6)


def test_nobody_is_no_boxes() -> None:
    assert Detectors([(CORNERS, 320, lambda _: corners())])(PICTURE).shape == (0, 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "anchors"}, "kind must be one of corners, distances"),
        ({"sizes": [100]}, "sizes must be multiples of 32"),
        ({"colour": "rgb"}, "must have the fields kind"),
        ({"deviation": [1, 0, 1]}, "deviation positive"),
    ],
)
def test_a_spec_that_cannot_be_right_is_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    tree = {"kind": "corners", "mean": [0, 0, 0], "deviation": [1, 1, 1]} | change
    (tmp_path / "a.json").write_text(json.dumps(tree), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_spec(tmp_path / "a.xml")


def test_other_outputs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must give \(1, N, 4\)"):
        look(PICTURE, CORNERS, 320, lambda _: [np.zeros((1, 5, 7), np.float32)])


def test_a_file_without_a_spec_says_where_it_must_be(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no .*a\.json"):
        detectors.open_detectors([tmp_path / "a.xml"])
