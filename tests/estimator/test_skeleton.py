from dataclasses import replace

import numpy as np
import pytest

from estimator import skeletons
from estimator.skeleton import Skeleton, mapping

TOY = Skeleton(
    name="toy",
    keypoints=("top", "left_hand", "right_hand"),
    limbs=((0, 1), (0, 2), (1, 2)),
    redundant_limbs=(2,),
    flip_pairs=((1, 2),),
    sigmas=(0.1, 0.1, 0.1),
)


@pytest.mark.parametrize("name", skeletons.names())
def test_module_name_is_skeleton_name_and_sides_flip(name: str) -> None:
    skeleton = skeletons.get(name)
    assert skeleton.name == name
    for place, taken in enumerate(skeleton.flip_order):
        mirrored = skeleton.keypoints[taken].replace("left_", "RIGHT_").replace("right_", "left_")
        assert mirrored.replace("RIGHT_", "right_") == skeleton.keypoints[place]


@pytest.mark.parametrize("name", skeletons.names())
def test_drawn_limbs_form_no_loop_beyond_those_of_coco(name: str) -> None:
    skeleton = skeletons.get(name)
    assert len(skeleton.drawn_limbs) == len(skeleton.limbs) - len(skeleton.redundant_limbs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keypoints": ()}, "at least one keypoint"),
        ({"keypoints": ("top", "top", "right_hand")}, "repeats a keypoint"),
        ({"sigmas": (0.1, 0.1)}, "3 positive sigmas"),
        ({"limbs": ((0, 3),)}, "different keypoints of 0..2"),
        ({"limbs": ((0, 1), (1, 0))}, "joins two keypoints twice"),
        ({"flip_pairs": ((1, 2), (2, 0))}, "do not lead back"),
        ({"redundant_limbs": (3,)}, "indices into 3 limbs"),
        ({"derived": {"neck": ("top",)}}, "must be a keypoint"),
        ({"derived": {"top": ("nose",)}}, "not all other keypoints"),
    ],
)
def test_invalid_skeleton_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(TOY, **change)


def test_unknown_skeleton_names_the_known() -> None:
    with pytest.raises(ValueError, match=", ".join(skeletons.names())):
        skeletons.get("coco18")


def test_neck_is_the_mean_of_the_shoulders() -> None:
    weights = mapping(skeletons.get("coco17"), skeletons.get("openpose18"))
    neck = weights[skeletons.get("openpose18").keypoints.index("neck")]
    assert np.flatnonzero(neck).tolist() == [5, 6]
    assert neck[5] == neck[6] == 0.5


def test_coco_to_openpose_and_back_is_identity() -> None:
    coco, openpose = skeletons.get("coco17"), skeletons.get("openpose18")
    assert np.array_equal(mapping(openpose, coco) @ mapping(coco, openpose), np.eye(17))


def test_openpose_to_coco_is_the_order_of_lightweight_openpose() -> None:
    order = [0, -1, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3]  # its to_coco_map
    weights = mapping(skeletons.get("openpose18"), skeletons.get("coco17"))
    for openpose, coco in enumerate(order):
        assert coco == -1 or weights[coco, openpose] == 1


def test_what_a_skeleton_cannot_give_is_absent() -> None:
    weights = mapping(skeletons.get("mpii16"), skeletons.get("coco17"))
    assert not weights[0].any()  # MPII has no nose
