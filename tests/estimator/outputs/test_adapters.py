from dataclasses import replace

import numpy as np
import pytest

from estimator import skeletons
from estimator.outputs import adapters
from estimator.poses import Poses
from tests.estimator import walkers

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
supervision = pytest.importorskip("supervision", exc_type=ImportError)


def people() -> Poses:
    xy = np.array([walkers.person(0), walkers.person(200)])
    xy[0, 4] = np.nan
    return replace(walkers.frame(list(xy)), identity=np.array([5, 2]))


def test_people_come_back_from_supervision() -> None:
    keypoints = adapters.to_supervision(people())
    assert len(keypoints) == 2
    assert keypoints.data["tracker_id"].tolist() == [5, 2]
    back = adapters.from_supervision(keypoints, walkers.SKELETON)
    assert np.array_equal(back.xy, people().xy, equal_nan=True)
    assert np.array_equal(back.score, people().score)


def test_nobody_too() -> None:
    keypoints = adapters.to_supervision(Poses.empty(walkers.SKELETON))
    assert len(adapters.from_supervision(keypoints, walkers.SKELETON)) == 0


def test_its_annotators_draw_them() -> None:
    annotator = supervision.EdgeAnnotator(
        edges=[(start + 1, end + 1) for start, end in walkers.SKELETON.drawn_limbs]
    )
    canvas = annotator.annotate(
        np.zeros((420, 420, 3), np.uint8), adapters.to_supervision(people())
    )
    neck, hip = people().xy[1, [1, 8]]
    x, y = np.round((neck + hip) / 2).astype(int)
    assert canvas[y, x].any()


def test_another_skeleton_is_refused() -> None:
    with pytest.raises(ValueError, match="xy of coco17's keypoints must have shape"):
        adapters.from_supervision(adapters.to_supervision(people()), skeletons.get("coco17"))
